//! Compares a release with the one that runs, from the artifacts of the two builds. One of them is known already: it takes one
//! look, with as many calls for a hundred functions as for one. If the running release cannot be read, the new one is listed
//! in full.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::application::{Sluice, World};
use crate::comparison::Changes;
use crate::comparison::messages::LISTED_IN_FULL;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::records::{Artifact, Release, Stage, from_item};
use crate::resources::{Deployable, Line};
use crate::rules::Parameters;
use crate::steps::{Exceptions, KnownStage, ReadApplication, SystemSource};
use sluice_model::{PipelineName, ReleaseNumber, StageName, Target};
use sluice_template::Application;
use sluice_template::plain::{DirectValues, SystemParameters};

/// Which release is compared with which, on a stage.
#[derive(Clone)]
pub(crate) struct Comparison {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    pub(crate) bucket: String,
    /// Whether the stage has the template's own physical names.
    pub(crate) is_first: bool,
    /// The running release.
    pub(crate) before: Option<ReleaseNumber>,
    /// The values of the template's parameters there.
    pub(crate) parameters: Parameters,
    /// The source stage and the new release, if it was made already.
    pub(crate) from: Option<(StageName, ReleaseNumber)>,
    /// The artifact of the new release, and the values of its parameters.
    pub(crate) artifact: Artifact,
    pub(crate) wanted: Parameters,
    /// What Systems Manager had for the running release, and where the values of the new one are from.
    pub(crate) system_before: SystemParameters,
    pub(crate) system: SystemSource,
    /// The values of the stage's APIs.
    pub(crate) apis: DirectValues,
}

impl Comparison {
    /// The reading of a release as people see it.
    fn read(&self, artifact: &Artifact, parameters: &Parameters, system: SystemSource) -> ReadApplication {
        ReadApplication {
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            bucket: self.bucket.clone(),
            artifact: artifact.clone(),
            parameters: parameters.clone(),
            // One runs already, and the gate of the stage checks the other one.
            exceptions: Exceptions::Accepted,
            is_first: self.is_first,
            system,
            known: KnownStage::Shown(self.apis.clone()),
        }
    }

    /// The reading of the new release as people see it.
    pub(crate) fn read_new(&self) -> ReadApplication {
        self.read(&self.artifact, &self.wanted, self.system.clone())
    }

    /// The changes from the running release to this one, which was read as people see it.
    ///
    /// # Errors
    ///
    /// The store did not answer.
    pub(crate) async fn changes(&self, world: &World, now: &Application) -> Result<Changes, EngineError> {
        match self.found(world, now).await {
            Ok(changes) => Ok(changes),
            Err(error @ EngineError::Store(_)) if error.can_retry() => Err(error),
            Err(error) => {
                let Self { pipeline, stage, .. } = self;
                tracing::warn!(%pipeline, %stage, %error, "the running release could not be read");
                Ok(self.whole(now))
            }
        }
    }

    /// The whole release, if it cannot be compared.
    fn whole(&self, now: &Application) -> Changes {
        Changes::between(None, now, &self.target, None).noting(LISTED_IN_FULL)
    }

    async fn found(&self, world: &World, now: &Application) -> Result<Changes, EngineError> {
        let Self { target, pipeline, before, parameters, from, .. } = self;
        let keys = &world.keys;
        let release = before.map(|before| keys.release(pipeline, before));
        let source = from.as_ref().map(|(from, _)| keys.stage(pipeline, from));
        let (mut found, mut since) = (None, None);
        let keys: Vec<_> = release.iter().chain(&source).cloned().collect();
        let items = if keys.is_empty() { vec![] } else { world.store.get_many(&keys).await? };
        for item in items {
            if Some(&item.key) == release.as_ref() {
                found = Some(from_item::<Release>(&item)?);
            } else {
                let current = from_item::<Stage>(&item)?.current;
                let number = from.as_ref().map(|(_, number)| *number);
                since = current.filter(|now| Some(now.release) == number).map(|now| now.since);
                // To the second: stored bytes cost.
                since = since.and_then(|since: Timestamp| Timestamp::from_second(since.as_second()).ok());
            }
        }
        let before = match (before, found) {
            (None, _) => None,
            (Some(_), None) => return Ok(self.whole(now)),
            (Some(_), Some(found)) => {
                let system = SystemSource::Pinned(self.system_before.clone());
                Some(self.read(&found.artifact, parameters, system).application(world).await?)
            }
        };
        Ok(Changes::between(before.as_ref(), now, target, since))
    }
}

/// The step that compares them, for approvers.
pub(crate) struct LookAtChanges {
    pub(crate) of: Comparison,
    /// The new release, as far as it is known before the stage's stack changes.
    pub(crate) now: Arc<Deployable>,
    /// What changes in the stage's stack.
    pub(crate) stack: Vec<Line>,
}

#[async_trait]
impl Step<Sluice> for LookAtChanges {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let now = match self.now.application.is_complete() {
            true => self.now.application.clone(),
            // Approvers see every right, also of functions that wait for the stack.
            false => self.of.read_new().application(&cx.world).await?,
        };
        let changes = self.of.changes(&cx.world, &now).await?;
        Progress::done(changes.and(&self.stack).readable().map_err(EngineError::Refused)?)
    }
}
