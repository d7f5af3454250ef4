//! The data plane's view: the state before a change, until the change has propagated.

use std::collections::HashMap;

use serde_json::Value;
use tokio::time::Instant;

pub fn stage_key(api: &str, stage: &str) -> String {
    format!("stage {api}/{stage}")
}

pub fn alias_key(function: &str, alias: &str) -> String {
    format!("alias {function}:{alias}")
}

/// The changes that are propagating, by resource.
#[derive(Debug, Default)]
pub struct Propagation(HashMap<String, Vec<(Instant, Value)>>);

impl Propagation {
    /// Records a change from `old` (null if the resource is new) to `new`, which becomes visible at `seen`.
    pub fn moved(&mut self, key: &str, old: Value, new: Value, now: Instant, seen: Instant) {
        let changes = self.0.entry(key.to_owned()).or_default();
        // Without a change in progress, the data plane sees the old state.
        if changes.last().is_none_or(|(last, _)| *last <= now) {
            *changes = vec![(now, old)];
        }
        let not_before = changes.last().map_or(seen, |(last, _)| seen.max(*last));
        changes.push((not_before, new));
    }

    /// The earlier state that the data plane still sees; `None` if it sees the present one.
    pub fn seen(&self, key: &str, now: Instant) -> Option<Value> {
        let changes = self.0.get(key)?;
        let (last, _) = changes.last()?;
        if *last <= now {
            return None;
        }
        changes.iter().rev().find(|(at, _)| *at <= now).map(|(_, value)| value.clone())
    }

    /// Forgets a deleted resource. Deletion is visible at once.
    pub fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn changes_become_visible_late_and_in_order() {
        let (mut late, now) = (Propagation::default(), Instant::now());
        let at = |ms: u64| now + Duration::from_millis(ms);
        assert_eq!(late.seen("a", now), None, "nothing changed");
        late.moved("a", json!(1), json!(2), at(0), at(1000));
        assert_eq!(late.seen("a", at(999)), Some(json!(1)));
        assert_eq!(late.seen("a", at(1000)), None);
        assert_eq!(late.seen("b", at(1)), None);
        // A second change that would become visible before the first becomes visible with it.
        late.moved("a", json!(2), json!(3), at(2000), at(4000));
        late.moved("a", json!(3), json!(4), at(2100), at(3000));
        assert_eq!(late.seen("a", at(3999)), Some(json!(2)));
        assert_eq!(late.seen("a", at(4000)), None);
    }

    #[test]
    fn a_new_resource_is_absent_at_first() {
        let (mut late, now) = (Propagation::default(), Instant::now());
        late.moved("a", Value::Null, json!(1), now, now + Duration::from_secs(1));
        assert_eq!(late.seen("a", now), Some(Value::Null));
        late.forget("a");
        assert_eq!(late.seen("a", now), None);
    }
}
