//! Records what really runs on a stage after an operation got stuck.
//!
//! The step looks at every alias and every API. If they match a release that ran there before, it records that release.
//! Otherwise the stage is *mixed*: nothing can be promoted from it until a promotion or rollback has moved the whole stage.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, Node, OperationState, Progress, Step, StepId};
use crate::ports::SeparateSetting;
use crate::records::{PinnedSettings, Release, Stage, VersionSet, from_item, stage_slot};
use crate::resources::{ApiPlace, Seen, Surveyed, changed_settings, look_now, moved_apis, moved_functions};
use crate::steps::{StageRecord, current, messages};
use sluice_model::{Class, PipelineName, ReleaseNumber, StageName};

/// How many releases that ran on the stage are compared with what runs now, the newest first.
const COMPARED: usize = 20;

/// The steps that record what really runs on a stage.
pub(crate) fn resolution_nodes(op: &OperationState, pipeline: &PipelineName, stage: &StageName) -> Vec<Node> {
    let (touched, apis) = (moved_functions(op), moved_apis(op));
    let settings = changed_settings(op);
    let step = Resolve { pipeline: pipeline.clone(), stage: stage.clone(), touched, apis, settings };
    let node = Node::new(StepId::new("resolve"), messages::resolve(stage), step);
    vec![node.holding(stage_slot(stage))]
}

struct Resolve {
    pipeline: PipelineName,
    stage: StageName,
    /// The functions whose aliases the operation moved. Those of a first release are in no recorded release.
    touched: BTreeSet<String>,
    /// The APIs that the operation moved: those of a first release are in no record.
    apis: BTreeMap<String, ApiPlace>,
    /// The settings of functions that the operation changed.
    settings: BTreeSet<(String, SeparateSetting)>,
}

/// A release that ran on the stage, with its versions there.
struct PastRelease {
    number: ReleaseNumber,
    set: VersionSet,
}

impl Resolve {
    async fn known(&self, cx: &Context, stage: &Stage) -> Result<Vec<PastRelease>, EngineError> {
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
                known.push(PastRelease { number, set: from_item(item)? });
            }
        }
        Ok(known)
    }

    /// The aliases of these functions, and the API stages.
    async fn seen(
        &self,
        cx: &Context,
        stage: &Stage,
        functions: BTreeSet<String>,
    ) -> Result<Seen, EngineError> {
        let mut apis = self.apis.clone();
        apis.extend(stage.current.iter().flat_map(|current| ApiPlace::all(&current.apis)));
        Ok(look_now(&cx.world, Surveyed { stage: self.stage.clone(), functions, apis }).await?)
    }

    /// Records the settings that the operation changed as they are now: the next release changes them from there.
    async fn record_settings(
        &self,
        cx: &Context,
        versions: &BTreeMap<String, String>,
        recorded: &mut PinnedSettings,
    ) -> Result<(), EngineError> {
        let (ports, target) = (&cx.world.ports.function_settings, &cx.world.target);
        for (function, setting) in &self.settings {
            // Of a setting of a version, only the one that the stage runs counts.
            let version = versions.get(function).map_or("$LATEST", String::as_str);
            let now = match ports.separate_setting(target, function, version, *setting).await {
                Err(error) if error.class == Class::Absent => None,
                now => now?,
            };
            let settings = recorded.entry(function.clone()).or_default();
            match now {
                Some(value) => drop(settings.insert(*setting, value)),
                None => drop(settings.remove(setting)),
            }
        }
        recorded.retain(|_, settings| !settings.is_empty());
        Ok(())
    }

    async fn release(&self, cx: &Context, number: ReleaseNumber) -> Result<Option<Release>, EngineError> {
        let item = cx.world.store.get(&cx.world.keys.release(&self.pipeline, number)).await?;
        Ok(item.map(|item| from_item(&item)).transpose()?)
    }
}

#[async_trait]
impl Step<Sluice> for Resolve {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let mut record = StageRecord::read(cx, &self.pipeline, &self.stage).await?;
        let stage = &mut record.stage;
        let known = self.known(cx, stage).await?;
        let known_to_run = known.iter().flat_map(|known| known.set.versions.keys());
        let functions = known_to_run.chain(&self.touched).cloned().collect();
        let Seen { aliases, apis, .. } = self.seen(cx, stage, functions).await?;
        let aliases: BTreeMap<_, _> =
            aliases.into_iter().map(|(function, (version, _))| (function, version)).collect();
        let versions = aliases.clone();
        let runs = known.iter().find(|known| {
            let mut pinned = known.set.apis.iter();
            pinned.all(|(logical, api)| apis.get(logical).and_then(Option::as_ref) == Some(&api.served))
                && known.set.versions.iter().all(|(function, version)| aliases.get(function) == Some(version))
        });
        let serves = apis.values().any(Option::is_some);
        let release = match runs {
            Some(known) => self.release(cx, known.number).await?.map(|release| (release, known)),
            None => None,
        };
        match release {
            Some((release, known)) => {
                let is_new = stage.current.as_ref().is_none_or(|current| current.release != release.number);
                if is_new {
                    stage.moved(current(&release, &known.set, cx.world.clock.now(), &release.actor), false);
                }
                stage.mixed = None;
            }
            // The operation was the first on this stage and was stopped, so nothing runs.
            None if aliases.is_empty() && !serves && stage.current.is_none() => stage.mixed = None,
            None => stage.mixed = Some(aliases),
        }
        if let Some(current) = &mut stage.current {
            self.record_settings(cx, &versions, &mut current.settings).await?;
        }
        let output = stage.mixed.clone();
        Progress::recorded(output, vec![record.write(&cx.world.keys, &self.pipeline)?])
    }
}
