//! Sends a request a second time where that is safe.
//!
//! This prevents a race: the first attempt takes effect but its answer is lost, the second attempt is throttled, and the
//! caller concludes that nothing was written. After an unknown outcome, only a definite answer to the same request (a
//! success, or a failed condition under the same token) makes the outcome known.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use sluice_commands::ports::StoreError;

/// When a request may be sent a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Reads, and transactions with a token: always.
    Safe,
    /// Plain conditional writes: only if the first attempt certainly did nothing.
    IfNothingHappened,
}

/// Calls `send`, and calls it again after a short pause if the error of the first call allows a repeat. The caller does
/// the long backoff.
pub(super) async fn attempt<T, F>(repeat: Repeat, mut send: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let first = match send().await {
        Err(error @ StoreError::Again(_)) => error,
        Err(error @ StoreError::Unknown(_)) if repeat == Repeat::Safe => error,
        definite => return definite,
    };
    tokio::time::sleep(pause()).await;
    match send().await {
        Err(StoreError::Again(why) | StoreError::Refused(why)) if matches!(first, StoreError::Unknown(_)) => {
            Err(StoreError::Unknown(why))
        }
        answer => answer,
    }
}

/// A random pause of 20 to 83 ms, so two callers that collided do not collide again.
fn pause() -> Duration {
    // The random keys of the standard library's hasher suffice here.
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
    async fn safe_requests_are_repeated_once() {
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
    async fn an_unknown_outcome_stays_unknown_when_the_second_attempt_is_refused() {
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
