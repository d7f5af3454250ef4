//! How fast calls may leave, and which of them wait for each other.
//!
//! Lambda's control plane accepts 15 requests a second per account and region, and API Gateway about ten, from all callers
//! together. Sluice limits itself to a part of that: in any second, also the first one after a pause, the calls of this
//! process together do not exceed what Lambda accepts, and a few calls leave at once. Calls that move a stage, and the reads
//! before them, may use all of it; the others only a share, so a rollback does not wait for a deploy of many functions. Reads
//! for people (`ListAliases`) are among the others: showing a large pipeline does not delay a rollback.
//!
//! API Gateway also refuses a change of an API while another is in progress ([`ChangeLocks`]). A change that could not leave
//! within [`MAX_WAIT`] is refused here, as if the service had refused it: the operation retries, and renews its lease
//! meanwhile. So no change leaves long after it was decided. Such a refusal says when to come back
//! ([`PortError::retry_after`]). If the operation waited longer with each, as after a refusal of AWS, those that came later would
//! leave before it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use leaky_bucket::RateLimiter;
use parking_lot::Mutex;
use sluice_model::{Class, PortError, PortResult};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::call::{self, Call};
use crate::turns::Turns;
use crate::window::Window;

/// How long a call waits until it may leave. Together with the call's own timeout, it must stay below a lease (`config.rs`).
const MAX_WAIT: Duration = Duration::from_secs(2);
/// When to come back after waiting that long.
const COME_BACK: Duration = Duration::from_millis(200);

/// The calls that move stages, and the reads before them.
const MOVES: &[Call] = &[
    call::GET_ALIAS,
    call::UPDATE_ALIAS,
    call::GET_STAGE,
    call::CREATE_STAGE,
    call::UPDATE_STAGE,
    call::DELETE_STAGE,
    call::DELETE_ROUTE_SETTINGS,
    call::DELETE_ACCESS_LOG,
    call::GET_REST_STAGE,
    call::CREATE_REST_STAGE,
    call::UPDATE_REST_STAGE,
    call::DELETE_REST_STAGE,
];

/// The rate limits of this process.
#[derive(Debug)]
pub(crate) struct Limits {
    lambda: Window,
    lambda_others: Window,
    lambda_functions: RateLimiter,
    apis: RateLimiter,
    api_moves: RateLimiter,
    deployments: Turns,
    rest_apis: Turns,
    rest_imports: Turns,
    rest_deletions: Turns,
    iam: RateLimiter,
    logs: RateLimiter,
    log_reads: RateLimiter,
    stack_reads: RateLimiter,
    stack_changes: RateLimiter,
}

/// The calls that Lambda's control plane accepts each second:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
#[cfg(test)]
const LAMBDA_QUOTA: usize = 15;
/// The calls of this process to Lambda in any second, unless it is configured: one is left to others.
pub const LAMBDA_CALLS: u16 = 14;
/// A second, and what calls may take longer on the way than those after them.
const LAMBDA_SECOND: Duration = Duration::from_millis(1_100);

/// The calls to Lambda that move nothing, of so many in all: the rest is left to moves.
const fn others(calls: usize) -> usize {
    calls * 2 / 3
}

/// A limiter for `burst` calls at once, and one more each interval.
fn share(burst: usize, every: Duration) -> RateLimiter {
    RateLimiter::builder().initial(burst).max(burst).refill(1).interval(every).build()
}

/// A limiter for one call in so many seconds, and what calls may take longer on the way than those after them.
fn turns(seconds: u64) -> Turns {
    Turns::new(Duration::from_secs(seconds) + Duration::from_millis(100))
}

impl Limits {
    /// The shares leave capacity for other callers.
    pub(crate) fn new() -> Self {
        let per_second = |calls: u64| Duration::from_millis(1000 / calls);
        Self {
            lambda: Window::new(LAMBDA_CALLS.into(), LAMBDA_SECOND),
            lambda_others: Window::new(others(LAMBDA_CALLS.into()), LAMBDA_SECOND),
            // `GetFunction` has a quota of its own: 100 a second.
            lambda_functions: share(1, per_second(50)),
            // <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>: 10/s with a burst of 40, one
            // deployment in 5 s, one new REST API in 3 s (an edge-optimized one in 30 s), one import into a REST API a second, and one
            // deleted REST API in 30 s. The page does not say that the two kinds of API are counted apart, so they share these; the
            // rates of new, imported and deleted REST APIs name REST APIs only.
            apis: share(8, per_second(4)),
            api_moves: share(8, per_second(2)),
            deployments: turns(5),
            rest_apis: turns(3),
            rest_imports: turns(1),
            rest_deletions: turns(30),
            // IAM publishes no figure; its changes propagate slowly anyway.
            iam: share(10, per_second(5)),
            // 10/s for each of the calls that create, change and list log groups:
            // <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>.
            logs: share(5, per_second(5)),
            // `FilterLogEvents` has a quota of its own: 10/s in the smallest regions. An answer about the functions of a stage
            // makes a burst, and other callers in the account search their logs, too.
            log_reads: share(8, per_second(4)),
            // CloudFormation publishes no figure, and throttles clients that poll many stacks
            // (<https://repost.aws/knowledge-center/cloudformation-rate-exceeded-error>): assumptions, with room for others.
            stack_reads: share(10, per_second(5)),
            stack_changes: share(5, per_second(2)),
        }
    }

