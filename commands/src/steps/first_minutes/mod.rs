//! The first minutes of what a stage runs, looked at once after a deploy, promotion or rollback: the follow-up of these
//! operations.
//!
//! CloudWatch's metrics count calls, errors and throttled calls. The logs cannot: the line that Lambda writes after a call does not
//! say that the code threw an exception, a throttled call writes nothing, and a busy function writes more lines than can be read.
//! The logs alone have initialisations and memory (`report.rs`), of a few functions and of the first calls only.
//!
//! If the stage moved meanwhile, nothing is reported. A call that AWS denies is reported in place of a result. Any other failure of
//! the metrics is tried again by the engine; what is missing in the logs is left out.

mod messages;
mod report;
mod seen;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::application::Sluice;
use crate::names;
use crate::operation::{Context, Effect, EngineError, OperationState, Progress, Step, StepId};
use crate::ports::{LambdaMetric, LogEvents, LogSearch, MOST_METRICS, MetricQuery, Minutes};
use crate::records::{PipelineState, Release, VersionSet, from_item};
use crate::steps::has_moved;
use sluice_model::{Class, PipelineName, PortError, PortResult, ReleaseNumber, StageName, Target};
use sluice_template::function_name;

#[cfg(any(test, feature = "testing"))]
pub(crate) use self::messages::samples as first_minutes_samples;
pub(crate) use self::messages::{Looked, smoke_hint, with_first_minutes};
use self::seen::{Calls, ColdStart, Memory, Seen, median};

/// How much later than a call CloudWatch may count it: the last minute before the look is not looked at.
const LATE: SignedDuration = SignedDuration::from_mins(1);
/// How many functions are counted. Each has six metrics: 83 fit into a request.
const FUNCTIONS: usize = 4 * (MOST_METRICS / (2 * METRICS.len()));
/// How many functions' logs are read: those that are called most.
const LOGS: usize = 8;
/// How many reports of a function are read, the first ones: cold starts are among them.
const REPORTS: u32 = 1_000;
/// How many cold starts of the version before are read, the last ones.
const COLD_STARTS: u32 = 20;
/// How long before the move these may be.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// How long the logs are waited for. The metrics may take as long, and both together must end before a lease does.
const PATIENCE: Duration = Duration::from_secs(4);

const METRICS: [LambdaMetric; 3] = [LambdaMetric::Invocations, LambdaMetric::Errors, LambdaMetric::Throttles];

/// The look at a stage.
pub(crate) struct FirstMinutes {
    target: Target,
    pipeline: PipelineName,
    stage: StageName,
    release: ReleaseNumber,
    before: Option<ReleaseNumber>,
    /// The functions by logical id.
    functions: Vec<String>,
    moved: Timestamp,
    ended: Timestamp,
}

/// A function of the stage.
struct Function {
    logical: String,
    name: String,
    version: String,
    /// The version of the release before, if it is another one.
    before: Option<String>,
}

impl FirstMinutes {
    /// The look after an operation that moved a stage to a release; `None` if it did not, or if there is nothing to look at.
    pub(crate) fn after(
        op: &OperationState,
        target: &Target,
        (pipeline, stage): (&PipelineName, &StageName),
        release: &Release,
        before: Option<ReleaseNumber>,
    ) -> Option<Arc<dyn Step<Sluice>>> {
        let (moved, _) = *op.step(&StepId::new("record")).filter(|_| has_moved(op))?.done.as_ref()?;
        let functions: Vec<String> = release.artifact.code.keys().cloned().collect();
        let look = Self {
            target: target.clone(),
            pipeline: pipeline.clone(),
            stage: stage.clone(),
            release: release.number,
            before,
            functions,
            moved,
            ended: op.ended?.0,
        };
        (!look.functions.is_empty()).then(|| Arc::new(look) as _)
    }

