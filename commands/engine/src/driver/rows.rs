//! The writes of a turn: its row, the records that change with it, and the head.
//!
//! All of it is one transaction, so records and journal always agree. If a record changed meanwhile, its step
//! runs again; the rest of the row is written with the next.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{Drive, Next, Pending, running_status};
use crate::audit::Act;
use crate::engine::Driven;
use crate::error::EngineError;
use crate::hooks::Hooks;
use crate::journal::Entry;
use crate::log::{Appended, Leave};
use crate::operation::{End, refusal_of};
use crate::plan::Outcome;
use crate::ports::{DueChange, StoreError, Write};
use crate::recorded_signal::STUCK;
use crate::slot::Slot;
use crate::state::OperationState;
use crate::status::Status;
use crate::step_id::StepId;
use crate::{auditing, queue};

impl<A: Hooks> Drive<'_, A> {
    /// The slots that this turn frees.
    pub(super) fn freed(&self, outcome: &Outcome, held: BTreeSet<Slot>) -> BTreeSet<Slot> {
        match outcome {
            Outcome::Wait(_) => held,
            // Only an operation that goes first passes a stuck one, and it looks again by itself.
            Outcome::Stuck(_) => BTreeSet::new(),
            Outcome::Succeeded | Outcome::Failed => queue::wanted(&self.nodes),
        }
    }

    /// Adds the outcome to the row: the end with its records, or the wait.
    pub(super) fn settle_outcome(
        &mut self,
        outcome: &Outcome,
        op: &OperationState,
        row: &mut Vec<Entry>,
        writes: &mut Vec<Write>,
        owners: &mut Vec<Option<StepId>>,
        leave: &mut Leave,
    ) -> Result<(), EngineError> {
        let world = self.engine.world();
        let at = world.clock.now();
        match outcome {
            Outcome::Wait(step) => {
                if self.definition.keeps_place() {
                    for slot in &op.held {
                        writes.push(queue::release(&world.keys, &op.spec.pipeline, slot, &op.id));
                        owners.push(None);
                    }
                } else {
                    // Its slots are free because its ticket is deleted.
                    writes.push(queue::leave(&world.keys, op));
                    owners.push(None);
                }
                row.extend(op.held.iter().map(|slot| Entry::Released { slot: slot.clone() }));
                row.push(Entry::Waiting { step: step.clone() });
                let since = op
                    .step(step)
                    .and_then(|f| f.waiting)
                    .map_or(op.sequence.max(self.log.op().sequence + 1), |(_, s)| s);
                *leave = Leave {
                    status: Status::Waiting,
                    // It keeps its owner until the wait is announced. Otherwise nobody would know about it,
                    // and it would never end.
                    owned: true,
                    due: DueChange::Keep,
                    awaits: format!("{step}@{since}"),
                };
            }
            Outcome::Stuck(refusal) => {
                tracing::error!(operation = %op.id, code = refusal.code, "an operation is stuck");
                // The slots stay marked with it. It takes them again after a retry or a resolution.
                row.extend(op.held.iter().map(|slot| Entry::Released { slot: slot.clone() }));
                row.push(Entry::Stuck { refusal: refusal.clone() });
                let mut last = vec![queue::mark_stuck(&world.keys, &op.spec)];
                last.push(auditing::audit_of(
                    Act::Stuck,
                    refusal.code.clone(),
                    &*self.definition,
                    op,
                    world,
                )?);
                owners.extend(last.iter().map(|_| None));
                writes.extend(last);
                *leave = Leave {
                    status: Status::Stuck,
                    owned: true,
                    due: DueChange::Keep,
                    awaits: format!("{STUCK}@{}", self.log.op().sequence + 1),
                };
            }
            Outcome::Succeeded | Outcome::Failed => {
                let succeeded = *outcome == Outcome::Succeeded;
                row.push(Entry::Ended { succeeded });
                let mut last =
                    self.definition.on_end(op, succeeded, &End { target: self.log.target(), at })?;
                last.push(queue::leave(&world.keys, op));
                last.push(auditing::audit_of_end(&*self.definition, op, succeeded, world)?);
                owners.extend(last.iter().map(|_| None));
                writes.extend(last);
                *leave = Leave {
                    status: if succeeded { Status::Succeeded } else { Status::Failed },
                    owned: true,
                    due: DueChange::Keep,
                    awaits: String::new(),
                };
            }
        }
        Ok(())
    }

    pub(super) async fn append(
        &mut self,
        row: Vec<Entry>,
        writes: Vec<Write>,
        mut owners: Vec<Option<StepId>>,
        leave: Leave,
    ) -> Result<Appended, EngineError> {
        let mut all = writes;
        for pending in &self.pending {
            all.extend(pending.writes.iter().cloned());
            owners.extend(pending.writes.iter().map(|_| pending.step.clone()));
        }
        let entries = self.pending.iter().map(|pending| pending.entry.clone()).chain(row).collect();
        let world = self.engine.world();
        let appended = self.log.append(&*world.store, world.clock.now(), entries, leave, all).await;
        if let Err(error @ EngineError::Store(StoreError::TooLarge(_))) = appended {
            self.leave_out_the_largest(&error)?;
            return Ok(Appended::Refused(vec![]));
        }
        let outcome = appended?;
        self.held_back = None;
        match &outcome {
            Appended::Recorded => {
                self.shown = Instant::now();
                self.pending.clear();
            }
            Appended::Refused(lost) => {
                // A record changed under a step: the step runs again. Another operation took a slot: it is
                // tried again.
                let lost: BTreeSet<_> = lost.iter().filter_map(|index| owners.get(*index).cloned()).collect();
                let again: BTreeSet<_> = lost.into_iter().flatten().collect();
                tracing::info!(operation = %self.log.head().id, ?again, "records changed meanwhile");
                self.pending.retain(|pending| pending.step.as_ref().is_none_or(|step| !again.contains(step)));
                if again.is_empty() {
                    for slot in queue::wanted(&self.nodes) {
                        if !self.log.op().held.contains(&slot) {
                            self.defer(slot);
                        }
                    }
                }
            }
            Appended::Fenced => {}
        }
        Ok(outcome)
    }

    /// Records the pending entries in rows of bounded size: an item has at most 400 KB, and the looks at
    /// hundreds of functions end at the same time. `Some`: something else must happen first.
    pub(super) async fn make_room(&mut self) -> Result<Option<Next>, EngineError> {
        loop {
            let count = fitting(&self.pending);
            if count == self.pending.len() {
                return Ok(None);
            }
            let later = self.pending.split_off(count);
            let leave = Leave {
                status: running_status(&self.projected()?),
                owned: true,
                due: DueChange::Keep,
                awaits: self.log.head().awaits.clone(),
            };
            let appended = self.append(vec![], vec![], vec![], leave).await;
            self.pending.extend(later);
            match appended? {
                Appended::Recorded => self.try_notify(),
                Appended::Refused(_) => {}
                Appended::Fenced if self.received().await? => {}
                Appended::Fenced => return Ok(Some(Next::Over(Driven::NotOurs))),
            }
        }
    }

    /// Handles a row that the store rejects because of its size; it would never be accepted. The step with
    /// the largest entry fails. A mutation was made and cannot fail this way, so people must decide.
    fn leave_out_the_largest(&mut self, error: &EngineError) -> Result<(), EngineError> {
        let sizes = self.pending.iter().enumerate().filter(|(_, pending)| pending.step.is_some());
        let largest = sizes.map(|(nth, pending)| (size(pending), nth)).max();
        let Some((bytes, nth)) = largest.filter(|(bytes, _)| *bytes >= LARGE) else {
            return Err(error.clone());
        };
        let pending = self.pending.remove(nth);
        let Some(step) = pending.step else { return Err(error.clone()) };
        tracing::error!(operation = %self.log.head().id, %step, bytes, %error, "a step left more than can be recorded");
        let refusal = refusal_of(self.definition.if_too_large(), error);
        match pending.entry {
            Entry::Done { .. } if self.is_mutation(&step) => {
                self.in_flight.unobservable.insert(step, refusal);
            }
            Entry::Done { .. } => {
                let entry = Entry::Fault { step: step.clone(), refusal };
                self.pending.insert(nth, Pending { entry, step: Some(step), writes: vec![] });
            }
            _ => return Err(error.clone()),
        }
        Ok(())
    }
}

