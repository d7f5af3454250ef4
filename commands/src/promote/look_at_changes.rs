//! The step that compares a release with the one that runs, from the artifacts of the two builds. One of them is known
//! already: it takes one look, with as many calls for a hundred functions as for one. If the running release cannot be read,
//! the new one is listed in full.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::promote::Changes;
use crate::promote::messages::LISTED_IN_FULL;
use crate::promote::refusals::TOO_MANY_CHANGES;
use crate::records::{Artifact, Release, Stage, from_item};
use crate::resources::{Deployable, Line};
use crate::rules::Parameters;
use crate::steps::{KnownStage, ReadApplication, WildRights};
use sluice_model::{PipelineName, ReleaseNumber, StageName, Target};
use sluice_template::Application;

/// Reads the running release and compares it with the new one.
pub(super) struct LookAtChanges {
    pub(super) target: Target,
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
    pub(super) bucket: String,
    /// The running release.
    pub(super) before: Option<ReleaseNumber>,
    /// The values of the template's parameters there.
    pub(super) parameters: Parameters,
    /// The source stage and the new release.
    pub(super) from: (StageName, ReleaseNumber),
    /// The new release, as far as it is known before the stage's stack changes.
    pub(super) now: Arc<Deployable>,
    /// Its artifact, and the values of its parameters.
    pub(super) artifact: Artifact,
    pub(super) wanted: Parameters,
    /// What changes in the stage's stack.
    pub(super) stack: Vec<Line>,
}

impl LookAtChanges {
    /// The whole release, if it cannot be compared.
    fn whole(&self, now: &Application) -> Result<Changes, EngineError> {
        let changes = Changes::between(None, now, &self.target, None);
        changes.noting(LISTED_IN_FULL).and(&self.stack).readable().map_err(EngineError::Refused)
    }

    /// Reads a release as people see it.
    fn read(&self, artifact: &Artifact, parameters: &Parameters) -> ReadApplication {
        ReadApplication {
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            bucket: self.bucket.clone(),
            artifact: artifact.clone(),
            parameters: parameters.clone(),
            // One runs already, and the gate of the stage checks the other one.
            wild_rights: WildRights::Accepted,
            is_first: false,
            known: KnownStage::Shown,
        }
    }

    async fn found(&self, cx: &Context, now: &Application) -> Result<Changes, EngineError> {
        let Self { target, pipeline, before, parameters, from: (from, number), stack: of_stack, .. } = self;
        let keys = &cx.world.keys;
        let (release, source) =
            (before.map(|before| keys.release(pipeline, before)), keys.stage(pipeline, from));
        let (mut found, mut since) = (None, None);
        let keys: Vec<_> = release.iter().cloned().chain([source]).collect();
        for item in cx.world.store.get_many(&keys).await? {
            if Some(&item.key) == release.as_ref() {
                found = Some(from_item::<Release>(&item)?);
            } else {
                let current = from_item::<Stage>(&item)?.current;
                since = current.filter(|now| now.release == *number).map(|now| now.since);
                // To the second: stored bytes cost.
                since = since.and_then(|since: Timestamp| Timestamp::from_second(since.as_second()).ok());
            }
        }
        let before = match (before, found) {
            (None, _) => None,
            (Some(_), None) => return self.whole(now),
            (Some(_), Some(found)) => {
                let read = self.read(&found.artifact, parameters);
                Some(read.application(cx).await?)
            }
        };
        let changes = Changes::between(before.as_ref(), now, target, since);
        changes.and(of_stack).readable().map_err(EngineError::Refused)
    }
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
            false => self.read(&self.artifact, &self.wanted).application(cx).await?,
        };
        match self.found(cx, &now).await {
            Ok(changes) => Progress::done(changes),
            Err(error @ EngineError::Store(_)) if error.can_retry() => Err(error),
            Err(EngineError::Refused(refusal)) if refusal.code == TOO_MANY_CHANGES => {
                Err(EngineError::Refused(refusal))
            }
            Err(error) => {
                tracing::warn!(operation = %cx.operation, %error, "the changes of a promotion could not be read");
                Progress::done(self.whole(&now)?)
            }
        }
    }
}
