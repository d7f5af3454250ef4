//! A stage's alias, and who may call it. It moves only from where it was seen, and back only from where we put it: what
//! somebody else moved meanwhile is left to people.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use crate::operation::effects::{CREATE_ALIAS, MOVE_ALIAS, PERMIT_API};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step, Undone};
use crate::operations::steps::{MOVED_OUTSIDE, RanBefore, ours, shell};
use sluice_model::{Class, Refusal, StageName, Target};

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
    /// Where it sent a part of its calls besides, which a way back does not set again.
    pub(crate) weights: BTreeMap<String, u32>,
    /// What the stage ran.
    pub(crate) before: RanBefore,
}

#[async_trait]
impl Step for PointAlias {
    fn effect(&self) -> Effect {
        Effect::Mutate(if self.seen.is_some() { &MOVE_ALIAS } else { &CREATE_ALIAS })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let functions = &cx.world.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        let Some((from, revision)) = &self.seen else {
            functions.create_alias(target, function, stage, &self.version).await?;
            return Progress::done(&self.version);
        };
        let moved = functions.move_alias(target, function, stage, &self.version, revision).await;
        match moved {
            Ok(_) => Progress::done(&self.version),
            Err(error) if error.class == Class::Precondition => {
                // The revision is older than the approval: what counts is that it still points where it did then.
                match functions.alias(target, function, stage).await? {
                    Some(now)
                        if now.version == *from
                            && now.revision != *revision
                            && now.weights == self.weights =>
                    {
                        functions.move_alias(target, function, stage, &self.version, &now.revision).await?;
                        Progress::done(&self.version)
                    }
                    _ => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let found = cx.world.functions.alias(&self.target, &self.function, self.stage.as_str()).await?;
        match found {
            Some(alias) if alias.version == self.version && alias.weights.is_empty() => ours(&self.version),
            // Where none was seen, any other is somebody else's.
            Some(alias)
                if self.seen.as_ref().is_none_or(|(from, _)| *from != alias.version)
                    || alias.weights != self.weights =>
            {
                Ok(Observed::Foreign(moved_outside(&self.function, &self.stage, &alias.serves())))
            }
            _ => Ok(Observed::Absent),
        }
    }
    fn by_hand(&self) -> Option<String> {
        let (version, _) = self.seen.as_ref()?;
        let parts =
            self.weights.iter().map(|(version, part)| format!("{version}={}", f64::from(*part) / 1000.0));
        let parts = parts.collect::<Vec<_>>().join(",");
        let mut words = vec!["aws", "lambda", "update-alias", "--function-name", &self.function];
        words.extend(["--name", self.stage.as_str(), "--function-version", version]);
        let routing = format!("AdditionalVersionWeights={{{parts}}}");
        if !parts.is_empty() {
            words.extend(["--routing-config", &routing]);
        }
        words.extend(["--region", &self.target.region]);
        Some(shell(&words))
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        let functions = &cx.world.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        if let Some(left) = self.before.left_if_moved(cx).await? {
            return Ok(left);
        }
        let found = functions.alias(target, function, stage).await?;
        match (&self.seen, found) {
            // A look may be late: deleting what is gone is no error.
            (None, None) => functions.delete_alias(target, function, stage).await?,
            (None, Some(now)) if now.version == self.version => {
                functions.delete_alias(target, function, stage).await?;
            }
            (Some((before, _)), Some(now)) if now.version == self.version => {
                functions.move_alias(target, function, stage, before, &now.revision).await?;
                if !self.weights.is_empty() {
                    let left = "it points to that version alone, and did not before";
                    return Ok(Undone::Left(left.into()));
                }
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
        MOVED_OUTSIDE,
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
    /// What the stage ran.
    pub(crate) before: RanBefore,
}

#[async_trait]
impl Step for PermitApi {
    fn effect(&self) -> Effect {
        Effect::Mutate(&PERMIT_API)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let source = self.target.arn("execute-api", &format!("{}/{}/*", self.api, self.stage));
        let functions = &cx.world.functions;
        functions.permit_api(&self.target, &self.function, self.stage.as_str(), STATEMENT, &source).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let functions = &cx.world.functions;
        let found = functions.permissions(&self.target, &self.function, self.stage.as_str()).await?;
        if found.iter().any(|statement| statement == STATEMENT) { ours(()) } else { Ok(Observed::Absent) }
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        if let Some(left) = self.before.left_if_moved(cx).await? {
            return Ok(left);
        }
        let functions = &cx.world.functions;
        functions.forbid_api(&self.target, &self.function, self.stage.as_str(), STATEMENT).await?;
        Ok(Undone::Yes)
    }
}
