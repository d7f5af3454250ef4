//! Races as tables: steps, state and what is in flight, and the plan for them.

use async_trait::async_trait;
use serde_json::Value;

use super::*;
use crate::effects::{Mutation, Undo};
use crate::error::EngineError;
use crate::journal::Entry;
use crate::step::{Context, Progress, Step};
use crate::testing::{NoApplication, operation_id, row, spec};
use sluice_model::Refusal;

/// A mutation that is undone.
const MOVE: Mutation = Mutation {
    call: "test:Move",
    guard: "sets one value",
    observed: "a look",
    repeatable: true,
    undo: Undo::By("a move back"),
};
/// A mutation that is undone and that a second run repeats.
const ONCE: Mutation = Mutation { call: "test:Once", repeatable: false, ..MOVE };

struct Fake(Effect);
#[async_trait]
impl Step<NoApplication> for Fake {
    fn effect(&self) -> Effect {
        self.0
    }
    async fn run(&self, _: &Context<NoApplication>) -> Result<Progress, EngineError> {
        Progress::done(())
    }
}

fn id(name: &str) -> StepId {
    StepId::new(name)
}
fn look(name: &str) -> Node<NoApplication> {
    Node::new(id(name), "", Fake(Effect::Look))
}
fn mutate(name: &str) -> Node<NoApplication> {
    Node::new(id(name), "", Fake(Effect::Mutate(&MOVE)))
}
fn known(rows: Vec<Vec<Entry>>) -> OperationState {
    let mut op = OperationState::new(operation_id(1), spec("test"));
    op.fold(&row(1, vec![Entry::Accepted { params: Value::Null }])).unwrap();
    for (n, entries) in rows.into_iter().enumerate() {
        op.fold(&row(n as u64 + 2, entries)).unwrap();
    }
    op
}
fn done(name: &str) -> Entry {
    Entry::Done { step: id(name), output: Value::Null, took: None }
}
fn intent(name: &str) -> Entry {
    Entry::Intent { step: id(name) }
}
fn fault(name: &str) -> Entry {
    Entry::Fault { step: id(name), refusal: Refusal::new("x", "y", "z") }
}

#[test]
fn independent_steps_are_ready_together_and_dependent_ones_wait() {
    let nodes = [look("a"), mutate("b"), mutate("c").after([id("a")])];
    let ready = plan(&nodes, &known(vec![]), &InFlight::default()).ready;
    assert_eq!(ready, [(id("a"), Start::Run), (id("b"), Start::Intend)]);
    let ready = plan(&nodes, &known(vec![vec![done("a"), done("b")]]), &InFlight::default()).ready;
    assert_eq!(ready, [(id("c"), Start::Intend)]);
}

#[test]
fn the_intent_of_another_process_is_observed_and_an_own_intent_runs() {
    let nodes = [mutate("a")];
    let op = known(vec![vec![intent("a")]]);
    assert_eq!(plan(&nodes, &op, &InFlight::default()).ready, [(id("a"), Start::Observe)]);
    let own = InFlight { fresh: [id("a")].into(), ..InFlight::default() };
    assert_eq!(plan(&nodes, &op, &own).ready, [(id("a"), Start::Run)]);
}

#[test]
fn later_steps_are_intended_with_the_first_unless_a_person_or_a_wait_is_between() {
    let once = Node::new(id("once"), "", Fake(Effect::Mutate(&ONCE))).after([id("c")]);
    let ask = Node::new(id("ask"), "", Fake(Effect::Await)).after([id("c")]);
    let nodes = [
        mutate("a"),
        look("b").after([id("a")]),
        mutate("c").after([id("b")]),
        once,
        mutate("elsewhere").after([id("a")]).holding(Slot::new("pipeline")),
        ask,
        mutate("asked").after([id("ask")]),
        mutate("later").after([id("once")]),
    ];
    let first = plan(&nodes, &known(vec![]), &InFlight::default());
    assert_eq!((&first.ready, &first.ahead), (&vec![(id("a"), Start::Intend)], &vec![id("c")]));
    assert_eq!(first.intents(), [id("a"), id("c")]);
    let own = InFlight { fresh: [id("a"), id("c")].into(), running: [id("a")].into(), ..InFlight::default() };
    let begun = plan(&nodes, &known(vec![vec![intent("a"), intent("c")]]), &own);
    assert_eq!((begun.ready, begun.ahead, begun.outcome), (vec![], vec![], None));
    let own = InFlight { running: [].into(), ..own };
    let op = known(vec![vec![intent("a"), intent("c")], vec![done("a"), done("b")]]);
    assert_eq!(plan(&nodes, &op, &own).ready, [(id("c"), Start::Run)], "at once");
    let ready = plan(&nodes, &op, &InFlight::default()).ready;
    assert_eq!(ready, [(id("c"), Start::Observe)], "by a process that did not write the intent");
}

