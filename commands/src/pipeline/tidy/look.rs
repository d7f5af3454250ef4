//! The look before a pipeline is tidied: which versions, roles and log groups are no longer needed.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::application::Sluice;
use crate::names;
use crate::operation::{Context, Effect, EngineError, Keys, Progress, Step};
use crate::pipeline::tidy::found::Found;
use crate::pipeline::tidy::params::{Data, KIND, MOST_LOGS, MOST_ROLES, MOST_VERSIONS, Params, SIDE_BY_SIDE};
use crate::pipeline::tidy::roles::InUse;
use crate::pipeline::tidy::{messages, needed, quiet, roles};
use crate::ports::{Alias, DueChange, FunctionVersion, Guard, Guards, Precondition, Write};
use crate::records::{PipelineState, Stage, TICKETS, VersionSet, from_item, to_item};
use crate::resources::stack::Unneeded;
use sluice_model::{ReleaseNumber, StageName, Target};

/// How many version sets are marked in one transaction (DynamoDB takes 100 writes).
const MOST_SETS: usize = 80;
/// How many items one request to the store reads.
const BATCH: usize = 100;

/// Looks, and marks the releases whose versions will be deleted.
pub(super) struct LookForLeftovers {
    pub(super) target: Target,
    pub(super) params: Params,
}

/// The version sets of a pipeline, by stage and release.
type Sets = BTreeMap<(StageName, ReleaseNumber), VersionSet>;

#[async_trait]
impl Step<Sluice> for LookForLeftovers {
    fn effect(&self) -> Effect {
        Effect::Look
    }

    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (world, name) = (&cx.world, &self.params.name);
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        let pipeline = state.expect_pipeline()?;
        if self.params.delete {
            self.check_quiet(cx, &state).await?;
        }
        let sets = self.sets(cx, &state).await?;
        let outdated = Outdated::of(&state, &sets);
        let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (of, set) in &sets {
            for (function, version) in &set.versions {
                let versions = needed.entry(function.clone()).or_default();
                if !outdated.deletable.contains(of) {
                    versions.insert(version.clone());
                }
            }
        }
        let mut groups: Vec<String> =
            needed.keys().map(|function| names::function_log_group(function)).collect();
        groups.push(format!("/aws/codebuild/{}", pipeline.project));
        let looked = self.functions(cx, needed).await?;
        let mut versions: Vec<_> = looked.iter().flat_map(InspectedFunction::leftover).collect();
        let more = versions.len() > MOST_VERSIONS || outdated.more;
        versions.truncate(MOST_VERSIONS);
        let in_use = in_use(&looked, &versions);
        let mut roles = roles::unused(cx, &self.target, name, &in_use).await?;
        let mut logs = self.without_retention(cx, groups).await?;
        let more = more || roles.len() > MOST_ROLES || logs.len() > MOST_LOGS;
        roles.truncate(MOST_ROLES);
        logs.truncate(MOST_LOGS);
        let stacks = self.stacks(cx, &state, &sets, &outdated).await?;
        let found = Found { versions, roles, logs, stacks, more };
        let writes =
            if self.params.delete { self.marks(&world.keys, &state, &sets, &outdated)? } else { vec![] };
        Progress::recorded(found, writes)
    }
}

/// The outdated version sets.
struct Outdated {
    /// Those that this run marks.
    to_mark: Vec<(StageName, ReleaseNumber)>,
    /// Those whose versions may be deleted, because an earlier run marked them or this run does.
    deletable: BTreeSet<(StageName, ReleaseNumber)>,
    /// Whether there are more of them than one run marks.
    more: bool,
}

impl Outdated {
    fn of(state: &PipelineState, sets: &Sets) -> Self {
        // A release may have run on a stage more than once.
        let outdated: BTreeSet<_> = needed::outdated(state).into_iter().collect();
        let recorded = outdated.into_iter().filter_map(|of| Some((sets.get(&of)?.tidied, of)));
        let (marked, unmarked): (Vec<_>, Vec<_>) = recorded.partition(|(is_marked, _)| *is_marked);
        let more = unmarked.len() > MOST_SETS;
        let to_mark: Vec<_> = unmarked.into_iter().map(|(_, of)| of).take(MOST_SETS).collect();
        let deletable = marked.into_iter().map(|(_, of)| of).chain(to_mark.iter().cloned()).collect();
        Self { to_mark, deletable, more }
    }
}

