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

use crate::operation::facts::{Facts, StepFact};
use crate::operation::slot::Slot;
use crate::operation::step::{Effect, Node, StepId};
use sluice_model::Refusal;

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
    /// Mutations that may have taken effect, and that could not be observed for good: nobody knows, so nothing follows.
    pub blind: BTreeMap<StepId, Refusal>,
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
    pub turn: Option<Turn>,
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
pub enum Turn {
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
enum Way {
    Forward,
    /// Nothing new begins; what was done is taken back.
    Back,
    /// Nothing new begins; but it is too late to go back.
    Nowhere,
}

fn way(nodes: &[Node], facts: &Facts) -> Way {
    if facts.resolved.is_some() {
        // What failed before does not matter; these steps only look and record.
        let failed = nodes.iter().any(|node| facts.step(&node.id).is_some_and(|fact| fact.fault.is_some()));
        return if failed { Way::Nowhere } else { Way::Forward };
    }
    let is_past = nodes.iter().any(|node| node.is_point_of_no_return && facts.is_done(&node.id));
    match (is_past, facts.faults().next().is_some(), facts.failure().is_some()) {
        (false, _, true) => Way::Back,
        (true, true, _) => Way::Nowhere,
        _ => Way::Forward,
    }
}

/// What is ready.
pub fn plan(nodes: &[Node], facts: &Facts, motion: &Motion) -> Plan {
    let mut walk = Walk { nodes, facts, motion, plan: Plan::default(), is_open: false, waits: false };
    if facts.ended.is_some() || facts.stuck.is_some() {
        return walk.plan;
    }
    let way = way(nodes, facts);
    walk.forward(way != Way::Forward || !motion.blind.is_empty());
    if let Some(refusal) = motion.blind.values().next() {
        if !walk.is_moving() {
            walk.plan.turn = Some(Turn::Stuck(refusal.clone()));
        }
        return walk.plan;
    }
    match way {
        Way::Back if !walk.is_open => walk.back(),
        _ if walk.is_moving() => {}
        Way::Forward => walk.rest(),
        Way::Nowhere if !walk.is_open => {
            walk.plan.turn = facts.faults().next().map(|(_, refusal)| Turn::Stuck(refusal.clone()));
        }
        Way::Back | Way::Nowhere => {}
    }
    walk.plan
}

/// A walk over the steps.
struct Walk<'a> {
    nodes: &'a [Node],
    facts: &'a Facts,
    motion: &'a Motion,
    plan: Plan,
    /// Whether some step has not come to its end.
    is_open: bool,
    /// Whether something is to be tried later.
    waits: bool,
}

impl Walk<'_> {
    fn is_moving(&self) -> bool {
        let Plan { ready, takes, idle, .. } = &self.plan;
        !(ready.is_empty() && takes.is_empty() && idle.is_empty() && self.motion.in_flight.is_empty())
            || self.waits
    }

    /// The steps that can begin, or be observed. `halted`: nothing new begins.
    fn forward(&mut self, halted: bool) {
        let Self { nodes, facts, motion, .. } = *self;
        let mut coming: BTreeSet<&StepId> = motion.in_flight.iter().collect();
        for node in nodes {
            let fact = facts.step(&node.id);
            if fact.is_some_and(|fact| fact.done.is_some() || fact.fault.is_some()) {
                continue;
            }
            let uncertain = fact.is_some_and(StepFact::is_uncertain);
            let in_flight = motion.in_flight.contains(&node.id);
            if halted && !uncertain && !in_flight {
                continue;
            }
            self.is_open = true;
            if halted && motion.fresh.contains(&node.id) && !in_flight {
                self.plan.idle.push(node.id.clone());
                continue;
            }
            if in_flight || motion.awaiting.contains(&node.id) || motion.blind.contains_key(&node.id) {
                continue;
            }
            if motion.deferred.contains(&node.id) {
                self.waits = true;
                continue;
            }
            // What is uncertain after a failure is observed, whatever it needs: it may have been run.
            if !halted && !node.needs.iter().all(|need| facts.is_done(need)) {
                // The steps are listed in an order in which each comes behind what it needs.
                if node.needs.iter().all(|need| facts.is_done(need) || coming.contains(need)) {
                    self.look_ahead(node, uncertain, &mut coming);
                }
                continue;
            }
            coming.insert(&node.id);
            let start = match node.step.effect() {
                Effect::Look | Effect::Await => Start::Run,
                Effect::Mutate(_) if !uncertain => Start::Intend,
                Effect::Mutate(_) if motion.fresh.contains(&node.id) && !halted => Start::Run,
                Effect::Mutate(_) => Start::Observe,
            };
            self.start(node, start);
        }
    }

    /// A step all of whose needs are done or under way.
    fn look_ahead<'n>(&mut self, node: &'n Node, uncertain: bool, coming: &mut BTreeSet<&'n StepId>) {
        let has_slot = node.slot.as_ref().is_none_or(|slot| self.facts.held.contains(slot));
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
            Some(slot) if !self.facts.held.contains(slot) && start != Start::Observe => {
                if self.motion.deferred_slots.contains(slot) {
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
        self.plan.turn = match self.motion.awaiting.iter().next() {
            Some(step) => Some(Turn::Wait(step.clone())),
            None if !self.is_open && self.facts.resolved.is_some() => Some(Turn::Failed),
            None if !self.is_open => Some(Turn::Succeeded),
            None => None,
        };
    }

    /// What is to be taken back next, the last first.
    fn back(&mut self) {
        let mut below_others = BTreeSet::new();
        let mut why_not = None;
        for node in self.nodes.iter().rev() {
            let fact = self.facts.step(&node.id);
            let done = fact.filter(|fact| node.is_undone() && fact.done.is_some() && fact.undone.is_none());
            let is_below = below_others.contains(&node.id);
            if done.is_some() || is_below {
                below_others.extend(node.needs.iter());
            }
            let Some(fact) = done.filter(|_| !is_below) else { continue };
            if let Some(refusal) = &fact.undo_fault {
                why_not.get_or_insert_with(|| refusal.clone());
            } else if self.motion.deferred.contains(&node.id) {
                self.waits = true;
            } else if !self.motion.in_flight.contains(&node.id) {
                self.start(node, if fact.undo.is_some() { Start::Undo } else { Start::IntendUndo });
            }
        }
        if !self.is_moving() {
            self.plan.turn = Some(why_not.map_or(Turn::Failed, Turn::Stuck));
        }
    }
}
