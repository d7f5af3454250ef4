//! The matrix: every registered operation, on an AWS in memory and a controlled clock, through every crash, fault and
//! race that can be named. Afterwards AWS, records, journal and messages agree.
//!
//! It iterates the registry: a registered operation without a scenario (`scenarios.rs`) fails a test. By default a sample of
//! the cases runs; `SLUICE_MATRIX=all` runs all of them, `SLUICE_MATRIX_SEED=n` starts random schedules there, and
//! `SLUICE_MATRIX_CASES=n` sets their number. Seeds that failed once, or caught a deliberate fault, are in `seeds.txt` and
//! always run. `docs/matrix.md` has the figures.

mod aws;
mod blocked_stacks;
mod cases;
mod crashes;
mod drift;
mod failures;
mod first_minutes;
mod fixture;
mod fixtures;
mod gates;
mod groups;
mod images;
mod inactive;
mod judge;
mod layers;
mod leftovers;
mod locks;
mod outdated;
mod previews;
mod removal;
mod scenarios;
mod schedule_gen;
mod schedules;
mod settings;
mod shedding;
mod sizes;
mod smoke;
mod stack_choices;
mod stack_status;
mod stacks;
mod system_parameters;
mod undoing;
mod users;
mod versions;

use fixture::Fixture;
use scenarios::{OF_STACKS, SCENARIOS, Scenario};

/// A number from the environment.
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Whether all cases run.
fn is_whole() -> bool {
    std::env::var("SLUICE_MATRIX").is_ok_and(|what| what == "all")
}

/// The scenarios of a kind with their fixtures; all of them if there is no such kind.
async fn scenes(kind: &str) -> Vec<(&'static Scenario, Fixture)> {
    let mut scenes = vec![];
    let all = if kind == STACKS { OF_STACKS } else { SCENARIOS };
    for scenario in all.iter().filter(|scenario| kind == STACKS || scenario.kind == kind) {
        scenes.push((scenario, Fixture::of(scenario).await));
    }
    scenes
}

/// Stands for the scenarios of stages with a stack.
const STACKS: &str = "stacks";

/// For each kind of operation, a test of each of these: they run concurrently.
macro_rules! matrix {
    ($($kind:literal: $name:ident;)*) => {
        $(mod $name {
            use super::{crashes, failures, undoing};

            #[tokio::test(start_paused = true)]
            async fn survives_every_death() {
                crashes::deaths($kind).await;
            }
            #[tokio::test(start_paused = true)]
            async fn repeats_no_mutation_that_aws_does_not_show_yet() {
                crashes::stale($kind).await;
            }
            #[tokio::test(start_paused = true)]
            async fn yields_to_another_replica_while_it_is_disconnected_from_the_store() {
                crashes::stalls($kind).await;
            }
            #[tokio::test(start_paused = true)]
            async fn survives_every_fault_of_the_store() {
                crashes::store_faults($kind).await;
            }
            #[tokio::test(start_paused = true)]
            async fn ends_after_any_failure_and_is_completed() {
                failures::failures($kind).await;
            }
            #[tokio::test(start_paused = true)]
            async fn changes_nothing_if_it_is_cancelled() {
                failures::cancels($kind).await;
            }
            #[tokio::test(start_paused = true)]
            async fn is_shared_by_two_replicas() {
                failures::races($kind).await;
            }
            #[tokio::test(start_paused = true)]
            async fn survives_every_death_of_its_unwind() {
                undoing::deaths($kind).await;
            }
            #[tokio::test(start_paused = true)]
            async fn unwinds_through_every_failure_or_is_stuck_until_a_retry() {
                undoing::failures($kind).await;
            }
        })*

        /// The kinds with tests.
        const KINDS: &[&str] = &[$($kind),*];
    };
}

matrix! {
    "repo-create": repo_create;
    "build": build;
    "stage-add": stage_add;
    "stage-set": stage_set;
    "stage-remove": stage_remove;
    "stage-lock": stage_lock;
    "stage-unlock": stage_unlock;
    "access-grant": access_grant;
    "access-revoke": access_revoke;
    "deploy": deploy;
    "promote": promote;
    "rollback": rollback;
    "tidy": tidy;
    "stacks": of_stacks;
}

#[test]
fn every_registered_operation_has_a_scenario() {
    let registry = crate::registry::registry();
    for definition in registry.all() {
        let kind = definition.kind();
        assert!(
            SCENARIOS.iter().any(|scenario| scenario.kind == kind),
            "operation `{kind}` has no scenario in the matrix: add its world and its command to scenarios.rs"
        );
        assert!(
            KINDS.contains(&kind),
            "operation `{kind}` is not in the list of the matrix: add it in mod.rs"
        );
    }
    for scenario in SCENARIOS {
        let known = registry.all().any(|definition| definition.kind() == scenario.kind);
        assert!(known, "the scenario {} is of no registered operation", scenario.name);
    }
}
