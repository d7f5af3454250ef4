//! Planning: a pure, synchronous function from the state of an operation to its ready steps, so races can be
//! tested as tables.
//!
//! Rules. A step is ready when everything it needs is done. A mutation runs only after its intent is
//! recorded. An intent that another process wrote is observed before anything else happens. If a row is
//! written anyway, it includes the intents of the steps that follow (*ahead*), so a chain of calls does not
//! wait for the store between its steps. Only mutations whose absence counts without a wait may be ahead,
//! because this process may die before it makes them. An operation never waits for people while it holds a
//! slot.
//!
//! After a failure or a cancel nothing new begins, but uncertain steps are still observed. Before the point
//! of no return, the operation then unwinds: a step is undone once all steps that depend on it are. After the
//! point of no return, an operation only goes forward: a cancel changes nothing, and a failure leaves it
//! stuck.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::application::Application;
use crate::slot::Slot;
use crate::state::{OperationState, StepState};
use crate::step::{Effect, Node};
use crate::step_id::StepId;
use sluice_model::Refusal;

/// The driver's knowledge beside the journal.
#[derive(Debug, Default, Clone)]
pub struct InFlight {
    /// Steps that run now.
    pub running: BTreeSet<StepId>,
    /// Steps whose intent this process recorded but that have not run yet. They run without an observation.
    pub fresh: BTreeSet<StepId>,
    /// Steps to run, observe or undo later.
    pub deferred: BTreeSet<StepId>,
    /// Slots to try again later.
    pub deferred_slots: BTreeSet<Slot>,
    /// Steps that wait for people.
    pub awaiting: BTreeSet<StepId>,
    /// Mutations that may have taken effect and whose observation failed. Their outcome is unknown, so
    /// nothing follows them.
    pub unobservable: BTreeMap<StepId, Refusal>,
}

/// How a ready step starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Record an intent, then run.
    Intend,
    /// Run.
    Run,
    /// Observe first.
    Observe,
    /// Record the undo intent, then undo.
    IntendUndo,
    /// Undo: its intent is recorded.
    Undo,
}

/// The result of planning.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps to start now.
    pub ready: Vec<(StepId, Start)>,
    /// The mutations whose intents may be recorded with those of [`Plan::ready`]: everything they still need
    /// is under way.
    pub ahead: Vec<StepId>,
    /// Intents of this process that will not run because of a failure. They are recorded as absent.
    pub idle: Vec<StepId>,
    /// The slots to take first.
    pub takes: BTreeSet<Slot>,
    /// The result of the operation, if nothing is ready and nothing runs.
    pub outcome: Option<Outcome>,
}

impl Plan {
    /// The steps whose intents to record now. Those ahead are included only if a row is written for others
    /// anyway.
    pub(crate) fn intents(&self) -> Vec<StepId> {
        let mut intents = self.to_start(Start::Intend);
        if !intents.is_empty() {
            intents.extend(self.ahead.iter().cloned());
        }
        intents
    }

    pub(crate) fn to_start(&self, how: Start) -> Vec<StepId> {
        self.ready.iter().filter(|(_, start)| *start == how).map(|(id, _)| id.clone()).collect()
    }
}

/// Why an operation does not go on by itself now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All steps are done.
    Succeeded,
    /// A step failed or somebody stopped it. Nothing runs or is uncertain any more, and the unwinding is
    /// complete.
    Failed,
    /// The operation waits for people at that step.
    Wait(StepId),
    /// It can neither go forward nor unwind.
    Stuck(Refusal),
}

/// The direction in which an operation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    /// Nothing new begins; the operation unwinds.
    Back,
    /// Nothing new begins, but a step failed after the point of no return, so the operation cannot unwind.
    Halted,
}

fn direction<A: Application>(nodes: &[Node<A>], op: &OperationState) -> Direction {
    if op.resolved.is_some() {
        // Earlier failures do not matter: the steps of a resolution only look and record.
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

/// Computes the next moves. `nodes` are in dependency order, `op` includes the entries that wait to be
/// appended.
pub fn plan<A: Application>(nodes: &[Node<A>], op: &OperationState, in_flight: &InFlight) -> Plan {
    let mut walk = Planner { nodes, op, in_flight, plan: Plan::default(), is_open: false, waits: false };
    if op.ended.is_some() || op.stuck.is_some() {
        return walk.plan;
    }
    let way = direction(nodes, op);
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

struct Planner<'a, A: Application> {
    nodes: &'a [Node<A>],
    op: &'a OperationState,
    in_flight: &'a InFlight,
    plan: Plan,
    /// Whether some step that counts has not ended.
    is_open: bool,
    /// Whether a step or a slot is to be tried later.
    waits: bool,
}

impl<A: Application> Planner<'_, A> {
    fn is_moving(&self) -> bool {
        let Plan { ready, takes, idle, .. } = &self.plan;
        !(ready.is_empty() && takes.is_empty() && idle.is_empty() && self.in_flight.running.is_empty())
            || self.waits
    }

    /// Finds the steps that can start or must be observed.
    ///
    /// With `halted` (a failure, a cancel, or an unobservable mutation) nothing new begins: intents that this
    /// process has not run yet become idle, and uncertain mutations are observed, whatever they need.
    /// Otherwise, a step whose needs are done starts, and a step whose needs are done or under way is a
    /// candidate for [`Planner::look_ahead`]. Running, awaiting and deferred steps keep the operation open
    /// but start nothing.
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
            // After a failure, an uncertain step is observed whatever it needs: it may have run.
            if !halted && !node.needs.iter().all(|need| op.is_done(need)) {
                // Each step is listed after the steps it needs, so `coming` is complete here.
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

    /// Handles a step whose needs are all done or under way. Steps after a look can still go ahead. A
    /// mutation goes ahead only if it is repeatable and its slot is held: if this process dies before it
    /// runs, the next owner need not wait for the settle time.
    fn look_ahead<'n>(&mut self, node: &'n Node<A>, uncertain: bool, coming: &mut BTreeSet<&'n StepId>) {
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

    /// Starts a step, or takes its slot first. An observation needs no slot.
    fn start(&mut self, node: &Node<A>, start: Start) {
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

    /// Sets the outcome when nothing moves: everything is done, or a step waits for people.
    fn rest(&mut self) {
        self.plan.outcome = match self.in_flight.awaiting.iter().next() {
            Some(step) => Some(Outcome::Wait(step.clone())),
            None if !self.is_open && self.op.resolved.is_some() => Some(Outcome::Failed),
            None if !self.is_open => Some(Outcome::Succeeded),
            None => None,
        };
    }

    /// Finds the steps to undo next, in reverse order.
    ///
    /// A step is blocked while a step that depends on it, directly or not, still has to be undone
    /// (`below_others`); steps that do not depend on each other are undone side by side. A failed undo blocks
    /// the steps below it but not the others. When nothing moves any more, the operation has failed, or is
    /// stuck if some undo failed.
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
