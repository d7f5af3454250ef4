//! A function, from what is there to a published version that can be called. A version is known by its code and
//! configuration, no matter who published it. What people reach does not change here: aliases alone decide that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryFutureExt as _;
use futures::future::{try_join, try_join3};
use serde::{Deserialize, Serialize};

use crate::operation::effects::*;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::operations::names;
use crate::operations::steps::{STATEMENT, Watch, foreign, foreign_refusal, ours};
use crate::ports::{Alias, FunctionConfig, FunctionVersion, Readiness, TAG_PIPELINE};
use sluice_model::{Class, CodeRef, PipelineName, PortError, PortResult, Refusal, StageName, Target, Text};

/// The version that can still change.
const LATEST: &str = "$LATEST";
/// The call that reads one version.
const READ: &str = "lambda:GetFunctionConfiguration";
/// How soon to look again while Lambda applies a change, at first and at last.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// How long Lambda is given to apply a change: with a package of 250 MB it takes about a minute.
const APPLIES: Duration = Duration::from_secs(5 * 60);

/// A digest of a configuration, whole: equal digests are equal configurations, also where the author of a template looks
/// for two that share one.
pub(crate) fn print(config: &FunctionConfig) -> String {
    names::digest(&[&serde_json::to_string(config).unwrap_or_default()])
}

/// What a function is, as far as a deploy must know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FunctionLook {
    /// `$LATEST`; none if there is no such function.
    pub(crate) latest: Option<Latest>,
    /// Published versions with the code that is wanted, the newest last.
    pub(crate) versions: Vec<Published>,
    /// The roles that published versions have: they are whole, since a version is published after its role.
    pub(crate) roles: BTreeSet<String>,
    /// The stage's alias: version and revision.
    pub(crate) alias: Option<(String, String)>,
    /// What part of its calls the alias sends to other versions, in thousandths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) weights: BTreeMap<String, u32>,
    /// Whether API Gateway may call that alias.
    pub(crate) permitted: bool,
}

/// A published version as the list of versions shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) version: String,
    pub(crate) sha256: String,
    pub(crate) print: String,
    /// Whether the list says that it can be called; a list may leave that out, and then it is looked at by itself.
    pub(crate) ready: bool,
}

/// `$LATEST` as it was seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Latest {
    pub(crate) revision: String,
    pub(crate) sha256: String,
    pub(crate) print: String,
    pub(crate) role: String,
    pub(crate) architecture: String,
}

impl Latest {
    /// Whether `$LATEST` is what was seen, whatever its revision: that changes once more when a change is applied.
    fn is(&self, now: &FunctionVersion) -> bool {
        self.sha256 == now.code_sha256 && self.print == print(&now.config)
    }
}

impl FunctionLook {
    /// A version with exactly that code and configuration.
    pub(crate) fn reusable(&self, code: &CodeRef, want: &str) -> Option<&Published> {
        self.versions.iter().rev().find(|version| version.sha256 == code.sha256 && version.print == want)
    }
}

fn published_roles(versions: &[FunctionVersion]) -> BTreeSet<String> {
    let published = versions.iter().filter(|version| version.version != LATEST);
    published.map(|version| version.config.role.clone()).collect()
}

/// How many of the newest versions are looked at for reuse.
const REMEMBERED: usize = 25;

/// Looks at a function, its versions, and the stage's alias.
pub(crate) struct LookAtFunction {
    pub(crate) target: Target,
    pub(crate) function: String,
    pub(crate) stage: StageName,
    /// The code that it shall run.
    pub(crate) code: CodeRef,
    /// What its alias is held against.
    pub(crate) watch: Watch,
}

