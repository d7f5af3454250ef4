//! The line before a slot: taking it in turn, giving it back, waking who is next.

use std::collections::BTreeSet;

use crate::domain::{FINGERPRINT, KIND, OPERATION, QUEUED, View, to_item};
use crate::ids::{OperationId, PipelineName, Target};
use crate::operation::definition::Definition;
use crate::operation::engine::Engine;
use crate::operation::facts::Facts;
use crate::operation::head::{Head, guards};
use crate::operation::slot::{Slot, Ticket, is_my_turn, next_in_line};
use crate::operation::step::{Refusal, Trouble};
use crate::operation::world::World;
use crate::ports::{Cause, DueChange, Guard, Hint, Item, Precondition, StoreError, Write};

/// What came of standing before a slot.
pub(crate) enum Turnstile {
    /// It is free and it is our turn: these writes, in the same transaction as the journal row, take it.
    Free(Vec<Write>),
    /// Somebody holds it, or is before us in the line.
    Taken,
    /// A gate closed since the operation was accepted.
    Refused(Refusal),
}

/// Reads the line, asks the gates again, and marks our ticket if we have to wait.
pub(crate) async fn try_take(
    world: &World,
    definition: &dyn Definition,
    facts: &Facts,
    slot: &Slot,
) -> Result<Turnstile, Trouble> {
    let pipeline = &facts.charter.pipeline;
    let view = View::read(&*world.store, &world.keys, pipeline).await?;
    if let Err(refusal) = definition.gate(facts, slot, &view) {
        return Ok(Turnstile::Refused(refusal));
    }
    let key = world.keys.slot(pipeline, slot);
    let holder = view.slots.get(slot);
    let queued = view.tickets.iter().any(|t| t.operation == facts.id && t.queued.as_ref() == Some(slot));
    let mark = |queued: String| Write::Update {
        key: world.keys.ticket(pipeline, facts.charter.ticket),
        set: guards([(QUEUED, Guard::Text(queued))]),
        due: DueChange::Keep,
        when: Precondition::Present,
    };
    // A slot of ours that the journal does not know cannot be: both are written in one transaction.
    if holder.is_none() && is_my_turn(slot, &facts.id, &view.tickets) {
        let held = guards([(OPERATION, Guard::Text(facts.id.to_string()))]);
        let item = to_item(key, held, &serde_json::json!({}))?;
        let mut writes = vec![Write::Put { item, when: Precondition::Absent }];
        if queued {
            // Who holds it stands in the line no more: it may give it back and wait for people for hours.
            writes.push(mark(String::new()));
        }
        return Ok(Turnstile::Free(writes));
    }
    if !queued {
        let write = mark(slot.to_string());
        match world.store.write(write).await {
            Ok(()) | Err(StoreError::Lost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Turnstile::Taken)
}

/// Gives a slot back.
pub(crate) fn release(world: &World, pipeline: &PipelineName, slot: &Slot, operation: &OperationId) -> Write {
    let held = guards([(OPERATION, Guard::Text(operation.to_string()))]);
    Write::Delete { key: world.keys.slot(pipeline, slot), when: Precondition::Equals(held) }
}

/// Leaves the line.
pub(crate) fn leave(world: &World, facts: &Facts) -> Write {
    Write::Delete {
        key: world.keys.ticket(&facts.charter.pipeline, facts.charter.ticket),
        when: Precondition::Any,
    }
}

/// A ticket's item.
pub(crate) fn ticket(world: &World, pipeline: &PipelineName, ticket: &Ticket) -> Result<Item, StoreError> {
    let marks = guards([
        (OPERATION, Guard::Text(ticket.operation.to_string())),
        (KIND, Guard::Text(ticket.kind.clone())),
        (FINGERPRINT, Guard::Text(ticket.fingerprint.clone())),
        (QUEUED, Guard::Text(String::new())),
    ]);
    to_item(world.keys.ticket(pipeline, ticket.number), marks, &serde_json::json!({}))
}

/// The slots that an operation's steps name.
pub(crate) fn wanted(definition: &dyn Definition, facts: &Facts, target: &Target) -> BTreeSet<Slot> {
    definition.nodes(facts, target).unwrap_or_default().into_iter().filter_map(|node| node.slot).collect()
}

/// Wakes the head of the line of slots that an operation gave back, here or wherever it is carried. Should this fail, who
/// waits looks again by itself.
pub(crate) async fn wake_next(engine: &Engine, by: &Head, slots: &BTreeSet<Slot>) {
    if slots.is_empty() {
        return;
    }
    let (world, pipeline) = (engine.world(), &by.charter.pipeline);
    match View::read(&*world.store, &world.keys, pipeline).await {
        Ok(view) => {
            for slot in slots {
                let Some(next) = next_in_line(slot, &view.tickets).map(|ticket| &ticket.operation) else {
                    continue;
                };
                if !engine.is_carrying(next) {
                    let cause = Cause::Slot(by.id.clone());
                    world.wakeups.ring(Hint { operation: next.clone(), sequence: by.sequence, cause });
                }
                world.runner.run(next.clone());
            }
        }
        Err(error) => {
            tracing::warn!(%pipeline, %error, "the line could not be read; who waits looks again by itself")
        }
    }
}
