use super::*;
use crate::recorded_signal::CANCEL;
use crate::testing::{operation_id, row, spec};

fn op() -> OperationState {
    let mut op = OperationState::new(operation_id(1), spec("test"));
    op.fold(&row(1, vec![Entry::Accepted { params: Value::Null }])).unwrap();
    op
}

fn intent(step: &str) -> Entry {
    Entry::Intent { step: StepId::new(step) }
}

fn done(step: &str) -> Entry {
    Entry::Done { step: StepId::new(step), output: Value::from(7), took: None }
}

#[test]
fn a_step_goes_from_intent_to_done() {
    let mut op = op();
    op.fold(&row(2, vec![intent("a")])).unwrap();
    assert!(op.step(&StepId::new("a")).unwrap().is_uncertain());
    op.fold(&row(3, vec![done("a"), Entry::Ended { succeeded: true }])).unwrap();
    assert_eq!(op.output::<u32>(&StepId::new("a")).unwrap(), Some(7));
    assert_eq!(op.status(), Status::Succeeded);
}

fn followed_up() -> Entry {
    Entry::FollowedUp { output: Value::from("well") }
}

#[test]
fn a_success_is_followed_up_once() {
    let mut op = op();
    op.fold(&row(2, vec![Entry::Ended { succeeded: true }])).unwrap();
    op.fold(&row(3, vec![followed_up()])).unwrap();
    assert_eq!(op.status(), Status::Succeeded);
    let followed = op.followed_up.unwrap();
    assert_eq!((followed.sequence, &*followed.output), (3, &Value::from("well")));
}

#[test]
fn an_impossible_row_is_corrupt() {
    let bad: Vec<Vec<Row>> = vec![
        vec![row(3, vec![done("a")])],
        vec![row(2, vec![Entry::Accepted { params: Value::Null }])],
        vec![row(2, vec![intent("a"), intent("a")])],
        vec![row(2, vec![done("a"), done("a")])],
        vec![row(2, vec![done("a"), intent("a")])],
        vec![row(2, vec![Entry::Absent { step: StepId::new("a") }])],
        vec![row(2, vec![Entry::Released { slot: Slot::new("pipeline") }])],
        vec![row(
            2,
            vec![Entry::Took { slot: Slot::new("pipeline") }, Entry::Took { slot: Slot::new("pipeline") }],
        )],
        vec![row(2, vec![Entry::Ended { succeeded: true }]), row(3, vec![done("a")])],
        vec![row(2, vec![followed_up()])],
        vec![row(2, vec![Entry::Ended { succeeded: false }]), row(3, vec![followed_up()])],
        vec![row(2, vec![Entry::Ended { succeeded: true }, followed_up(), followed_up()])],
    ];
    for rows in bad {
        let mut op = op();
        let result: Result<Vec<()>, _> = rows.iter().map(|row| op.fold(row)).collect();
        assert!(matches!(result, Err(EngineError::Corrupt(_))), "{rows:?}");
    }
}

#[test]
fn the_reason_of_a_cancel_mentions_nobody() {
    let mut op = op();
    let cancel = RecordedSignal {
        step: StepId::new(CANCEL),
        actor: op.spec.actor.clone(),
        kind: SignalKind::Cancel,
        reason: Some("`rm -rf` by <@U0BEN0002>, <!subteam^S1>, <!channel>".into()),
        refusal: None,
        at: op.spec.accepted,
    };
    op.fold(&row(2, vec![Entry::Signal(cancel)])).unwrap();
    let problem = op.failure().unwrap().problem;
    assert_eq!(problem, "<@U0ANN0001> cancelled it: 'rm -rf' by @U0BEN0002>, !subteam^S1>, <!channel>.");
}

#[test]
fn a_preempted_operation_fails_with_the_refusal_that_it_got() {
    let mut op = op();
    let refusal = Refusal::new("void", "It was stopped.", "Run it again.");
    let preempt = RecordedSignal {
        step: StepId::new(CANCEL),
        actor: op.spec.actor.clone(),
        kind: SignalKind::Preempt,
        reason: None,
        refusal: Some(refusal.clone()),
        at: op.spec.accepted,
    };
    op.fold(&row(2, vec![Entry::Signal(preempt)])).unwrap();
    assert_eq!(op.failure(), Some(refusal));
}