#[async_trait]
impl Step for LookAtFunction {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let functions = &cx.world.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        let aws = try_join3(
            functions.versions(target, function),
            functions.alias(target, function, stage),
            functions.permissions(target, function, stage),
        );
        let recorded = self.watch.recorded(cx);
        let ((versions, alias, statements), recorded) =
            try_join(aws.map_err(EngineError::from), recorded).await?;
        let drift = recorded.map(|recorded| recorded.of_alias(function, alias.as_ref().map(Alias::serves)));
        if let Some(progress) = self.watch.judge(cx, drift.unwrap_or_default()).await? {
            return Ok(progress);
        }
        let versions = versions.unwrap_or_default();
        let latest = versions.iter().find(|version| version.version == LATEST);
        let role_prefix = names::role_arn(target, "sluice-");
        if let Some(latest) = latest
            && !latest.config.role.starts_with(&role_prefix)
        {
            return Err(EngineError::Refused(foreign_refusal(&format!("The function `{function}`"))));
        }
        let mut published: Vec<_> = versions
            .iter()
            .filter(|version| version.version != LATEST && !matches!(version.readiness, Readiness::Failed(_)))
            .map(|version| Published {
                version: version.version.clone(),
                sha256: version.code_sha256.clone(),
                print: print(&version.config),
                ready: version.readiness == Readiness::Ready,
            })
            .collect();
        published.sort_by_key(|published| published.version.parse::<u64>().unwrap_or(0));
        // What is remembered is written to the journal: only what this operation can use.
        let mut remembered = published.split_off(published.len().saturating_sub(REMEMBERED));
        remembered.retain(|version| version.sha256 == self.code.sha256);
        Progress::done(FunctionLook {
            latest: latest.map(|latest| Latest {
                revision: latest.revision.clone(),
                sha256: latest.code_sha256.clone(),
                print: print(&latest.config),
                role: latest.config.role.clone(),
                architecture: latest.config.architecture.clone(),
            }),
            versions: remembered,
            roles: published_roles(&versions),
            weights: alias.as_ref().map(|alias| alias.weights.clone()).unwrap_or_default(),
            alias: alias.map(|alias| (alias.version, alias.revision)),
            permitted: statements.iter().any(|statement| statement == STATEMENT),
        })
    }
}

/// A function as it shall be.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
    pub(crate) function: String,
    pub(crate) config: Arc<FunctionConfig>,
    pub(crate) code: CodeRef,
}

impl Wanted {
    /// A published version with that code and configuration, if there is one.
    async fn published(&self, cx: &Context) -> Result<Option<FunctionVersion>, EngineError> {
        let versions = cx.world.functions.versions(&self.target, &self.function).await?.unwrap_or_default();
        Ok(versions.into_iter().rev().find(|version| {
            version.version != LATEST
                && version.code_sha256 == self.code.sha256
                && version.config == *self.config
        }))
    }
    /// A version of it. `None`: it is not found, and Lambda may not show yet what was made a moment ago.
    async fn version(&self, cx: &Context, version: &str) -> Result<Option<FunctionVersion>, EngineError> {
        let found = cx.world.functions.version(&self.target, &self.function, version).await?;
        if found.is_none() && cx.begun.elapsed() >= cx.world.settings.consistency {
            return Err(self.gone());
        }
        Ok(found)
    }
    /// `$LATEST`, for a change that has to know it: what is not found is looked at again as what is busy.
    async fn latest(&self, cx: &Context) -> Result<FunctionVersion, EngineError> {
        let busy = || PortError::new(READ, Class::Busy, "ResourceNotFoundException", "it is not found yet");
        Ok(self.version(cx, LATEST).await?.ok_or_else(busy)?)
    }
    /// The revision of `$LATEST` after a write that named an older one was refused: if nothing but the revision changed,
    /// it changed because Lambda finished an earlier change. Anything else is somebody else's.
    async fn settled(&self, cx: &Context, seen: &Latest, refused: PortError) -> Result<String, EngineError> {
        let now = self.latest(cx).await?;
        if now.readiness == Readiness::Pending {
            return Err(PortError { class: Class::Busy, ..refused }.into());
        }
        if seen.is(&now) && now.revision != seen.revision { Ok(now.revision) } else { Err(refused.into()) }
    }
    fn gone(&self) -> EngineError {
        EngineError::Refused(Refusal::new(
            "function-gone",
            format!("The function `{}` disappeared while it was deployed.", self.function),
            "Somebody deleted it outside Sluice. Deploy again to have it made anew.",
        ))
    }
}

/// Creates a function and publishes its first version.
pub(crate) struct CreateFunction(pub(crate) Wanted);

#[async_trait]
impl Step for CreateFunction {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_FUNCTION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Wanted { target, pipeline, function, config, code } = &self.0;
        let tags = names::tags(pipeline);
        let made = cx.world.functions.create_function(target, function, config, code, &tags).await?;
        Progress::done(made.version)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let Wanted { target, pipeline, function, .. } = &self.0;
        let Some(tags) = cx.world.functions.function_tags(target, function).await? else {
            return Ok(Observed::Absent);
        };
        // Organisations add tags of their own.
        if tags.get(TAG_PIPELINE).map(String::as_str) != Some(pipeline.as_str()) {
            return Ok(foreign(format!("The function `{function}`")));
        }
        match self.0.published(cx).await? {
            Some(version) => ours(version.version),
            // Ours, but of another attempt: publishing what is wanted is left to the next deploy.
            None => Ok(foreign(format!("Another version of the function `{function}`"))),
        }
    }
}

/// Configures `$LATEST`.
pub(crate) struct UpdateConfig {
    pub(crate) wanted: Wanted,
    /// `$LATEST` as it was seen.
    pub(crate) seen: Latest,
}

