//! How much one person may ask for at a time, so that nobody's haste holds up anybody else.
//!
//! What brings a stage back or stops something (a rollback, a lock, a cancel, a click) has an allowance of its own: whoever
//! flooded the bot with builds can still take them back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_commands::service::Input;
use sluice_model::UserId;
use tokio::time::Instant;

/// So many deliveries of one person are worked on at one time.
const AT_ONCE: u32 = 30;
/// So many deliveries a person may send in a burst; as many come back in each [`REFILL`].
const BURST: u32 = 120;
const REFILL: Duration = Duration::from_secs(60);
/// From so many people on, those who have sent nothing for a while are forgotten.
const MANY: usize = 1_000;
/// First words of commands that are urgent, with or without a prefix.
const URGENT: [&str; 4] = ["rollback", "lock", "cancel", "reject"];

/// What each person has left.
#[derive(Default)]
pub(super) struct PerPerson(Arc<Mutex<HashMap<(UserId, Haste), Allowance>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Haste {
    Ordinary,
    Urgent,
}

struct Allowance {
    running: u32,
    /// How much was used, as the time that it takes to come back.
    used: Duration,
    at: Instant,
}

impl Allowance {
    fn refresh(&mut self, now: Instant) {
        self.used = self.used.saturating_sub(now.saturating_duration_since(self.at));
        self.at = now;
    }

    fn is_untouched(&self) -> bool {
        self.running == 0 && self.used.is_zero()
    }
}

/// Permission for one delivery; given back when it is dropped.
pub(super) struct Pass {
    people: Arc<Mutex<HashMap<(UserId, Haste), Allowance>>>,
    key: (UserId, Haste),
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(allowance) = lock(&self.people).get_mut(&self.key) {
            allowance.running = allowance.running.saturating_sub(1);
        }
    }
}

impl PerPerson {
    /// Permission for a delivery of that person, unless there were too many.
    pub(super) fn admit(&self, person: &UserId, said: &Input) -> Option<Pass> {
        let (key, now) = ((person.clone(), haste(said)), Instant::now());
        let mut people = lock(&self.0);
        if people.len() >= MANY {
            people.retain(|_, allowance| {
                allowance.refresh(now);
                !allowance.is_untouched()
            });
        }
        let fresh = || Allowance { running: 0, used: Duration::ZERO, at: now };
        let allowance = people.entry(key.clone()).or_insert_with(fresh);
        allowance.refresh(now);
        let used = allowance.used + REFILL / BURST;
        if allowance.running >= AT_ONCE || used > REFILL {
            return None;
        }
        allowance.used = used;
        allowance.running += 1;
        Some(Pass { people: Arc::clone(&self.0), key })
    }
}

fn lock(
    people: &Mutex<HashMap<(UserId, Haste), Allowance>>,
) -> MutexGuard<'_, HashMap<(UserId, Haste), Allowance>> {
    people.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Judged by the first words alone: a wrong guess costs nothing but the other allowance.
fn haste(said: &Input) -> Haste {
    let Input::Slash { command, text } = said else { return Haste::Urgent };
    let verb = command.rsplit(['/', '-']).next().unwrap_or_default();
    let mut words = std::iter::once(verb).chain(text.split_whitespace().take(2));
    let is_urgent = words.any(|word| URGENT.iter().any(|urgent| word.eq_ignore_ascii_case(urgent)));
    if is_urgent { Haste::Urgent } else { Haste::Ordinary }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slash(command: &str, text: &str) -> Input {
        Input::Slash { command: command.into(), text: text.into() }
    }

    fn person(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_floods_is_slowed_down_alone_and_can_still_roll_back() {
        let (people, build) = (PerPerson::default(), slash("/build", "orders"));
        for _ in 0..BURST {
            assert!(people.admit(&person("U1"), &build).is_some());
        }
        assert!(people.admit(&person("U1"), &build).is_none());
        assert!(people.admit(&person("U2"), &build).is_some());
        let click = Input::Click { action_id: "promotion.approve".into(), value: String::new() };
        for urgent in [
            slash("/rollback", "orders prod"),
            slash("/acme-rollback", ""),
            slash("/sluice", "rollback orders"),
            slash("/stage", "lock orders prod"),
            slash("/sluice", "deploy cancel orders"),
            click,
        ] {
            assert!(people.admit(&person("U1"), &urgent).is_some(), "{urgent:?}");
        }
        tokio::time::advance(REFILL / BURST * 2).await;
        assert!(people.admit(&person("U1"), &build).is_some());
        assert!(people.admit(&person("U1"), &build).is_some());
        assert!(people.admit(&person("U1"), &build).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_of_one_person_are_under_way_at_once() {
        let (people, build) = (PerPerson::default(), slash("/build", "orders"));
        let mut passes: Vec<_> = (0..AT_ONCE).map(|_| people.admit(&person("U1"), &build).unwrap()).collect();
        assert!(people.admit(&person("U1"), &build).is_none());
        passes.pop();
        assert!(people.admit(&person("U1"), &build).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_have_been_silent_are_forgotten() {
        let people = PerPerson::default();
        for number in 0..MANY {
            assert!(people.admit(&person(&format!("U{number}")), &slash("/build", "")).is_some());
        }
        tokio::time::advance(REFILL).await;
        assert!(people.admit(&person("UNEW"), &slash("/build", "")).is_some());
        assert_eq!(lock(&people.0).len(), 1);
    }
}
