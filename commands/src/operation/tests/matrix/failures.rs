//! Failures: every call of an undisturbed run fails in every way; replicas race; deliveries, decisions and hints arrive
//! twice, late, in another order or not at all.

use std::time::Duration;

use super::cases::{Case, Hints, Tally, clean, sampled};
use super::users::People;
use super::{judge, scenes};
use crate::operation::{REJECTED, Status};
use crate::testing::Moment;
use crate::testing::fake_aws::{Called, Faults};
use sluice_model::Class;

/// How many failures of a scenario the short form tries.
const SAMPLE: usize = 24;

/// The faults of that call, and whether the operation must succeed nevertheless.
fn fault_strategy(called: &Called) -> Vec<(Faults, bool)> {
    let fails = Faults::Fails;
    let mut all = vec![
        (fails(Class::Transient), true),
        (fails(Class::Throttled), true),
        (fails(Class::Denied), false),
        (fails(Class::Invalid), false),
        (Faults::AnswerLost, true),
        (Faults::Slow(Duration::from_secs(9)), true),
    ];
    if called.mutates {
        all.push((fails(Class::Ambiguous), true));
        // One such answer is not final.
        all.push((fails(Class::Conflict), true));
        all.push((fails(Class::Absent), true));
        all.push((fails(Class::Busy), true));
        all.push((fails(Class::Precondition), false));
        all.push((fails(Class::Quota), false));
        all.push((Faults::MeetsItself, true));
    }
    all
}

/// Each call fails in every way.
pub(super) async fn failures(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        let clean = clean(scenario, &fixture).await;
        let tally = Tally::of(format!("{}: failures of {} AWS calls", scenario.name, clean.fake_aws.len()));
        let mut cases = vec![];
        for (call, called) in clean.fake_aws.iter().enumerate() {
            cases.extend(
                fault_strategy(called).into_iter().map(|(faults, well)| (call, called, faults, well)),
            );
        }
        for (call, called, faults, well) in sampled(cases, SAMPLE, scenario.name.len()) {
            let context = format!("{faults:?} at call {call}, {} {}", called.call, called.subject);
            let case = Case::faults(call, faults);
            let shared = case.set(&fixture);
            assert!(!shared.play(scenario, &case).await);
            tally.count();
            if well {
                judge::same(&shared, scenario, &fixture, &clean, &context).await;
                continue;
            }
            if judge::rest(&shared, scenario, &fixture, &context).await == Status::Succeeded {
                continue;
            }
            // The same command completes an operation that failed only for that reason.
            let process = shared.process("again");
            let known = shared.heads().len();
            tokio::time::sleep(Duration::from_secs(20)).await;
            let answer = process.types("d2", scenario.who, scenario.line).await;
            assert_eq!(shared.heads().len(), known + 1, "{}: {context}: {answer:?}", scenario.name);
            shared.run_until_over(&process, People::Prompt, known + 1).await;
            let newest = shared.heads().into_iter().max_by_key(|head| head.spec.ticket).unwrap();
            let context = format!("{}: {context}: again: {:#?}", scenario.name, shared.journal(&newest.id));
            assert_eq!(newest.status, Status::Succeeded, "{context}");
            assert_eq!(
                shared.violations(std::slice::from_ref(&newest)).await,
                Vec::<String>::new(),
                "{context}"
            );
            assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{context}");
        }
    }
}

/// The requester cancels it at any time: it changes nothing, or it is too late and it succeeds.
pub(super) async fn cancels(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        let begun = tokio::time::Instant::now();
        let clean = clean(scenario, &fixture).await;
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        let tally =
            Tally::of(format!("{}: cancelled at any time, in the same or another process", scenario.name));
        let moments: Vec<u64> = (0..SAMPLE as u64).map(|nth| took * nth / SAMPLE as u64).collect();
        for (number, after) in sampled(moments, SAMPLE / 2, scenario.name.len()).into_iter().enumerate() {
            let people = People::Cancelling(after);
            let case = match number % 3 {
                0 => Case { people, ..Case::default() },
                1 => Case { people, company: true, hints: Hints::Lost, ..Case::default() },
                _ => Case { people, ..Case::death_at_cloud(clean.fake_aws.len() / 2, Moment::After) },
            };
            let shared = case.set(&fixture);
            shared.play(scenario, &case).await;
            judge::rest(&shared, scenario, &fixture, &format!("{case:?}")).await;
            tally.count();
        }
    }
}

/// Two replicas, with every handling of the hints between them, and every command typed twice.
pub(super) async fn races(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        let clean = clean(scenario, &fixture).await;
        let tally = Tally::of(format!("{}: two replicas, hints lost, carried and doubled", scenario.name));
        let half = clean.fake_aws.len() / 2;
        for hints in [Hints::Lost, Hints::Carried, Hints::Doubled] {
            for case in [
                Case::default(),
                Case::death_at_cloud(half, Moment::After),
                Case::death_at_store(clean.store / 2, Moment::Before),
            ] {
                let case = Case { company: true, hints, doubled: true, ..case };
                let shared = case.set(&fixture);
                shared.play(scenario, &case).await;
                judge::same(&shared, scenario, &fixture, &clean, &format!("{case:?}")).await;
                tally.count();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_first_decision_counts() {
    for (scenario, fixture) in scenes("promote").await {
        let clean = clean(scenario, &fixture).await;
        for people in [People::Doubled, People::TooLate] {
            for company in [false, true] {
                let case = Case { people, company, doubled: true, ..Case::default() };
                let shared = case.set(&fixture);
                assert!(!shared.play(scenario, &case).await);
                judge::same(&shared, scenario, &fixture, &clean, &format!("{people:?}")).await;
            }
        }
        for people in [People::Contrary, People::Rejecting] {
            let case = Case { people, ..Case::default() };
            let shared = case.set(&fixture);
            assert!(!shared.play(scenario, &case).await);
            let status = judge::rest(&shared, scenario, &fixture, &format!("{people:?}")).await;
            let head = shared.new_heads(&fixture).remove(0);
            let op = shared.op(&head.id).await;
            let first = op.signals.first().map(|signal| signal.kind);
            let rejected = op.faults().any(|(_, refusal)| refusal.code == REJECTED);
            assert_eq!(rejected, first == Some(crate::operation::SignalKind::Reject), "{people:?}");
            assert_eq!(rejected, status == Status::Failed);
            if people == People::Rejecting {
                assert!(rejected && shared.fake_aws.serving() == fixture.fake_aws.serving());
            }
        }
    }
}
