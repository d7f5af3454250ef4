//! [`FakeAws`]: the AWS of tests, stateful and deterministic, behind the same ports as the real one.
//!
//! It keeps what AWS keeps (revisions, versions, names in use) and answers as AWS does: a test judges the result and not the
//! calls. Only calls and tokio's time, which tests pause, change it: the same calls in the same order give the same answers.
//! Each process reaches it through its own [`FaultProxy`], which may end the process at a call; [`Faults`] are the faults of
//! single calls.
//!
//! Every call that changed something is kept as an [`Effect`]; setting a value again is none. [`FakeAws::repeated`] and
//! [`FakeAws::doubled`] find work that was done twice by these effects, not by the log of calls.

mod account;
mod app;
mod builders;
mod external_changes;
mod fault_proxy;
mod faults;
mod functions;
mod gateway;
mod identity;
mod judge;
mod metrics;
mod objects;
mod parameters;
mod probe;
mod repositories;
mod stacks;

pub use app::{API, App};
pub use fault_proxy::{End, FaultProxy};
pub use faults::{Climate, DeathPoint, Faults, Moment};
pub use judge::Serving;
pub use metrics::GET_METRIC_DATA;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ports::{Clock, LogEvent, MetricQuery};
use sluice_model::{Class, PortError, PortResult};

/// One call that reached AWS, or was on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The call as IAM names it.
    pub call: &'static str,
    /// Its subject.
    pub subject: String,
    /// Whether it changes something.
    pub mutates: bool,
}

/// A change that took effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// The call that made it.
    pub call: &'static str,
    /// The result, precisely: `sluice-orders-Hello:prod -> 2`.
    pub subject: String,
}

/// An AWS account in memory.
pub struct FakeAws {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

/// What is in it.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) now: Instant,
    pub(crate) time: Timestamp,
    pub(crate) climate: Climate,
    pub(crate) repositories: BTreeMap<String, repositories::RepositoryState>,
    pub(crate) projects: BTreeMap<String, builders::ProjectState>,
    pub(crate) builds: Vec<builders::BuildState>,
    pub(crate) buckets: BTreeMap<String, objects::BucketContent>,
    pub(crate) functions: BTreeMap<String, functions::FunctionState>,
    /// Whether Lambda may not read images of ECR.
    pub(crate) are_images_denied: bool,
    /// The versions of each layer, the newest last.
    pub(crate) layers: BTreeMap<String, Vec<functions::LayerState>>,
    pub(crate) apis: Vec<gateway::ApiState>,
    pub(crate) stacks: stacks::StackStates,
    pub(crate) roles: BTreeMap<String, identity::RoleState>,
    /// The versions of each policy, the default one last.
    pub(crate) policies: BTreeMap<String, Vec<(usize, String)>>,
    /// After how many days the events of each log group expire; 0 for never.
    pub(crate) retentions: BTreeMap<String, u32>,
    /// The events of log groups, the oldest first.
    pub(crate) logged: BTreeMap<String, Vec<LogEvent>>,
    /// What CloudWatch counted in each minute.
    pub(crate) counted: BTreeMap<MetricQuery, BTreeMap<Timestamp, u64>>,
    /// The function, the version or alias, and the calls, errors and throttled calls of each minute.
    pub(crate) called_often: Vec<(String, String, (u64, u64, u64))>,
    pub(crate) parameters: BTreeMap<String, parameters::ParameterState>,
    calls: Vec<Called>,
    /// Each with the number of the call that made it.
    effects: Vec<(usize, Effect)>,
    at: BTreeMap<usize, Faults>,
    /// The number of calls that change something, and the planned faults of these.
    changing: usize,
    at_change: BTreeMap<usize, Faults>,
    on: BTreeMap<String, VecDeque<Faults>>,
}

/// The result of a change.
pub(crate) enum Made<T> {
    /// Something changed.
    New(T),
    /// Nothing changed.
    Same(T),
}

impl State {
    /// Whether a read shows a resource made at that time: lists lag, and so does the read of one function or version.
    pub(crate) fn shows(&self, made: Instant) -> bool {
        let flickers = self.climate.flicker && self.calls.len().is_multiple_of(2);
        flickers || self.now.duration_since(made) >= self.climate.lag
    }

