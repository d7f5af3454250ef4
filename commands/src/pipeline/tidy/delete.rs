//! The steps that delete. Each deletes by name, so running it twice has the effect of running it once.

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::effects::{DELETE_VERSION, LOG_RETENTION};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::{Precondition, Write};
use crate::records::{PipelineState, Tidied, to_item};
use crate::resources::ours;
use sluice_model::{PipelineName, Target};

/// A resource that is no longer needed.
pub(super) enum Leftover {
    /// A published version of a function.
    Version { function: String, version: String },
    /// A log group without a retention, which gets one.
    Logs { group: String, days: u32 },
}

/// Removes a leftover.
pub(super) struct Remove {
    pub(super) target: Target,
    pub(super) leftover: Leftover,
}

#[async_trait]
impl Step<Sluice> for Remove {
    fn effect(&self) -> Effect {
        Effect::Mutate(match &self.leftover {
            Leftover::Version { .. } => &DELETE_VERSION,
            Leftover::Logs { .. } => &LOG_RETENTION,
        })
    }

    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (world, at) = (&cx.world, &self.target);
        match &self.leftover {
            Leftover::Version { function, version } => {
                world.ports.functions.delete_version(at, function, version).await?
            }
            Leftover::Logs { group, days } => world.ports.logs.set_retention(at, group, *days).await?,
        }
        Progress::done(())
    }

    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let (world, at) = (&cx.world, &self.target);
        let is_removed = match &self.leftover {
            Leftover::Version { function, version } => {
                world.ports.functions.version(at, function, version).await?.is_none()
            }
            // It was limited, by this step or by somebody else, or it was deleted.
            Leftover::Logs { group, .. } => world.ports.logs.retention(at, group).await? != Some(0),
        };
        if is_removed { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Records when the pipeline was tidied, and at which release: the next automatic run comes some releases later, unless this
/// run could not delete everything.
pub(super) struct Record {
    pub(super) name: PipelineName,
    pub(super) leaves_more: bool,
}

#[async_trait]
impl Step<Sluice> for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (world, name) = (&cx.world, &self.name);
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        let releases = match self.leaves_more {
            true => state.tidied.map_or(0, |before| before.releases),
            false => state.counters.releases,
        };
        let tidied = Tidied { at: world.clock.now(), releases };
        let item = to_item(world.keys.tidied(name), Default::default(), &tidied)?;
        Progress::recorded((), vec![Write::Put { item, when: Precondition::Any }])
    }
}
