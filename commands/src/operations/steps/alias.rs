//! A stage's alias, and who may call it. It moves only from where it was seen, and back only from where we put it: what
//! somebody else moved meanwhile is left to people.

use async_trait::async_trait;
use serde_json::Value;

use crate::fault::Class;
use crate::ids::{StageName, Target};
use crate::operation::effects::{CREATE_ALIAS, MOVE_ALIAS, PERMIT_API};
use crate::operation::{Context, Effect, Observed, Progress, Refusal, Step, Trouble, Undone};
use crate::operations::steps::ours;

/// The id of the one statement of an alias's resource policy.
pub(crate) const STATEMENT: &str = "sluice-api";

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
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, Trouble> {
        let functions = &cx.world.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        let found = functions.alias(target, function, stage).await?;
        match (&self.seen, found) {
            // A look may be late: deleting what is gone is no error.
            (None, None) => functions.delete_alias(target, function, stage).await?,
            (None, Some(now)) if now.version == self.version => {
                functions.delete_alias(target, function, stage).await?;
            }
            (Some((before, _)), Some(now)) if now.version == self.version => {
                functions.move_alias(target, function, stage, before, &now.revision).await?;
            }
            (Some((before, _)), Some(now)) if now.version == *before => {}
            (_, Some(now)) => return Ok(Undone::Left(format!("it points to version {}", now.version))),
            (Some(_), None) => return Ok(Undone::Left("it is gone".into())),
        }
        Ok(Undone::Yes)
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
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, Trouble> {
        let functions = &cx.world.functions;
        functions.forbid_api(&self.target, &self.function, self.stage.as_str(), STATEMENT).await?;
        Ok(Undone::Yes)
    }
}
