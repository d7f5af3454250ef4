//! The look at everything that Sluice made for a stage, by what only this stage has: the path of its roles, and its tags.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::application::Sluice;
use crate::names::{self, API_STAGE};
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::ports::{Role, Tags};
use crate::records::{PinnedApi, PipelineState, VersionSet, from_item};
use crate::resources::stack::StackOfStage;
use crate::resources::stack::remove::StackLook;
use crate::stage::remove::found::{Found, FoundApi};
use crate::stage::remove::messages;
use sluice_model::{ApiKind, PortResult};
use sluice_template::function_stem;

/// How much one round deletes; the next one continues. This bounds the journal, and the time of a look.
const MOST: usize = 100;
/// How many functions and roles are looked at in parallel.
const SIDE_BY_SIDE: usize = 4;
/// How long to wait before the next look.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long lists may show what was deleted.
const LAG: Duration = Duration::from_secs(60);

/// The API stages of an API that no version set names: a failed attempt may have left one.
fn default_stages(kind: ApiKind) -> Vec<String> {
    if kind.is_http() { vec![API_STAGE.to_owned()] } else { vec![] }
}

/// Looks.
pub(super) struct LookForAll {
    pub(super) of: StackOfStage,
    /// What the round before deleted.
    pub(super) before: Option<Found>,
}

#[async_trait]
impl Step<Sluice> for LookForAll {
    fn effect(&self) -> Effect {
        Effect::Look
    }

    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let stack = match self.of.look(&cx.world).await? {
            StackLook::None => None,
            StackLook::Busy => {
                let note = Some(messages::WAITS_FOR_STACK.into());
                return Ok(Progress::NotYet { after: LOOK_AGAIN * 2, note });
            }
            StackLook::Found(found) => Some(*found),
        };
        let apis = self.apis(cx).await?;
        let (functions, foreign, used) = self.functions(cx).await?;
        let roles = self.roles(cx, &used).await?;
        let found = Found { functions, roles, apis, stack, foreign };
        let before = self.before.as_ref().map(Found::names).unwrap_or_default();
        let again: Vec<String> = found.names().intersection(&before).map(|name| (*name).to_owned()).collect();
        if again.is_empty() {
            return Progress::done(found);
        }
        match cx.begun.elapsed() < LAG {
            true => Ok(Progress::NotYet { after: LOOK_AGAIN, note: None }),
            false => Err(EngineError::Refused(messages::still_there(&self.of.stage, &again))),
        }
    }
}

impl LookForAll {
    fn tags(&self) -> Tags {
        names::stage_tags(&self.of.pipeline, &self.of.stage)
    }

    /// Whether these are the tags of something that Sluice created for the stage, and not CloudFormation.
    fn is_ours(&self, tags: &Tags) -> bool {
        let own = self.tags();
        own.iter().all(|(key, value)| tags.get(key) == Some(value)) && !tags.contains_key(names::TAG_STACK)
    }

    /// The APIs, each with the API stages that the stage's version sets name.
    async fn apis(&self, cx: &Context) -> Result<Vec<FoundApi>, EngineError> {
        let (ports, target) = (&cx.world.ports, &self.of.target);
        let stem = names::api(&self.of.pipeline, &self.of.stage, "");
        let recorded = self.recorded_stages(cx).await?;
        let mut found = vec![];
        for kind in [ApiKind::Http, ApiKind::Rest] {
            let apis = ports.gateway_of(kind).apis(target).await?.into_iter();
            for api in apis.filter(|api| api.name.starts_with(&stem) && self.is_ours(&api.tags)) {
                let known = recorded.get(&api.id);
                let stages =
                    known.map_or_else(|| default_stages(kind), |known| known.iter().cloned().collect());
                found.push(FoundApi { kind, stages, id: api.id, name: api.name });
            }
        }
        found.truncate(MOST);
        Ok(found)
    }

