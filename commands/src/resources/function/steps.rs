//! The steps from what exists to a published version that can be called. A version is identified by its code and
//! configuration, no matter who published it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::image::OfImage;
use super::look::{LATEST, Latest};
use crate::application::Sluice;
use crate::names;
use crate::operation::effects::*;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::{FunctionCode, FunctionConfig, FunctionVersion, Readiness, Tags, permanent_difference};
use crate::resources::messages::{self, foreign};
use crate::resources::own::ours;
use sluice_model::{Class, PipelineName, PortError, PortResult, StageName, Target};

/// The call that reads one version.
const READ: &str = "lambda:GetFunction";
/// How long to wait before the next look while Lambda applies a change: at first, and at most.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// How long Lambda may take to apply a change. With a package of 250 MB it takes about a minute.
const APPLIES: Duration = Duration::from_secs(5 * 60);

/// The wanted state of a function.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) target: Target,
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
    pub(super) function: String,
    pub(super) config: Arc<FunctionConfig>,
    pub(super) code: FunctionCode,
    /// What the function is tagged with when it is created.
    pub(super) tags: Tags,
}

impl Wanted {
    /// A published version with that code and configuration, if there is one.
    async fn published(&self, cx: &Context) -> Result<Option<FunctionVersion>, EngineError> {
        let versions =
            cx.world.ports.functions.versions(&self.target, &self.function).await?.unwrap_or_default();
        Ok(versions.into_iter().rev().find(|version| {
            version.version != LATEST
                && version.code_sha256 == self.code.sha256()
                && version.config == *self.config
        }))
    }
    /// A version of it. `None` if Lambda does not show it, which may be because it is new.
    async fn version(&self, cx: &Context, version: &str) -> Result<Option<FunctionVersion>, EngineError> {
        let found = cx.world.ports.functions.version(&self.target, &self.function, version).await?;
        if found.is_none() && cx.begun.elapsed() >= cx.world.settings.consistency {
            return Err(self.gone());
        }
        Ok(found)
    }
    /// `$LATEST`, for a change that needs it. If it is not found, the error is *busy*, and the step is retried.
    async fn latest(&self, cx: &Context) -> Result<FunctionVersion, EngineError> {
        let busy = || PortError::new(READ, Class::Busy, "ResourceNotFoundException", "it is not found yet");
        Ok(self.version(cx, LATEST).await?.ok_or_else(busy)?)
    }
    /// The current revision of `$LATEST`, after a write with an older one was refused. If only the revision changed, Lambda
    /// finished an earlier change of ours. Somebody else made any other change, and the refusal stays.
    async fn settled(&self, cx: &Context, seen: &Latest, refused: PortError) -> Result<String, EngineError> {
        let now = self.latest(cx).await?;
        if now.readiness == Readiness::Pending {
            return Err(PortError { class: Class::Busy, ..refused }.into());
        }
        if seen.is_same(&now) && now.revision != seen.revision {
            Ok(now.revision)
        } else {
            Err(refused.into())
        }
    }
    fn image(&self) -> OfImage<'_> {
        let Self { target, pipeline, function, code, .. } = self;
        OfImage { target, pipeline, function, code }
    }
    /// The error of a call that gives code to Lambda.
    fn refused(&self, error: PortError) -> EngineError {
        self.image().denied(&error).map_or_else(|| error.into(), EngineError::Refused)
    }
    fn gone(&self) -> EngineError {
        EngineError::Refused(messages::function_gone(&self.function))
    }
}

/// Creates a function and publishes its first version.
pub(super) struct CreateFunction(pub(super) Wanted);

#[async_trait]
impl Step<Sluice> for CreateFunction {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_FUNCTION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Wanted { target, function, config, code, tags, .. } = &self.0;
        let made = cx.world.ports.functions.create_function(target, function, config, code, tags).await;
        let made = made.map_err(|error| self.0.refused(error))?;
        Progress::done(made.version)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let Wanted { target, pipeline, stage, function, .. } = &self.0;
        let Some(tags) = cx.world.ports.functions.function_tags(target, function).await? else {
            return Ok(Observed::Absent);
        };
        // Organisations may add other tags.
        if !names::stage_tags(pipeline, stage).iter().all(|(key, value)| tags.get(key) == Some(value)) {
            return Ok(foreign(messages::function(function)));
        }
        match self.0.published(cx).await? {
            Some(version) => ours(version.version),
            // An earlier attempt created it with other content. The next deploy publishes the wanted version.
            None => Ok(foreign(messages::other_version(function))),
        }
    }
}

/// Configures `$LATEST`.
pub(super) struct UpdateConfig {
    pub(super) wanted: Wanted,
    /// `$LATEST` at the look.
    pub(super) seen: Latest,
}

