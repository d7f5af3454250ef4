use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join3;
use serde::{Deserialize, Serialize};

use crate::card::Text;
use crate::fault::Class;
use crate::ids::{PipelineName, StageName, Target};
use crate::operation::effects::*;
use crate::operation::{Context, Effect, Observed, Progress, Refusal, Step, Trouble};
use crate::operations::names;
use crate::operations::steps::{foreign, ours};
use crate::ports::{CodeRef, FunctionConfig, FunctionVersion, Readiness};

/// The version that can still change.
const LATEST: &str = "$LATEST";
/// How soon to look again while Lambda applies a change.
const SETTLE: Duration = Duration::from_millis(200);

/// A digest of a configuration: equal digests are equal configurations.
pub(crate) fn print(config: &FunctionConfig) -> String {
    names::short_hash(&[&serde_json::to_string(config).unwrap_or_default()])
}

/// What a function is, as far as a deploy must know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FunctionLook {
    /// `$LATEST`; none if there is no such function.
    pub(crate) latest: Option<Latest>,
    /// Published versions that could be reused, the newest last.
    pub(crate) versions: Vec<Published>,
    /// The stage's alias: version and revision.
    pub(crate) alias: Option<(String, String)>,
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
}

impl FunctionLook {
    /// A version with exactly that code and configuration.
    pub(crate) fn reusable(&self, code: &CodeRef, want: &str) -> Option<&Published> {
        self.versions.iter().rev().find(|version| version.sha256 == code.sha256 && version.print == want)
    }
}

/// How many of the newest versions are remembered for reuse.
const REMEMBERED: usize = 25;

/// Looks at a function, its versions, and the stage's alias.
pub(crate) struct LookAtFunction {
    pub(crate) target: Target,
    pub(crate) function: String,
    pub(crate) stage: StageName,
}

/// The id of the one statement of an alias's resource policy.
pub(crate) const STATEMENT: &str = "sluice-api";