    /// The API stages of each API by its id. The record forgets what ran once the removal began, and then they are deleted.
    async fn recorded_stages(&self, cx: &Context) -> Result<BTreeMap<String, BTreeSet<String>>, EngineError> {
        let (store, keys) = (&*cx.world.store, &cx.world.keys);
        let (name, stage) = (&self.of.pipeline, &self.of.stage);
        let state = PipelineState::read(store, keys, name).await?;
        let runs = state.stages.get(stage).map(|stage| stage.runs.clone()).unwrap_or_default();
        let wanted: Vec<_> = runs.iter().map(|run| keys.version_set(name, run.release, stage)).collect();
        let sets = if wanted.is_empty() { vec![] } else { store.get_many(&wanted).await? };
        let mut stages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for item in &sets {
            let set: VersionSet = from_item(item)?;
            let add = |api: &PinnedApi| {
                stages.entry(api.api.clone()).or_default().insert(api.stage_name().to_owned());
            };
            set.apis.values().for_each(add);
        }
        Ok(stages)
    }

    /// The stage's functions, those that only look like it, and the roles that all others in the region use.
    async fn functions(
        &self,
        cx: &Context,
    ) -> Result<(Vec<String>, Vec<String>, BTreeSet<String>), EngineError> {
        let (functions, target) = (&cx.world.ports.functions, &self.of.target);
        let (name, stage) = (&self.of.pipeline, &self.of.stage);
        let all = functions.roles_in_use(target).await?;
        let (stem, path) = (function_stem(name, stage), names::role_path(name, Some(stage)));
        let path = names::role_arn(target, &path, "");
        let alike = all.iter().filter(|(name, role)| name.starts_with(&stem) && role.starts_with(&path));
        let looks = alike.map(async |(name, _)| {
            Ok::<_, EngineError>((name.clone(), functions.function_tags(target, name).await?))
        });
        let looks: Vec<_> = looks.collect();
        let looked: Vec<(String, Option<Tags>)> =
            stream::iter(looks).buffered(SIDE_BY_SIDE).try_collect().await?;
        let (mut ours, mut foreign) = (vec![], vec![]);
        for (name, tags) in looked {
            match tags {
                Some(tags) if self.is_ours(&tags) => ours.push(name),
                // CloudFormation has it, or it was deleted meanwhile.
                Some(tags) if !tags.contains_key(names::TAG_STACK) => foreign.push(name),
                _ => {}
            }
        }
        ours.truncate(MOST);
        let others = all.iter().filter(|(name, _)| !ours.contains(name));
        let used = others.map(|(_, role)| names::role_name(role).to_owned()).collect();
        Ok((ours, foreign, used))
    }

    /// The stage's roles that no other function uses: of functions, of its APIs, and of its stack.
    async fn roles(&self, cx: &Context, used: &BTreeSet<String>) -> PortResult<Vec<String>> {
        let (identity, target) = (&cx.world.ports.identity, &self.of.target);
        let path = names::role_path(&self.of.pipeline, Some(&self.of.stage));
        let mut roles = identity.role_names(target, &path).await?;
        roles.retain(|role| !used.contains(role));
        let looks = roles.into_iter().map(async |role| {
            let found = identity.role(target, &role).await?;
            PortResult::Ok(found.is_some_and(|found| self.is_our_role(&found, &path)).then_some(role))
        });
        let ours = stream::iter(looks).buffered(SIDE_BY_SIDE).try_filter_map(async |role| Ok(role));
        ours.take(MOST).try_collect().await
    }

    /// All regions of an account share its roles; the boundary names the region.
    fn is_our_role(&self, role: &Role, path: &str) -> bool {
        let target = &self.of.target;
        let boundaries =
            [names::boundary_arn(target), names::api_boundary_arn(target), names::stack_boundary_arn(target)];
        let is_here = role.boundary.as_ref().is_some_and(|boundary| boundaries.contains(boundary));
        is_here && role.path == path && self.is_ours(&role.tags)
    }
}
