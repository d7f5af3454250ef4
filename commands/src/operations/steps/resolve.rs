//! What really runs on a stage, after an operation could go neither forward nor back.
//!
//! Every alias and the API stage are looked at. If they are those of one release that is known to have run there, that is
//! recorded; else the stage is *mixed*, and nothing is promoted from it until a promotion or a rollback has moved all of it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::future::try_join_all;

use crate::domain::{Current, Release, Stage, VersionSet, from_item};
use crate::operation::{Context, Effect, EngineError, Node, OperationState, Progress, Slot, Step, StepId};
use crate::operations::steps::StageRecord;
use sluice_model::{PipelineName, ReleaseNumber, StageName, Target};

/// So many of the newest releases that ran on the stage are compared with what runs.
const COMPARED: usize = 20;

/// The steps that record what really runs on a stage.
pub(crate) fn resolution_nodes(
    op: &OperationState,
    target: &Target,
    pipeline: &PipelineName,
    stage: &StageName,
) -> Vec<Node> {
    let aliases = op.steps().filter_map(|(id, _)| id.0.strip_prefix("alias:"));
    let step = Resolve {
        target: target.clone(),
        pipeline: pipeline.clone(),
        stage: stage.clone(),
        touched: aliases.map(str::to_owned).collect(),
    };
    let node = Node::new(StepId::new("resolve"), "look at what really runs", step);
    vec![node.holding(Slot::Stage(stage.clone()))]
}

struct Resolve {
    target: Target,
    pipeline: PipelineName,
    stage: StageName,
    /// The functions whose aliases the operation was about: a first release left some, though none ran there before.
    touched: BTreeSet<String>,
}

/// A release that ran on the stage, with its versions there.
struct Known {
    number: ReleaseNumber,
    set: VersionSet,
}

impl Resolve {
    async fn known(&self, cx: &Context, stage: &Stage) -> Result<Vec<Known>, EngineError> {
        let keys = &cx.world.keys;
        let numbers: Vec<_> = stage.runs.iter().rev().take(COMPARED).map(|run| run.release).collect();
        let wanted: Vec<_> =
            numbers.iter().map(|number| keys.version_set(&self.pipeline, *number, &self.stage)).collect();
        if wanted.is_empty() {
            return Ok(vec![]);
        }
        let items = cx.world.store.get_many(&wanted).await?;
        let mut known = vec![];
        for (number, key) in numbers.into_iter().zip(wanted) {
            if let Some(item) = items.iter().find(|item| item.key == key) {
                known.push(Known { number, set: from_item(item)? });
            }
        }
        Ok(known)
    }

    async fn aliases(
        &self,
        cx: &Context,
        functions: BTreeSet<&String>,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let found = functions.into_iter().map(|function| async move {
            let alias = cx.world.functions.alias(&self.target, function, self.stage.as_str()).await?;
            Ok::<_, EngineError>(alias.map(|alias| (function.clone(), alias.version)))
        });
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    async fn serves(&self, cx: &Context, stage: &Stage) -> Result<Option<String>, EngineError> {
        let Some(api) = stage.current.as_ref().and_then(|current| current.api.as_ref()) else {
            return Ok(None);
        };
        let found = cx.world.gateway.stage(&self.target, &api.api, self.stage.as_str()).await?;
        Ok(found.and_then(|stage| stage.deployment))
    }

    async fn release(&self, cx: &Context, number: ReleaseNumber) -> Result<Option<Release>, EngineError> {
        let item = cx.world.store.get(&cx.world.keys.release(&self.pipeline, number)).await?;
        Ok(item.map(|item| from_item(&item)).transpose()?)
    }
}

#[async_trait]
impl Step for Resolve {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let mut record = StageRecord::read(cx, &self.pipeline, &self.stage).await?;
        let stage = &mut record.stage;
        let known = self.known(cx, stage).await?;
        let known_to_run = known.iter().flat_map(|known| known.set.versions.keys());
        let functions = known_to_run.chain(&self.touched).collect();
        let aliases = self.aliases(cx, functions).await?;
        let serves = self.serves(cx, stage).await?;
        let runs = known.iter().find(|known| {
            let api = known.set.api.as_ref().is_none_or(|api| Some(&api.deployment) == serves.as_ref());
            api && known.set.versions.iter().all(|(function, version)| aliases.get(function) == Some(version))
        });
        let release = match runs {
            Some(known) => self.release(cx, known.number).await?.map(|release| (release, known)),
            None => None,
        };
        match release {
            Some((release, known)) => {
                let is_new = stage.current.as_ref().is_none_or(|current| current.release != release.number);
                if is_new {
                    stage.moved(
                        Current {
                            release: release.number,
                            build: release.build,
                            digest: release.artifact.digest,
                            commit: release.commit,
                            since: cx.world.clock.now(),
                            by: release.actor,
                            api: known.set.api.clone(),
                            parameters: known.set.parameters.clone(),
                        },
                        false,
                    );
                }
                stage.mixed = None;
            }
            // Nothing was ever there: a first promotion that was stopped.
            None if aliases.is_empty() && stage.current.is_none() => stage.mixed = None,
            None => stage.mixed = Some(aliases),
        }
        let output = stage.mixed.clone();
        Progress::recorded(output, vec![record.write(&cx.world.keys, &self.pipeline)?])
    }
}