#[async_trait]
impl Step for LookAtFunction {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let functions = &cx.world.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        let (versions, alias, statements) = try_join3(
            functions.versions(target, function),
            functions.alias(target, function, stage),
            functions.permissions(target, function, stage),
        )
        .await?;
        let versions = versions.unwrap_or_default();
        let latest = versions.iter().find(|version| version.version == LATEST);
        let role_prefix = names::role_arn(target, "sluice-");
        if let Some(latest) = latest
            && !latest.config.role.starts_with(&role_prefix)
        {
            let Observed::Foreign(refusal) = foreign(format!("The function `{function}`")) else {
                return Err(Trouble::Corrupt(function.clone()));
            };
            return Err(Trouble::Refused(refusal));
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
        let remembered = published.split_off(published.len().saturating_sub(REMEMBERED));
        Progress::done(FunctionLook {
            latest: latest.map(|latest| Latest {
                revision: latest.revision.clone(),
                sha256: latest.code_sha256.clone(),
                print: print(&latest.config),
                role: latest.config.role.clone(),
            }),
            versions: remembered,
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
    pub(crate) config: FunctionConfig,
    pub(crate) code: CodeRef,
}

impl Wanted {
    /// A published version with that code and configuration, if there is one.
    async fn published(&self, cx: &Context) -> Result<Option<FunctionVersion>, Trouble> {
        let versions = cx.world.functions.versions(&self.target, &self.function).await?.unwrap_or_default();
        Ok(versions.into_iter().rev().find(|version| {
            version.version != LATEST
                && version.code_sha256 == self.code.sha256
                && version.config == self.config
        }))
    }
    async fn latest(&self, cx: &Context) -> Result<FunctionVersion, Trouble> {
        let found = cx.world.functions.version(&self.target, &self.function, LATEST).await?;
        found.ok_or_else(|| self.gone())
    }
    fn gone(&self) -> Trouble {
        Trouble::Refused(Refusal::new(
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
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let Wanted { target, pipeline, function, config, code } = &self.0;
        let tags = names::tags(pipeline);
        let made = cx.world.functions.create_function(target, function, config, code, &tags).await?;
        Progress::done(made.version)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let Wanted { target, pipeline, function, .. } = &self.0;
        let Some(tags) = cx.world.functions.function_tags(target, function).await? else {
            return Ok(Observed::Absent);
        };
        if tags != names::tags(pipeline) {
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
    pub(crate) revision: String,
}

#[async_trait]
impl Step for UpdateConfig {
    fn effect(&self) -> Effect {
        Effect::Mutate(&UPDATE_CONFIG)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let Wanted { target, function, config, .. } = &self.wanted;
        let functions = &cx.world.functions;
        match functions.update_config(target, function, config, &self.revision).await {
            Ok(_) => Progress::done(()),
            Err(error) if error.code == IN_PROGRESS => Ok(again()),
            Err(error) => Err(error.into()),
        }
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let latest = self.wanted.latest(cx).await?;
        if latest.config == self.wanted.config { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Lambda's code while a change of a function is under way.
const IN_PROGRESS: &str = "ResourceConflictException";

fn again() -> Progress {
    Progress::LookAgain { after: SETTLE, note: Some(Text::plain("waits for Lambda")) }
}

fn failed(function: &str, reason: &str) -> Trouble {
    Trouble::Refused(Refusal::new(
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
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let latest = self.0.latest(cx).await?;
        match latest.readiness {
            Readiness::Ready => Progress::done(latest.revision),
            Readiness::Pending => Ok(again()),
            Readiness::Failed(reason) => Err(failed(&self.0.function, &reason)),
        }
    }
}

/// Uploads code by reference and publishes it.
pub(crate) struct UpdateCode {
    pub(crate) wanted: Wanted,
    pub(crate) revision: String,
}

#[async_trait]
impl Step for UpdateCode {
    fn effect(&self) -> Effect {
        Effect::Mutate(&UPDATE_CODE)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let Wanted { target, function, config, code, .. } = &self.wanted;
        let functions = &cx.world.functions;
        let made = functions.update_code(target, function, code, &config.architecture, &self.revision).await;
        match made {
            Ok(version) => Progress::done(version.version),
            Err(error) if error.code == IN_PROGRESS => Ok(again()),
            Err(error) => Err(error.into()),
        }
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        match self.wanted.published(cx).await? {
            Some(version) => ours(version.version),
            None => Ok(Observed::Absent),
        }
    }
}

/// Publishes `$LATEST` as it is.
pub(crate) struct PublishVersion {
    pub(crate) wanted: Wanted,
    pub(crate) revision: String,
}

#[async_trait]
impl Step for PublishVersion {
    fn effect(&self) -> Effect {
        Effect::Mutate(&PUBLISH_VERSION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let Wanted { target, function, code, .. } = &self.wanted;
        let made = cx.world.functions.publish(target, function, &code.sha256, &self.revision).await;
        match made {
            Ok(version) => Progress::done(version.version),
            Err(error) if error.code == IN_PROGRESS => Ok(again()),
            Err(error) => Err(error.into()),
        }
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
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
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let Wanted { target, function, config, code, .. } = &self.wanted;
        let found = cx.world.functions.version(target, function, &self.version).await?;
        let found = found.ok_or_else(|| self.wanted.gone())?;
        if found.code_sha256 != code.sha256 || &found.config != config {
            return Err(Trouble::Refused(Refusal::new(
                "version-differs",
                format!("Version {} of `{function}` is not what was to be published.", self.version),
                "Somebody changed the function outside Sluice at the same moment. Type the command again.",
            )));
        }
        match found.readiness {
            Readiness::Ready => Progress::done(&self.version),
            Readiness::Pending => Ok(again()),
            Readiness::Failed(reason) => Err(failed(function, &reason)),
        }
    }
}

/// Moves a stage's alias, or creates it.
pub(crate) struct PointAlias {
    pub(crate) target: Target,
    pub(crate) function: String,
    pub(crate) stage: StageName,
    pub(crate) version: String,
    /// The version and revision that it was seen at; none if it was not there.
    pub(crate) seen: Option<(String, String)>,
}

#[async_trait]
impl Step for PointAlias {
    fn effect(&self) -> Effect {
        Effect::Mutate(if self.seen.is_some() { &MOVE_ALIAS } else { &CREATE_ALIAS })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let functions = &cx.world.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        let Some((from, revision)) = &self.seen else {
            functions.create_alias(target, function, stage, &self.version).await?;
            return Progress::done(&self.version);
        };
        let moved = functions.move_alias(target, function, stage, &self.version, revision).await;
        match moved {
            Ok(_) => Progress::done(&self.version),
            Err(error) if error.class == Class::Conflict => {
                // The revision is older than the approval: what counts is that it still points where it did then.
                match functions.alias(target, function, stage).await? {
                    Some(now) if now.version == *from && now.revision != *revision => {
                        functions.move_alias(target, function, stage, &self.version, &now.revision).await?;
                        Progress::done(&self.version)
                    }
                    _ => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let found = cx.world.functions.alias(&self.target, &self.function, self.stage.as_str()).await?;
        match found {
            Some(alias) if alias.version == self.version => ours(&self.version),
            Some(alias) if self.seen.as_ref().is_some_and(|(from, _)| *from != alias.version) => {
                Ok(Observed::Foreign(moved_outside(&self.function, &self.stage, &alias.version)))
            }
            _ => Ok(Observed::Absent),
        }
    }
}

fn moved_outside(function: &str, stage: &StageName, version: &str) -> Refusal {
    Refusal::new(
        "moved-outside",
        format!(
            "Alias `{stage}` of `{function}` points to version {version} now: it was moved outside Sluice."
        ),
        "Look who moved it and why, then type the command again.",
    )
}

/// Allows API Gateway to call an alias.
pub(crate) struct PermitApi {
    pub(crate) target: Target,
    pub(crate) function: String,
    pub(crate) stage: StageName,
    pub(crate) api: String,
}

#[async_trait]
impl Step for PermitApi {
    fn effect(&self) -> Effect {
        Effect::Mutate(&PERMIT_API)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let Target { account, region } = &self.target;
        let source = format!("arn:aws:execute-api:{region}:{account}:{}/{}/*", self.api, self.stage);
        let functions = &cx.world.functions;
        functions.permit_api(&self.target, &self.function, self.stage.as_str(), STATEMENT, &source).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let functions = &cx.world.functions;
        let found = functions.permissions(&self.target, &self.function, self.stage.as_str()).await?;
        if found.iter().any(|statement| statement == STATEMENT) { ours(()) } else { Ok(Observed::Absent) }
    }
}
