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

    pub(super) fn fault(&mut self, step: StepId, error: &EngineError) {
        tracing::warn!(operation = %self.log.head().id, %step, %error, "a step failed");
        self.in_flight.fresh.remove(&step);
        self.notes.remove(&step);
        let entry =
            Entry::Fault { step: step.clone(), refusal: refusal_of(self.definition.if_too_large(), error) };
        self.pending.push(Pending { entry, step: Some(step), writes: vec![] });
    }

    /// How many signals to a step are known, recorded or pending.
    pub(super) fn signals_to(&self, step: &StepId) -> usize {
        let recorded = self.log.op().signals.iter().filter(|signal| signal.step == *step).count();
        let is_signal =
            |pending: &&Pending| matches!(&pending.entry, Entry::Signal(signal) if signal.step == *step);
        recorded + self.pending.iter().filter(is_signal).count()
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
                        self.failing.remove(&step);
                        self.wake.insert(step.clone(), Instant::now() + after);
                        let changed = note.as_ref() != self.notes.get(&step);
                        match note {
                            Some(note) => drop(self.notes.insert(step, note)),
                            None => drop(self.notes.remove(&step)),
                        }
                        if changed && let Err(error) = self.notify() {
                            tracing::error!(%error, "an update could not be made");
                        }
                    }
                    // A signal that arrived during the run must be judged too, so the step runs again.
                    Ok(Progress::Await { .. })
                        if self.signals_to(&step) > self.judged.remove(&step).unwrap_or(0) => {}
                    Ok(Progress::Await { .. }) => {
                        self.in_flight.awaiting.insert(step);
                    }
                    Err(error) => self.on_error(step, error),
                }
            }
            Event::Looked(step, result) => {
                self.in_flight.running.remove(&step);
                match result {
                    Ok(Observed::Ours(done)) => self.end(step, done),
                    Ok(Observed::Foreign(refusal)) => self.fault(step, &EngineError::Refused(refusal)),
                    Ok(Observed::Absent) => self.observed_absent(step),
                    Err(error) if error.can_retry() && !self.is_impatient(&step) => {
                        self.try_later(step, error);
                    }
                    // A fault would claim that the mutation was not made, and it may have been. People are
                    // notified and can retry.
                    Err(error) => {
                        tracing::error!(operation = %self.log.head().id, %step, %error, "a step cannot be observed");
                        self.failing.remove(&step);
                        self.in_flight.unobservable.insert(step, error.refusal());
                    }
                }
            }
            Event::Undone(step, result) => {
                self.in_flight.running.remove(&step);
                let entry = match result {
                    Ok(Undone::Yes) => Entry::UndoDone { step: step.clone(), left: None },
                    Ok(Undone::Left(found)) => Entry::UndoDone { step: step.clone(), left: Some(found) },
                    Err(error) if error.can_retry() => return self.try_later(step, error),
                    // An undo looks before it changes anything, so it can be tried again after any failure.
                    Err(error) if self.may_pass(&step, &error) => return self.try_later(step, error),
                    Err(error) => self.undo_fault(step.clone(), &error),
                };
                self.pending.push(Pending { entry, step: Some(step), writes: vec![] });
            }
        }
    }

    pub(super) fn undo_fault(&self, step: StepId, error: &EngineError) -> Entry {
        tracing::warn!(operation = %self.log.head().id, %step, %error, "a step could not be undone");
        Entry::UndoFault { step, refusal: error.refusal() }
    }

    /// Handles a failed run. A mutation that may have taken effect is observed before it runs again.
    pub(super) fn on_error(&mut self, step: StepId, error: EngineError) {
        match class_of(&error) {
            Some(Class::Conflict | Class::Precondition) if self.is_mutation(&step) => {
                self.in_flight.fresh.remove(&step);
                self.conflicts.insert(step, error);
            }
            // Nothing took effect, so there is nothing to observe.
            Some(Class::Throttled | Class::Busy) => self.try_later(step, error),
            Some(Class::Absent) if self.is_mutation(&step) && self.may_pass(&step, &error) => {
                self.try_later(step, error);
            }
            _ if error.can_retry() => {
                self.in_flight.fresh.remove(&step);
                self.try_later(step, error);
            }
            _ => self.fault(step, &error),
        }
    }

    /// Whether the error may result from a control plane that is not consistent yet.
    fn may_pass(&mut self, step: &StepId, error: &EngineError) -> bool {
        let is_doubtful = match class_of(error) {
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
        self.failing.get(step).is_some_and(|(_, since)| since.elapsed() > patience)
    }

    pub(super) fn try_later(&mut self, step: StepId, error: EngineError) {
        let now = Instant::now();
        let (tries, since) = self.failing.get(&step).copied().unwrap_or((0, now));
        if now.duration_since(since) > self.engine.world().settings.patience {
            self.failing.remove(&step);
            if self.log.op().step(&step).is_none_or(|fact| fact.undo.is_none()) {
                return self.fault(step, &error);
            }
            let entry = self.undo_fault(step.clone(), &error);
            return self.pending.push(Pending { entry, step: Some(step), writes: vec![] });
        }
        tracing::info!(operation = %self.log.head().id, %step, tries, %error, "a step is tried again");
        let (pause, tries) = match retry_after(&error) {
            Some(after) => (after, tries),
            None => (retry::delay(tries, BACKOFF), tries + 1),
        };
        self.wake.insert(step.clone(), now + pause);
        self.failing.insert(step, (tries, since));
    }
}

/// When to try again, if the error says so.
fn retry_after(error: &EngineError) -> Option<Duration> {
    match error {
        EngineError::Port(error) => error.retry_after,
        _ => None,
    }
}

fn class_of(error: &EngineError) -> Option<Class> {
    match error {
        EngineError::Port(error) => Some(error.class),
        _ => None,
    }
}
