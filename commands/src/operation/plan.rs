//! Judgement: from what is known to the set of steps that are ready. Pure and synchronous, so that races are tables.
//!
//! The rules. A step is ready when all that it needs is done. A mutation runs only after its intent is recorded; an
//! intent that this process did not write itself is observed before anything else. Where a row is written anyway, the
//! intents of what follows go with it (*ahead*), so that a chain of calls does not wait for the store between them;
//! only of what may be observed as absent without a wait, should we die. Nobody waits for people while holding a slot.
//!
//! After a failure or a cancel nothing new begins, but what is uncertain is still observed. Then, before the point of no
//! return, what was done is taken back: a step when all that were built on it are. Behind that point an operation goes
//! only forward: a cancel changes nothing, and a failure leaves it to people.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::operation::slot::Slot;
use crate::operation::state::{OperationState, StepState};
use crate::operation::step::{Effect, Node, StepId};
use sluice_model::Refusal;

/// What the driver knows besides the journal.
#[derive(Debug, Default, Clone)]
pub struct InFlight {
    /// Steps that run now.
    pub running: BTreeSet<StepId>,
    /// Steps whose intent this process recorded and that it has not run yet: they run without being observed.
    pub fresh: BTreeSet<StepId>,
    /// Steps that are to be looked at later.
    pub deferred: BTreeSet<StepId>,
    /// Slots that are to be tried later.
    pub deferred_slots: BTreeSet<Slot>,
    /// Steps that wait for people.
    pub awaiting: BTreeSet<StepId>,
    /// Mutations that may have taken effect, and that could not be observed for good: nobody knows, so nothing follows.
    pub unobservable: BTreeMap<StepId, Refusal>,
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
    /// Record that it is about to be taken back, then do so.
    IntendUndo,
    /// Take it back.
    Undo,
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
    pub outcome: Option<Outcome>,
}

impl Plan {
    /// The steps whose intents are to be recorded now; those ahead only if a row is written for others anyway.
    pub(crate) fn intents(&self) -> Vec<StepId> {
        let mut intents = self.to_start(Start::Intend);
        if !intents.is_empty() {
            intents.extend(self.ahead.iter().cloned());
        }
        intents
    }

    /// The steps that are to be started so.
    pub(crate) fn to_start(&self, how: Start) -> Vec<StepId> {
        self.ready.iter().filter(|(_, start)| *start == how).map(|(id, _)| id.clone()).collect()
    }
}

/// What an operation has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All steps are done.
    Succeeded,
    /// A step failed or somebody stopped it; nothing runs or is uncertain any more, and what is to be taken back is.
    Failed,
    /// Only people can get it on.
    Wait(StepId),
    /// It can go neither forward nor back.
    Stuck(Refusal),
}

/// Which way an operation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    /// Nothing new begins; what was done is taken back.
    Back,
    /// Nothing new begins; but it is too late to go back.
    Halted,
}

fn way(nodes: &[Node], op: &OperationState) -> Direction {
    if op.resolved.is_some() {
        // What failed before does not matter; these steps only look and record.
        let failed = nodes.iter().any(|node| op.step(&node.id).is_some_and(|fact| fact.fault.is_some()));
        return if failed { Direction::Halted } else { Direction::Forward };
    }
    let is_past = nodes.iter().any(|node| node.is_point_of_no_return && op.is_done(&node.id));
    match (is_past, op.faults().next().is_some(), op.failure().is_some()) {
        (false, _, true) => Direction::Back,
        (true, true, _) => Direction::Halted,
        _ => Direction::Forward,
    }
}

/// What is ready.
pub fn plan(nodes: &[Node], op: &OperationState, in_flight: &InFlight) -> Plan {
    let mut walk = Planner { nodes, op, in_flight, plan: Plan::default(), is_open: false, waits: false };
    if op.ended.is_some() || op.stuck.is_some() {
        return walk.plan;
    }
    let way = way(nodes, op);
    walk.forward(way != Direction::Forward || !in_flight.unobservable.is_empty());
    if let Some(refusal) = in_flight.unobservable.values().next() {
        if !walk.is_moving() {
            walk.plan.outcome = Some(Outcome::Stuck(refusal.clone()));
        }
        return walk.plan;
    }
    match way {
        Direction::Back if !walk.is_open => walk.back(),
        _ if walk.is_moving() => {}
        Direction::Forward => walk.rest(),
        Direction::Halted if !walk.is_open => {
            walk.plan.outcome = op.faults().next().map(|(_, refusal)| Outcome::Stuck(refusal.clone()));
        }
        Direction::Back | Direction::Halted => {}
    }
    walk.plan
}

/// A walk over the steps.
struct Planner<'a> {
    nodes: &'a [Node],
    op: &'a OperationState,
    in_flight: &'a InFlight,
    plan: Plan,
    /// Whether some step has not come to its end.
    is_open: bool,
    /// Whether something is to be tried later.
    waits: bool,
}

