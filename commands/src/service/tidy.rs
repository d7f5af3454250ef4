//! Automatic tidying: after every ten releases of a pipeline, Sluice starts `/pipeline tidy`. The first time it only reports
//! what it would delete, to notify the team in advance.
//!
//! Any replica may try at any time. The delivery's key has the pipeline, the number of releases and the hour, so a second
//! replica finds the inbox row of the first.

use jiff::{SignedDuration, Timestamp};

use crate::installation::{Input, Invocation, Reject, delivery_of};
use crate::operation::{Accepted, DEPLOY, EngineError, PROMOTE, ROLLBACK, Snapshot, accept};
use crate::pipeline::tidy;
use crate::ports::{Order, Query};
use crate::records::PipelineState;
use crate::service::{NoAnswer, Service};
use sluice_grammar::{Command, PipelineCommand};
use sluice_model::{Actor, Permission, PipelineName};

/// After how many releases a pipeline is tidied again.
const EVERY: u64 = 10;
/// How many pipelines one request lists.
const PAGE: u32 = 250;

/// Whether a pipeline has enough new releases and is idle: no operation that changes stages is open or ended within the last
/// hour.
fn is_due(state: &PipelineState, now: Timestamp) -> bool {
    let before = state.tidied.as_ref().map_or(0, |tidied| tidied.releases);
    let busy = |kind: &str| [DEPLOY, PROMOTE, ROLLBACK, tidy::KIND].contains(&kind);
    let rests = |since: Timestamp| now.duration_since(since) > SignedDuration::from_hours(1);
    state.counters.releases >= before + EVERY
        && !state.queue.tickets.iter().any(|ticket| busy(&ticket.kind))
        && state
            .stages
            .values()
            .filter_map(|stage| stage.current.as_ref())
            .all(|current| rests(current.since))
}

impl Service {
    /// Starts to tidy every pipeline that is due, as the bot itself. Returns their number.
    pub async fn tidy_due(&self, sluice: &Actor) -> Result<usize, NoAnswer> {
        let world = self.app.engine.world();
        let (mut begun, mut after) = (0, None);
        loop {
            let partition = world.keys.catalog_partition();
            let query =
                Query { partition, prefix: String::new(), order: Order::Ascending, limit: Some(PAGE), after };
            let page = world.store.query(query).await.map_err(|error| {
                tracing::warn!(%error, "the list of pipelines cannot be read");
                NoAnswer::Unreachable
            })?;
            for item in page.items {
                let Ok(name) = PipelineName::new(item.key.sort) else { continue };
                match self.tidy_if_due(sluice, &name).await {
                    Ok(is_begun) => begun += usize::from(is_begun),
                    // A failure of one pipeline does not affect the others.
                    Err(Reject::EngineError(error)) => {
                        tracing::warn!(pipeline = %name, %error, "it cannot be tidied")
                    }
                    Err(_) => tracing::warn!(pipeline = %name, "it cannot be tidied"),
                }
            }
            after = page.more;
            if after.is_none() {
                return Ok(begun);
            }
        }
    }

    async fn tidy_if_due(&self, sluice: &Actor, name: &PipelineName) -> Result<bool, Reject> {
        let world = self.app.engine.world();
        let snapshot = Snapshot::read(world, name).await?;
        let (state, now) = (&snapshot.state, world.clock.now());
        // Only the audit records have failed attempts. They are read only if the pipeline is due.
        if !is_due(state, now) || !tidy::is_quiet(world, state, name).await? {
            return Ok(false);
        }
        let command = Command::Pipeline(PipelineCommand::Tidy {
            name: name.clone(),
            now: state.tidied.is_some(),
            data: None,
        });
        let hour = now.as_second().div_euclid(3600);
        let invocation = Invocation {
            delivery: format!("tidy/{name}/{}/{hour}", state.counters.releases),
            actor: sluice.clone(),
            channel: None,
            input: Input::Slash { command: "/pipeline".into(), text: command.to_string() },
        };
        let granted = snapshot.access.permit(Permission::Sluice, &sluice.id)?;
        let id = self.app.new_id()?;
        let (mut request, _) = self.request(&invocation, &command, &snapshot, &id, None).await?;
        let mut params: tidy::Params = serde_json::from_value(request.params)
            .map_err(|error| EngineError::Corrupt(error.to_string()))?;
        params.automatic = true;
        request.params =
            serde_json::to_value(params).map_err(|error| EngineError::Corrupt(error.to_string()))?;
        let accepted =
            accept(&self.app.engine, id, &delivery_of(&invocation), &snapshot, request, granted.rule())
                .await?;
        Ok(matches!(accepted, Accepted::Yes(_)))
    }
}
