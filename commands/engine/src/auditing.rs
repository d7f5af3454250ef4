//! The writes of audit records.

use serde::Serialize;

use crate::application::Application;
use crate::audit::{Act, AuditRecord};
use crate::codec::to_item;
use crate::error::EngineError;
use crate::keys::Keys;
use crate::operation::BoundOperation;
use crate::ports::{AuditItem, Item, StoreError, Write};
use crate::state::OperationState;
use crate::world::World;

/// The audit record of an operation's end.
pub(crate) fn audit_of_end<A: Application>(
    definition: &dyn BoundOperation<A>,
    op: &OperationState,
    succeeded: bool,
    world: &World<A>,
) -> Result<Write, EngineError> {
    let act = if succeeded { Act::Succeeded } else { Act::Failed };
    let failure = op.failure().filter(|_| !succeeded);
    audit_of(act, failure.map_or("succeeded".to_owned(), |refusal| refusal.code), definition, op, world)
}

/// The audit record of an operation's outcome.
pub(crate) fn audit_of<A: Application>(
    act: Act,
    outcome: String,
    definition: &dyn BoundOperation<A>,
    op: &OperationState,
    world: &World<A>,
) -> Result<Write, EngineError> {
    let about = definition.audit_subject(op);
    let record = AuditRecord::of(&op.id, &op.spec, act, outcome, about, world.clock.now());
    Ok(audit(&record, &world.keys)?)
}

/// The write of an audit record. It never overwrites another one.
pub fn audit<S: Serialize>(record: &AuditRecord<S>, keys: &Keys) -> Result<Write, StoreError> {
    let act = serde_json::to_value(record.act)
        .ok()
        .and_then(|act| act.as_str().map(str::to_owned))
        .unwrap_or_default();
    let about = format!("{}/{act}/{}", record.operation, record.actor.id);
    let key = match &record.pipeline {
        Some(name) => keys.audit(name, record.at, &about),
        None => keys.installation_audit(record.at, &about),
    };
    let Item { key, schema, body, .. } = to_item(key, Default::default(), record)?;
    Ok(Write::Audit { item: AuditItem { key, schema, body } })
}
