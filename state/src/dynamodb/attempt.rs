//! Two attempts at a request, where a second one is safe.
//!
//! The race this prevents: the answer to an attempt is lost after it took effect, the next attempt is throttled, and
//! the caller hears "nothing was written". Once an outcome is unknown, only a definite answer about the very same
//! request (a success, or a condition that failed under the same token) makes it known again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use sluice_commands::ports::StoreError;

/// When a request may be sent a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Reads, and transactions with a token: whatever became of the first attempt.
    Safe,
    /// Plain conditional writes: only if the first attempt is known to have done nothing.
    IfNothingHappened,
}

/// Calls `send` once, and a second time after a short pause if the first failed in a way that allows it. The long
/// backoff belongs to the caller.
pub(super) async fn attempt<T, F>(repeat: Repeat, mut send: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let first = match send().await {
        Err(error @ StoreError::Again(_)) => error,
        Err(error @ StoreError::Unknown(_)) if repeat == Repeat::Safe => error,
        settled => return settled,
    };
    tokio::time::sleep(pause()).await;
    match send().await {
        Err(StoreError::Again(why) | StoreError::Refused(why)) if matches!(first, StoreError::Unknown(_)) => {
            Err(StoreError::Unknown(why))
        }
        answer => answer,
    }
}

/// 20 to 83 ms at random, so that two that collided do not collide again.
fn pause() -> Duration {
    // The standard library's per-instance random keys: enough randomness for this, and no dependency.
    Duration::from_millis(20 + RandomState::new().hash_one(()) % 64)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    async fn run(repeat: Repeat, answers: &[Result<u8, StoreError>]) -> (Result<u8, StoreError>, usize) {
        let left = RefCell::new(answers.iter().cloned());
        let answer = attempt(repeat, || {
            let next = left.borrow_mut().next().expect("one answer per attempt");
            async { next }
        })
        .await;
        (answer, answers.len() - left.borrow().len())
    }

    fn again() -> StoreError {
        StoreError::Again("again".into())
    }

    fn unknown() -> StoreError {
        StoreError::Unknown("unknown".into())
    }

    #[tokio::test(start_paused = true)]
    async fn repeats_what_is_safe_once() {
        assert_eq!(run(Repeat::Safe, &[Ok(1)]).await, (Ok(1), 1));
        assert_eq!(run(Repeat::Safe, &[Err(again()), Ok(2)]).await, (Ok(2), 2));
        assert_eq!(run(Repeat::Safe, &[Err(unknown()), Ok(2)]).await, (Ok(2), 2));
        assert_eq!(run(Repeat::Safe, &[Err(again()), Err(again())]).await, (Err(again()), 2));
        assert_eq!(
            run(Repeat::Safe, &[Err(StoreError::Lost(vec![0]))]).await,
            (Err(StoreError::Lost(vec![0])), 1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_plain_write_is_not_repeated_after_an_unknown_outcome() {
        assert_eq!(run(Repeat::IfNothingHappened, &[Err(unknown())]).await, (Err(unknown()), 1));
        assert_eq!(run(Repeat::IfNothingHappened, &[Err(again()), Ok(2)]).await, (Ok(2), 2));
        assert_eq!(
            run(Repeat::IfNothingHappened, &[Err(again()), Err(unknown())]).await,
            (Err(unknown()), 2)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_outcome_stays_unknown_when_the_second_attempt_is_turned_away() {
        let again = StoreError::Unknown("again".into());
        assert_eq!(
            run(Repeat::Safe, &[Err(unknown()), Err(StoreError::Again("again".into()))]).await,
            (Err(again), 2)
        );
        let denied = StoreError::Unknown("denied".into());
        assert_eq!(
            run(Repeat::Safe, &[Err(unknown()), Err(StoreError::Refused("denied".into()))]).await,
            (Err(denied), 2)
        );
        let lost = StoreError::Lost(vec![1]);
        assert_eq!(run(Repeat::Safe, &[Err(unknown()), Err(lost.clone())]).await, (Err(lost), 2));
    }
}
