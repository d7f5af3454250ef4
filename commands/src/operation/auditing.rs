//! The writes of audit records.

use crate::operation::definition::BoundOperation;
use crate::operation::keys::Keys;
use crate::operation::state::OperationState;
use crate::operation::step::EngineError;
use crate::operation::world::World;
use crate::ports::{AuditItem, Item, StoreError, Write};
use crate::records::{Act, AuditRecord, to_item};

/// The audit record of an operation's end.
pub(crate) fn audit_of_end(
    definition: &dyn BoundOperation,
    op: &OperationState,
    succeeded: bool,
    world: &World,
) -> Result<Write, EngineError> {
    let act = if succeeded { Act::Succeeded } else { Act::Failed };
    let failure = op.failure().filter(|_| !succeeded);
    audit_of(act, failure.map_or("succeeded".to_owned(), |refusal| refusal.code), definition, op, world)
}

/// The audit record of an operation's outcome.
pub(crate) fn audit_of(
    act: Act,
    outcome: String,
    definition: &dyn BoundOperation,
    op: &OperationState,
    world: &World,
) -> Result<Write, EngineError> {
    let record = AuditRecord {
        at: world.clock.now(),
        act,
        actor: op.spec.actor.clone(),
        channel: Some(op.spec.channel.clone()),
        pipeline: Some(op.spec.pipeline.clone()),
        operation: op.id.clone(),
        kind: op.spec.kind.clone(),
        command: op.spec.command.clone(),
        rule: String::new(),
        outcome,
        about: definition.audit_subject(op),
    };
    Ok(audit(&record, world)?)
}

/// The write of an audit record. It never overwrites another one.
pub(crate) fn audit(record: &AuditRecord, world: &World) -> Result<Write, StoreError> {
    audit_by(record, &world.keys)
}

/// The same for callers that have no [`World`] yet.
pub(crate) fn audit_by(record: &AuditRecord, keys: &Keys) -> Result<Write, StoreError> {
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
