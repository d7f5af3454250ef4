//! Judgement: from what is known to the set of steps that are ready. Pure and synchronous, so that races are tables.
//!
//! The rules. A step is ready when all that it needs is done. A mutation runs only after its intent is recorded; an
//! intent that this process did not write itself is observed before anything else. Where a row is written anyway, the
//! intents of what follows go with it (*ahead*), so that a chain of calls does not wait for the store between them;
//! only of what may be observed as absent without a wait, should we die. After a fault nothing new begins, but what is
//! uncertain is still observed, so that the end names what was changed. Nobody waits for people while holding a slot.

use std::collections::BTreeSet;

use crate::operation::facts::Facts;
use crate::operation::slot::Slot;
use crate::operation::step::{Effect, Node, StepId};

/// What the driver knows besides the journal.
#[derive(Debug, Default, Clone)]
pub struct Motion {
    /// Steps that run now.
    pub in_flight: BTreeSet<StepId>,
    /// Steps whose intent this process recorded and that it has not run yet: they run without being observed.
    pub fresh: BTreeSet<StepId>,
    /// Steps that are to be looked at later.
    pub deferred: BTreeSet<StepId>,
    /// Slots that are to be tried later.
    pub deferred_slots: BTreeSet<Slot>,
    /// Steps that wait for people.
    pub awaiting: BTreeSet<StepId>,
}

/// How a ready step is to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Record an intent, then run.
    Intend,
    /// Run.
    Run,
    /// Observe first.
    Observe,
}

/// What follows from what is known.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps to start now.
    pub ready: Vec<(StepId, Start)>,
    /// The mutations whose intents may be recorded with those of [`Plan::ready`]: all that they still need is under way.
    pub ahead: Vec<StepId>,
    /// Intents of this process that come to nothing after a fault: their steps were never run.
    pub idle: Vec<StepId>,
    /// The slots to take first.
    pub takes: BTreeSet<Slot>,
    /// What the operation has come to, if nothing is ready and nothing runs.
    pub turn: Option<Turn>,
}

impl Plan {
    /// The steps whose intents are to be recorded now; those ahead only if a row is written for others anyway.
    pub(crate) fn intents(&self) -> Vec<StepId> {
        let now = self.ready.iter().filter(|(_, start)| *start == Start::Intend).map(|(id, _)| id.clone());
        let mut intents: Vec<StepId> = now.collect();
        if !intents.is_empty() {
            intents.extend(self.ahead.iter().cloned());
        }
        intents
    }
}

/// What an operation has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// All steps are done.
    Succeeded,
    /// A step failed, and nothing runs or is uncertain any more.
    Failed,
    /// Only people can get it on.
    Wait(StepId),
}

