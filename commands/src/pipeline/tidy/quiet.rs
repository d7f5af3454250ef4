//! Whether a pipeline is quiet, as its open operations and its audit records say.

use crate::operation::{EngineError, World};
use crate::pipeline::tidy::needed;
use crate::pipeline::tidy::needed::Unrest;
use crate::ports::{Order, Query};
use crate::records::{AuditRecord, PipelineState, from_item};
use sluice_model::PipelineName;

/// How many audit records of the last hour are read; with more of them it was not quiet.
const MOST_RECORDS: u32 = 500;

/// Why nothing of the pipeline may be deleted yet; `None`: it may.
pub(super) async fn unrest(
    world: &World,
    state: &PipelineState,
    name: &PipelineName,
) -> Result<Option<Unrest>, EngineError> {
    let now = world.clock.now();
    let since = now.checked_sub(needed::QUIET).unwrap_or(now);
    let query = Query {
        partition: world.keys.audit_partition(name),
        prefix: String::new(),
        order: Order::Ascending,
        limit: Some(MOST_RECORDS),
        after: Some(sluice_engine::Keys::audit_time(since)),
    };
    let page = world.store.audit_records(query).await?;
    // A record that this version cannot read may be of a move.
    let records: Result<Vec<AuditRecord>, _> = page.items.iter().map(from_item).collect();
    match records {
        Ok(records) if page.more.is_none() => Ok(needed::unrest(state, &records, now)),
        _ => Ok(Some(needed::unrest(state, &[], now).unwrap_or(Unrest::Until(now + needed::QUIET)))),
    }
}
