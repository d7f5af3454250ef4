//! What is recorded at once: a change that is of no pipeline, so that there is no line to stand in and nothing to carry
//! out. One transaction writes the inbox row with the answer, the record and the audit row, or nothing happens.

use crate::domain::AuditRecord;
use crate::operation::accept::{Accepted, Committed, Delivery, inbox, transact};
use crate::operation::engine::Engine;
use crate::operation::news;
use crate::operation::step::Trouble;
use crate::ports::Write;
use crate::service::Answer;

/// Records a change and who made it. A second delivery is answered the same; if the record changed meanwhile, it is to be
/// read again.
pub async fn decree(
    engine: &Engine,
    delivery: &Delivery<'_>,
    answer: Answer,
    change: Write,
    audit: &AuditRecord,
) -> Result<Accepted, Trouble> {
    let writes =
        vec![inbox(engine, delivery.key, &answer, None)?, change, news::audit(audit, engine.world())?];
    // The time of this attempt is in the writes, so another attempt has another token.
    let token = format!("decree-{}", audit.operation);
    Ok(match transact(engine, &token, delivery.key, writes).await? {
        Committed::Yes => Accepted::Yes(answer),
        Committed::Before(answer, _) => Accepted::Before(answer),
        Committed::No => Accepted::Again,
    })
}