#[async_trait]
impl Step for UpdateConfig {
    fn effect(&self) -> Effect {
        Effect::Mutate(&UPDATE_CONFIG)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Wanted { target, function, config, .. } = &self.wanted;
        let functions = &cx.world.functions;
        match functions.update_config(target, function, config, &self.seen.revision).await {
            Err(error) if error.class == Class::Precondition => {
                let now = self.wanted.settled(cx, &self.seen, error).await?;
                functions.update_config(target, function, config, &now).await?;
            }
            other => drop(other?),
        }
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let latest = self.wanted.latest(cx).await?;
        // The architecture goes with the code.
        let config = FunctionConfig::clone(&self.wanted.config);
        let wanted = FunctionConfig { architecture: latest.config.architecture.clone(), ..config };
        if latest.config == wanted { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Not yet: Lambda is looked at again, less and less often, until it had time enough for `what`.
fn again(cx: &Context, what: &str) -> Result<Progress, EngineError> {
    let waited = cx.begun.elapsed();
    if waited > APPLIES {
        let minutes = APPLIES.as_secs() / 60;
        return Err(EngineError::Refused(Refusal::new(
            "lambda-too-slow",
            format!("Lambda did not finish {what} within {minutes} minutes."),
            "Look at the function's state in the Lambda console, then type the command again.",
        )));
    }
    let (first, last) = LOOK_AGAIN;
    let note = Some(Text::plain("waits for Lambda"));
    Ok(Progress::NotYet { after: (waited / 2).clamp(first, last), note })
}

fn failed(function: &str, reason: &str) -> EngineError {
    EngineError::Refused(Refusal::new(
        "function-failed",
        format!("Lambda could not make the function `{function}` ready ({reason})."),
        "Mend the cause, then type the command again.",
    ))
}

/// Waits until a configuration is applied; leaves the revision to publish from.
pub(crate) struct AwaitConfig(pub(crate) Wanted);

#[async_trait]
impl Step for AwaitConfig {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let what = || format!("the new configuration of `{}`", self.0.function);
        let Some(latest) = self.0.version(cx, LATEST).await? else { return again(cx, &what()) };
        match latest.readiness {
            Readiness::Ready => Progress::done(latest.revision),
            Readiness::Pending => again(cx, &what()),
            Readiness::Failed(reason) => Err(failed(&self.0.function, &reason)),
        }
    }
}

/// Publishes a version: of new code, uploaded by reference, or of `$LATEST` as it is.
pub(crate) struct Publish {
    pub(crate) wanted: Wanted,
    /// `$LATEST` as it must be still.
    pub(crate) seen: Latest,
    /// Whether the code, or what it runs on, is new.
    pub(crate) upload: bool,
}

impl Publish {
    async fn publish(&self, cx: &Context, revision: &str) -> PortResult<FunctionVersion> {
        let Wanted { target, function, config, code, .. } = &self.wanted;
        let functions = &cx.world.functions;
        if self.upload {
            functions.update_code(target, function, code, &config.architecture, revision).await
        } else {
            functions.publish(target, function, &code.sha256, revision).await
        }
    }
}

#[async_trait]
impl Step for Publish {
    fn effect(&self) -> Effect {
        Effect::Mutate(if self.upload { &UPDATE_CODE } else { &PUBLISH_VERSION })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let made = match self.publish(cx, &self.seen.revision).await {
            Err(error) if error.class == Class::Precondition => {
                let now = self.wanted.settled(cx, &self.seen, error).await?;
                self.publish(cx, &now).await?
            }
            other => other?,
        };
        Progress::done(made.version)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match self.wanted.published(cx).await? {
            Some(version) => ours(version.version),
            None => Ok(Observed::Absent),
        }
    }
}

/// Waits until a version can be called, and makes sure that it is the one that was wanted.
pub(crate) struct AwaitVersion {
    pub(crate) wanted: Wanted,
    pub(crate) version: String,
}

#[async_trait]
impl Step for AwaitVersion {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Wanted { function, config, code, .. } = &self.wanted;
        let what = || format!("version {} of `{function}`", self.version);
        let Some(found) = self.wanted.version(cx, &self.version).await? else { return again(cx, &what()) };
        if found.code_sha256 != code.sha256 || found.config != **config {
            return Err(EngineError::Refused(Refusal::new(
                "version-differs",
                format!("Version {} of `{function}` is not what was to be published.", self.version),
                "Somebody changed the function outside Sluice at the same moment. Type the command again.",
            )));
        }
        match found.readiness {
            Readiness::Ready => Progress::done(&self.version),
            Readiness::Pending => again(cx, &what()),
            Readiness::Failed(reason) => Err(failed(function, &reason)),
        }
    }
}
