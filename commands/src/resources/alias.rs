//! A stage's alias. It moves only from the version to which it pointed at the look, and an undo moves it back only from the
//! version to which Sluice moved it. If somebody else moved it meanwhile, Sluice leaves it as it is.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde_json::Value;

use crate::application::Sluice;
use crate::operation::effects::{CREATE_ALIAS, DELETE_ALIAS, MOVE_ALIAS, Mutation};
use crate::operation::{
    Context, Effect, EngineError, Node, Observed, OperationState, Progress, Step, StepId, Undone, World,
};
use crate::resources::own::{ours, shell_line};
use crate::resources::resource::{Duty, Move, Part, Prepared, Resource, SurveyCall, ToPrepare};
use crate::resources::seen::{Seen, Surveyed};
use crate::resources::watch::RanBefore;
use crate::resources::{function, messages};
use crate::rules::{Drift, Recorded};
use sluice_model::{Class, StageName, Target};

/// The first part of the ids of its steps.
const STEP: &str = "alias";

pub(crate) struct Alias;

impl Resource for Alias {
    fn name(&self) -> &'static str {
        "alias of a stage"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&CREATE_ALIAS, &MOVE_ALIAS, &DELETE_ALIAS]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        (duty == Duty::Description).then_some("it moves to the release that is described")
    }

    fn prepare(&self, ToPrepare { of, plan, part, .. }: ToPrepare) -> Result<Prepared, EngineError> {
        let Part::Function(logical) = part else { return Ok(Prepared::default()) };
        let (look, name) = (function::looked(of.op, logical)?, &plan.planned(logical)?.name);
        let mut seen = Seen::default();
        seen.aliases.extend(look.alias.clone().map(|alias| (name.clone(), alias)));
        if !look.weights.is_empty() {
            seen.weights.insert(name.clone(), look.weights.clone());
        }
        Ok(Prepared { seen, ..Prepared::default() })
    }

    fn moves(&self, to: &Move, part: Part) -> Option<Node> {
        let Part::Function(function) = part else { return None };
        let version = to.set.versions.get(function)?;
        let seen = to.seen.aliases.get(function).cloned();
        let weights = to.seen.weights.get(function).cloned().unwrap_or_default();
        if weights.is_empty() && seen.as_ref().is_some_and(|(at, _)| at == version) {
            return None;
        }
        let stage = to.before.stage.clone();
        let title = messages::move_alias(function, stage.as_str(), version, seen.is_none());
        let step = PointAlias {
            target: to.target.clone(),
            function: function.to_owned(),
            stage,
            version: version.clone(),
            seen,
            weights,
            before: to.before.clone(),
        };
        Some(Node::new(StepId::of(STEP, function), title, step))
    }

    /// One call for each function. For several stages that is a list: it is for people, and lists do not delay moves
    /// (`aws-adapter/src/limits.rs`).
    fn survey<'a>(&self, world: &'a World, stages: &'a [Surveyed]) -> Vec<SurveyCall<'a>> {
        let call = |stage: &'a StageName, function: &'a String| -> SurveyCall<'a> {
            Box::pin(async move {
                let (functions, target) = (&world.ports.functions, &world.target);
                let alias = match stages {
                    [_] => functions.alias(target, function, stage.as_str()).await?,
                    _ => {
                        let aliases = functions.aliases(target, function).await?.unwrap_or_default();
                        aliases.into_iter().find(|alias| alias.name == stage.as_str())
                    }
                };
                Ok(vec![(stage.clone(), Seen::of_alias(function, alias.as_ref()))])
            })
        };
        let functions =
            stages.iter().flat_map(|of| of.functions.iter().map(|function| (&of.stage, function)));
        functions.map(|(stage, function)| call(stage, function)).collect()
    }

    fn drift(&self, recorded: &Recorded, seen: &Seen) -> Drift {
        let of = seen.leads_to.iter().map(|(function, now)| recorded.of_alias(function, now.clone()));
        of.fold(Drift::default(), Drift::and)
    }
}

/// The functions whose aliases an operation moved or was going to move.
pub(crate) fn moved_functions(op: &OperationState) -> BTreeSet<String> {
    let aliases = op.steps().filter_map(|(id, _)| id.0.strip_prefix(STEP)?.strip_prefix(':'));
    aliases.map(str::to_owned).collect()
}

/// Moves a stage's alias, or creates it.
struct PointAlias {
    target: Target,
    function: String,
    stage: StageName,
    version: String,
    /// Its version and revision at the look; `None` if it did not exist.
    seen: Option<(String, String)>,
    /// The other versions to which it sent calls. An undo does not restore them.
    weights: BTreeMap<String, u32>,
    before: RanBefore,
}

#[async_trait]
impl Step<Sluice> for PointAlias {
    fn effect(&self) -> Effect {
        Effect::Mutate(if self.seen.is_some() { &MOVE_ALIAS } else { &CREATE_ALIAS })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let functions = &cx.world.ports.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        let Some((from, revision)) = &self.seen else {
            functions.create_alias(target, function, stage, &self.version).await?;
            return Progress::done(&self.version);
        };
        let moved = functions.move_alias(target, function, stage, &self.version, revision).await;
        match moved {
            Ok(_) => Progress::done(&self.version),
            Err(error) if error.class == Class::Precondition => {
                // The look may be older than the approval. Only the version and the weights of the alias must be unchanged.
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
        let found = cx.world.ports.functions.alias(&self.target, &self.function, self.stage.as_str()).await?;
        match found {
            Some(alias) if alias.version == self.version && alias.weights.is_empty() => ours(&self.version),
            // If there was no alias at the look, somebody else created this one.
            Some(alias)
                if self.seen.as_ref().is_none_or(|(from, _)| *from != alias.version)
                    || alias.weights != self.weights =>
            {
                Ok(Observed::Foreign(messages::alias_moved_outside(
                    &self.function,
                    &self.stage,
                    &alias.serves(),
                )))
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
        Some(shell_line(&words))
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        let functions = &cx.world.ports.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        if let Some(left) = self.before.left_if_moved(cx).await? {
            return Ok(left);
        }
        let found = functions.alias(target, function, stage).await?;
        match (&self.seen, found) {
            // Reads may lag. Deleting an alias that does not exist is not an error.
            (None, None) => functions.delete_alias(target, function, stage).await?,
            (None, Some(now)) if now.version == self.version => {
                functions.delete_alias(target, function, stage).await?;
            }
            (Some((before, _)), Some(now)) if now.version == self.version => {
                functions.move_alias(target, function, stage, before, &now.revision).await?;
                if !self.weights.is_empty() {
                    return Ok(messages::left_without_weights());
                }
            }
            (Some((before, _)), Some(now)) if now.version == *before => {}
            (_, Some(now)) => return Ok(messages::left_alias(Some(&now.version))),
            (Some(_), None) => return Ok(messages::left_alias(None)),
        }
        Ok(Undone::Yes)
    }
}