/// A function with its versions.
struct InspectedFunction {
    function: String,
    /// The versions that must stay.
    needed: BTreeSet<String>,
    versions: Vec<FunctionVersion>,
    aliases: Vec<Alias>,
}

impl InspectedFunction {
    /// The published versions that no alias and no kept release needs, the oldest first.
    fn leftover(&self) -> Vec<(String, String)> {
        let aliased = |version: &str| {
            let points = |alias: &Alias| alias.version == version || alias.weights.contains_key(version);
            self.aliases.iter().any(points)
        };
        let unneeded = self.versions.iter().map(|version| version.version.as_str());
        let unneeded = unneeded.filter(|version| !self.needed.contains(*version) && !aliased(version));
        // `$LATEST` is not a number.
        let mut numbers: Vec<u64> = unneeded.filter_map(|version| version.parse().ok()).collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| (self.function.clone(), number.to_string())).collect()
    }
}

/// What is in use once these versions are deleted.
fn in_use(looked: &[InspectedFunction], deleted: &[(String, String)]) -> InUse {
    let deleted: BTreeSet<_> =
        deleted.iter().map(|(function, version)| (function.as_str(), version.as_str())).collect();
    let staying = looked.iter().flat_map(|looked| {
        let versions = looked.versions.iter();
        versions.filter(|version| !deleted.contains(&(looked.function.as_str(), version.version.as_str())))
    });
    InUse {
        functions: looked.iter().map(|looked| looked.function.clone()).collect(),
        roles: staying.map(|version| names::role_name(&version.config.role).to_owned()).collect(),
    }
}

impl LookForLeftovers {
    async fn check_quiet(&self, cx: &Context, state: &PipelineState) -> Result<(), EngineError> {
        let name = &self.params.name;
        match quiet::activity(&cx.world, state, name).await? {
            None => Ok(()),
            Some(activity) => Err(EngineError::Refused(messages::not_quiet(name, &activity))),
        }
    }

    /// The version sets of all releases that the stages remember.
    async fn sets(&self, cx: &Context, state: &PipelineState) -> Result<Sets, EngineError> {
        let (world, name) = (&cx.world, &self.params.name);
        let runs = state
            .stages
            .values()
            .flat_map(|stage| stage.runs.iter().map(|run| (stage.name.clone(), run.release)));
        let by_key: BTreeMap<_, _> = runs
            .map(|(stage, release)| (world.keys.version_set(name, release, &stage), (stage, release)))
            .collect();
        let keys: Vec<_> = by_key.keys().cloned().collect();
        let mut sets = Sets::new();
        for batch in keys.chunks(BATCH) {
            for item in world.store.get_many(batch).await? {
                if let Some(of) = by_key.get(&item.key) {
                    sets.insert(of.clone(), from_item(&item)?);
                }
            }
        }
        // Without the set of a release that is needed, it is unknown which versions must stay.
        let is_needed = |of: &(StageName, ReleaseNumber)| {
            state.stages.get(&of.0).is_some_and(|stage| needed::needed(stage).contains(&of.1))
        };
        match by_key.values().find(|of| is_needed(of) && !sets.contains_key(*of)) {
            Some((stage, release)) => {
                Err(EngineError::Corrupt(format!("{name} {release} has no versions on {stage}")))
            }
            None => Ok(sets),
        }
    }

    /// Reads the functions of the recorded version sets.
    async fn functions(
        &self,
        cx: &Context,
        needed: BTreeMap<String, BTreeSet<String>>,
    ) -> Result<Vec<InspectedFunction>, EngineError> {
        let functions = &cx.world.ports.functions;
        let looks = needed.into_iter().map(async |(function, needed)| {
            let found = futures::future::try_join(
                functions.versions(&self.target, &function),
                functions.aliases(&self.target, &function),
            );
            let (versions, aliases) = found.await?;
            let (versions, aliases) = (versions.unwrap_or_default(), aliases.unwrap_or_default());
            Ok::<_, EngineError>(InspectedFunction { function, needed, versions, aliases })
        });
        stream::iter(looks).buffered(SIDE_BY_SIDE).try_collect().await
    }

