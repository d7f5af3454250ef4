//! Cases: what goes wrong in one run of a tale.

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

/// What becomes of the hints between replicas.
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
    /// Where the first life ends.
    pub(super) death: Death,
    /// Faults of the store, by the number of the call.
    pub(super) store: Vec<(usize, StoreFault)>,
    /// What happens to calls of the cloud, by their number.
    pub(super) faults: Vec<(usize, Faults)>,
    /// How the cloud behaves.
    pub(super) climate: Option<Climate>,
    /// Another replica lives beside.
    pub(super) company: bool,
    /// What becomes of hints.
    pub(super) hints: Hints,
    /// How people decide.
    pub(super) people: People,
    /// The command is delivered twice.
    pub(super) doubled: bool,
    /// The store forgets its tokens where the first life ends.
    pub(super) forgetful: bool,
    /// So long after its begin the first life does not reach the store, for that long; AWS it reaches.
    pub(super) cut: Option<(Duration, Duration)>,
}

impl Case {
    /// Death at a call of the cloud.
    pub(super) fn death_at_cloud(call: usize, moment: Moment) -> Self {
        Self { death: Death { fake_aws: Some((call, moment)), ..Death::default() }, ..Self::default() }
    }
    /// Death at a call of the store.
    pub(super) fn death_at_store(call: usize, moment: Moment) -> Self {
        Self { death: Death { store: Some((call, moment)), ..Death::default() }, ..Self::default() }
    }
    /// Whatever serves answers as it should not.
    pub(super) fn ill() -> Self {
        Self { climate: Some(Climate { ill: true, ..Climate::default() }), ..Self::default() }
    }
    /// One call of the cloud meets that.
    pub(super) fn faults(call: usize, faults: Faults) -> Self {
        Self { faults: vec![(call, faults)], ..Self::default() }
    }
    /// One call of the store meets that.
    pub(super) fn store(call: usize, fault: StoreFault) -> Self {
        Self { store: vec![(call, fault)], ..Self::default() }
    }

    /// A copy of the scene in which all this will go wrong.
    pub(super) fn set(&self, fixture: &Fixture) -> Shared {
        let shared = fixture.open();
        for (at, fault) in &self.store {
            shared.store.fault_at(*at, fault.clone());
        }
        for (at, faults) in &self.faults {
            shared.fake_aws.weather_at(*at, faults.clone());
        }
        if let Some(climate) = &self.climate {
            shared.fake_aws.climate(|now| *now = climate.clone());
        }
        shared
    }
}

/// What an undisturbed run calls.
pub(super) struct Clean {
    /// Calls of the store until everything is told.
    pub(super) store: usize,
    /// Calls of the cloud.
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

/// Plays a tale undisturbed.
pub(super) async fn clean(scenario: &Scenario, fixture: &Fixture) -> Clean {
    let shared = fixture.open();
    shared.play(scenario, &Case::default()).await;
    let (store, fake_aws, changes) =
        (shared.store.count(), shared.fake_aws.calls(), shared.fake_aws.changes());
    super::judge::success(&shared, scenario, fixture, "undisturbed").await;
    Clean { store, fake_aws, changes, effects: effects(&shared) }
}

/// Of a list of cases, all or a sample: every n-th, from a start that differs from tale to tale.
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

/// Counts what was covered, and how long it took; said at its end.
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
