//! What the data plane sees: the state before a change, until the change has reached it.

use std::collections::HashMap;

use serde_json::Value;
use tokio::time::Instant;

/// The changes that are on their way to the data plane, by the key of what changed.
#[derive(Debug, Default)]
pub struct Late(HashMap<String, Vec<(Instant, Value)>>);

impl Late {
    /// Something changed from `old` (null if it did not exist) to `new`, which is seen at `seen`.
    pub fn moved(&mut self, key: &str, old: Value, new: Value, now: Instant, seen: Instant) {
        let changes = self.0.entry(key.to_owned()).or_default();
        // Where nothing is on its way, everybody sees the old state.
        if changes.last().is_none_or(|(last, _)| *last <= now) {
            *changes = vec![(now, old)];
        }
        let not_before = changes.last().map_or(seen, |(last, _)| seen.max(*last));
        changes.push((not_before, new));
    }

    /// What is seen in place of the present state; `None` if that is the present state.
    pub fn seen(&self, key: &str, now: Instant) -> Option<Value> {
        let changes = self.0.get(key)?;
        let (last, _) = changes.last()?;
        if *last <= now {
            return None;
        }
        changes.iter().rev().find(|(at, _)| *at <= now).map(|(_, value)| value.clone())
    }

    /// Something was deleted, which is seen at once.
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
    fn a_change_is_seen_late_and_in_order() {
        let (mut late, now) = (Late::default(), Instant::now());
        let at = |ms: u64| now + Duration::from_millis(ms);
        assert_eq!(late.seen("a", now), None, "what did not change is as it is");
        late.moved("a", json!(1), json!(2), at(0), at(1000));
        assert_eq!(late.seen("a", at(999)), Some(json!(1)));
        assert_eq!(late.seen("a", at(1000)), None);
        assert_eq!(late.seen("b", at(1)), None);
        // A second change that would arrive before the first one arrives with it.
        late.moved("a", json!(2), json!(3), at(2000), at(4000));
        late.moved("a", json!(3), json!(4), at(2100), at(3000));
        assert_eq!(late.seen("a", at(3999)), Some(json!(2)));
        assert_eq!(late.seen("a", at(4000)), None);
    }

    #[test]
    fn what_is_new_is_absent_at_first() {
        let (mut late, now) = (Late::default(), Instant::now());
        late.moved("a", Value::Null, json!(1), now, now + Duration::from_secs(1));
        assert_eq!(late.seen("a", now), Some(Value::Null));
        late.forget("a");
        assert_eq!(late.seen("a", now), None);
    }
}
