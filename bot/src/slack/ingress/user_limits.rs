//! Limits per user, so one user cannot slow down the others.
//!
//! Rollbacks, locks, cancels and clicks have an allowance of their own: a user who flooded the bot with builds can still cancel
//! them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sluice_commands::installation::Input;
use sluice_model::UserId;
use tokio::time::Instant;

/// Deliveries of one user that are handled at the same time.
const AT_ONCE: u32 = 30;
/// Deliveries of one user in a burst; each [`REFILL`] allows as many again.
const BURST: u32 = 120;
const REFILL: Duration = Duration::from_secs(60);
/// Above this number of users, those with an untouched allowance are forgotten.
const MANY: usize = 1_000;
/// The urgent verbs, with or without a prefix.
const URGENT: [&str; 4] = ["rollback", "lock", "cancel", "reject"];

type Allowances = Mutex<HashMap<(UserId, Urgency), Allowance>>;

/// Admits deliveries.
#[derive(Default)]
pub(super) struct UserLimits(Arc<Allowances>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Urgency {
    Ordinary,
    Urgent,
}

struct Allowance {
    running: u32,
    /// The used part, as the time until it is refilled.
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

/// Permission for one delivery, returned on drop.
pub(super) struct Permit {
    allowances: Arc<Allowances>,
    key: (UserId, Urgency),
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(allowance) = self.allowances.lock().get_mut(&self.key) {
            allowance.running = allowance.running.saturating_sub(1);
        }
    }
}

impl UserLimits {
    /// Permission for a delivery of that user, within both limits.
    pub(super) fn admit(&self, user: &UserId, input: &Input) -> Option<Permit> {
        let (key, now) = ((user.clone(), urgency(input)), Instant::now());
        let mut allowances = self.0.lock();
        if allowances.len() >= MANY {
            allowances.retain(|_, allowance| {
                allowance.refresh(now);
                !allowance.is_untouched()
            });
        }
        let fresh = || Allowance { running: 0, used: Duration::ZERO, at: now };
        let allowance = allowances.entry(key.clone()).or_insert_with(fresh);
        allowance.refresh(now);
        let used = allowance.used + REFILL / BURST;
        if allowance.running >= AT_ONCE || used > REFILL {
            return None;
        }
        allowance.used = used;
        allowance.running += 1;
        Some(Permit { allowances: Arc::clone(&self.0), key })
    }
}

/// Decided by the start of the line alone: a wrong guess only uses the other allowance.
fn urgency(input: &Input) -> Urgency {
    let Input::Slash { command, text } = input else { return Urgency::Urgent };
    let verb = command.rsplit(['/', '-']).next().unwrap_or_default();
    let mut words = std::iter::once(verb).chain(text.split_whitespace().take(2));
    let is_urgent = words.any(|word| URGENT.iter().any(|urgent| word.eq_ignore_ascii_case(urgent)));
    if is_urgent { Urgency::Urgent } else { Urgency::Ordinary }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slash(command: &str, text: &str) -> Input {
        Input::Slash { command: command.into(), text: text.into() }
    }

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_over_the_limit_is_refused_alone_and_can_still_roll_back() {
        let (limits, build) = (UserLimits::default(), slash("/build", "orders"));
        for _ in 0..BURST {
            assert!(limits.admit(&user("U1"), &build).is_some());
        }
        assert!(limits.admit(&user("U1"), &build).is_none());
        assert!(limits.admit(&user("U2"), &build).is_some());
        let click = Input::Click { action_id: "promotion.approve".into(), value: String::new() };
        for urgent in [
            slash("/rollback", "orders prod"),
            slash("/acme-rollback", ""),
            slash("/sluice", "rollback orders"),
            slash("/stage", "lock orders prod"),
            slash("/sluice", "deploy cancel orders"),
            click,
        ] {
            assert!(limits.admit(&user("U1"), &urgent).is_some(), "{urgent:?}");
        }
        tokio::time::advance(REFILL / BURST * 2).await;
        assert!(limits.admit(&user("U1"), &build).is_some());
        assert!(limits.admit(&user("U1"), &build).is_some());
        assert!(limits.admit(&user("U1"), &build).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn deliveries_at_the_same_time_are_limited() {
        let (limits, build) = (UserLimits::default(), slash("/build", "orders"));
        let mut permits: Vec<_> = (0..AT_ONCE).map(|_| limits.admit(&user("U1"), &build).unwrap()).collect();
        assert!(limits.admit(&user("U1"), &build).is_none());
        permits.pop();
        assert!(limits.admit(&user("U1"), &build).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn untouched_allowances_are_forgotten() {
        let limits = UserLimits::default();
        for number in 0..MANY {
            assert!(limits.admit(&user(&format!("U{number}")), &slash("/build", "")).is_some());
        }
        tokio::time::advance(REFILL).await;
        assert!(limits.admit(&user("UNEW"), &slash("/build", "")).is_some());
        assert_eq!(limits.0.lock().len(), 1);
    }
}
