//! How fast calls may leave, and which of them wait for each other.
//!
//! Lambda takes 15 requests a second to its control plane, for a whole account and region, and API Gateway about ten: for
//! everybody who works there. So Sluice takes a part of that and no more: in no second do the calls of this process exceed
//! what Lambda takes, all shares together, also not in the first second after a rest. What moves a stage, and the looks
//! before it, has a share of its own, so that a rollback does not wait behind a deploy of many functions. Questions of
//! people have none of it (`ListAliases`): a look at a large pipeline does not hold up a rollback.
//!
//! API Gateway also refuses a change of an API while another one is under way ([`Turns`]). A change that was not let go
//! within [`PATIENCE`] is refused here, as if the service had: the operation tries again, and meanwhile shows that it is
//! still ours. So no change leaves long after it was decided.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use leaky_bucket::RateLimiter;
use sluice_model::{Class, PortResult};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::call::{self, Call};

/// How long a call waits to be let go. Together with its own limit of time it must stay below a lease (`config.rs`).
const PATIENCE: Duration = Duration::from_secs(2);

/// The calls that move stages, and the looks before they do.
const MOVES: &[Call] = &[
    call::GET_ALIAS,
    call::UPDATE_ALIAS,
    call::GET_STAGE,
    call::CREATE_STAGE,
    call::UPDATE_STAGE,
    call::DELETE_STAGE,
];

/// The shares of this process.
#[derive(Debug)]
pub(crate) struct Limits {
    lambda: RateLimiter,
    lambda_moves: RateLimiter,
    /// Has a quota of its own.
    lambda_policies: RateLimiter,
    apis: RateLimiter,
    api_moves: RateLimiter,
    deployments: RateLimiter,
    iam: RateLimiter,
}

/// A share of what a service takes.
#[derive(Debug, Clone, Copy)]
struct Share {
    /// How many calls may leave at once after a rest.
    burst: usize,
    /// How many more may leave each second. Divides 1000, so that the interval between two is whole milliseconds.
    per_second: usize,
}

/// What Lambda takes each second of its control plane, and as many again of `GetPolicy`:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
#[cfg(test)]
const LAMBDA_TAKES: usize = 15;
/// In any second at most `burst + per_second` calls of a share leave. A larger burst would cost the rate that a deploy of
/// many functions goes at.
const LAMBDA: Share = Share { burst: 1, per_second: 8 };
const LAMBDA_MOVES: Share = Share { burst: 1, per_second: 5 };
const LAMBDA_POLICIES: Share = Share { burst: 4, per_second: 8 };

impl Share {
    fn limiter(self) -> RateLimiter {
        share(self.burst, Duration::from_secs(1) / u32::try_from(self.per_second).unwrap_or(u32::MAX))
    }
}

/// So many calls at once, and one more each interval.
fn share(burst: usize, every: Duration) -> RateLimiter {
    RateLimiter::builder().initial(burst).max(burst).refill(1).interval(every).build()
}

impl Limits {
    /// The shares that leave enough for others.
    pub(crate) fn new() -> Self {
        let per_second = |calls: u64| Duration::from_millis(1000 / calls);
        Self {
            lambda: LAMBDA.limiter(),
            lambda_moves: LAMBDA_MOVES.limiter(),
            lambda_policies: LAMBDA_POLICIES.limiter(),
            // <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>: 10/s with a burst of 40, and one
            // deployment in 5 s.
            apis: share(8, per_second(4)),
            api_moves: share(8, per_second(2)),
            deployments: share(1, Duration::from_secs(5)),
            // IAM says no figure; its writes are slow to spread anyway.
            iam: share(10, per_second(5)),
        }
    }

    /// Waits until that call may leave.
    pub(crate) async fn admit(&self, call: Call) -> PortResult<()> {
        match self.share_of(call) {
            Some(share) => patiently(call, share.acquire_one()).await,
            None => Ok(()),
        }
    }

    fn share_of(&self, call: Call) -> Option<&RateLimiter> {
        let moves = is_move(call);
        match call.service() {
            // The data plane.
            "lambda" if call == call::INVOKE => None,
            "lambda" if call == call::GET_FUNCTION_POLICY => Some(&self.lambda_policies),
            "lambda" => Some(if moves { &self.lambda_moves } else { &self.lambda }),
            "apigatewayv2" if call == call::CREATE_DEPLOYMENT => Some(&self.deployments),
            "apigatewayv2" => Some(if moves { &self.api_moves } else { &self.apis }),
            "iam" => Some(&self.iam),
            _ => None,
        }
    }
}

fn is_move(call: Call) -> bool {
    MOVES.contains(&call)
}

async fn patiently<T>(call: Call, turn: impl Future<Output = T>) -> PortResult<T> {
    tokio::time::timeout(PATIENCE, turn).await.map_err(|_| {
        let detail = format!("not sent: others of Sluice's calls kept it waiting for {PATIENCE:?}");
        call.error(Class::Throttled, "NotLetGo", detail)
    })
}

/// One change at a time of each thing, by its name: an API, a function's resource policy. What moves a stage waits for the
/// change that is under way, and for none that waits too.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Queue>>>);

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Where everything waits but what moves a stage.
    others: Arc<Turn<()>>,
    change: Arc<Turn<()>>,
}

/// The turn of a change, as long as it is kept.
#[derive(Debug)]
#[expect(dead_code, reason = "it is held, not read")]
pub(crate) struct MyTurn(OwnedMutexGuard<()>, Option<OwnedMutexGuard<()>>, Arc<Queue>);

