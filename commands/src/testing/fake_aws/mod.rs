//! [`FakeAws`]: the AWS of tests, stateful and deterministic, behind the same ports as the real one.
//!
//! It keeps what AWS keeps (revisions, versions, names that are taken) and answers as AWS answers, so that a test judges
//! what came to be and not which calls were made. Nothing happens in it but through a call or by the passing of tokio's
//! time, which tests pause: the same calls in the same order give the same answers. Each process reaches it through a
//! [`FaultProxy`] of its own, which may end that process at a call; what goes wrong with calls is [`Faults`].
//!
//! Every change is kept as an [`Effect`] when it changed something: setting again what is set is none. So "done twice"
//! is a fact that can be asked for ([`FakeAws::repeated`], [`FakeAws::doubled`]), and not a guess from the log of calls.

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
mod objects;
mod probe;
mod repositories;

pub use app::App;
pub use fault_proxy::{End, FaultProxy};
pub use faults::{Climate, DeathPoint, Faults, Moment};
pub use judge::Serving;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ports::Clock;
use sluice_model::{Class, PortError, PortResult};

/// One call that reached the cloud, or was on its way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The call as IAM names it.
    pub call: &'static str,
    /// What it is about.
    pub subject: String,
    /// Whether it changes something.
    pub mutates: bool,
}

/// A change that took hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// The call that made it.
    pub call: &'static str,
    /// What came to be, precisely: `sluice-orders-Hello:prod -> 2`.
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
    pub(crate) apis: Vec<gateway::ApiState>,
    pub(crate) roles: BTreeMap<String, identity::RoleState>,
    /// The versions of each, the one that counts last.
    pub(crate) policies: BTreeMap<String, Vec<(usize, String)>>,
    /// After how many days the events of each log group expire; 0 for never.
    pub(crate) retentions: BTreeMap<String, u32>,
    calls: Vec<Called>,
    /// Each with the number of the call that made it.
    effects: Vec<(usize, Effect)>,
    at: BTreeMap<usize, Faults>,
    /// How many calls there were that change something, and what is to happen to which of them.
    changing: usize,
    at_change: BTreeMap<usize, Faults>,
    on: BTreeMap<String, VecDeque<Faults>>,
}

/// What a change came to.
pub(crate) enum Made<T> {
    /// Something is not as it was before.
    New(T),
    /// It was so already.
    Same(T),
}

impl State {
    /// Whether a read shows what was made then: lists lag behind, and so does the read of one function or version.
    pub(crate) fn shows(&self, made: Instant) -> bool {
        let flickers = self.climate.flicker && self.calls.len().is_multiple_of(2);
        flickers || self.now.duration_since(made) >= self.climate.lag
    }

    /// Nothing is to go wrong.
    fn forgive(&mut self) {
        self.at.clear();
        self.at_change.clear();
        self.on.clear();
    }
}

/// The id of the n-th thing of that content. Ids follow from what things are and not from the order of calls, so that a
/// journal fits to the same world made anew.
pub(crate) fn id(stem: &str, content: &str, nth: usize) -> String {
    format!("{stem}{}n{nth}", crate::operations::names::short_digest(&[content]))
}

/// The service says no.
pub(crate) fn refuse<T>(call: &'static str, class: Class, code: &str) -> PortResult<T> {
    Err(PortError::new(call, class, code, "the cloud of this test says so"))
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
            apis: vec![],
            roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            retentions: BTreeMap::new(),
            calls: vec![],
            effects: vec![],
            at: BTreeMap::new(),
            changing: 0,
            at_change: BTreeMap::new(),
            on: BTreeMap::new(),
        };
        Arc::new(Self { state: Mutex::new(state), clock })
    }

    /// Another account that is as this one is now; nothing of its past is counted, and nothing is to go wrong in it.
    pub fn copy(&self, clock: Arc<dyn Clock>) -> Arc<Self> {
        let mut state = self.lock().clone();
        state.calls.clear();
        state.effects.clear();
        state.changing = 0;
        state.forgive();
        Arc::new(Self { state: Mutex::new(state), clock })
    }

    /// A way to it for a process that nothing ends.
    pub fn fault_proxy(self: &Arc<Self>) -> FaultProxy {
        self.mortal(End::default(), Arc::default())
    }

    /// A way to it for a process that dies there: then `died` rings, and nothing comes back.
    pub fn mortal(self: &Arc<Self>, end: End, died: Arc<Notify>) -> FaultProxy {
        FaultProxy::new(Arc::clone(self), end, died)
    }

    /// A way to it on which AWS refuses every call.
    pub fn unreachable(self: &Arc<Self>) -> FaultProxy {
        FaultProxy::unreachable(Arc::clone(self))
    }

    /// How it behaves, from now on.
    pub fn climate(&self, change: impl FnOnce(&mut Climate)) {
        change(&mut self.lock().climate);
    }

    /// What happens to the call number `index`, as [`FakeAws::calls`] counts them.
    pub fn weather_at(&self, index: usize, faults: Faults) {
        self.lock().at.insert(index, faults);
    }

    /// What happens to the n-th of the calls that change something, counted from 0.
    pub fn weather_at_change(&self, nth: usize, faults: Faults) {
        self.lock().at_change.insert(nth, faults);
    }

    /// What happens to the next calls of that name, one each.
    pub fn weather_on(&self, call: &str, faults: impl IntoIterator<Item = Faults>) {
        self.lock().on.entry(call.to_owned()).or_default().extend(faults);
    }

    /// Nothing that was to go wrong goes wrong any more.
    pub fn clear_weather(&self) {
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
        state
    }
}
