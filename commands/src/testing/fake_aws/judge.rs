//! The state of AWS for assertions: what serves, and what was made twice.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{Effect, FakeAws};
use crate::names;
use crate::ports::{ApiSettings, ApiStageSettings, SeparateSetting, Tags};
use crate::records::Served;
use sluice_model::{PipelineName, StageName};

/// What answers requests: the only changes that are visible from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serving {
    /// The version that each alias points to, by `function:alias`.
    pub aliases: BTreeMap<String, String>,
    /// What each API serves, by its name: the deployment, and the version of each function by its logical id.
    pub apis: BTreeMap<String, Served>,
    /// The settings of the stage of each API, by its name.
    pub settings: BTreeMap<String, ApiStageSettings>,
    /// The settings of functions with calls of their own, by `function` and setting, and those of versions by `function:version`.
    pub separate: BTreeMap<(String, SeparateSetting), Value>,
}

impl FakeAws {
    /// What serves now.
    pub fn serving(&self) -> Serving {
        let state = self.lock();
        let mut serving = Serving::default();
        for (name, function) in &state.functions {
            serving.separate.extend(function.separate(name));
            for (alias, at) in &function.aliases {
                serving.aliases.insert(format!("{name}:{alias}"), at.version.clone());
            }
        }
        for api in &state.apis {
            for stage in api.stages.values() {
                serving.settings.insert(api.api.name.clone(), stage.settings.clone());
                serving.apis.extend(Served::of(stage.clone()).map(|served| (api.api.name.clone(), served)));
            }
        }
        serving
    }

    /// Everything that belongs to a stage: its functions and roles by the path of the roles, its APIs and stacks by tags.
    pub fn things_of(&self, pipeline: &PipelineName, stage: &StageName) -> Vec<String> {
        let state = self.lock();
        let tags = names::stage_tags(pipeline, stage);
        let is_tagged = |found: &Tags| tags.iter().all(|(key, value)| found.get(key) == Some(value));
        let path = names::role_path(pipeline, Some(stage));
        let functions = state.functions.iter().filter(|(_, function)| function.role().contains(&path));
        let functions = functions.map(|(name, _)| format!("function {name}"));
        let roles =
            state.roles.values().filter_map(|role| role.name_on(&path)).map(|name| format!("role {name}"));
        let apis = state.apis.iter().filter(|found| is_tagged(&found.api.tags));
        let apis = apis.map(|found| format!("API {}", found.api.name));
        let stacks = state.stacks.existing().filter(|stack| is_tagged(&stack.tags));
        let stacks = stacks.map(|stack| format!("stack {}", stack.name));
        functions.chain(roles).chain(apis).chain(stacks).collect()
    }

    /// The properties of the API with that id beside its definition.
    pub fn settings_of(&self, api: &str) -> Option<ApiSettings> {
        let state = self.lock();
        state.apis.iter().find(|found| found.api.id == api).map(|found| found.settings.clone())
    }

    /// The code and the configuration's `STAGE` of a version, as `sha256 stage`; `None` if there is no such version.
    pub fn version_of(&self, function: &str, version: &str) -> Option<String> {
        let state = self.lock();
        let found = state.functions.get(function)?.versions.iter().find(|known| known.number == version)?;
        let stage = found.config.environment.get("STAGE").cloned().unwrap_or_default();
        Some(format!("{} {stage}", found.sha256))
    }

    /// The layers of a version; `None` if there is no such version.
    pub fn layers_of(&self, function: &str, version: &str) -> Option<Vec<String>> {
        let state = self.lock();
        let found = state.functions.get(function)?.versions.iter().find(|known| known.number == version)?;
        Some(found.config.layers.clone())
    }

    /// The builds that were started with that value in their environment and ran on after that time.
    pub fn builds_beyond(&self, value: &str, time: Timestamp) -> usize {
        let state = self.lock();
        let of = state.builds.iter().filter(|build| build.request.environment.values().any(|it| it == value));
        of.filter(|build| build.ended.is_none_or(|(_, ended)| ended > time)).count()
    }

    /// All effects, the oldest first.
    pub fn effects(&self) -> Vec<Effect> {
        self.lock().effects.iter().map(|(_, effect)| effect.clone()).collect()
    }

    /// Forgets all effects.
    pub fn forget_effects(&self) {
        self.lock().effects.clear();
    }

    /// The effects that happened more than once since the last [`FakeAws::forget_effects`].
    pub fn repeated(&self) -> Vec<Effect> {
        let mut counts: BTreeMap<Effect, usize> = BTreeMap::new();
        for effect in self.effects() {
            *counts.entry(effect).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(effect, _)| effect).collect()
    }

    /// The resources that exist twice: builds of one operation, APIs of one name, deployments of one definition,
    /// versions of one content.
    pub fn doubled(&self) -> Vec<String> {
        let state = self.lock();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut see = |what: String| *seen.entry(what).or_default() += 1;
        for build in &state.builds {
            see(format!("build {:?}", build.request.environment));
        }
        for api in &state.apis {
            see(format!("API {} {:?}", api.api.name, api.api.tags));
            for (deployment, _) in &api.deployments {
                see(format!("deployment {} {}", api.api.id, deployment.description));
            }
        }
        for (name, function) in &state.functions {
            for version in &function.versions {
                see(format!("version of {name}: {} {:?}", version.sha256, version.config));
            }
        }
        seen.into_iter().filter(|(_, count)| *count > 1).map(|(what, _)| what).collect()
    }
}