/// How many bytes of ends go into one row: half the size of an item, because intents and a wait may follow.
const ROOM: usize = 200 * 1024;
/// How many records change with one row: a transaction has at most 100 writes, and an end adds some.
const RECORDS: usize = 60;
/// An entry smaller than this is not the reason why a row is too large.
const LARGE: usize = 8 * 1024;

/// The approximate number of bytes to record.
fn size(pending: &Pending) -> usize {
    let bodies = pending.writes.iter().map(|write| match write {
        Write::Put { item, .. } => item.body.to_string().len(),
        _ => 0,
    });
    entry_size(&pending.entry) + bodies.sum::<usize>()
}

fn entry_size(entry: &Entry) -> usize {
    match entry {
        Entry::Done { output, step, .. } => output.to_string().len() + step.0.len() + 64,
        Entry::Fault { refusal, .. } | Entry::UndoFault { refusal, .. } => {
            refusal.problem.len() + refusal.hint.len() + 256
        }
        _ => 256,
    }
}

/// How many of the first entries fit into one row; at least one.
fn fitting(pending: &[Pending]) -> usize {
    let (mut bytes, mut records) = (0, 0);
    let over = pending.iter().position(|one| {
        bytes += entry_size(&one.entry);
        records += one.writes.len();
        bytes > ROOM || records > RECORDS
    });
    over.map_or(pending.len(), |first| first.max(1))
}
