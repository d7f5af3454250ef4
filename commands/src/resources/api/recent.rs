//! What other operations recently created in an API of a stage.
//!
//! The race that this prevents: lists lag, so an operation may not see what another one has just created, and create it again.
//! AWS would not refuse that, because APIs and deployments have no unique name. But the journal of the operation
//! that created it has its id.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::identity::{CREATE, DEPLOY, Identity};
use crate::operation::{Context, EngineError, StepId, StepState, load};
use crate::ports::{Order, Query};
use crate::records::{AuditRecord, PipelineState, from_item};
use crate::resources::watch::moves_stage;
use sluice_model::{OperationId, PipelineName};

/// How many of the newest audit records are read.
const ACTS: u32 = 20;

/// The ids of what other operations created in the API within the settle time before `look`, the time of the first list call.
/// `None` is for a step that may have created something.
pub(crate) async fn recent(
    cx: &Context,
    Identity { pipeline, stage, logical, .. }: &Identity,
    look: Timestamp,
) -> Result<Vec<Option<String>>, EngineError> {
    let world = &cx.world;
    let settled = look - world.settings.settle;
    let mut made = vec![];
    for id in others(cx, pipeline, settled).await? {
        let loaded = match load(&*world.store, &world.keys, &id).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => continue,
            // A damaged operation must not block the others.
            Err(error) if error.is_corrupt() => continue,
            Err(error) => return Err(error),
        };
        if !moves_stage(&loaded.op, stage) {
            continue;
        }
        let steps =
            loaded.op.steps().filter(|(step, fact)| is_listed(step, logical) && last(fact) > Some(settled));
        made.extend(steps.map(|(_, fact)| fact.done.as_ref().and_then(|(_, output)| id_in(output))));
    }
    Ok(made)
}

/// The other operations that are open or ended after `since`.
async fn others(
    cx: &Context,
    pipeline: &PipelineName,
    since: Timestamp,
) -> Result<BTreeSet<OperationId>, EngineError> {
    let (store, keys) = (&*cx.world.store, &cx.world.keys);
    let newest = Query {
        partition: keys.audit_partition(pipeline),
        prefix: String::new(),
        order: Order::Descending,
        limit: Some(ACTS),
        after: None,
    };
    let (state, page) =
        futures::future::try_join(PipelineState::read(store, keys, pipeline), store.audit_records(newest))
            .await?;
    let mut others: BTreeSet<_> = state.queue.tickets.into_iter().map(|ticket| ticket.operation).collect();
    for item in &page.items {
        // A record of a newer version of Sluice is skipped. Its operation has a ticket while it is open.
        let Ok(record) = from_item::<AuditRecord>(item) else { continue };
        if record.at > since {
            others.insert(record.operation);
        }
    }
    others.remove(&cx.operation);
    Ok(others)
}

/// Whether the step creates something that only a list shows.
fn is_listed(step: &StepId, logical: &str) -> bool {
    step.0.split_once(':').is_some_and(|(name, of)| matches!(name, CREATE | DEPLOY) && of == logical)
}

/// The latest time at which the step may have created something.
fn last(fact: &StepState) -> Option<Timestamp> {
    let done = fact.done.as_ref().map(|(at, _)| *at);
    done.or(fact.fault.as_ref().map(|(at, _)| *at)).or(fact.intent)
}

/// The id in the output of such a step.
fn id_in(output: &Value) -> Option<String> {
    output.as_str().or(output["id"].as_str()).map(str::to_owned)
}