impl Planner<'_> {
    fn is_moving(&self) -> bool {
        let Plan { ready, takes, idle, .. } = &self.plan;
        !(ready.is_empty() && takes.is_empty() && idle.is_empty() && self.in_flight.running.is_empty())
            || self.waits
    }

    /// The steps that can begin, or be observed. `halted`: nothing new begins.
    fn forward(&mut self, halted: bool) {
        let Self { nodes, op, in_flight, .. } = *self;
        let mut coming: BTreeSet<&StepId> = in_flight.running.iter().collect();
        for node in nodes {
            let fact = op.step(&node.id);
            if fact.is_some_and(|fact| fact.done.is_some() || fact.fault.is_some()) {
                continue;
            }
            let uncertain = fact.is_some_and(StepState::is_uncertain);
            let is_running = in_flight.running.contains(&node.id);
            if halted && !uncertain && !is_running {
                continue;
            }
            self.is_open = true;
            if halted && in_flight.fresh.contains(&node.id) && !is_running {
                self.plan.idle.push(node.id.clone());
                continue;
            }
            if is_running
                || in_flight.awaiting.contains(&node.id)
                || in_flight.unobservable.contains_key(&node.id)
            {
                continue;
            }
            if in_flight.deferred.contains(&node.id) {
                self.waits = true;
                continue;
            }
            // What is uncertain after a failure is observed, whatever it needs: it may have been run.
            if !halted && !node.needs.iter().all(|need| op.is_done(need)) {
                // The steps are listed in an order in which each comes behind what it needs.
                if node.needs.iter().all(|need| op.is_done(need) || coming.contains(need)) {
                    self.look_ahead(node, uncertain, &mut coming);
                }
                continue;
            }
            coming.insert(&node.id);
            let start = match node.step.effect() {
                Effect::Look | Effect::Await => Start::Run,
                Effect::Mutate(_) if !uncertain => Start::Intend,
                Effect::Mutate(_) if in_flight.fresh.contains(&node.id) && !halted => Start::Run,
                Effect::Mutate(_) => Start::Observe,
            };
            self.start(node, start);
        }
    }

    /// A step all of whose needs are done or under way.
    fn look_ahead<'n>(&mut self, node: &'n Node, uncertain: bool, coming: &mut BTreeSet<&'n StepId>) {
        let has_slot = node.slot.as_ref().is_none_or(|slot| self.op.held.contains(slot));
        match node.step.effect() {
            Effect::Look => drop(coming.insert(&node.id)),
            Effect::Mutate(mutation) if mutation.repeatable && has_slot => {
                coming.insert(&node.id);
                if !uncertain {
                    self.plan.ahead.push(node.id.clone());
                }
            }
            Effect::Mutate(_) | Effect::Await => {}
        }
    }

    /// Starts a step, or takes the slot that it needs first.
    fn start(&mut self, node: &Node, start: Start) {
        match &node.slot {
            Some(slot) if !self.op.held.contains(slot) && start != Start::Observe => {
                if self.in_flight.deferred_slots.contains(slot) {
                    self.waits = true;
                } else {
                    self.plan.takes.insert(slot.clone());
                }
            }
            _ => self.plan.ready.push((node.id.clone(), start)),
        }
    }

    /// Nothing moves: all is done, or people are waited for.
    fn rest(&mut self) {
        self.plan.outcome = match self.in_flight.awaiting.iter().next() {
            Some(step) => Some(Outcome::Wait(step.clone())),
            None if !self.is_open && self.op.resolved.is_some() => Some(Outcome::Failed),
            None if !self.is_open => Some(Outcome::Succeeded),
            None => None,
        };
    }

    /// What is to be taken back next, the last first.
    fn back(&mut self) {
        let mut below_others = BTreeSet::new();
        let mut why_not = None;
        for node in self.nodes.iter().rev() {
            let fact = self.op.step(&node.id);
            let done = fact.filter(|fact| node.is_undone() && fact.done.is_some() && fact.undone.is_none());
            let is_below = below_others.contains(&node.id);
            if done.is_some() || is_below {
                below_others.extend(node.needs.iter());
            }
            let Some(fact) = done.filter(|_| !is_below) else { continue };
            if let Some(refusal) = &fact.undo_fault {
                why_not.get_or_insert_with(|| refusal.clone());
            } else if self.in_flight.deferred.contains(&node.id) {
                self.waits = true;
            } else if !self.in_flight.running.contains(&node.id) {
                self.start(node, if fact.undo.is_some() { Start::Undo } else { Start::IntendUndo });
            }
        }
        if !self.is_moving() {
            self.plan.outcome = Some(why_not.map_or(Outcome::Failed, Outcome::Stuck));
        }
    }
}
