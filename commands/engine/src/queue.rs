//! The queue for a slot: take it in turn, release it, wake the next operation.

use std::collections::BTreeSet;

use crate::application::Application;
use crate::codec::to_item;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::head::{Head, OperationSpec};
use crate::hooks::Hooks;
use crate::keys::Keys;
use crate::operation::BoundOperation;
use crate::ports::{Cause, DueChange, Guard, Guards, Hint, Precondition, StoreError, Write, guards};
use crate::slot::Slot;
use crate::state::OperationState;
use crate::step::Node;
use crate::tickets::{OPERATION, Precedence, QUEUED, STUCK, Ticket, TicketQueue, is_my_turn, next_in_line};
use crate::world::World;
use sluice_model::{OperationId, PipelineName, Refusal, Subjects};

/// The result of an attempt to take a slot.
pub(crate) enum Acquire {
    /// The slot is free and it is our turn. These writes take it, in the same transaction as the journal row.
    Free(Vec<Write>),
    /// Another operation holds it or is before us in the queue.
    Taken,
    /// A gate closed since the operation was accepted.
    Refused(Refusal),
}

/// Reads the queue, checks the gates again, and marks our ticket if we have to wait.
pub(crate) async fn try_acquire<A: Hooks>(
    world: &World<A>,
    definition: &dyn BoundOperation<A>,
    op: &OperationState,
    slot: &Slot,
) -> Result<Acquire, EngineError> {
    let pipeline = &op.spec.pipeline;
    // An operation that only unwinds needs no look-up of people.
    let subjects = if is_new(op) { definition.subjects(op) } else { Subjects::default() };
    let snapshot = A::read(world, pipeline, subjects).await?;
    let queue = A::queue(&snapshot);
    let acquire = acquire(world, definition, op, slot, queue, &snapshot)?;
    let queued = queue.tickets.iter().any(|t| t.operation == op.id && t.queued.as_ref() == Some(slot));
    if matches!(acquire, Acquire::Taken) && !queued {
        // Marks our ticket with the slot we wait for.
        let marks = guards([(QUEUED, Guard::Text(slot.to_string()))]);
        match world.store.write(mark(&world.keys, &op.spec, marks)).await {
            Ok(()) | Err(StoreError::Lost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(acquire)
}

/// Whether gates apply. They block new work, not an operation that unwinds or only records what exists.
fn is_new(op: &OperationState) -> bool {
    op.failure().is_none() && op.resolved.is_none()
}

/// Decides whether an operation can take a slot now. Pure.
///
/// Gates first: an operation that does new work needs its permission and its gate again, because both may
/// have changed since acceptance; both read `snapshot`. Then the slot: it is open if nobody holds it, if we
/// hold it already, or if we go first and the holder is stuck or yields. Then the turn: no ticket in `queue`
/// before ours may wait for the same slot. The writes that take the slot compare the holder seen here, so two
/// operations cannot both take it.
pub(crate) fn acquire<A: Hooks>(
    world: &World<A>,
    definition: &dyn BoundOperation<A>,
    op: &OperationState,
    slot: &Slot,
    queue: &TicketQueue,
    snapshot: &A::Snapshot,
) -> Result<Acquire, EngineError> {
    if is_new(op) {
        if let Err(refusal) = A::permit(snapshot, definition.permission(), &op.spec.actor.id) {
            return Ok(Acquire::Refused(refusal));
        }
        if let Err(refusal) = definition.gate(op, slot, snapshot, world.clock.now()) {
            return Ok(Acquire::Refused(refusal));
        }
    }
    // The journal may not know that we hold the slot: it stayed marked with us when we became stuck. An
    // operation that goes first passes a stuck one, and one that yields: only a gate can block it.
    let is_open = |holder: &OperationId| {
        let is_passed = |ticket: &Ticket| {
            &ticket.operation == holder && (ticket.stuck || ticket.precedence == Precedence::Yields)
        };
        holder == &op.id
            || definition.precedence() == Precedence::First && queue.tickets.iter().any(is_passed)
    };
    let held = queue.slots.get(slot);
    if held.is_some_and(|holder| !is_open(holder)) || !is_my_turn(slot, &op.id, &queue.tickets) {
        return Ok(Acquire::Taken);
    }
    let holder = |operation: &OperationId| guards([(OPERATION, Guard::Text(operation.to_string()))]);
    let item = to_item(world.keys.slot(&op.spec.pipeline, slot), holder(&op.id), &serde_json::json!({}))?;
    // An operation that ended leaves its slots behind. Only the next holder overwrites them.
    let when = match held.or(queue.left_behind.get(slot)) {
        Some(before) => Precondition::Equals(holder(before)),
        None => Precondition::Absent,
    };
    let mut writes = vec![Write::Put { item, when }];
    let is_marked = |ticket: &Ticket| ticket.stuck || ticket.queued.as_ref() == Some(slot);
    if queue.tickets.iter().any(|ticket| ticket.operation == op.id && is_marked(ticket)) {
        // A holder no longer queues: it may release the slot and wait for people for hours. It is no longer
        // stuck either: nobody may pass an operation that moves.
        writes.push(unmark(&world.keys, &op.spec));
    }
    Ok(Acquire::Free(writes))
}

/// Marks our ticket as stuck.
pub(crate) fn mark_stuck(keys: &Keys, spec: &OperationSpec) -> Write {
    mark(keys, spec, guards([(QUEUED, Guard::Text(String::new())), (STUCK, Guard::Text(STUCK.into()))]))
}

/// Marks our ticket as neither queued nor stuck.
fn unmark(keys: &Keys, spec: &OperationSpec) -> Write {
    mark(keys, spec, guards([(QUEUED, Guard::Text(String::new())), (STUCK, Guard::Text(String::new()))]))
}

/// Sets marks on our ticket.
fn mark(keys: &Keys, spec: &OperationSpec, set: Guards) -> Write {
    let (due, when) = (DueChange::Keep, Precondition::Present);
    Write::Update { key: keys.ticket(&spec.pipeline, spec.ticket), set, due, when }
}

/// Releases a slot while the operation goes on. An operation that ends leaves its slots behind with its
/// ticket.
pub(crate) fn release(keys: &Keys, pipeline: &PipelineName, slot: &Slot, operation: &OperationId) -> Write {
    let held = guards([(OPERATION, Guard::Text(operation.to_string()))]);
    Write::Delete { key: keys.slot(pipeline, slot), when: Precondition::Equals(held) }
}

/// Leaves the queue.
pub(crate) fn leave(keys: &Keys, op: &OperationState) -> Write {
    Write::Delete { key: keys.ticket(&op.spec.pipeline, op.spec.ticket), when: Precondition::Any }
}

/// The slots that these steps need.
pub(crate) fn wanted<A: Application>(nodes: &[Node<A>]) -> BTreeSet<Slot> {
    nodes.iter().filter_map(|node| node.slot.clone()).collect()
}

/// Wakes the next operation in the queue of each released slot, in this process or another. If this fails,
/// waiting operations look again by themselves.
pub(crate) async fn wake_next<A: Application>(engine: &Engine<A>, by: &Head, slots: &BTreeSet<Slot>) {
    if slots.is_empty() {
        return;
    }
    let (world, pipeline) = (engine.world(), &by.spec.pipeline);
    match Ticket::read_all(&*world.store, &world.keys, pipeline).await {
        Ok(tickets) => {
            for slot in slots {
                let Some(next) = next_in_line(slot, &tickets).map(|ticket| &ticket.operation) else {
                    continue;
                };
                if !engine.is_driving(next) {
                    let cause = Cause::Slot(by.id.clone());
                    world.wakeups.wake(Hint { operation: next.clone(), sequence: by.sequence, cause });
                }
                world.runner.run(next.clone());
            }
        }
        Err(error) => {
            tracing::warn!(%pipeline, %error, "the queue could not be read; a waiting operation looks again by itself")
        }
    }
}
