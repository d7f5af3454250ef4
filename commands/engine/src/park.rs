//! Parking: the one exit for operations that cannot continue. They become *stuck*, are announced, and an
//! admin can always end them.
//!
//! An operation is parked when nothing can be planned for it: its journal cannot be read, its kind is
//! unknown, or every process that claimed it made no progress. It gets one more journal row, which depends on
//! none before it. The same transaction marks its ticket as stuck, so an operation that goes first passes it. *Retry* and *Mark
//! resolved* work as for every stuck operation. If even the resolution cannot run, *Mark resolved* ends the
//! operation by force: its ticket is deleted, and the application records that what it held is in an unknown
//! state ([`Hooks::forced_end`]).

use jiff::Timestamp;
use ulid::Ulid;

use crate::application::Application;
use crate::audit::{Act, AuditRecord};
use crate::codec::from_item;
use crate::engine::{Driven, Engine};
use crate::error::EngineError;
use crate::head::{self, Head};
use crate::hooks::Hooks;
use crate::journal::{Entry, Row};
use crate::keys::SIGNAL;
use crate::ports::{DueChange, Guard, Order, Precondition, Query, StoreError, Write, guards, number_guard};
use crate::recorded_signal::{RecordedSignal, STUCK, SignalKind};
use crate::status::Status;
use crate::world::World;
use crate::{auditing, log, queue, retry};
use sluice_model::Refusal;

/// How many claims without a recorded row lead to parking.
pub(crate) const CLAIMS: u64 = 5;
/// How often a forced end is tried if the pipeline changes meanwhile.
const TRIES: usize = 5;

/// The refusal of an operation that was claimed again and again without progress.
pub(crate) fn fruitless() -> Refusal {
    Refusal::new(
        "gave-up",
        format!("It was started {CLAIMS} times in a row without progress; it may be what stops the process."),
        "The log of Sluice has each attempt.",
    )
}

/// The refusal of an operation of an unknown kind.
pub(crate) fn unknown_kind() -> Refusal {
    Refusal::new(
        "unknown-kind",
        "This version of Sluice does not know this kind of operation, and no other replica continued it.",
        "Start the version of Sluice that accepted it.",
    )
}

impl<A: Hooks> Engine<A> {
    /// Ends an operation that cannot continue: by force if an admin marked it as resolved, otherwise it is
    /// parked. The caller must hold it; with an older fence the result is [`Driven::NotOurs`].
    pub(crate) async fn give_up(&self, held: &Head, why: Refusal) -> Result<Driven, EngineError> {
        // Rows may have been appended since the claim.
        let seen = log::read_head(&*self.world().store, &self.world().keys, &held.id).await?;
        let Some(head) = seen.map(|seen| seen.head).filter(|head| head.fence == held.fence) else {
            return Ok(Driven::NotOurs);
        };
        match self.resolved_by(&head).await? {
            Some(signal) => self.end_by_force(&head, &signal).await,
            None => self.park(&head, why).await,
        }
    }

    /// The *Mark resolved* signal since the operation last became stuck.
    async fn resolved_by(&self, head: &Head) -> Result<Option<RecordedSignal>, EngineError> {
        if !head.awaits.starts_with(STUCK) || head.status == Status::Stuck {
            return Ok(None);
        }
        let query = Query {
            partition: self.world().keys.operation_partition(&head.id),
            prefix: format!("{SIGNAL}{}/", head.awaits),
            order: Order::Ascending,
            limit: None,
            after: None,
        };
        let page = retry::reading(|| self.world().store.query(query.clone())).await?;
        let signals = page.items.iter().filter_map(|item| from_item::<RecordedSignal>(item).ok());
        Ok(signals.into_iter().find(|signal| signal.kind == SignalKind::Resolve))
    }

