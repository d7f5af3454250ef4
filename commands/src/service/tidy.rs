//! Tidying by itself: after every ten releases of a pipeline Sluice begins `/pipeline tidy`. The first time it only says
//! what it would delete, so that a team hears of it before anything goes.
//!
//! Any replica may ask at any time. One acceptance for a pipeline, a count of releases and an hour: the delivery's key says
//! all three, so that the second replica finds the first one's inbox row.

use jiff::{SignedDuration, Timestamp};

use crate::domain::View;
use crate::operation::{Accepted, DEPLOY, Ground, PROMOTE, ROLLBACK, Trouble, accept};
use crate::operations::tidy;
use crate::ports::{Order, Query};
use crate::service::clicks::delivery_of;
use crate::service::{Delay, Invocation, Said, Service, Stop};
use sluice_grammar::Command;
use sluice_model::{Actor, Permission, PipelineName};

/// After how many releases a pipeline is tidied again.
const EVERY: u64 = 10;
/// How many rows of the list of pipelines are read in one request.
const PAGE: u32 = 250;

/// Whether a pipeline has made enough releases, and is at rest: nothing that moves stages is open or ended lately.
fn is_due(view: &View, now: Timestamp) -> bool {
    let before = view.tidied.as_ref().map_or(0, |tidied| tidied.releases);
    let busy = |kind: &str| [DEPLOY, PROMOTE, ROLLBACK, tidy::KIND].contains(&kind);
    let rests = |since: Timestamp| now.duration_since(since) > SignedDuration::from_hours(1);
    view.counters.releases >= before + EVERY
        && !view.tickets.iter().any(|ticket| busy(&ticket.kind))
        && view.stages.values().filter_map(|stage| stage.current.as_ref()).all(|current| rests(current.since))
}

impl Service {
    /// Begins to tidy every pipeline that is due, as that actor: the bot itself. Gives how many.
    pub async fn tidy_due(&self, sluice: &Actor) -> Result<usize, Delay> {
        let world = self.engine.world();
        let (mut begun, mut after) = (0, None);
        loop {
            let partition = world.keys.catalog_partition();
            let query =
                Query { partition, prefix: String::new(), order: Order::Ascending, limit: Some(PAGE), after };
            let page = world.store.query(query).await.map_err(|error| {
                tracing::warn!(%error, "the list of pipelines cannot be read");
                Delay::Unreachable
            })?;
            for item in page.items {
                let Ok(name) = PipelineName::new(item.key.sort) else { continue };
                match self.tidy_if_due(sluice, &name).await {
                    Ok(is_begun) => begun += usize::from(is_begun),
                    // One pipeline that cannot be tidied does not keep the others from it.
                    Err(Stop::Trouble(error)) => {
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

    async fn tidy_if_due(&self, sluice: &Actor, name: &PipelineName) -> Result<bool, Stop> {
        let world = self.engine.world();
        let ground = Ground::read(world, name).await?;
        let (view, now) = (&ground.view, world.clock.now());
        // Attempts that failed are in the audit records alone, which are read only if there is something to do.
        if !is_due(view, now) || !tidy::is_quiet(world, view, name).await? {
            return Ok(false);
        }
        let command = Command::PipelineTidy { name: name.clone(), now: view.tidied.is_some() };
        let hour = now.as_second().div_euclid(3600);
        let invocation = Invocation {
            delivery: format!("tidy/{name}/{}/{hour}", view.counters.releases),
            actor: sluice.clone(),
            channel: None,
            said: Said::Slash { command: "/pipeline".into(), text: command.to_string() },
        };
        let granted = ground.access.permit(Permission::Sluice, &sluice.id)?;
        let id = self.new_id()?;
        let (mut draft, _) = self.draft(&invocation, &command, &ground, &id, None).await?;
        let mut params: tidy::Params =
            serde_json::from_value(draft.params).map_err(|error| Trouble::Corrupt(error.to_string()))?;
        params.automatic = true;
        draft.params = serde_json::to_value(params).map_err(|error| Trouble::Corrupt(error.to_string()))?;
        let accepted = accept(&self.engine, id, &delivery_of(&invocation), &ground, draft, &granted).await?;
        Ok(matches!(accepted, Accepted::Yes(_)))
    }
}
