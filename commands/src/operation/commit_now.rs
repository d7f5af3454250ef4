//! What is recorded at once: a change that is of no pipeline, so that there is no line to stand in and nothing to carry
//! out. One transaction writes the inbox row with the answer, the records and the audit row, or nothing happens.

use ulid::Ulid;

use crate::domain::AuditRecord;
use crate::operation::accept::{Accepted, Committed, Delivery, inbox, transact};
use crate::operation::auditing;
use crate::operation::engine::Engine;
use crate::operation::step::EngineError;
use crate::ports::Write;
use sluice_model::Answer;

/// Records changes and who made them. A second delivery is answered the same; if a record changed meanwhile, all are to be
/// read again.
pub async fn commit_now(
    engine: &Engine,
    delivery: &Delivery<'_>,
    answer: Answer,
    changes: Vec<Write>,
    audit: &AuditRecord,
) -> Result<Accepted, EngineError> {
    let mut writes = vec![inbox(engine, delivery.key, &answer, None)?];
    writes.extend(changes);
    writes.push(auditing::audit(audit, engine.world())?);
    // The time of this attempt is in the writes, so another attempt has another token.
    let token = format!("decree-{}", Ulid::new());
    Ok(match transact(engine, &token, delivery.key, writes).await? {
        Committed::Yes => Accepted::Yes(answer),
        Committed::Before(answer, _) => Accepted::Before(answer),
        Committed::No => Accepted::Again,
    })
}
