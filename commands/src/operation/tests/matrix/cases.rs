//! Cases: the faults of one run of a scenario.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::harness::{Death, Shared};
use super::fixture::Fixture;
use super::scenarios::Scenario;
use super::users::People;
use super::{is_whole, variable};
use crate::testing::fake_aws::{Called, Climate, Faults};
use crate::testing::{Moment, StoreFault};

/// What happens to the hints between replicas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Hints {
    /// Each arrives.
    #[default]
    Carried,
    /// None does.
    Lost,
    /// Each arrives twice, the last first.
    Doubled,
}

/// What goes wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    /// Where the first process dies.
    pub(super) death: Death,
    /// Faults of the store, by the number of the call.
    pub(super) store: Vec<(usize, StoreFault)>,
    /// Faults of AWS, by the number of the call.
    pub(super) faults: Vec<(usize, Faults)>,
    /// How AWS behaves.
    pub(super) climate: Option<Climate>,
    /// Another replica runs beside it.
    pub(super) company: bool,
    /// What happens to hints.
    pub(super) hints: Hints,
    /// How people decide.
    pub(super) people: People,
    /// The command is delivered twice.
    pub(super) doubled: bool,
    /// The store forgets its tokens when the first process dies.
    pub(super) forgetful: bool,
    /// How long after its start the first process is disconnected from the store, and for how long. It still reaches AWS.
    pub(super) disconnected: Option<(Duration, Duration)>,
}

impl Case {
    /// Death at a call of AWS.
    pub(super) fn death_at_cloud(call: usize, moment: Moment) -> Self {
        Self { death: Death { fake_aws: Some((call, moment)), ..Death::default() }, ..Self::default() }
    }
    /// Death at a call of the store.
    pub(super) fn death_at_store(call: usize, moment: Moment) -> Self {
        Self { death: Death { store: Some((call, moment)), ..Death::default() }, ..Self::default() }
    }
    /// All functions answer with an error.
    pub(super) fn ill() -> Self {
        Self { climate: Some(Climate { ill: true, ..Climate::default() }), ..Self::default() }
    }
    /// One call of AWS has that fault.
    pub(super) fn faults(call: usize, faults: Faults) -> Self {
        Self { faults: vec![(call, faults)], ..Self::default() }
    }
    /// One call of the store has that fault.
    pub(super) fn store(call: usize, fault: StoreFault) -> Self {
        Self { store: vec![(call, fault)], ..Self::default() }
    }

    /// A copy of the fixture with all these faults.
    pub(super) fn set(&self, fixture: &Fixture) -> Shared {
        let shared = fixture.open();
        for (at, fault) in &self.store {
            shared.store.fault_at(*at, fault.clone());
        }
        for (at, faults) in &self.faults {
            shared.fake_aws.fault_at(*at, faults.clone());
        }
        if let Some(climate) = &self.climate {
            shared.fake_aws.climate(|now| *now = climate.clone());
        }
        shared
    }
}

/// What an undisturbed run calls.
pub(super) struct Clean {
    /// Calls of the store until all updates are delivered.
    pub(super) store: usize,
    /// Calls of AWS.
    pub(super) fake_aws: Vec<Called>,
    /// The numbers of those that changed something, in the order in which they did.
    pub(super) changes: Vec<usize>,
    /// How often each call took effect.
    pub(super) effects: BTreeMap<&'static str, usize>,
}

/// How often each call took effect.
pub(super) fn effects(shared: &Shared) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for effect in shared.fake_aws.effects() {
        *counts.entry(effect.call).or_default() += 1;
    }
    counts
}

/// Plays a scenario undisturbed.
pub(super) async fn clean(scenario: &Scenario, fixture: &Fixture) -> Clean {
    let shared = fixture.open();
    shared.play(scenario, &Case::default()).await;
    let (store, fake_aws, changes) =
        (shared.store.count(), shared.fake_aws.calls(), shared.fake_aws.changes());
    super::judge::success(&shared, scenario, fixture, "undisturbed").await;
    Clean { store, fake_aws, changes, effects: effects(&shared) }
}

/// All cases of a list or a sample: every n-th, from a start that differs by scenario.
pub(super) fn sampled<T>(cases: Vec<T>, most: usize, start: usize) -> Vec<T> {
    if is_whole() || cases.len() <= most {
        return cases;
    }
    let start = start + usize::try_from(variable("SLUICE_MATRIX_SEED").unwrap_or(0)).unwrap_or(0);
    let stride = cases.len().div_ceil(most);
    cases
        .into_iter()
        .enumerate()
        .filter(|(at, _)| at % stride == start % stride)
        .map(|(_, case)| case)
        .collect()
}

/// Counts the cases and their time, and prints both at its end.
pub(super) struct Tally {
    what: String,
    cases: AtomicUsize,
    since: std::time::Instant,
}

impl Tally {
    pub(super) fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), cases: AtomicUsize::new(0), since: std::time::Instant::now() }
    }
    pub(super) fn count(&self) {
        self.cases.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let (cases, took) = (self.cases.load(Ordering::Relaxed), self.since.elapsed().as_secs_f64());
        let rate = f64::from(u32::try_from(cases).unwrap_or(u32::MAX)) / took.max(0.001);
        println!("matrix: {}: {cases} cases in {took:.1} s, {rate:.0} a second", self.what);
    }
}