    /// What the stacks of the stages have and no release needs to which the stage may return.
    async fn stacks(
        &self,
        cx: &Context,
        state: &PipelineState,
        sets: &Sets,
        outdated: &Outdated,
    ) -> Result<Vec<Unneeded>, EngineError> {
        let Params { name, data, .. } = &self.params;
        let has_stack = |stage: &&Stage| {
            let runs = stage.current.as_ref().is_some_and(|current| current.has_stack);
            runs && stage.mixed.is_none() && stage.removed_by.is_none()
        };
        let questions = state.stages.values().filter(has_stack).map(|stage| {
            let kept = sets.iter().filter(|(of, _)| of.0 == stage.name && !outdated.deletable.contains(*of));
            let kept = kept.filter_map(|(_, set)| set.stack.as_ref());
            let wanted: BTreeSet<String> =
                kept.flat_map(|stack| stack.wanted.union(&stack.needed)).cloned().collect();
            let allowed = data.iter().filter(|data| data.stage == stage.name);
            let allowed: BTreeSet<String> = allowed.map(|data| data.resource.clone()).collect();
            (self.params.stack(&self.target, &stage.name), wanted, allowed)
        });
        let questions: Vec<_> = questions.collect();
        let looks = questions
            .into_iter()
            .map(async |(of, wanted, allowed)| of.unneeded(&cx.world, wanted, allowed).await);
        let found: Vec<_> = stream::iter(looks).buffered(SIDE_BY_SIDE).try_collect().await?;
        let found: Vec<Unneeded> = found.into_iter().flatten().collect();
        let goes = |data: &Data| {
            let stack = found.iter().find(|stack| stack.stage == data.stage);
            stack.is_some_and(|stack| stack.leaves(&data.resource))
        };
        match data.iter().find(|data| !goes(data)) {
            Some(data) => Err(EngineError::Refused(messages::data_is_needed(name, data))),
            None => Ok(found),
        }
    }

    /// The log groups among these whose events never expire.
    async fn without_retention(&self, cx: &Context, groups: Vec<String>) -> Result<Vec<String>, EngineError> {
        let logs = &cx.world.ports.logs;
        let looks = groups.into_iter().map(async |group| {
            let days = logs.retention(&self.target, &group).await?;
            Ok::<_, EngineError>((days == Some(0)).then_some(group))
        });
        let found = stream::iter(looks).buffered(SIDE_BY_SIDE).try_filter_map(async |group| Ok(group));
        found.take(MOST_LOGS + 1).try_collect().await
    }

    /// The marks of the releases whose versions are deleted next. They are recorded only if no operation was accepted since
    /// the pipeline was read. A rollback that was planned before, and is not accepted yet, may have read a set without its
    /// mark. The ticket counter is raised: the acceptance of that rollback then fails, and it is planned again.
    fn marks(
        &self,
        keys: &Keys,
        state: &PipelineState,
        sets: &Sets,
        outdated: &Outdated,
    ) -> Result<Vec<Write>, EngineError> {
        let name = &self.params.name;
        let tickets = |number| Guards::from([(TICKETS.to_owned(), Guard::Number(number))]);
        let mut writes = vec![Write::Update {
            key: keys.pipeline(name),
            set: tickets(state.counters.tickets + 1),
            due: DueChange::Keep,
            when: Precondition::Equals(tickets(state.counters.tickets)),
        }];
        for of in &outdated.to_mark {
            let Some(set) = sets.get(of) else { continue };
            let marked = VersionSet { tidied: true, ..set.clone() };
            let item = to_item(keys.version_set(name, of.1, &of.0), Guards::new(), &marked)?;
            writes.push(Write::Put { item, when: Precondition::Present });
        }
        let marked = outdated.to_mark.len();
        tracing::info!(kind = KIND, pipeline = %name, marked, "releases are marked as tidied");
        Ok(writes)
    }
}