    /// Whether the stage did not move since.
    fn still_runs(&self, state: &PipelineState) -> bool {
        let stage = state.stages.get(&self.stage).filter(|stage| stage.removed_by.is_none());
        let current = stage.and_then(|stage| stage.current.as_ref());
        current.is_some_and(|current| current.release == self.release && current.since <= self.ended)
    }

    async fn versions(
        &self,
        cx: &Context,
        release: ReleaseNumber,
    ) -> Result<Option<VersionSet>, EngineError> {
        let key = cx.world.keys.version_set(&self.pipeline, release, &self.stage);
        Ok(cx.world.store.get(&key).await?.map(|item| from_item(&item)).transpose()?)
    }

    /// The functions with their versions.
    async fn functions(&self, cx: &Context) -> Result<Vec<Function>, EngineError> {
        let Some(now) = self.versions(cx, self.release).await? else { return Ok(vec![]) };
        let before = match self.before {
            Some(before) => self.versions(cx, before).await?.unwrap_or_default(),
            None => VersionSet::default(),
        };
        let function = |logical: &String| {
            let name = function_name(&self.pipeline, &self.stage, logical);
            let version = now.versions.get(&name)?.clone();
            let before = before.versions.get(&name).filter(|before| **before != version).cloned();
            Some(Function { logical: logical.clone(), name, version, before })
        };
        Ok(self.functions.iter().filter_map(function).take(FUNCTIONS).collect())
    }

    /// The end of the time that is looked at.
    fn until(&self, cx: &Context) -> Timestamp {
        let after = cx.world.settings.follow_up.and_then(|after| SignedDuration::try_from(after).ok());
        let least = self.moved.checked_add(LATE).unwrap_or(self.moved);
        let until = self.ended.checked_add(after.unwrap_or_default().saturating_sub(LATE)).unwrap_or(least);
        until.max(least).min(cx.world.clock.now())
    }

    /// The calls of each function.
    async fn counts(&self, cx: &Context, functions: &[Function]) -> PortResult<Vec<Calls>> {
        let (since, until) = (self.moved, self.until(cx));
        let mut counts = vec![];
        for some in functions.chunks(MOST_METRICS / (2 * METRICS.len())) {
            let queries: Vec<MetricQuery> = some.iter().flat_map(|function| self.queries(function)).collect();
            let sums = cx.world.ports.metrics.lambda_sums(&self.target, &queries, since, until).await?;
            let mut sums = sums.into_iter();
            counts.extend(some.iter().map(|function| {
                let mut count = || {
                    let of_version = total(&sums.next().unwrap_or_default(), None);
                    of_version.saturating_add(total(&sums.next().unwrap_or_default(), self.after_others()))
                };
                Calls {
                    function: function.logical.clone(),
                    calls: count(),
                    errors: count(),
                    throttles: count(),
                }
            }));
        }
        Ok(counts)
    }

    /// The metrics of a function: each as it was called by version (by its API) and by alias (by events).
    fn queries(&self, function: &Function) -> impl Iterator<Item = MetricQuery> {
        METRICS.into_iter().flat_map(|metric| {
            [&*function.version, self.stage.as_str()].map(|qualifier| MetricQuery {
                metric,
                function: function.name.clone(),
                qualifier: qualifier.to_owned(),
            })
        })
    }

    /// Since when calls by the alias are those of this release. Minutes are whole: in the minute of the move, some may be of the
    /// release before.
    fn after_others(&self) -> Option<Timestamp> {
        self.before.map(|_| self.moved)
    }