#[async_trait]
impl Step<Sluice> for UpdateConfig {
    fn effect(&self) -> Effect {
        Effect::Mutate(&UPDATE_CONFIG)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Wanted { target, function, config, .. } = &self.wanted;
        let functions = &cx.world.ports.functions;
        let set = config.set();
        if let Some(property) = permanent_difference(&self.seen.set, &set) {
            return Err(EngineError::Refused(messages::permanent(function, property)));
        }
        let reset: BTreeSet<String> = self.seen.set.difference(&set).cloned().collect();
        match functions.update_config(target, function, config, &reset, &self.seen.revision).await {
            Err(error) if error.class == Class::Precondition => {
                let now = self.wanted.settled(cx, &self.seen, error).await?;
                functions.update_config(target, function, config, &reset, &now).await?;
            }
            other => drop(other?),
        }
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let latest = self.wanted.latest(cx).await?;
        // The architecture is updated together with the code.
        let config = FunctionConfig::clone(&self.wanted.config);
        let wanted = FunctionConfig { architecture: latest.config.architecture.clone(), ..config };
        if latest.config == wanted { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Looks again later, at growing intervals, until Lambda had enough time for `what`.
pub(super) fn not_yet(cx: &Context, what: &str) -> Result<Progress, EngineError> {
    let waited = cx.begun.elapsed();
    if waited > APPLIES {
        let minutes = APPLIES.as_secs() / 60;
        return Err(EngineError::Refused(messages::lambda_too_slow(what, minutes)));
    }
    let (first, last) = LOOK_AGAIN;
    let note = Some(messages::WAITS_FOR_LAMBDA.into());
    Ok(Progress::NotYet { after: (waited / 2).clamp(first, last), note })
}

/// Waits until a configuration is applied. Its output is the revision to publish from.
pub(super) struct AwaitConfig(pub(super) Wanted);

#[async_trait]
impl Step<Sluice> for AwaitConfig {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let what = || messages::configuration(&self.0.function);
        let Some(latest) = self.0.version(cx, LATEST).await? else { return not_yet(cx, &what()) };
        match latest.readiness {
            // Nobody calls `$LATEST`: it may be inactive.
            Readiness::Ready | Readiness::Inactive(_) => Progress::done(latest.revision),
            Readiness::Pending => not_yet(cx, &what()),
            Readiness::Failed(reason) => {
                Err(EngineError::Refused(messages::function_failed(&self.0.function, &reason)))
            }
        }
    }
}

/// Publishes a version: of new code, uploaded by reference, or of `$LATEST` as it is.
pub(super) struct Publish {
    pub(super) wanted: Wanted,
    /// `$LATEST` at the look. It must be unchanged.
    pub(super) seen: Latest,
    /// Whether the code or the architecture is new.
    pub(super) upload: bool,
}

impl Publish {
    async fn publish(&self, cx: &Context, revision: &str) -> PortResult<FunctionVersion> {
        let Wanted { target, function, config, code, .. } = &self.wanted;
        let functions = &cx.world.ports.functions;
        if self.upload {
            functions.update_code(target, function, code, &config.architecture, revision).await
        } else {
            functions.publish(target, function, code.sha256(), revision).await
        }
    }
}

#[async_trait]
impl Step<Sluice> for Publish {
    fn effect(&self) -> Effect {
        Effect::Mutate(if self.upload { &UPDATE_CODE } else { &PUBLISH_VERSION })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let made = match self.publish(cx, &self.seen.revision).await {
            Err(error) if error.class == Class::Precondition => {
                let now = self.wanted.settled(cx, &self.seen, error).await?;
                self.publish(cx, &now).await
            }
            other => other,
        };
        let made = made.map_err(|error| self.wanted.refused(error))?;
        Progress::done(made.version)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match self.wanted.published(cx).await? {
            Some(version) => ours(version.version),
            None => Ok(Observed::Absent),
        }
    }
}

/// The output of [`AwaitVersion`] for a version that must be restored first.
pub(super) const ASLEEP: &str = "inactive";

/// Waits until a version can be called or is inactive, and checks that it is the wanted one.
pub(super) struct AwaitVersion {
    pub(super) wanted: Wanted,
    pub(super) version: String,
}

#[async_trait]
impl Step<Sluice> for AwaitVersion {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Wanted { function, config, code, .. } = &self.wanted;
        let what = || messages::version(function, &self.version);
        let Some(found) = self.wanted.version(cx, &self.version).await? else { return not_yet(cx, &what()) };
        if found.code_sha256 != code.sha256() || found.config != **config {
            return Err(EngineError::Refused(messages::version_differs(function, &self.version)));
        }
        match found.readiness {
            Readiness::Ready => Progress::done(&self.version),
            Readiness::Inactive(_) => Progress::done(ASLEEP),
            Readiness::Pending => not_yet(cx, &what()),
            Readiness::Failed(reason) => Err(EngineError::Refused(self.wanted.image().failed(&reason))),
        }
    }
}