    /// Changes how many calls this process makes to Lambda in any second.
    pub(crate) fn set_lambda_calls(&self, calls: u16) {
        self.lambda.set_calls(calls.into());
        self.lambda_others.set_calls(others(calls.into()));
    }

    /// Waits until the call may leave. `resource`: what it changes, which keeps its place in the order while the caller is away.
    pub(crate) async fn admit(&self, call: Call, resource: &str) -> PortResult<()> {
        let wait = async {
            for share in self.shares_of(call) {
                match share {
                    Share::Rate(rate) => rate.acquire_one().await,
                    Share::Window(window) => window.admit().await,
                    Share::Turns(turns) => {
                        turns.admit(resource, MAX_WAIT).await.map_err(|after| not_sent(call, after))?;
                    }
                }
            }
            Ok(())
        };
        within_max_wait(call, wait).await?
    }

    /// The shares that a call is part of, in the order in which it waits for them.
    fn shares_of(&self, call: Call) -> Vec<Share<'_>> {
        let moves = is_move(call);
        let rates: Vec<&RateLimiter> = match call.service() {
            // The data plane.
            "lambda" if call == call::INVOKE => vec![],
            "lambda" if call == call::GET_FUNCTION => vec![&self.lambda_functions],
            "lambda" if moves => return vec![Share::Window(&self.lambda)],
            "lambda" => return vec![Share::Window(&self.lambda_others), Share::Window(&self.lambda)],
            "apigateway" | "apigatewayv2" => match call {
                call::CREATE_DEPLOYMENT | call::CREATE_REST_DEPLOYMENT => {
                    return vec![Share::Turns(&self.deployments)];
                }
                call::CREATE_REST_API => return vec![Share::Turns(&self.rest_apis)],
                call::IMPORT_REST_API => return vec![Share::Turns(&self.rest_imports)],
                call::DELETE_REST_API => return vec![Share::Turns(&self.rest_deletions)],
                _ if moves => vec![&self.api_moves],
                _ => vec![&self.apis],
            },
            "iam" => vec![&self.iam],
            "cloudformation" => vec![if call.mutates { &self.stack_changes } else { &self.stack_reads }],
            "logs" if call == call::FILTER_LOG_EVENTS => vec![&self.log_reads],
            "logs" if call != call::GET_LOG_EVENTS => vec![&self.logs],
            _ => vec![],
        };
        rates.into_iter().map(Share::Rate).collect()
    }
}

