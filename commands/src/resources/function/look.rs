//! The look at a function, its versions, and the stage's alias.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::TryFutureExt as _;
use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::application::Sluice;
use crate::names;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::ports::{Alias, FunctionVersion, Readiness};
use crate::resources::messages::{self, foreign_refusal};
use crate::resources::plan::{PlannedFunction, config_digest};
use crate::resources::watch::Watch;
use sluice_model::{PinnedCode, StageName, Target};

/// The version that is not published and can change.
pub(super) const LATEST: &str = "$LATEST";

/// What a deploy needs to know about a function.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FunctionLook {
    /// `$LATEST`; `None` if the function does not exist.
    pub(crate) latest: Option<Latest>,
    /// Published versions with the wanted code, the newest last.
    pub(crate) versions: Vec<Published>,
    /// The roles of published versions. They have their policies, because a version is published only after that.
    pub(crate) roles: BTreeSet<String>,
    /// The stage's alias: its version and revision.
    pub(crate) alias: Option<(String, String)>,
    /// The other versions that the alias sends calls to, in thousandths of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) weights: BTreeMap<String, u32>,
}

/// A published version as the list of versions shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) version: String,
    pub(crate) sha256: String,
    pub(crate) print: String,
    /// Whether the list shows that it can be called. A list may lack that; then a step reads the version itself.
    pub(crate) ready: bool,
}

/// `$LATEST` as it was seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Latest {
    pub(crate) revision: String,
    pub(crate) sha256: String,
    pub(crate) print: String,
    pub(crate) role: String,
    pub(crate) architecture: String,
    /// What differs from Lambda's default, by the API's names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) set: BTreeSet<String>,
}

impl Latest {
    /// Whether `$LATEST` has the same content. Its revision may differ: it changes again when Lambda applies a change.
    pub(super) fn is_same(&self, now: &FunctionVersion) -> bool {
        self.sha256 == now.code_sha256 && self.print == config_digest(&now.config)
    }
}

/// What a function lacks.
pub(crate) enum Diff<'a> {
    /// Nothing: this version has the wanted code and configuration.
    Reuse(&'a Published),
    /// The function itself.
    Create,
    /// The configuration, and then a version.
    Configure(&'a Latest),
    /// A version.
    Publish(&'a Latest),
}

impl FunctionLook {
    /// What a function lacks to have the wanted version.
    pub(crate) fn diff(&self, planned: &PlannedFunction) -> Diff<'_> {
        let is_wanted =
            |found: &&Published| found.sha256 == planned.code.sha256() && found.print == planned.print;
        if let Some(published) = self.versions.iter().rev().find(is_wanted) {
            return Diff::Reuse(published);
        }
        match &self.latest {
            None => Diff::Create,
            Some(latest) if latest.print != planned.digest_on(&latest.architecture) => {
                Diff::Configure(latest)
            }
            Some(latest) => Diff::Publish(latest),
        }
    }
}

fn published_roles(versions: &[FunctionVersion]) -> BTreeSet<String> {
    let published = versions.iter().filter(|version| version.version != LATEST);
    published.map(|version| version.config.role.clone()).collect()
}

/// How many of the newest versions are considered for reuse.
const REMEMBERED: usize = 25;

/// Looks at a function, its versions, and the stage's alias.
pub(super) struct LookAtFunction {
    pub(super) target: Target,
    pub(super) function: String,
    pub(super) stage: StageName,
    /// The code that it should run.
    pub(super) code: PinnedCode,
    /// The comparison of the stage with its record.
    pub(super) watch: Watch,
}

#[async_trait]
impl Step<Sluice> for LookAtFunction {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let functions = &cx.world.ports.functions;
        let (target, function, stage) = (&self.target, &self.function, self.stage.as_str());
        let aws = try_join(functions.versions(target, function), functions.alias(target, function, stage));
        let recorded = self.watch.recorded(cx);
        let ((versions, alias), recorded) = try_join(aws.map_err(EngineError::from), recorded).await?;
        let drift = recorded.map(|recorded| recorded.of_alias(function, alias.as_ref().map(Alias::serves)));
        if let Some(progress) = self.watch.judge(cx, drift.unwrap_or_default()).await? {
            return Ok(progress);
        }
        let versions = versions.unwrap_or_default();
        let latest = versions.iter().find(|version| version.version == LATEST);
        // Another pipeline and stage may give the same name; the path of their roles differs.
        let own_roles = names::role_path(&self.watch.pipeline, Some(&self.stage));
        if let Some(latest) = latest
            && !latest.config.role.starts_with(&names::role_arn(target, &own_roles, ""))
        {
            return Err(EngineError::Refused(foreign_refusal(&messages::function(function))));
        }
        if let Some(latest) = latest
            && latest.config.is_image() != self.code.is_image()
        {
            return Err(EngineError::Refused(messages::other_package(function, self.code.is_image())));
        }
        let mut published: Vec<_> = versions
            .iter()
            .filter(|version| version.version != LATEST && !matches!(version.readiness, Readiness::Failed(_)))
            .map(|version| Published {
                version: version.version.clone(),
                sha256: version.code_sha256.clone(),
                print: config_digest(&version.config),
                ready: version.readiness == Readiness::Ready,
            })
            .collect();
        published.sort_by_key(|published| published.version.parse::<u64>().unwrap_or(0));
        // The output is in the journal, so it has only the versions that this operation can reuse.
        let mut remembered = published.split_off(published.len().saturating_sub(REMEMBERED));
        remembered.retain(|version| version.sha256 == self.code.sha256());
        Progress::done(FunctionLook {
            latest: latest.map(|latest| Latest {
                revision: latest.revision.clone(),
                sha256: latest.code_sha256.clone(),
                print: config_digest(&latest.config),
                role: latest.config.role.clone(),
                architecture: latest.config.architecture.clone(),
                set: latest.config.set(),
            }),
            versions: remembered,
            roles: published_roles(&versions),
            weights: alias.as_ref().map(|alias| alias.weights.clone()).unwrap_or_default(),
            alias: alias.map(|alias| (alias.version, alias.revision)),
        })
    }
}