    /// Records the operation as stuck and announces it.
    ///
    /// One transaction writes the last journal row, the head, the audit record and the mark on the ticket by
    /// which operations that go first pass it. Its precondition is the fence and sequence of `held`, so a newer owner makes it
    /// lose: [`Driven::NotOurs`].
    async fn park(&self, held: &Head, why: Refusal) -> Result<Driven, EngineError> {
        let world = self.world();
        tracing::error!(operation = %held.id, kind = held.spec.kind, code = why.code, "an operation is stuck");
        let at = world.clock.now();
        let parked = Head {
            status: Status::Stuck,
            sequence: held.sequence + 1,
            awaits: format!("{STUCK}@{}", held.sequence + 1),
            claims: 0,
            ..held.clone()
        };
        let mut writes = self.last_row(held, &parked, Entry::Stuck { refusal: why.clone() }, at)?;
        writes.push(self.audit_of(held, Act::Stuck, &why.code, at)?);
        // An operation that waits without a place in the queue has no ticket. Then the rest is written
        // without the mark.
        let marked = writes.iter().cloned().chain([queue::mark_stuck(&world.keys, &held.spec)]).collect();
        let ticket = writes.len();
        let written = match transact(world, marked).await {
            Err(StoreError::Lost(lost)) if lost == [ticket] => transact(world, writes).await,
            written => written,
        };
        match written {
            Ok(()) => {
                world.notifier.notify(A::update_of_parked(&parked, self.is_urgent(&parked), &why));
                Ok(Driven::Stuck)
            }
            Err(StoreError::Lost(_)) => Ok(Driven::NotOurs),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the operation without its journal.
    ///
    /// Everything is read again for each try, because the records it writes are guarded by their revisions.
    /// One transaction ends the journal, deletes the ticket, writes the audit record, and adds the records of
    /// [`Hooks::forced_end`] and of [`Operation::on_forced_end`](crate::Operation::on_forced_end).
    async fn end_by_force(&self, held: &Head, signal: &RecordedSignal) -> Result<Driven, EngineError> {
        let world = self.world();
        tracing::warn!(operation = %held.id, by = %signal.actor.id, "an operation is ended by force");
        let ended = Head {
            status: Status::Failed,
            sequence: held.sequence + 1,
            awaits: String::new(),
            claims: 0,
            ..held.clone()
        };
        for _ in 0..TRIES {
            let at = world.clock.now();
            let end = A::forced_end(world, held).await?;
            let head = world.store.get(&world.keys.head(&held.id)).await?;
            if head.is_none_or(|head| number_guard(&head.guards, head::FENCE) != held.fence) {
                return Ok(Driven::NotOurs);
            }
            let mut writes = self.last_row(held, &ended, Entry::Ended { succeeded: false }, at)?;
            writes.push(Write::Delete {
                key: world.keys.ticket(&held.spec.pipeline, held.spec.ticket),
                when: Precondition::Any,
            });
            writes.push(self.audit_of(held, Act::Failed, "resolved-by-force", at)?);
            writes.extend(end.writes);
            if let Some(definition) = self.registry().get(&held.spec.kind, held.spec.version) {
                writes.extend(definition.on_forced_end(held, world, at).await?);
            }
            match transact(world, writes).await {
                Ok(()) => {
                    world.notifier.notify(A::update_of_forced(&ended, Some(signal), end.left));
                    return Ok(Driven::Ended);
                }
                // The pipeline changed, or another replica owns the operation now. The next read shows which.
                Err(StoreError::Lost(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Driven::Later)
    }

    /// The writes of a row that is valid after any journal, and of the head that goes with it.
    fn last_row(
        &self,
        held: &Head,
        next: &Head,
        entry: Entry,
        at: Timestamp,
    ) -> Result<Vec<Write>, EngineError> {
        let world = self.world();
        let token = format!("{}-{}-{}-parked", held.id, next.sequence, held.fence);
        let row = Row { sequence: next.sequence, at, token, entries: vec![entry] };
        let head = Write::Update {
            key: world.keys.head(&held.id),
            set: guards([
                (head::SEQUENCE, Guard::Number(next.sequence)),
                (head::STATUS, Guard::Text(next.status.as_str().into())),
                (head::AWAITS, Guard::Text(next.awaits.clone())),
                (head::BEAT, Guard::Number(held.beat + 1)),
                (head::CLAIMS, Guard::Number(0)),
            ]),
            due: DueChange::Keep,
            when: Precondition::Equals(guards([
                (head::FENCE, Guard::Number(held.fence)),
                (head::SEQUENCE, Guard::Number(held.sequence)),
            ])),
        };
        // According to the head, this row does not exist. If it does, the journal is corrupt there anyway.
        Ok(vec![head, Write::Put { item: row.to_item(&world.keys, &held.id)?, when: Precondition::Any }])
    }

    fn audit_of(&self, held: &Head, act: Act, outcome: &str, at: Timestamp) -> Result<Write, StoreError> {
        let about = A::AuditSubject::default();
        let record = AuditRecord::of(&held.id, &held.spec, act, outcome.to_owned(), about, at);
        auditing::audit(&record, &self.world().keys)
    }
}

async fn transact<A: Application>(world: &World<A>, writes: Vec<Write>) -> Result<(), StoreError> {
    let token = format!("park-{}", Ulid::new());
    retry::reading(|| world.store.transact(&token, writes.clone())).await
}