#[test]
fn a_slot_is_taken_before_the_first_mutation_and_not_for_an_observation() {
    let nodes = [mutate("a").holding(Slot::new("pipeline"))];
    let taking = plan(&nodes, &known(vec![]), &InFlight::default());
    assert_eq!((taking.ready, taking.takes), (vec![], [Slot::new("pipeline")].into()));
    let held = known(vec![vec![Entry::Took { slot: Slot::new("pipeline") }]]);
    assert_eq!(plan(&nodes, &held, &InFlight::default()).ready, [(id("a"), Start::Intend)]);
}

#[test]
fn after_a_fault_nothing_begins_and_uncertain_steps_are_observed() {
    let nodes = [look("a"), mutate("b"), mutate("c"), look("d")];
    let op = known(vec![vec![intent("b")], vec![fault("a")]]);
    let own = InFlight { fresh: [id("b")].into(), ..InFlight::default() };
    assert_eq!(plan(&nodes, &op, &InFlight::default()).ready, [(id("b"), Start::Observe)]);
    assert_eq!(plan(&nodes, &op, &own).idle, [id("b")], "never run by us, who intended it");
    let runs = InFlight { running: [id("b")].into(), ..own };
    assert_eq!(plan(&nodes, &op, &runs), Plan::default());
    let mut rows = vec![vec![intent("b")], vec![fault("a"), done("b")]];
    let settled = plan(&nodes, &known(rows.clone()), &InFlight::default());
    assert_eq!((settled.ready, settled.outcome), (vec![(id("b"), Start::IntendUndo)], None));
    rows.push(vec![Entry::UndoIntent { step: id("b") }]);
    let begun = plan(&nodes, &known(rows.clone()), &InFlight::default());
    assert_eq!(begun.ready, [(id("b"), Start::Undo)], "again, by the next owner");
    let mut stuck = rows.clone();
    let refusal = Refusal::new("x", "y", "z");
    stuck.push(vec![Entry::UndoFault { step: id("b"), refusal: refusal.clone() }]);
    assert_eq!(plan(&nodes, &known(stuck), &InFlight::default()).outcome, Some(Outcome::Stuck(refusal)));
    rows.push(vec![Entry::UndoDone { step: id("b"), left: None }]);
    assert_eq!(plan(&nodes, &known(rows), &InFlight::default()).outcome, Some(Outcome::Failed));
}

#[test]
fn an_operation_unwinds_in_reverse_side_by_side_and_not_past_the_point_of_no_return() {
    let nodes = [
        mutate("a"),
        mutate("b").after([id("a")]),
        mutate("c").after([id("a")]),
        mutate("over").after([id("a")]).spent_if(true),
        look("last").after([id("b"), id("c")]).point_of_no_return(),
        look("more").after([id("last")]),
    ];
    let all = ["a", "b", "c", "over"].map(|name| vec![intent(name), done(name)]);
    let mut rows: Vec<_> = all.into();
    rows.push(vec![fault("more")]);
    let back = plan(&nodes, &known(rows.clone()), &InFlight::default());
    assert_eq!(back.ready, [(id("c"), Start::IntendUndo), (id("b"), Start::IntendUndo)]);
    let busy = InFlight { running: [id("c")].into(), ..InFlight::default() };
    assert_eq!(plan(&nodes, &known(rows.clone()), &busy).ready, [(id("b"), Start::IntendUndo)]);
    rows.insert(4, vec![done("last")]);
    let too_late = plan(&nodes, &known(rows.clone()), &InFlight::default());
    assert_eq!(
        (too_late.ready, too_late.outcome),
        (vec![], Some(Outcome::Stuck(Refusal::new("x", "y", "z"))))
    );
}

#[test]
fn an_operation_ends_when_all_is_done_and_waits_when_it_needs_people() {
    let nodes = [look("a"), Node::new(id("ask"), "", Fake(Effect::Await)).after([id("a")])];
    let op = known(vec![vec![done("a")]]);
    let asked = InFlight { awaiting: [id("ask")].into(), ..InFlight::default() };
    assert_eq!(plan(&nodes, &op, &asked).outcome, Some(Outcome::Wait(id("ask"))));
    let all = known(vec![vec![done("a"), done("ask")]]);
    assert_eq!(plan(&nodes, &all, &InFlight::default()).outcome, Some(Outcome::Succeeded));
    let busy = InFlight { running: [id("a")].into(), ..InFlight::default() };
    assert_eq!(plan(&nodes, &known(vec![]), &busy).outcome, None);
}