/// What is ready.
pub fn plan(nodes: &[Node], facts: &Facts, motion: &Motion) -> Plan {
    let mut plan = Plan::default();
    if facts.ended.is_some() {
        return plan;
    }
    let faulted = facts.faults().next().is_some();
    let mut open = false;
    let mut coming: BTreeSet<&StepId> = motion.in_flight.iter().collect();
    for node in nodes {
        let fact = facts.step(&node.id);
        if fact.is_some_and(|fact| fact.done.is_some() || fact.fault.is_some()) {
            continue;
        }
        let uncertain = fact.is_some_and(|fact| fact.is_uncertain());
        if faulted && !uncertain && !motion.in_flight.contains(&node.id) {
            continue;
        }
        open = true;
        if faulted && uncertain && motion.fresh.contains(&node.id) && !motion.in_flight.contains(&node.id) {
            plan.idle.push(node.id.clone());
            continue;
        }
        let busy = motion.in_flight.contains(&node.id)
            || motion.deferred.contains(&node.id)
            || motion.awaiting.contains(&node.id);
        if busy {
            continue;
        }
        if !node.needs.iter().all(|need| facts.is_done(need)) {
            // The steps are listed in an order in which each comes behind what it needs.
            let follows = node.needs.iter().all(|need| facts.is_done(need) || coming.contains(need));
            let has_slot = node.slot.as_ref().is_none_or(|slot| facts.held.contains(slot));
            let is_ahead = match node.step.effect() {
                Effect::Look => true,
                Effect::Mutate(mutation) => mutation.repeatable && has_slot,
                Effect::Await => false,
            };
            if follows && is_ahead && !faulted {
                coming.insert(&node.id);
                if matches!(node.step.effect(), Effect::Mutate(_)) && !uncertain {
                    plan.ahead.push(node.id.clone());
                }
            }
            continue;
        }
        coming.insert(&node.id);
        let start = match node.step.effect() {
            Effect::Look | Effect::Await => Start::Run,
            Effect::Mutate(_) if !uncertain => Start::Intend,
            Effect::Mutate(_) if motion.fresh.contains(&node.id) && !faulted => Start::Run,
            Effect::Mutate(_) => Start::Observe,
        };
        match &node.slot {
            Some(slot) if !facts.held.contains(slot) && start != Start::Observe => {
                if !motion.deferred_slots.contains(slot) {
                    plan.takes.insert(slot.clone());
                }
            }
            _ => plan.ready.push((node.id.clone(), start)),
        }
    }
    let moving = !plan.ready.is_empty()
        || !plan.takes.is_empty()
        || !motion.in_flight.is_empty()
        || !motion.deferred.is_empty()
        || !motion.deferred_slots.is_empty();
    if !moving {
        plan.turn = match motion.awaiting.iter().next() {
            _ if faulted && !open => Some(Turn::Failed),
            Some(step) if !faulted => Some(Turn::Wait(step.clone())),
            _ if !open => Some(Turn::Succeeded),
            _ => None,
        };
    }
    plan
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::Value;

    use super::*;
    use crate::operation::effects;
    use crate::operation::journal::Entry;
    use crate::operation::step::{Context, Progress, Refusal, Step, Trouble};
    use crate::operation::testing::{charter, operation_id, row};

    struct Fake(Effect);
    #[async_trait]
    impl Step for Fake {
        fn effect(&self) -> Effect {
            self.0
        }
        async fn run(&self, _: &Context) -> Result<Progress, Trouble> {
            Progress::done(())
        }
    }

    fn id(name: &str) -> StepId {
        StepId::new(name)
    }
    fn look(name: &str) -> Node {
        Node::new(id(name), "", Fake(Effect::Look))
    }
    fn mutate(name: &str) -> Node {
        Node::new(id(name), "", Fake(Effect::Mutate(&effects::MOVE_ALIAS)))
    }
    fn known(rows: Vec<Vec<Entry>>) -> Facts {
        let mut facts = Facts::new(operation_id(1), charter("test"));
        facts.fold(&row(1, vec![Entry::Accepted { params: Value::Null }])).unwrap();
        for (n, entries) in rows.into_iter().enumerate() {
            facts.fold(&row(n as u64 + 2, entries)).unwrap();
        }
        facts
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
        let ready = plan(&nodes, &known(vec![]), &Motion::default()).ready;
        assert_eq!(ready, [(id("a"), Start::Run), (id("b"), Start::Intend)]);
        let ready = plan(&nodes, &known(vec![vec![done("a"), done("b")]]), &Motion::default()).ready;
        assert_eq!(ready, [(id("c"), Start::Intend)]);
    }

    #[test]
    fn an_intent_of_somebody_else_is_observed_and_ones_own_is_run() {
        let nodes = [mutate("a")];
        let facts = known(vec![vec![intent("a")]]);
        assert_eq!(plan(&nodes, &facts, &Motion::default()).ready, [(id("a"), Start::Observe)]);
        let own = Motion { fresh: [id("a")].into(), ..Motion::default() };
        assert_eq!(plan(&nodes, &facts, &own).ready, [(id("a"), Start::Run)]);
    }

    #[test]
    fn what_follows_is_intended_with_the_first_unless_a_person_or_a_wait_is_between() {
        let once = Node::new(id("once"), "", Fake(Effect::Mutate(&effects::START_BUILD))).after([id("c")]);
        let ask = Node::new(id("ask"), "", Fake(Effect::Await)).after([id("c")]);
        let nodes = [
            mutate("a"),
            look("b").after([id("a")]),
            mutate("c").after([id("b")]),
            once,
            mutate("elsewhere").after([id("a")]).holding(Slot::Pipeline),
            ask,
            mutate("asked").after([id("ask")]),
            mutate("later").after([id("once")]),
        ];
        let first = plan(&nodes, &known(vec![]), &Motion::default());
        assert_eq!((&first.ready, &first.ahead), (&vec![(id("a"), Start::Intend)], &vec![id("c")]));
        assert_eq!(first.intents(), [id("a"), id("c")]);
        let own =
            Motion { fresh: [id("a"), id("c")].into(), in_flight: [id("a")].into(), ..Motion::default() };
        let begun = plan(&nodes, &known(vec![vec![intent("a"), intent("c")]]), &own);
        assert_eq!((begun.ready, begun.ahead, begun.turn), (vec![], vec![], None));
        let own = Motion { in_flight: [].into(), ..own };
        let facts = known(vec![vec![intent("a"), intent("c")], vec![done("a"), done("b")]]);
        assert_eq!(plan(&nodes, &facts, &own).ready, [(id("c"), Start::Run)], "at once");
        let ready = plan(&nodes, &facts, &Motion::default()).ready;
        assert_eq!(ready, [(id("c"), Start::Observe)], "by whoever did not write the intent");
    }

    #[test]
    fn a_slot_is_taken_before_the_first_mutation_and_not_for_an_observation() {
        let nodes = [mutate("a").holding(Slot::Pipeline)];
        let taking = plan(&nodes, &known(vec![]), &Motion::default());
        assert_eq!((taking.ready, taking.takes), (vec![], [Slot::Pipeline].into()));
        let held = known(vec![vec![Entry::Took { slot: Slot::Pipeline }]]);
        assert_eq!(plan(&nodes, &held, &Motion::default()).ready, [(id("a"), Start::Intend)]);
    }

    #[test]
    fn after_a_fault_nothing_begins_and_what_is_uncertain_is_observed() {
        let nodes = [look("a"), mutate("b"), mutate("c"), look("d")];
        let facts = known(vec![vec![intent("b")], vec![fault("a")]]);
        let own = Motion { fresh: [id("b")].into(), ..Motion::default() };
        assert_eq!(plan(&nodes, &facts, &Motion::default()).ready, [(id("b"), Start::Observe)]);
        assert_eq!(plan(&nodes, &facts, &own).idle, [id("b")], "never run by us, who intended it");
        let runs = Motion { in_flight: [id("b")].into(), ..own };
        assert_eq!(plan(&nodes, &facts, &runs), Plan::default());
        let settled = known(vec![vec![intent("b")], vec![fault("a"), done("b")]]);
        assert_eq!(plan(&nodes, &settled, &Motion::default()).turn, Some(Turn::Failed));
    }

    #[test]
    fn it_ends_when_all_is_done_and_waits_when_only_people_can_help() {
        let nodes = [look("a"), Node::new(id("ask"), "", Fake(Effect::Await)).after([id("a")])];
        let facts = known(vec![vec![done("a")]]);
        let asked = Motion { awaiting: [id("ask")].into(), ..Motion::default() };
        assert_eq!(plan(&nodes, &facts, &asked).turn, Some(Turn::Wait(id("ask"))));
        let all = known(vec![vec![done("a"), done("ask")]]);
        assert_eq!(plan(&nodes, &all, &Motion::default()).turn, Some(Turn::Succeeded));
        let busy = Motion { in_flight: [id("a")].into(), ..Motion::default() };
        assert_eq!(plan(&nodes, &known(vec![]), &busy).turn, None);
    }
}
