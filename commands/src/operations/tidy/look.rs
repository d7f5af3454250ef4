//! The look before a pipeline is tidied: which versions, roles and log groups nothing needs.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::needed::{self, Unrest};
use super::{KIND, Params};
use crate::card::Text;
use crate::domain::{AuditRecord, TICKETS, VersionSet, View, from_item, to_item};
use crate::ids::{PipelineName, ReleaseNumber, StageName, Target};
use crate::operation::{Context, Effect, Keys, Progress, Refusal, Step, Trouble};
use crate::operations::names;
use crate::operations::rights::ImmutableRole;
use crate::ports::{Guard, Guards, Order, Precondition, Query, TAG_PIPELINE, Write};

/// What one run deletes at most; the next one goes on. It bounds the journal, and how long the pipeline waits.
const MOST_VERSIONS: usize = 100;
const MOST_ROLES: usize = 25;
const MOST_LOGS: usize = 50;
/// How many version sets are marked in one transaction (DynamoDB takes 100 writes).
const MOST_SETS: usize = 80;
/// How many audit records of the last hour are read; with more of them it was not quiet.
const MOST_RECORDS: u32 = 500;
/// How many functions are looked at side by side.
const SIDE_BY_SIDE: usize = 4;
/// How many items the store reads in one request.
const BATCH: usize = 100;

/// What nothing needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    /// Published versions by function, the oldest of each first.
    pub(super) versions: Vec<(String, String)>,
    /// Roles.
    pub(super) roles: Vec<String>,
    /// Log groups whose events never expire.
    pub(super) logs: Vec<String>,
    /// Whether there is more than one run deletes.
    pub(super) more: bool,
}

impl Found {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.roles.is_empty() && self.logs.is_empty()
    }

    /// The versions in words: `Hello` 3 to 7, 9.
    pub(super) fn listed_versions(&self) -> Option<Text> {
        let mut by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (function, version) in &self.versions {
            by.entry(function).or_default().push(version);
        }
        let mut text = Text::default();
        for (nth, (function, versions)) in by.iter().take(8).enumerate() {
            let shown = versions.iter().take(6).copied().collect::<Vec<_>>().join(", ");
            let more =
                if versions.len() > 6 { format!(", … ({} in all)", versions.len()) } else { String::new() };
            let separator = if nth > 0 { "; " } else { "" };
            text = text.then(separator).code(*function).then(format!(" {shown}{more}"));
        }
        let left = by.len().saturating_sub(8);
        let text = if left > 0 { text.then(format!("; and of {left} more functions")) } else { text };
        (!by.is_empty()).then_some(text)
    }

    /// What it came to, in one sentence.
    pub(super) fn result(&self, deleted: bool) -> Text {
        if self.is_empty() {
            return Text::plain("there is nothing to delete");
        }
        let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        let what =
            format!("{} and {}", count(self.versions.len(), "version"), count(self.roles.len(), "role"));
        Text::plain(if deleted { format!("deleted {what}") } else { format!("{what} can be deleted") })
    }
}

/// Looks, and marks the releases whose versions are about to go.
pub(super) struct LookForLeftovers {
    pub(super) target: Target,
    pub(super) params: Params,
}

/// The version sets of a pipeline, by stage and release.
type Sets = BTreeMap<(StageName, ReleaseNumber), VersionSet>;

