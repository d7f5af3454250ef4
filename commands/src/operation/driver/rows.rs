//! What a turn writes: its row, the records that change with it, and how the head is left.
//!
//! All of it is one transaction, so that no record tells what the journal does not. What is refused because a record
//! changed meanwhile is run again; the rest of the row is written with the next.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::Drive;
use crate::domain::Act;
use crate::operation::definition::End;
use crate::operation::facts::STUCK;
use crate::operation::head::Status;
use crate::operation::journal::Entry;
use crate::operation::log::{Appended, Leave};
use crate::operation::plan::Turn;
use crate::operation::slot::Slot;
use crate::operation::step::{StepId, Trouble};
use crate::operation::{auditing, line};
use crate::ports::{DueChange, Write};

impl Drive<'_> {
    /// The slots that this turn gives back.
    pub(super) fn freed(&self, turn: &Turn, held: BTreeSet<Slot>) -> BTreeSet<Slot> {
        match turn {
            Turn::Wait(_) => held,
            // Only a rollback passes, and that looks again by itself.
            Turn::Stuck(_) => BTreeSet::new(),
            Turn::Succeeded | Turn::Failed => line::wanted(&self.nodes),
        }
    }

    /// What a turn adds to the row: the end with its records, or the wait.
    pub(super) fn settle_turn(
        &mut self,
        turn: &Turn,
        row: &mut Vec<Entry>,
        writes: &mut Vec<Write>,
        owners: &mut Vec<Option<StepId>>,
        leave: &mut Leave,
    ) -> Result<(), Trouble> {
        let facts = self.foreseen(row)?;
        let world = self.engine.world();
        let at = world.clock.now();
        match turn {
            Turn::Wait(step) => {
                if self.definition.keeps_place() {
                    for slot in &facts.held {
                        writes.push(line::release(world, &facts.charter.pipeline, slot, &facts.id));
                        owners.push(None);
                    }
                } else {
                    // Its slots are free because its ticket is gone.
                    writes.push(line::leave(world, &facts));
                    owners.push(None);
                }
                row.extend(facts.held.iter().map(|slot| Entry::Released { slot: slot.clone() }));
                row.push(Entry::Waiting { step: step.clone() });
                let since = facts
                    .step(step)
                    .and_then(|f| f.waiting)
                    .map_or(facts.sequence.max(self.log.facts().sequence + 1), |(_, s)| s);
                *leave = Leave {
                    status: Status::Waiting,
                    // Until it is told that it waits: a wait that nobody hears of never ends.
                    owned: true,
                    due: DueChange::Keep,
                    awaits: format!("{step}@{since}"),
                };
            }
            Turn::Stuck(refusal) => {
                tracing::error!(operation = %facts.id, code = refusal.code, "an operation is stuck");
                // The slots stay marked with it, and are taken again if somebody gets it on.
                row.extend(facts.held.iter().map(|slot| Entry::Released { slot: slot.clone() }));
                row.push(Entry::Stuck { refusal: refusal.clone() });
                let mut last = vec![line::mark_stuck(world, &facts)];
                last.push(auditing::audit_of(
                    Act::Stuck,
                    refusal.code.clone(),
                    &*self.definition,
                    &facts,
                    world,
                )?);
                owners.extend(last.iter().map(|_| None));
                writes.extend(last);
                *leave = Leave {
                    status: Status::Stuck,
                    owned: true,
                    due: DueChange::Keep,
                    awaits: format!("{STUCK}@{}", self.log.facts().sequence + 1),
                };
            }
            Turn::Succeeded | Turn::Failed => {
                let succeeded = *turn == Turn::Succeeded;
                row.push(Entry::Ended { succeeded });
                let mut last =
                    self.definition.on_end(&facts, succeeded, &End { target: self.log.target(), at })?;
                last.push(line::leave(world, &facts));
                last.push(auditing::audit_of_end(&*self.definition, &facts, succeeded, world)?);
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
    ) -> Result<Appended, Trouble> {
        let mut all = writes;
        for pending in &self.pending {
            all.extend(pending.writes.iter().cloned());
            owners.extend(pending.writes.iter().map(|_| pending.step.clone()));
        }
        let entries = self.pending.iter().map(|pending| pending.entry.clone()).chain(row).collect();
        let world = self.engine.world();
        let outcome = self.log.append(&*world.store, world.clock.now(), entries, leave, all).await?;
        self.held_back = None;
        match &outcome {
            Appended::Recorded => {
                self.shown = Instant::now();
                self.pending.clear();
            }
            Appended::Refused(lost) => {
                // A record changed under a step: it is run again. A slot was taken under us: it is tried again.
                let lost: BTreeSet<_> = lost.iter().filter_map(|index| owners.get(*index).cloned()).collect();
                let again: BTreeSet<_> = lost.into_iter().flatten().collect();
                tracing::info!(operation = %self.log.head().id, ?again, "records changed meanwhile");
                self.pending.retain(|pending| pending.step.as_ref().is_none_or(|step| !again.contains(step)));
                if again.is_empty() {
                    for slot in line::wanted(&self.nodes) {
                        if !self.log.facts().held.contains(&slot) {
                            self.put_off(slot);
                        }
                    }
                }
            }
            Appended::Fenced => {}
        }
        Ok(outcome)
    }
}