impl Turns {
    /// Waits for the turn of that change of that thing, and then until it may leave.
    pub(crate) async fn take(&self, limits: &Limits, call: Call, thing: &str) -> PortResult<MyTurn> {
        let queue = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // What nobody waits for or holds is forgotten.
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
            Arc::clone(queues.entry(thing.to_owned()).or_default())
        };
        let turn = async {
            let others = match is_move(call) {
                true => None,
                false => Some(Arc::clone(&queue.others).lock_owned().await),
            };
            let change = Arc::clone(&queue.change).lock_owned().await;
            limits.admit(call).await?;
            Ok(MyTurn(change, others, Arc::clone(&queue)))
        };
        patiently(call, turn).await?
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_moves_a_stage_does_not_wait_behind_other_calls() {
        let limits = Limits::new();
        for _ in 0..8 {
            limits.admit(call::PUBLISH_VERSION).await.unwrap();
        }
        let begun = Instant::now();
        limits.admit(call::UPDATE_ALIAS).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
        limits.admit(call::PUBLISH_VERSION).await.unwrap();
        assert!(begun.elapsed() > Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_leave_at_the_rate_of_their_service() {
        let limits = Limits::new();
        let begun = Instant::now();
        for _ in 0..40 {
            limits.admit(call::GET_FUNCTION_CONFIGURATION).await.unwrap();
        }
        let seconds = begun.elapsed().as_secs_f64();
        assert!((4.8..5.1).contains(&seconds), "40 calls, one of them at once: {seconds}");
    }

    #[test]
    fn the_shares_of_lambda_are_together_what_it_takes_in_any_second() {
        for share in [LAMBDA, LAMBDA_MOVES, LAMBDA_POLICIES] {
            assert!(share.burst > 0 && 1000 % share.per_second == 0, "{share:?}");
        }
        let most =
            |shares: &[Share]| shares.iter().map(|share| share.burst + share.per_second).sum::<usize>();
        assert!(most(&[LAMBDA, LAMBDA_MOVES]) <= LAMBDA_TAKES);
        assert!(most(&[LAMBDA_POLICIES]) <= LAMBDA_TAKES);
    }

    /// The most calls that leave in any second, of so many of each kind that are made at once.
    async fn busiest_second(limits: &Limits, calls: &[Call], each: usize) -> usize {
        let leave = async |call: Call| {
            // What is not let go in time asks again, as an operation does.
            while limits.admit(call).await.is_err() {}
            Instant::now()
        };
        let all = calls.iter().flat_map(|call| std::iter::repeat_n(*call, each)).map(leave);
        let left = futures::future::join_all(all).await;
        let within = |from: &Instant| {
            left.iter().filter(|at| *at >= from && at.duration_since(*from) < Duration::from_secs(1)).count()
        };
        left.iter().map(within).max().unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn in_no_second_more_calls_leave_than_lambda_takes() {
        let limits = Limits::new();
        for rest in [0, 60_000, 60_007, 60_063, 60_124] {
            tokio::time::sleep(Duration::from_millis(rest)).await;
            let calls = [call::PUBLISH_VERSION, call::GET_FUNCTION_CONFIGURATION, call::UPDATE_ALIAS];
            let busiest = busiest_second(&limits, &calls, 20).await;
            assert!((13..=LAMBDA_TAKES).contains(&busiest), "{busiest} after {rest} ms of rest");
            let busiest = busiest_second(&limits, &[call::GET_FUNCTION_POLICY], 40).await;
            assert!(busiest <= LAMBDA_TAKES, "GetPolicy: {busiest} after {rest} ms of rest");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_of_a_person_does_not_hold_up_a_rollback() {
        let limits = Limits::new();
        tokio::join!(futures::future::join_all((0..12).map(|_| limits.admit(call::LIST_ALIASES))), async {
            let begun = Instant::now();
            limits.admit(call::UPDATE_ALIAS).await.unwrap();
            assert_eq!(begun.elapsed(), Duration::ZERO);
        });
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told_to_try_again() {
        let limits = Limits::new();
        limits.admit(call::CREATE_DEPLOYMENT).await.unwrap();
        let refused = limits.admit(call::CREATE_DEPLOYMENT).await.unwrap_err();
        assert_eq!((refused.class, refused.code.as_str()), (Class::Throttled, "NotLetGo"));
        tokio::time::sleep(Duration::from_secs(5)).await;
        limits.admit(call::CREATE_DEPLOYMENT).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_has_one_change_at_a_time_and_a_stage_that_moves_is_next() {
        let (limits, turns) = (Limits::new(), Turns::default());
        let first = turns.take(&limits, call::CREATE_ROUTE, "a").await.unwrap();
        assert!(turns.take(&limits, call::CREATE_ROUTE, "b").await.is_ok(), "another API");
        let order = Mutex::new(vec![]);
        let change = async |name: &'static str, call| {
            let turn = turns.take(&limits, call, "a").await.unwrap();
            order.lock().unwrap().push(name);
            drop(turn);
        };
        let release = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop(first);
        };
        tokio::join!(
            change("a route", call::CREATE_ROUTE),
            change("another route", call::UPDATE_ROUTE),
            change("a stage", call::UPDATE_STAGE),
            release,
        );
        assert_eq!(*order.lock().unwrap(), ["a stage", "a route", "another route"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_is_not_waited_for_for_ever() {
        let (limits, turns) = (Limits::new(), Turns::default());
        let _first = turns.take(&limits, call::CREATE_ROUTE, "a").await.unwrap();
        let refused = turns.take(&limits, call::UPDATE_STAGE, "a").await.unwrap_err();
        assert_eq!(refused.class, Class::Throttled);
    }
}