    /// What the logs report of the functions that are called most.
    async fn reports(
        &self,
        cx: &Context,
        functions: &[Function],
        counts: &[Calls],
    ) -> (Vec<ColdStart>, Vec<Memory>) {
        let mut called: Vec<_> = functions.iter().zip(counts).filter(|(_, calls)| calls.calls > 0).collect();
        called.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.calls));
        let read = called.into_iter().take(LOGS).map(async |(function, _)| {
            let reports = tokio::time::timeout(PATIENCE, self.reports_of(cx, function)).await;
            let why = match reports {
                Ok(Ok(reports)) => return Some(reports),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            tracing::warn!(operation = %cx.operation, function = function.name, why, "its reports are left out");
            None
        });
        let found: Vec<_> = join_all(read).await.into_iter().flatten().collect();
        let (cold, memory): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        (cold.into_iter().flatten().collect(), memory.into_iter().flatten().collect())
    }

    async fn reports_of(
        &self,
        cx: &Context,
        function: &Function,
    ) -> PortResult<(Option<ColdStart>, Option<Memory>)> {
        let logs = &cx.world.ports.logs;
        let group = names::function_log_group(&function.name);
        let (since, until) = (self.moved, Some(self.until(cx)));
        let search = LogSearch { pattern: report::PATTERN, since, until, most: REPORTS, newest: false };
        let found = logs.events(&self.target, &group, &search).await?.unwrap_or_default();
        let reports = of_version(&found, &function.version);
        let logical = || function.logical.clone();
        let memory = reports.iter().max_by_key(|report| report.used).copied();
        let memory = memory.map(|of| Memory { function: logical(), used: of.used, size: of.size });
        let Some(took) = median(reports.iter().filter_map(|report| report.init).collect()) else {
            return Ok((None, memory));
        };
        let before = match &function.before {
            Some(before) => self.cold_start_before(cx, &group, before).await,
            None => None,
        };
        Ok((Some(ColdStart { function: logical(), took, before }), memory))
    }

    /// How long the initialisation of the version before took; `None` if that is not known.
    async fn cold_start_before(&self, cx: &Context, group: &str, version: &str) -> Option<u32> {
        let since = self.moved.checked_sub(BEFORE).ok()?;
        let search = LogSearch {
            pattern: report::COLD_PATTERN,
            since,
            until: Some(self.moved),
            most: COLD_STARTS,
            newest: true,
        };
        let found = cx.world.ports.logs.events(&self.target, group, &search).await;
        let found =
            found.inspect_err(|error| tracing::info!(group, %error, "earlier cold starts are left out"));
        median(of_version(&found.ok()??, version).iter().filter_map(|report| report.init).collect())
    }
}

/// The sum, without what was counted in a minute that began before that time.
fn total(minutes: &Minutes, since: Option<Timestamp>) -> u64 {
    let counts = minutes.iter().filter(|(at, _)| since.is_none_or(|since| *at >= since));
    counts.map(|(_, count)| count).fold(0, |sum, count| sum.saturating_add(*count))
}

/// The reports of a version. The name of a log stream has it: `2026/03/02/[7]0f3a…`.
fn of_version(found: &LogEvents, version: &str) -> Vec<report::Report> {
    let mark = format!("[{version}]");
    let of_version = found.events.iter().filter(|event| event.stream.contains(&mark));
    of_version.filter_map(|event| report::parse(&event.message)).collect()
}

#[async_trait]
impl Step<Sluice> for FirstMinutes {
    fn effect(&self) -> Effect {
        Effect::Look
    }

    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let nothing = || Progress::done(None::<Seen>);
        let state = PipelineState::read(&*cx.world.store, &cx.world.keys, &self.pipeline).await?;
        if !self.still_runs(&state) {
            return nothing();
        }
        let functions = self.functions(cx).await?;
        if functions.is_empty() {
            return nothing();
        }
        let minutes = self.until(cx).duration_since(self.moved).as_secs().saturating_add(30) / 60;
        let minutes = u64::try_from(minutes).unwrap_or_default().max(1);
        let counts = match self.counts(cx, &functions).await {
            Ok(counts) => counts,
            Err(PortError { class: Class::Denied, call, code, .. }) => {
                tracing::warn!(operation = %cx.operation, call, code, "the first minutes cannot be looked at");
                return Progress::done(Some(Seen::denied(minutes, call)));
            }
            Err(error) => return Err(error.into()),
        };
        let (cold, memory) = self.reports(cx, &functions, &counts).await;
        Progress::done(Some(Seen::counted(minutes, &counts).with_reports(cold, memory)))
    }
}