    /// Removes all planned faults.
    fn forgive(&mut self) {
        self.at.clear();
        self.at_change.clear();
        self.on.clear();
    }
}

/// The id of the n-th resource of that content. Ids depend on contents and not on the order of calls: a journal fits a world
/// that was made anew.
pub(crate) fn id(stem: &str, content: &str, nth: usize) -> String {
    format!("{stem}{}n{nth}", crate::names::short_digest(&[content]))
}

/// The service refuses.
pub(crate) fn refuse<T>(call: &'static str, class: Class, code: &str) -> PortResult<T> {
    Err(PortError::new(call, class, code, "the fake AWS refuses it"))
}

impl FakeAws {
    /// An empty account, with the time of day from that clock.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = State {
            now: Instant::now(),
            time: clock.now(),
            climate: Climate::default(),
            repositories: BTreeMap::new(),
            projects: BTreeMap::new(),
            builds: vec![],
            buckets: BTreeMap::new(),
            functions: BTreeMap::new(),
            are_images_denied: false,
            layers: BTreeMap::new(),
            apis: vec![],
            stacks: stacks::StackStates::default(),
            roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            retentions: BTreeMap::new(),
            logged: BTreeMap::new(),
            counted: BTreeMap::new(),
            called_often: vec![],
            parameters: BTreeMap::new(),
            calls: vec![],
            effects: vec![],
            at: BTreeMap::new(),
            changing: 0,
            at_change: BTreeMap::new(),
            on: BTreeMap::new(),
        };
        Arc::new(Self { state: Mutex::new(state), clock })
    }

    /// A copy of this account, without its calls, effects and faults.
    pub fn copy(&self, clock: Arc<dyn Clock>) -> Arc<Self> {
        let mut state = self.lock().clone();
        state.calls.clear();
        state.effects.clear();
        state.changing = 0;
        state.forgive();
        Arc::new(Self { state: Mutex::new(state), clock })
    }

    /// A connection of a process that does not die.
    pub fn fault_proxy(self: &Arc<Self>) -> FaultProxy {
        self.mortal(End::default(), Arc::default())
    }

    /// A connection of a process that dies there: its call never returns, and `died` is notified.
    pub fn mortal(self: &Arc<Self>, end: End, died: Arc<Notify>) -> FaultProxy {
        FaultProxy::new(Arc::clone(self), end, died)
    }

    /// A connection on which AWS refuses every call.
    pub fn unreachable(self: &Arc<Self>) -> FaultProxy {
        FaultProxy::unreachable(Arc::clone(self))
    }

    /// Changes how it behaves from now on.
    pub fn climate(&self, change: impl FnOnce(&mut Climate)) {
        change(&mut self.lock().climate);
    }

    /// Plans the fault of the call number `index`, as [`FakeAws::calls`] counts them.
    pub fn fault_at(&self, index: usize, faults: Faults) {
        self.lock().at.insert(index, faults);
    }

    /// Plans the fault of the n-th of the calls that change something, counted from 0.
    pub fn fault_at_change(&self, nth: usize, faults: Faults) {
        self.lock().at_change.insert(nth, faults);
    }

    /// Plans the faults of the next calls of that name, one each.
    pub fn fault_on(&self, call: &str, faults: impl IntoIterator<Item = Faults>) {
        self.lock().on.entry(call.to_owned()).or_default().extend(faults);
    }

    /// Removes all planned faults.
    pub fn clear_faults(&self) {
        let mut state = self.lock();
        state.forgive();
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Called> {
        self.lock().calls.clone()
    }

    /// The numbers of the calls that changed something, in the order in which they did.
    pub fn changes(&self) -> Vec<usize> {
        self.lock().effects.iter().map(|(call, _)| *call).collect()
    }

    /// How many calls there were so far.
    pub fn count(&self) -> usize {
        self.lock().calls.len()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned account is still an account: the test that panicked has failed anyway.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = Instant::now();
        state.time = self.clock.now();
        state.settle_builds();
        state.settle_stacks();
        state
    }
}
