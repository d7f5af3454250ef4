//! Unwinding: for every step that can be undone, a failure that undoes it; then death before and after each later call of
//! the store and of AWS (each undo runs twice), and every fault of each of those calls, until the operation is unwound, or
//! stuck and then retried or marked as resolved.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::harness::{Death, Shared};
use super::cases::{Case, Tally, clean, sampled};
use super::fixture::Fixture;
use super::scenarios::Scenario;
use super::users::People;
use super::{judge, scenes};
use crate::operation::{Head, Status};
use crate::testing::Moment;
use crate::testing::fake_aws::Faults;
use sluice_model::Class;

/// How many deaths of an unwind the short form tries.
const DEATHS: usize = 20;
/// How many failures of an unwind the short form tries.
const FAILURES: usize = 20;
/// At how many moments a cancel is tried, to find one that undoes something.
const CANCELS: u64 = 12;

/// A failure that undoes something, and what an undisturbed unwind does.
struct Fall {
    case: Case,
    /// The steps that are undone.
    undone: BTreeSet<String>,
    /// The calls of AWS during the unwind, by number, and whether each changes something.
    back: Vec<(usize, bool)>,
    /// The calls of the store during the unwind.
    store: std::ops::Range<usize>,
}

/// The steps that are undone according to a journal.
fn undone(shared: &Shared, head: &Head) -> BTreeSet<String> {
    let journal = shared.journal(&head.id).join(", ");
    journal.split(", ").filter_map(|entry| Some(entry.strip_prefix("undone ")?.to_owned())).collect()
}

fn only(shared: &Shared, fixture: &Fixture) -> Head {
    shared.new_heads(fixture).remove(0)
}

impl Fall {
    /// That case, if it undoes anything.
    async fn of(scenario: &Scenario, fixture: &Fixture, case: Case) -> Option<Self> {
        let shared = case.set(fixture);
        shared.play(scenario, &case).await;
        let context = format!("undisturbed fall: {:?} {:?}", case.faults, case.people);
        judge::rest(&shared, scenario, fixture, &context).await;
        let undone = undone(&shared, &only(&shared, fixture));
        if undone.is_empty() {
            return None;
        }
        let (calls, stored) = (shared.fake_aws.calls(), shared.store.count());
        let changes: BTreeSet<usize> = shared.fake_aws.changes().into_iter().collect();
        // The unwind begins after the last call that fails, or, for a cancel, at the first call that a clean run does not make.
        // To find both, the process dies at each call until its journal has an undo.
        let mut first = calls.len();
        let mut from = stored;
        for call in (0..calls.len()).rev() {
            let (has_undo, stored) = Self::at(scenario, fixture, &case, call).await;
            if !has_undo {
                break;
            }
            (first, from) = (call, stored);
        }
        let back = (first..calls.len()).map(|call| (call, changes.contains(&call))).collect();
        // The store call before the first AWS call writes the intent of the first undo.
        Some(Self { case, undone, back, store: from.saturating_sub(1)..stored })
    }

    /// Whether an undo had begun before that call, and how many calls of the store there were.
    async fn at(scenario: &Scenario, fixture: &Fixture, case: &Case, call: usize) -> (bool, usize) {
        let shared = case.set(fixture);
        let death = Death { fake_aws: Some((call, Moment::Before)), ..Death::default() };
        let process = shared.process_with("first", death, |_| {});
        let died = shared.first_run(&process, scenario, &Case { death, ..case.clone() }).await;
        let stored = shared.store.count();
        let heads = shared.new_heads(fixture);
        let is_undo = |head: &Head| shared.journal(&head.id).join(", ").contains("undo ");
        (died && heads.iter().any(is_undo), stored)
    }

    /// Failures that together undo every step of that scenario that can be undone.
    async fn all(scenario: &Scenario, fixture: &Fixture) -> Vec<Self> {
        let begun = tokio::time::Instant::now();
        let clean = clean(scenario, fixture).await;
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        let denied = clean.changes.iter().rev().map(|call| Case::faults(*call, Faults::Fails(Class::Denied)));
        let moments = (1..CANCELS).rev().map(|nth| People::Cancelling(took * nth / CANCELS));
        let cancelled = moments.map(|people| Case { people, ..Case::default() });
        let ill = super::smoke::is_tested(&clean).then(Case::ill);
        let mut falls: Vec<Self> = vec![];
        for case in ill.into_iter().chain(denied).chain(cancelled) {
            let known: BTreeSet<_> = falls.iter().flat_map(|fall| fall.undone.iter().cloned()).collect();
            let shared = case.set(fixture);
            shared.play(scenario, &case).await;
            let found = undone(&shared, &only(&shared, fixture));
            if !found.is_subset(&known) {
                falls.extend(Self::of(scenario, fixture, case).await);
            }
        }
        falls
    }

    /// Settled and unchanged, with the same steps undone.
    async fn judge(&self, shared: &Shared, scenario: &Scenario, fixture: &Fixture, context: &str) {
        let status = judge::rest(shared, scenario, fixture, context).await;
        let head = only(shared, fixture);
        let journal = shared.journal(&head.id);
        assert_eq!(status, Status::Failed, "{}: {context}: {journal:#?}", scenario.name);
        assert_eq!(undone(shared, &head), self.undone, "{}: {context}: {journal:#?}", scenario.name);
    }
}

