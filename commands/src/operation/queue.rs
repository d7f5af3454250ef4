//! The queue for a slot: take it in turn, release it, wake the next operation.

use std::collections::BTreeSet;

use crate::operation::definition::BoundOperation;
use crate::operation::engine::Engine;
use crate::operation::head::{Head, OperationSpec, guards};
use crate::operation::slot::{Slot, Ticket, is_my_turn, next_in_line};
use crate::operation::snapshot::Snapshot;
use crate::operation::state::OperationState;
use crate::operation::step::{EngineError, Node};
use crate::operation::world::World;
use crate::ports::{Cause, DueChange, Guard, Hint, Item, Precondition, StoreError, Write};
use crate::records::{FINGERPRINT, KIND, OPERATION, PipelineState, QUEUED, STUCK, to_item};
use crate::rules::{DEACTIVATED, GROUP_UNKNOWN, Subjects};
use sluice_model::{OperationId, PipelineName, Refusal};

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
pub(crate) async fn try_acquire(
    world: &World,
    definition: &dyn BoundOperation,
    op: &OperationState,
    slot: &Slot,
) -> Result<Acquire, EngineError> {
    let pipeline = &op.spec.pipeline;
    // An operation that only unwinds needs no look-up of people.
    let subjects = if is_new(op) { definition.subjects(op) } else { Subjects::default() };
    let snapshot = Snapshot::read_about(world, pipeline, subjects).await?;
    let acquire = acquire(world, definition, op, slot, &snapshot)?;
    let queued =
        snapshot.state.tickets.iter().any(|t| t.operation == op.id && t.queued.as_ref() == Some(slot));
    if matches!(acquire, Acquire::Taken) && !queued {
        match world.store.write(mark(world, op, slot.to_string())).await {
            Ok(()) | Err(StoreError::Lost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(acquire)
}

/// Whether gates apply. They block new work, not an operation that unwinds or only records what AWS serves.
fn is_new(op: &OperationState) -> bool {
    op.failure().is_none() && op.resolved.is_none()
}

/// Decides whether an operation can take a slot now, from the pipeline and the roles in `snapshot`. Pure.
///
/// Gates first: an operation that does new work needs its permission and its gate again, because both may
/// have changed since acceptance. Then the slot: it is open if nobody holds it, if we hold it already, or if
/// this is a rollback and the holder is stuck or is a lock. Then the turn: no ticket before ours may wait for
/// the same slot. The writes that take the slot compare the holder seen here, so two operations cannot both
/// take it.
pub(crate) fn acquire(
    world: &World,
    definition: &dyn BoundOperation,
    op: &OperationState,
    slot: &Slot,
    snapshot: &Snapshot,
) -> Result<Acquire, EngineError> {
    let Snapshot { state, access, .. } = snapshot;
    if is_new(op) {
        let actor = &op.spec.actor.id;
        if let Err(refusal) = access.permit(definition.permission(), actor) {
            let lost = || format!("<@{actor}> lost the role that allowed it before anything moved here.");
            let says_why = [DEACTIVATED, GROUP_UNKNOWN].contains(&refusal.code.as_str());
            let problem = if says_why { refusal.problem.clone() } else { lost() };
            return Ok(Acquire::Refused(Refusal { problem, ..refusal }));
        }
        if let Err(refusal) = definition.gate(op, slot, snapshot, world.clock.now()) {
            return Ok(Acquire::Refused(refusal));
        }
    }
    // The journal may not know that we hold the slot: it stayed marked with us when we became stuck. A
    // rollback passes a stuck operation, and a lock that waits for other stages: only a gate can block a
    // rollback.
    let is_open = |holder: &OperationId| {
        let is_passed = |ticket: &Ticket| {
            &ticket.operation == holder && (ticket.stuck || ticket.kind == crate::operation::LOCK)
        };
        let is_rollback = op.spec.kind == crate::operation::ROLLBACK;
        holder == &op.id || is_rollback && state.tickets.iter().any(is_passed)
    };
    let held = state.slots.get(slot);
    if held.is_some_and(|holder| !is_open(holder)) || !is_my_turn(slot, &op.id, &state.tickets) {
        return Ok(Acquire::Taken);
    }
    let holder = |operation: &OperationId| guards([(OPERATION, Guard::Text(operation.to_string()))]);
    let item = to_item(world.keys.slot(&op.spec.pipeline, slot), holder(&op.id), &serde_json::json!({}))?;
    // An operation that ended leaves its slots behind. Only the next holder overwrites them.
    let when = match held.or(state.left_behind.get(slot)) {
        Some(before) => Precondition::Equals(holder(before)),
        None => Precondition::Absent,
    };
    let mut writes = vec![Write::Put { item, when }];
    let is_marked = |ticket: &Ticket| ticket.stuck || ticket.queued.as_ref() == Some(slot);
    if state.tickets.iter().any(|ticket| ticket.operation == op.id && is_marked(ticket)) {
        // A holder no longer queues: it may release the slot and wait for people for hours. It is no longer
        // stuck either: a rollback must not pass an operation that moves.
        writes.push(unmark(world, op));
    }
    Ok(Acquire::Free(writes))
}

/// Marks our ticket as stuck.
pub(crate) fn mark_stuck(world: &World, spec: &OperationSpec) -> Write {
    Write::Update {
        key: world.keys.ticket(&spec.pipeline, spec.ticket),
        set: guards([(QUEUED, Guard::Text(String::new())), (STUCK, Guard::Text(STUCK.into()))]),
        due: DueChange::Keep,
        when: Precondition::Present,
    }
}

/// Marks our ticket as neither queued nor stuck.
fn unmark(world: &World, op: &OperationState) -> Write {
    Write::Update {
        key: world.keys.ticket(&op.spec.pipeline, op.spec.ticket),
        set: guards([(QUEUED, Guard::Text(String::new())), (STUCK, Guard::Text(String::new()))]),
        due: DueChange::Keep,
        when: Precondition::Present,
    }
}

/// Marks our ticket with the slot we wait for.
fn mark(world: &World, op: &OperationState, queued: String) -> Write {
    Write::Update {
        key: world.keys.ticket(&op.spec.pipeline, op.spec.ticket),
        set: guards([(QUEUED, Guard::Text(queued))]),
        due: DueChange::Keep,
        when: Precondition::Present,
    }
}

/// Releases a slot while the operation goes on. An operation that ends leaves its slots behind with its
/// ticket.
pub(crate) fn release(world: &World, pipeline: &PipelineName, slot: &Slot, operation: &OperationId) -> Write {
    let held = guards([(OPERATION, Guard::Text(operation.to_string()))]);
    Write::Delete { key: world.keys.slot(pipeline, slot), when: Precondition::Equals(held) }
}

/// Leaves the queue.
pub(crate) fn leave(world: &World, op: &OperationState) -> Write {
    Write::Delete { key: world.keys.ticket(&op.spec.pipeline, op.spec.ticket), when: Precondition::Any }
}

pub(crate) fn ticket(world: &World, pipeline: &PipelineName, ticket: &Ticket) -> Result<Item, StoreError> {
    let marks = guards([
        (OPERATION, Guard::Text(ticket.operation.to_string())),
        (KIND, Guard::Text(ticket.kind.clone())),
        (FINGERPRINT, Guard::Text(ticket.fingerprint.clone())),
        (QUEUED, Guard::Text(String::new())),
    ]);
    to_item(world.keys.ticket(pipeline, ticket.number), marks, &serde_json::json!({}))
}

pub(crate) fn wanted(nodes: &[Node]) -> BTreeSet<Slot> {
    nodes.iter().filter_map(|node| node.slot.clone()).collect()
}

/// Wakes the next operation in the queue of each released slot, in this process or another. If this fails,
/// waiting operations look again by themselves.
pub(crate) async fn wake_next(engine: &Engine, by: &Head, slots: &BTreeSet<Slot>) {
    if slots.is_empty() {
        return;
    }
    let (world, pipeline) = (engine.world(), &by.spec.pipeline);
    match PipelineState::read(&*world.store, &world.keys, pipeline).await {
        Ok(state) => {
            for slot in slots {
                let Some(next) = next_in_line(slot, &state.tickets).map(|ticket| &ticket.operation) else {
                    continue;
                };
                if !engine.is_carrying(next) {
                    let cause = Cause::Slot(by.id.clone());
                    world.wakeups.wake(Hint { operation: next.clone(), sequence: by.sequence, cause });
                }
                world.runner.run(next.clone());
            }
        }
        Err(error) => {
            tracing::warn!(%pipeline, %error, "the line could not be read; who waits looks again by itself")
        }
    }
}
