//! Changes that are recorded at once: they belong to no pipeline, so there is no queue and no step. One
//! transaction writes the inbox row with the answer, the records and the audit record, or nothing happens.

use ulid::Ulid;

use crate::accept::{Accepted, Committed, Delivery, inbox, transact};
use crate::application::Application;
use crate::audit::AuditRecord;
use crate::auditing;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::Write;
use sluice_model::Answer;

/// Records changes and who made them. A second delivery gets the same answer. If a record changed meanwhile,
/// the caller must read all of them again.
pub async fn commit_now<A: Application>(
    engine: &Engine<A>,
    delivery: &Delivery<'_>,
    answer: Answer,
    changes: Vec<Write>,
    audit: &AuditRecord<A::AuditSubject>,
) -> Result<Accepted, EngineError> {
    let mut writes = vec![inbox(engine, delivery.key, &answer, None)?];
    writes.extend(changes);
    writes.push(auditing::audit(audit, &engine.world().keys)?);
    // The writes contain the time of this attempt, so another attempt needs another token.
    let token = format!("commit-{}", Ulid::new());
    Ok(match transact(engine, &token, delivery.key, writes).await? {
        Committed::Yes => Accepted::Yes(answer),
        Committed::Before(answer, _) => Accepted::Before(answer),
        Committed::No => Accepted::Again,
    })
}