#[async_trait]
impl Step for LookForLeftovers {
    fn effect(&self) -> Effect {
        Effect::Look
    }

    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let (world, name) = (&cx.world, &self.params.name);
        let view = View::read(&*world.store, &world.keys, name).await?;
        let pipeline = view.expect_pipeline()?;
        if self.params.delete {
            self.must_be_quiet(cx, &view).await?;
        }
        let sets = self.sets(cx, &view).await?;
        let outdated: BTreeSet<_> = needed::outdated(&view).into_iter().collect();
        let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (of, set) in &sets {
            for (function, version) in &set.versions {
                let versions = needed.entry(function.clone()).or_default();
                if !outdated.contains(of) {
                    versions.insert(version.clone());
                }
            }
        }
        let mut groups: Vec<String> =
            needed.keys().map(|function| format!("/aws/lambda/{function}")).collect();
        groups.push(format!("/aws/codebuild/{}", pipeline.project));
        let (mut versions, used) = self.versions(cx, needed).await?;
        let mut roles = self.roles(cx, &used).await?;
        let mut logs = self.endless(cx, groups).await?;
        let more = versions.len() > MOST_VERSIONS || roles.len() > MOST_ROLES || logs.len() > MOST_LOGS;
        versions.truncate(MOST_VERSIONS);
        roles.truncate(MOST_ROLES);
        logs.truncate(MOST_LOGS);
        let found = Found { versions, roles, logs, more };
        let writes =
            if self.params.delete { self.marks(&world.keys, &view, &sets, &outdated)? } else { vec![] };
        Progress::recorded(found, writes)
    }
}

/// What is told while something of the pipeline moves.
pub(super) fn not_quiet(name: &PipelineName, unrest: Unrest) -> Refusal {
    let (problem, hint) = match unrest {
        Unrest::Open => (
            "A deploy, promotion or rollback is open; the versions it prepared must stay.",
            format!(
                "Finish or cancel it (`/pipeline status {name}`), then run `/pipeline tidy {name} now` again."
            ),
        ),
        Unrest::Until(at) => (
            "A stage moved within the last hour; executions may still run on the versions it left.",
            format!("Run `/pipeline tidy {name} now` again after {}.", at.strftime("%H:%M UTC")),
        ),
    };
    Refusal::new("not-quiet", problem, hint)
}

impl LookForLeftovers {
    async fn must_be_quiet(&self, cx: &Context, view: &View) -> Result<(), Trouble> {
        let (world, name) = (&cx.world, &self.params.name);
        let now = world.clock.now();
        let since = now.checked_sub(needed::QUIET).unwrap_or(now);
        let page = world
            .store
            .query(Query {
                partition: world.keys.audit_partition(name),
                prefix: String::new(),
                order: Order::Ascending,
                limit: Some(MOST_RECORDS),
                after: Some(Keys::audit_time(since)),
            })
            .await?;
        let records: Vec<AuditRecord> = page.items.iter().map(from_item).collect::<Result<_, _>>()?;
        let unrest = match page.more {
            Some(_) => Some(Unrest::Until(now + needed::QUIET)),
            None => needed::unrest(view, &records, now),
        };
        match unrest {
            None => Ok(()),
            Some(unrest) => Err(Trouble::Refused(not_quiet(name, unrest))),
        }
    }

    /// The version sets of all releases that the stages remember.
    async fn sets(&self, cx: &Context, view: &View) -> Result<Sets, Trouble> {
        let (world, name) = (&cx.world, &self.params.name);
        let runs = view
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
        // Without the set of a release that is needed nobody knows which versions must stay.
        let is_needed = |of: &(StageName, ReleaseNumber)| {
            view.stages.get(&of.0).is_some_and(|stage| needed::needed(stage).contains(&of.1))
        };
        match by_key.values().find(|of| is_needed(of) && !sets.contains_key(*of)) {
            Some((stage, release)) => {
                Err(Trouble::Corrupt(format!("{name} {release} has no versions on {stage}")))
            }
            None => Ok(sets),
        }
    }