/// A process dies before or after each call of the unwind: an undo that was not recorded runs twice.
pub(super) async fn deaths(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        for fall in Fall::all(scenario, &fixture).await {
            let twice = fall.back.iter().filter(|(_, changes)| *changes).count();
            assert!(twice > 0, "{}: {:?} are undone without a call", scenario.name, fall.undone);
            let tally = Tally::of(format!(
                "{}: deaths on the way back of {:?}, {} store and {} AWS calls",
                scenario.name,
                fall.undone,
                fall.store.len(),
                fall.back.len()
            ));
            let at_cloud = |(call, moment)| Death { fake_aws: Some((call, moment)), ..Death::default() };
            let at_store = |(call, moment)| Death { store: Some((call, moment)), ..Death::default() };
            // Each undo runs twice: the sample includes all of these.
            let mut deaths: Vec<_> = fall
                .back
                .iter()
                .filter(|(_, changes)| *changes)
                .map(|(call, _)| at_cloud((*call, Moment::After)))
                .collect();
            let mut others = vec![];
            for moment in [Moment::Before, Moment::After] {
                others.extend(fall.store.clone().map(|call| at_store((call, moment))));
                others.extend(fall.back.iter().map(|(call, _)| at_cloud((*call, moment))));
            }
            deaths.extend(sampled(others, DEATHS, scenario.name.len()));
            for (number, death) in deaths.into_iter().enumerate() {
                let case = Case { death, forgetful: number % 2 == 1, ..fall.case.clone() };
                let shared = case.set(&fixture);
                let died = shared.play(scenario, &case).await;
                assert!(died || death.store.is_some(), "{}: {death:?} was none", scenario.name);
                let context = format!("falls, then {death:?}");
                tally.count();
                if death == at_store((fall.store.start, Moment::Before)) {
                    // The lost row may have held the failure.
                    judge::rest(&shared, scenario, &fixture, &context).await;
                    continue;
                }
                fall.judge(&shared, scenario, &fixture, &context).await;
            }
        }
    }
}

/// The faults of a call during the unwind, and whether the operation continues by itself.
fn fault_strategy(changes: bool) -> Vec<(Faults, bool)> {
    let fails = Faults::Fails;
    let mut all = vec![
        (fails(Class::Transient), true),
        (fails(Class::Throttled), true),
        (Faults::AnswerLost, true),
        (Faults::Slow(Duration::from_secs(9)), true),
        (fails(Class::Denied), false),
        (fails(Class::Invalid), false),
    ];
    if changes {
        all.extend([(fails(Class::Ambiguous), true), (fails(Class::Conflict), true)]);
        all.extend([(fails(Class::Absent), true), (Faults::MeetsItself, true)]);
        all.extend([(fails(Class::Busy), true), (fails(Class::Precondition), true)]);
    }
    all
}

/// Each call of the unwind has every fault: it is retried, or the operation is stuck until an admin ends it.
pub(super) async fn failures(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        for fall in Fall::all(scenario, &fixture).await {
            let tally = Tally::of(format!(
                "{}: failures of {} calls on the way back",
                scenario.name,
                fall.back.len()
            ));
            let mut cases = vec![];
            for (call, changes) in &fall.back {
                for (faults, continues) in fault_strategy(*changes) {
                    cases.push((*call, faults.clone(), continues, false));
                    // The same person sends the cancel and the mark in these scenarios: one variant of each failure.
                    if !continues && fall.case.people == People::Prompt {
                        cases.push((*call, faults, continues, true));
                    }
                }
            }
            for (call, faults, continues, resolves) in sampled(cases, FAILURES, scenario.name.len()) {
                let context =
                    format!("falls, then {faults:?} at call {call}, marked as resolved: {resolves}");
                let mut case = fall.case.clone();
                case.faults.push((call, faults));
                if resolves {
                    case.people = People::Resolving;
                }
                let shared = case.set(&fixture);
                assert!(!shared.play(scenario, &case).await);
                let journal = shared.journal(&only(&shared, &fixture).id);
                let was_stuck = journal.join(", ").contains("stuck ");
                assert!(!(continues && was_stuck), "{}: {context}: stuck: {journal:#?}", scenario.name);
                if resolves && was_stuck {
                    resolved(&shared, scenario, &fixture, &context).await;
                } else {
                    fall.judge(&shared, scenario, &fixture, &context).await;
                }
                tally.count();
            }
        }
    }
}

/// Marked as resolved: the records state what really runs, and the same command completes the work.
async fn resolved(shared: &Shared, scenario: &Scenario, fixture: &Fixture, context: &str) {
    let heads = shared.new_heads(fixture);
    let context = format!("{}: {context}: {:#?}", scenario.name, shared.journal(&heads[0].id));
    assert_eq!(heads[0].status, Status::Failed, "{context}");
    assert_eq!(shared.violations(&heads).await, Vec::<String>::new(), "{context}");
    assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{context}");
    let process = shared.process("again");
    let known = shared.heads().len();
    tokio::time::sleep(Duration::from_secs(20)).await;
    shared.fake_aws.climate(|now| now.ill = false);
    let answer = process.types("d2", scenario.who, scenario.line).await;
    assert_eq!(shared.heads().len(), known + 1, "{context}: {answer:?}");
    shared.run_until_over(&process, People::Prompt, known + 1).await;
    let newest = shared.heads().into_iter().max_by_key(|head| head.spec.ticket).unwrap();
    let context = format!("{context}: again: {:#?}", shared.journal(&newest.id));
    assert_eq!(newest.status, Status::Succeeded, "{context}");
    assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{context}");
}
