//! Reads whether a pipeline is quiet from its open operations and its audit records.

use crate::operation::{EngineError, World};
use crate::pipeline::tidy::needed;
use crate::pipeline::tidy::needed::Activity;
use crate::ports::{Order, Query};
use crate::records::{AuditRecord, PipelineState, from_item};
use sluice_model::PipelineName;

/// How many audit records of the last hour are read. A pipeline with more of them counts as active.
const MOST_RECORDS: u32 = 500;

/// The activity because of which no version of the pipeline may be deleted yet.
pub(super) async fn activity(
    world: &World,
    state: &PipelineState,
    name: &PipelineName,
) -> Result<Option<Activity>, EngineError> {
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
    // A record that this version cannot read may be that of a move.
    let records: Result<Vec<AuditRecord>, _> = page.items.iter().map(from_item).collect();
    match records {
        Ok(records) if page.more.is_none() => Ok(needed::activity(state, &records, now)),
        _ => Ok(Some(needed::activity(state, &[], now).unwrap_or(Activity::Until(now + needed::QUIET)))),
    }
}