    /// The published versions that no alias and no kept release needs, and the roles that the other ones name.
    async fn versions(
        &self,
        cx: &Context,
        needed: BTreeMap<String, BTreeSet<String>>,
    ) -> Result<(Vec<(String, String)>, BTreeSet<String>), Trouble> {
        let functions = &cx.world.functions;
        let looks = needed.into_iter().map(async |(function, needed)| {
            let found = futures::future::try_join(
                functions.versions(&self.target, &function),
                functions.aliases(&self.target, &function),
            );
            let (versions, aliases) = found.await?;
            Ok::<_, Trouble>((function, needed, versions.unwrap_or_default(), aliases.unwrap_or_default()))
        });
        let looked: Vec<_> = stream::iter(looks).buffered(SIDE_BY_SIDE).try_collect().await?;
        let (mut leftover, mut used) = (vec![], BTreeSet::new());
        for (function, needed, versions, aliases) in looked {
            let aliased = |version: &str| {
                aliases.iter().any(|alias| alias.version == version || alias.weights.contains_key(version))
            };
            let mut numbers = vec![];
            for version in versions {
                match version.version.parse::<u64>() {
                    Ok(number) if !needed.contains(&version.version) && !aliased(&version.version) => {
                        numbers.push(number);
                    }
                    // `$LATEST` among them.
                    _ => drop(used.insert(names::role_name(&version.config.role).to_owned())),
                }
            }
            numbers.sort_unstable();
            leftover.extend(numbers.into_iter().map(|number| (function.clone(), number.to_string())));
        }
        Ok((leftover, used))
    }

    /// The roles of this pipeline's functions that no version names.
    async fn roles(&self, cx: &Context, used: &BTreeSet<String>) -> Result<Vec<String>, Trouble> {
        let (identity, name) = (&cx.world.identity, &self.params.name);
        let stem = ImmutableRole::stem(name);
        let builds = ImmutableRole::builds_stem(name);
        let all = identity.role_names(&self.target, names::IAM_PATH).await?;
        let unused = all
            .into_iter()
            .filter(|role| role.starts_with(&stem) && !role.starts_with(&builds) && !used.contains(role));
        // The name of another pipeline may begin with this one's: the tag says whose it is. One more than are deleted, to
        // know whether there are more.
        let looks = unused.map(async |role| {
            let found = identity.role(&self.target, &role).await?;
            let is_ours = found
                .is_some_and(|found| found.tags.get(TAG_PIPELINE).map(String::as_str) == Some(name.as_str()));
            Ok::<_, Trouble>(is_ours.then_some(role))
        });
        let ours = stream::iter(looks).buffered(SIDE_BY_SIDE).try_filter_map(async |role| Ok(role));
        ours.take(MOST_ROLES + 1).try_collect().await
    }

    /// Those of these log groups whose events never expire.
    async fn endless(&self, cx: &Context, groups: Vec<String>) -> Result<Vec<String>, Trouble> {
        let logs = &cx.world.logs;
        let looks = groups.into_iter().map(async |group| {
            let days = logs.retention(&self.target, &group).await?;
            Ok::<_, Trouble>((days == Some(0)).then_some(group))
        });
        let endless = stream::iter(looks).buffered(SIDE_BY_SIDE).try_filter_map(async |group| Ok(group));
        endless.take(MOST_LOGS + 1).try_collect().await
    }

    /// The marks of the releases whose versions go, which hold only if nothing was accepted since they were looked at.
    fn marks(
        &self,
        keys: &Keys,
        view: &View,
        sets: &Sets,
        outdated: &BTreeSet<(StageName, ReleaseNumber)>,
    ) -> Result<Vec<Write>, Trouble> {
        let name = &self.params.name;
        let tickets = Guards::from([(TICKETS.to_owned(), Guard::Number(view.counters.tickets))]);
        let mut writes = vec![Write::Check { key: keys.pipeline(name), when: Precondition::Equals(tickets) }];
        for (of, set) in sets.iter().filter(|(of, set)| outdated.contains(of) && !set.tidied).take(MOST_SETS)
        {
            let marked = VersionSet { tidied: true, ..set.clone() };
            let item = to_item(keys.version_set(name, of.1, &of.0), Guards::new(), &marked)?;
            writes.push(Write::Put { item, when: Precondition::Present });
        }
        tracing::info!(kind = KIND, pipeline = %name, marked = writes.len() - 1, "releases are marked as tidied");
        Ok(writes)
    }
}