/// What a call waits for.
enum Share<'a> {
    Rate(&'a RateLimiter),
    Window(&'a Window),
    Turns(&'a Turns),
}

fn is_move(call: Call) -> bool {
    MOVES.contains(&call)
}

async fn within_max_wait<T>(call: Call, wait: impl Future<Output = T>) -> PortResult<T> {
    tokio::time::timeout(MAX_WAIT, wait).await.map_err(|_| not_sent(call, COME_BACK))
}

fn not_sent(call: Call, after: Duration) -> PortError {
    let detail = format!("not sent: other calls of Sluice come first; to be tried again in {after:?}");
    PortError { retry_after: Some(after), ..call.error(Class::Throttled, "RateLimited", detail) }
}

/// Allows one change at a time per resource: an API, or a function's resource policy. A call that moves a stage waits only
/// for the change in progress, and not for other waiting changes.
#[derive(Debug, Default)]
pub(crate) struct ChangeLocks(Mutex<HashMap<String, Arc<Waiting>>>);

#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// All calls wait here, except those that move a stage.
    others: Arc<AsyncMutex<()>>,
    change: Arc<AsyncMutex<()>>,
}

/// The right to change a resource, until it is dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
pub(crate) struct ChangeGuard(OwnedMutexGuard<()>, Option<OwnedMutexGuard<()>>, Arc<Waiting>);

impl ChangeLocks {
    /// Waits until the call may change the resource, and then until it may leave.
    pub(crate) async fn acquire(
        &self,
        limits: &Limits,
        call: Call,
        resource: &str,
    ) -> PortResult<ChangeGuard> {
        let waiting = {
            let mut resources = self.0.lock();
            // Forget resources that no call waits for or changes.
            resources.retain(|_, waiting| Arc::strong_count(waiting) > 1);
            Arc::clone(resources.entry(resource.to_owned()).or_default())
        };
        let change = async {
            let others = match is_move(call) {
                true => None,
                false => Some(Arc::clone(&waiting.others).lock_owned().await),
            };
            let guard = Arc::clone(&waiting.change).lock_owned().await;
            limits.admit(call, resource).await?;
            Ok(ChangeGuard(guard, others, Arc::clone(&waiting)))
        };
        within_max_wait(call, change).await?
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn moving_a_stage_does_not_wait_for_other_calls() {
        let limits = Limits::new();
        for _ in 0..others(LAMBDA_CALLS.into()) {
            limits.admit(call::PUBLISH_VERSION, "a").await.unwrap();
        }
        let start = Instant::now();
        limits.admit(call::UPDATE_ALIAS, "a").await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        limits.admit(call::PUBLISH_VERSION, "a").await.unwrap();
        assert_eq!(start.elapsed(), LAMBDA_SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_leave_at_the_rate_of_their_share() {
        let limits = Limits::new();
        let start = Instant::now();
        for _ in 0..40 {
            limits.admit(call::PUBLISH_VERSION, "a").await.unwrap();
        }
        assert_eq!(start.elapsed(), 4 * LAMBDA_SECOND, "nine at a time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_move_of_many_functions_uses_all_of_lambdas_rate() {
        let limits = Limits::new();
        let start = Instant::now();
        for _ in 0..50 {
            limits.admit(call::UPDATE_ALIAS, "a").await.unwrap();
        }
        assert_eq!(start.elapsed(), 3 * LAMBDA_SECOND, "fourteen at a time");
    }

    /// The most calls that leave in any second, if `each` calls of each kind are made at once.
    async fn busiest_second(limits: &Limits, calls: &[Call], each: usize) -> usize {
        let leave = async |call: Call| {
            // A call that may not leave in time is retried, as operations do.
            while limits.admit(call, "a").await.is_err() {}
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
    async fn calls_never_exceed_lambdas_quota_in_any_second() {
        let limits = Limits::new();
        for rest in [0, 60_000, 60_007, 60_063, 60_124] {
            tokio::time::sleep(Duration::from_millis(rest)).await;
            let calls = [call::PUBLISH_VERSION, call::LIST_VERSIONS, call::UPDATE_ALIAS];
            let busiest = busiest_second(&limits, &calls, 20).await;
            assert!((13..=LAMBDA_QUOTA).contains(&busiest), "{busiest} after {rest} ms of pause");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reads_for_people_do_not_delay_a_rollback() {
        let limits = Limits::new();
        tokio::join!(
            futures::future::join_all((0..12).map(|_| limits.admit(call::LIST_ALIASES, "a"))),
            async {
                let start = Instant::now();
                limits.admit(call::UPDATE_ALIAS, "a").await.unwrap();
                assert_eq!(start.elapsed(), Duration::ZERO);
            }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_too_long_is_throttled() {
        let limits = Limits::new();
        limits.admit(call::CREATE_DEPLOYMENT, "a").await.unwrap();
        let refused = limits.admit(call::CREATE_DEPLOYMENT, "a").await.unwrap_err();
        assert_eq!((refused.class, refused.code.as_str()), (Class::Throttled, "RateLimited"));
        assert_eq!(refused.retry_after, Some(Duration::from_millis(5_100)));
        let refused = limits.admit(call::CREATE_REST_DEPLOYMENT, "b").await.unwrap_err();
        assert_eq!(refused.class, Class::Throttled, "both kinds of API share the rate");
        tokio::time::sleep(Duration::from_millis(5_100)).await;
        limits.admit(call::CREATE_DEPLOYMENT, "a").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_rest_api_is_deleted_in_thirty_seconds() {
        let limits = Limits::new();
        limits.admit(call::DELETE_REST_API, "a").await.unwrap();
        tokio::time::sleep(Duration::from_secs(28)).await;
        let refused = limits.admit(call::DELETE_REST_API, "a").await.unwrap_err();
        assert_eq!(refused.class, Class::Throttled);
        limits.admit(call::DELETE_API, "a").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        limits.admit(call::DELETE_REST_API, "a").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_has_one_change_at_a_time_and_a_stage_moves_next() {
        let (limits, locks) = (Limits::new(), ChangeLocks::default());
        let first = locks.acquire(&limits, call::IMPORT_API, "a").await.unwrap();
        assert!(locks.acquire(&limits, call::IMPORT_API, "b").await.is_ok(), "another API");
        let order = Mutex::new(vec![]);
        let change = async |name: &'static str, call| {
            let guard = locks.acquire(&limits, call, "a").await.unwrap();
            order.lock().push(name);
            drop(guard);
        };
        let release = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop(first);
        };
        tokio::join!(
            change("an import", call::IMPORT_API),
            change("another import", call::IMPORT_API),
            change("a stage", call::UPDATE_STAGE),
            release,
        );
        assert_eq!(*order.lock(), ["a stage", "an import", "another import"]);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_change_has_a_limit() {
        let (limits, locks) = (Limits::new(), ChangeLocks::default());
        let _first = locks.acquire(&limits, call::IMPORT_API, "a").await.unwrap();
        let refused = locks.acquire(&limits, call::UPDATE_STAGE, "a").await.unwrap_err();
        assert_eq!(refused.class, Class::Throttled);
    }
}
