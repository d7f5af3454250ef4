//! The end of a run: the step is done, retried, observed, failed, or undone.
//!
//! This module prevents one race: a mutation that may have taken effect runs again. A mutation whose answer
//! was lost is observed first. If running it again could do harm, an observation of absence counts only after
//! the settle time, twice.
//!
//! Control planes are eventually consistent: something that was created a moment ago may be *not found*, and
//! a name that was given up may still be taken. Neither answer counts before it has lasted for a while
//! ([`Settings::consistency`]). A failed precondition counts at once.
//!
//! [`Settings::consistency`]: crate::Settings::consistency

use std::time::Duration;

use tokio::time::Instant;

use super::{Drive, Event, Pending};
use crate::error::EngineError;
use crate::hooks::Hooks;
use crate::journal::Entry;
use crate::operation::refusal_of;
use crate::recorded_signal::SignalKind;
use crate::retry;
use crate::step::{Done, Effect, Observed, Progress, Undone};
use crate::step_id::StepId;
use sluice_model::Class;

/// The longest wait between two tries after a failure.
const BACKOFF: Duration = Duration::from_secs(30);

impl<A: Hooks> Drive<'_, A> {
    pub(super) fn end(&mut self, step: StepId, done: Done) {
        self.in_flight.fresh.remove(&step);
        self.notes.remove(&step);
        self.doubtful.remove(&step);
        let took = self.begun.remove(&step).and_then(|begun| begun.elapsed().as_millis().try_into().ok());
        let entry = Entry::Done { step: step.clone(), output: done.output, took };
        self.pending.push(Pending { entry, step: Some(step), writes: done.writes });
    }

    pub(super) fn fault(&mut self, step: StepId, trouble: &EngineError) {
        tracing::warn!(operation = %self.log.head().id, %step, error = %trouble, "a step failed for good");
        self.in_flight.fresh.remove(&step);
        self.notes.remove(&step);
        let entry =
            Entry::Fault { step: step.clone(), refusal: refusal_of(self.definition.if_too_large(), trouble) };
        self.pending.push(Pending { entry, step: Some(step), writes: vec![] });
    }

    /// How many signals to a step are known, recorded or pending.
    pub(super) fn words(&self, step: &StepId) -> usize {
        let recorded = self.log.op().signals.iter().filter(|signal| signal.step == *step).count();
        let is_word =
            |pending: &&Pending| matches!(&pending.entry, Entry::Signal(signal) if signal.step == *step);
        recorded + self.pending.iter().filter(is_word).count()
    }

    pub(super) fn is_mutation(&self, step: &StepId) -> bool {
        self.nodes.iter().any(|node| &node.id == step && matches!(node.step.effect(), Effect::Mutate(_)))
    }

    pub(super) fn is_repeatable(&self, step: &StepId) -> bool {
        self.nodes.iter().any(|node| {
            &node.id == step && matches!(node.step.effect(), Effect::Mutate(mutation) if mutation.repeatable)
        })
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Ran(step, result) => {
                self.in_flight.running.remove(&step);
                match result {
                    Ok(Progress::Done(done)) => self.end(step, done),
                    Ok(Progress::NotYet { after, note }) => {
                        // Patience counts from the first failure in a row.
                        self.trouble.remove(&step);
                        self.wake.insert(step.clone(), Instant::now() + after);
                        let changed = note.as_ref() != self.notes.get(&step);
                        match note {
                            Some(note) => drop(self.notes.insert(step, note)),
                            None => drop(self.notes.remove(&step)),
                        }
                        if changed && let Err(error) = self.notify() {
                            tracing::error!(%error, "news could not be made");
                        }
                    }
                    // A signal that arrived during the run must be judged too, so the step runs again.
                    Ok(Progress::Await { .. })
                        if self.words(&step) > self.judged.remove(&step).unwrap_or(0) => {}
                    Ok(Progress::Await { .. }) => {
                        self.in_flight.awaiting.insert(step);
                    }
                    Err(trouble) => self.on_error(step, trouble),
                }
            }
            Event::Looked(step, result) => {
                self.in_flight.running.remove(&step);
                match result {
                    Ok(Observed::Ours(done)) => self.end(step, done),
                    Ok(Observed::Foreign(refusal)) => self.fault(step, &EngineError::Refused(refusal)),
                    Ok(Observed::Absent) => self.observed_absent(step),
                    Err(trouble) if trouble.can_retry() && !self.is_impatient(&step) => {
                        self.try_later(step, trouble);
                    }
                    // A fault would claim that the mutation was not made, and it may have been. People are
                    // notified and can retry.
                    Err(trouble) => {
                        tracing::error!(operation = %self.log.head().id, %step, error = %trouble, "not to be observed");
                        self.trouble.remove(&step);
                        self.in_flight.unobservable.insert(step, trouble.refusal());
                    }
                }
            }
            Event::Undone(step, result) => {
                self.in_flight.running.remove(&step);
                let entry = match result {
                    Ok(Undone::Yes) => Entry::UndoDone { step: step.clone(), left: None },
                    Ok(Undone::Left(found)) => Entry::UndoDone { step: step.clone(), left: Some(found) },
                    Err(trouble) if trouble.can_retry() => return self.try_later(step, trouble),
                    // An undo looks before it changes anything, so it can be tried again after any failure.
                    Err(trouble) if self.may_pass(&step, &trouble) => return self.try_later(step, trouble),
                    Err(trouble) => self.undo_fault(step.clone(), &trouble),
                };
                self.pending.push(Pending { entry, step: Some(step), writes: vec![] });
            }
        }
    }

    pub(super) fn undo_fault(&self, step: StepId, trouble: &EngineError) -> Entry {
        tracing::warn!(operation = %self.log.head().id, %step, error = %trouble, "a step could not be taken back");
        Entry::UndoFault { step, refusal: trouble.refusal() }
    }

    /// Handles a failed run. A mutation that may have taken effect is observed before it runs again.
    pub(super) fn on_error(&mut self, step: StepId, trouble: EngineError) {
        match class_of(&trouble) {
            Some(Class::Conflict | Class::Precondition) if self.is_mutation(&step) => {
                self.in_flight.fresh.remove(&step);
                self.conflicts.insert(step, trouble);
            }
            // Nothing took effect, so there is nothing to observe.
            Some(Class::Throttled | Class::Busy) => self.try_later(step, trouble),
            Some(Class::Absent) if self.is_mutation(&step) && self.may_pass(&step, &trouble) => {
                self.try_later(step, trouble);
            }
            _ if trouble.can_retry() => {
                self.in_flight.fresh.remove(&step);
                self.try_later(step, trouble);
            }
            _ => self.fault(step, &trouble),
        }
    }

    /// Whether the error may result from a control plane that is not consistent yet.
    fn may_pass(&mut self, step: &StepId, trouble: &EngineError) -> bool {
        let is_doubtful = match class_of(trouble) {
            Some(Class::Absent | Class::Conflict) => true,
            // An undo looks again each time, and takes its precondition from that look.
            Some(Class::Precondition) => self.log.op().step(step).is_some_and(|fact| fact.undo.is_some()),
            _ => false,
        };
        if !is_doubtful {
            return false;
        }
        let since = self.doubtful.entry(step.clone()).or_insert_with(Instant::now);
        since.elapsed() < self.engine.world().settings.consistency
    }

    /// Handles an observation of absence. If running again could do harm, it counts only after the settle
    /// time, twice. An earlier conflict may have been with our own call, so it does not shorten that.
    pub(super) fn observed_absent(&mut self, step: StepId) {
        let settle = self.engine.world().settings.settle;
        let now = Instant::now();
        let first = *self.absent.entry(step.clone()).or_insert(now);
        if !self.is_repeatable(&step) && (first == now || now.duration_since(first) < settle) {
            self.wake.insert(step, (first + settle).max(now + Duration::from_millis(50)));
            return;
        }
        self.absent.remove(&step);
        let conflict = self.conflicts.remove(&step);
        if let Some(conflict) = &conflict
            && !self.may_pass(&step, conflict)
        {
            return self.fault(step, conflict);
        }
        let halts = |pending: &Pending| match &pending.entry {
            Entry::Fault { .. } => true,
            Entry::Signal(signal) => {
                matches!(signal.kind, SignalKind::Cancel | SignalKind::Preempt)
            }
            _ => false,
        };
        if self.log.op().failure().is_some() || self.pending.iter().any(halts) {
            let entry = Entry::Absent { step: step.clone() };
            self.pending.push(Pending { entry, step: Some(step), writes: vec![] });
            return;
        }
        self.in_flight.fresh.insert(step.clone());
        if let Some(conflict) = conflict {
            self.try_later(step, conflict);
        }
    }

    /// Whether failures of that step in a row have lasted longer than
    /// [`Settings::patience`](crate::Settings::patience).
    pub(super) fn is_impatient(&self, step: &StepId) -> bool {
        let patience = self.engine.world().settings.patience;
        self.trouble.get(step).is_some_and(|(_, since)| since.elapsed() > patience)
    }

    pub(super) fn try_later(&mut self, step: StepId, trouble: EngineError) {
        let now = Instant::now();
        let (tries, since) = self.trouble.get(&step).copied().unwrap_or((0, now));
        if now.duration_since(since) > self.engine.world().settings.patience {
            self.trouble.remove(&step);
            if self.log.op().step(&step).is_none_or(|fact| fact.undo.is_none()) {
                return self.fault(step, &trouble);
            }
            let entry = self.undo_fault(step.clone(), &trouble);
            return self.pending.push(Pending { entry, step: Some(step), writes: vec![] });
        }
        tracing::info!(operation = %self.log.head().id, %step, tries, error = %trouble, "a step is tried again");
        self.wake.insert(step.clone(), now + retry::delay(tries, BACKOFF));
        self.trouble.insert(step, (tries + 1, since));
    }
}

fn class_of(trouble: &EngineError) -> Option<Class> {
    match trouble {
        EngineError::Port(error) => Some(error.class),
        _ => None,
    }
}
