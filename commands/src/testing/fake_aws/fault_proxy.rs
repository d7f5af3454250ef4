//! One process's way to the cloud: every call of every port comes through here, is counted, may fail, may be slow, and
//! may be the last thing that its process does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::functions::FunctionState;
use super::{Called, Effect, FakeAws, Faults, Made, Moment, State, refuse};
use crate::operation::World;
use crate::operation::effects::LOG_RETENTION;
use crate::ports::{LogStream, Logs};
use sluice_model::{Class, PortError, PortResult, Target};

/// The cloud as one process reaches it.
#[derive(Clone)]
pub struct FaultProxy {
    fake_aws: Arc<FakeAws>,
    process_run: Arc<ProcessRun>,
}

/// Where a process dies, each as the number of a call counted from 0: among all calls, and among those that change
/// something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct End {
    /// Among all.
    pub call: Option<(usize, Moment)>,
    /// Among those that change something.
    pub change: Option<(usize, Moment)>,
}

struct ProcessRun {
    calls: AtomicUsize,
    changes: AtomicUsize,
    /// How many calls that change something are on their way there.
    leaving: AtomicUsize,
    end: End,
    died: Arc<Notify>,
}

impl ProcessRun {
    /// Dies here, if it is to: at that call, and that change if it is one.
    async fn die(&self, call: usize, change: Option<usize>, moment: Moment) {
        let at_change = self.end.change.is_some() && self.end.change == change.map(|nth| (nth, moment));
        if at_change || self.end.call == Some((call, moment)) {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

impl FaultProxy {
    pub(super) fn new(fake_aws: Arc<FakeAws>, end: End, died: Arc<Notify>) -> Self {
        let (calls, changes, leaving) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        Self { fake_aws, process_run: Arc::new(ProcessRun { calls, changes, leaving, end, died }) }
    }

    /// Whether a change is on its way: sent, and not there yet. A process that stands still then has sent it nevertheless.
    pub fn is_leaving(&self) -> bool {
        self.process_run.leaving.load(Ordering::SeqCst) > 0
    }

    /// How many calls this process made.
    pub fn count(&self) -> usize {
        self.process_run.calls.load(Ordering::SeqCst)
    }

    /// The same world with this AWS.
    pub fn world(&self, world: World) -> World {
        let all = Arc::new(self.clone());
        World {
            repositories: all.clone(),
            builders: all.clone(),
            objects: all.clone(),
            functions: all.clone(),
            gateway: all.clone(),
            probe: all.clone(),
            identity: all.clone(),
            logs: all,
            ..world
        }
    }

    /// A call that only looks.
    pub(super) async fn look<T>(
        &self,
        call: &'static str,
        subject: &str,
        act: impl FnOnce(&mut State) -> PortResult<T> + Send,
    ) -> PortResult<T> {
        self.call(call, subject, false, |state| act(state).map(Made::Same)).await
    }

    /// A call that changes something; `subject` says precisely what comes to be.
    pub(super) async fn change<T>(
        &self,
        call: &'static str,
        subject: &str,
        act: impl FnOnce(&mut State) -> PortResult<Made<T>> + Send,
    ) -> PortResult<T> {
        self.call(call, subject, true, act).await
    }

    async fn call<T>(
        &self,
        call: &'static str,
        subject: &str,
        mutates: bool,
        act: impl FnOnce(&mut State) -> PortResult<Made<T>> + Send,
    ) -> PortResult<T> {
        let mine = self.process_run.calls.fetch_add(1, Ordering::SeqCst);
        let change = mutates.then(|| self.process_run.changes.fetch_add(1, Ordering::SeqCst));
        self.process_run.die(mine, change, Moment::Before).await;
        let leaving = mutates.then(|| Leaving::of(&self.process_run.leaving));
        let (number, faults, half) = self.begin(call, subject, mutates);
        let failed = |class: Class| Err(PortError::new(call, class, "Told", "the test said so"));
        tokio::time::sleep(half).await;
        match faults {
            Some(Faults::Fails(class)) => return failed(class),
            Some(Faults::Slow(more)) => tokio::time::sleep(more).await,
            _ => {}
        }
        let answer = {
            let mut state = self.fake_aws.lock();
            if faults == Some(Faults::Revised) {
                state.functions.values_mut().for_each(FunctionState::revise);
            }
            match act(&mut state) {
                Ok(Made::New(answer)) => {
                    state.effects.push((number, Effect { call, subject: subject.to_owned() }));
                    Ok(answer)
                }
                Ok(Made::Same(answer)) => Ok(answer),
                Err(error) => Err(error),
            }
        };
        drop(leaving);
        self.process_run.die(mine, change, Moment::After).await;
        tokio::time::sleep(half).await;
        match faults {
            Some(Faults::AnswerLost) if mutates => answer.and(failed(Class::Ambiguous)),
            Some(Faults::AnswerLost) => failed(Class::Transient),
            Some(Faults::MeetsItself) if mutates => answer.and(failed(Class::Conflict)),
            _ => answer,
        }
    }

    /// The number of this call, what happens to it, and how long half of it takes: not all take the same time, so that they interleave.
    fn begin(&self, call: &'static str, subject: &str, mutates: bool) -> (usize, Option<Faults>, Duration) {
        let mut state = self.fake_aws.lock();
        let number = state.calls.len();
        state.calls.push(Called { call, subject: subject.to_owned(), mutates });
        let on = state.on.get_mut(call).and_then(|queue| queue.pop_front());
        let nth = state.changing;
        state.changing += usize::from(mutates);
        let to_change = if mutates { state.at_change.remove(&nth) } else { None };
        let faults = state.at.remove(&number).or(to_change).or(on);
        let spread = u32::try_from(number * 7 % 5).unwrap_or(0);
        (number, faults, state.climate.latency / 2 + Duration::from_millis(1) * spread)
    }
}

/// A change on its way; also one whose process is dropped is not on its way any more.
struct Leaving<'a>(&'a AtomicUsize);

impl<'a> Leaving<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Logs for FaultProxy {
    async fn tail(&self, _: &Target, log: &LogStream, lines: u32) -> PortResult<Vec<String>> {
        self.look("logs:GetLogEvents", &log.stream, |state| Ok(state.log_of(&log.stream, lines as usize)))
            .await
    }

    async fn retention(&self, _: &Target, group: &str) -> PortResult<Option<u32>> {
        self.look("logs:DescribeLogGroups", group, |state| Ok(state.retentions.get(group).copied())).await
    }

    async fn set_retention(&self, _: &Target, group: &str, days: u32) -> PortResult<()> {
        let call = LOG_RETENTION.call;
        self.change(call, &format!("{group} {days}"), |state| match state.retentions.get_mut(group) {
            None => refuse(call, Class::Absent, "ResourceNotFoundException"),
            Some(now) if *now == days => Ok(Made::Same(())),
            Some(now) => {
                *now = days;
                Ok(Made::New(()))
            }
        })
        .await
    }
}
