//! One process's connection to the fake AWS. Every call of every port goes through it: it counts the call, may make it fail
//! or slow, and may end the process there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::functions::FunctionState;
use super::{Called, DeathPoint, Effect, FakeAws, Faults, Made, Moment, State};
use crate::operation::{Ports, World};
use crate::ports::ApiKind;
use sluice_model::{Class, PortError, PortResult};

/// The fake AWS as one process reaches it.
#[derive(Clone)]
pub struct FaultProxy {
    fake_aws: Arc<FakeAws>,
    process_run: Arc<ProcessRun>,
    is_unreachable: bool,
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
    calls: DeathPoint,
    changes: DeathPoint,
    /// How many calls that change something are on their way to AWS.
    leaving: AtomicUsize,
}

impl ProcessRun {
    /// Never returns if the process dies at that call, or at that change.
    async fn pass(&self, call: usize, change: Option<usize>, moment: Moment) {
        self.calls.pass(call, moment).await;
        if let Some(change) = change {
            self.changes.pass(change, moment).await;
        }
    }
}

impl FaultProxy {
    pub(super) fn new(fake_aws: Arc<FakeAws>, end: End, died: Arc<Notify>) -> Self {
        let process_run = Arc::new(ProcessRun {
            calls: DeathPoint::new(end.call, Arc::clone(&died)),
            changes: DeathPoint::new(end.change, died),
            leaving: AtomicUsize::new(0),
        });
        Self { fake_aws, process_run, is_unreachable: false }
    }

    pub(super) fn unreachable(fake_aws: Arc<FakeAws>) -> Self {
        Self { is_unreachable: true, ..Self::new(fake_aws, End::default(), Arc::default()) }
    }

    /// Whether a change is on its way: sent, and not at AWS yet. A process that is suspended now has sent it already.
    pub fn is_leaving(&self) -> bool {
        self.process_run.leaving.load(Ordering::SeqCst) > 0
    }

    /// How many calls this process made.
    pub fn count(&self) -> usize {
        self.process_run.calls.calls()
    }

    /// The same world with this AWS.
    pub fn world(&self, world: World) -> World {
        let all = Arc::new(self.clone());
        let ports = Ports {
            repositories: all.clone(),
            builders: all.clone(),
            objects: all.clone(),
            functions: all.clone(),
            function_settings: all.clone(),
            layers: all.clone(),
            gateway: self.gateway(ApiKind::Http),
            rest_gateway: self.gateway(ApiKind::Rest),
            stacks: all.clone(),
            probe: all.clone(),
            identity: all.clone(),
            logs: all.clone(),
            metrics: all.clone(),
            parameters: all,
            ..world.ports
        };
        World { ports, ..world }
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

    /// A call that changes something; `subject` names precisely what it creates.
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
        if self.is_unreachable {
            return Err(PortError::new(call, Class::Denied, "Unreachable", "this test has no AWS"));
        }
        let mine = self.process_run.calls.count();
        let change = mutates.then(|| self.process_run.changes.count());
        self.process_run.pass(mine, change, Moment::Before).await;
        let leaving = mutates.then(|| Leaving::of(&self.process_run.leaving));
        let (number, faults, half) = self.begin(call, subject, mutates);
        let failed = |class: Class| Err(PortError::new(call, class, "Injected", "the test injected it"));
        tokio::time::sleep(half).await;
        match faults {
            Some(Faults::Fails(class)) => return failed(class),
            Some(Faults::NotSent(after)) => {
                let refused = PortError::new(call, Class::Throttled, "RateLimited", "others come first");
                return Err(PortError { retry_after: Some(after), ..refused });
            }
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
        self.process_run.pass(mine, change, Moment::After).await;
        tokio::time::sleep(half).await;
        match faults {
            Some(Faults::AnswerLost) if mutates => answer.and(failed(Class::Ambiguous)),
            Some(Faults::AnswerLost) => failed(Class::Transient),
            Some(Faults::MeetsItself) if mutates => answer.and(failed(Class::Conflict)),
            _ => answer,
        }
    }

    /// The number of this call, its fault, and how long half of it takes. Calls differ in time: they interleave.
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

/// A change on its way. A drop of its process ends it too.
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
