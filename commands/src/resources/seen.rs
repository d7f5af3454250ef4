//! What a stage runs according to AWS.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ports::{Alias, ApiKind};
use crate::records::{PinnedApi, PinnedApis, Served};
use sluice_model::StageName;

/// What was seen on a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The version of each function's alias, and the alias's revision.
    pub(crate) aliases: BTreeMap<String, (String, String)>,
    /// The other versions to which each function's alias sends calls, in thousandths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) weights: BTreeMap<String, BTreeMap<String, u32>>,
    /// What the stage of each API that was looked at serves, by logical id; `None` if there is no such API stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) apis: BTreeMap<String, Option<Served>>,
    /// What the alias of each function that was looked at serves, if it exists. Not serialised, because drift is computed right
    /// after the look.
    #[serde(skip)]
    pub(crate) leads_to: BTreeMap<String, Option<String>>,
}

/// Where the stage of an API is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApiPlace {
    pub(crate) kind: ApiKind,
    /// The API's id.
    pub(crate) api: String,
    /// The name of its API stage.
    pub(crate) stage: String,
}

impl ApiPlace {
    pub(crate) fn of(api: &PinnedApi) -> Self {
        Self { kind: api.kind, api: api.api.clone(), stage: api.stage_name().to_owned() }
    }

    /// The places of these APIs.
    pub(crate) fn all(apis: &PinnedApis) -> BTreeMap<String, Self> {
        apis.iter().map(|(logical, api)| (logical.clone(), Self::of(api))).collect()
    }
}

/// A stage to survey.
pub(crate) struct Surveyed {
    pub(crate) stage: StageName,
    /// The functions whose aliases to look at.
    pub(crate) functions: BTreeSet<String>,
    /// Its APIs by logical id.
    pub(crate) apis: BTreeMap<String, ApiPlace>,
}

impl Seen {
    /// An alias that was looked at; `None` if it does not exist.
    pub(crate) fn of_alias(function: &str, alias: Option<&Alias>) -> Self {
        let mut seen = Self::default();
        seen.leads_to.insert(function.to_owned(), alias.map(Alias::serves));
        if let Some(alias) = alias {
            seen.aliases.insert(function.to_owned(), (alias.version.clone(), alias.revision.clone()));
            if !alias.weights.is_empty() {
                seen.weights.insert(function.to_owned(), alias.weights.clone());
            }
        }
        seen
    }

    /// An API stage that was looked at, and what it serves.
    pub(crate) fn of_api(api: &str, serves: Option<Served>) -> Self {
        Self { apis: [(api.to_owned(), serves)].into(), ..Self::default() }
    }

    /// Both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.aliases.extend(other.aliases);
        self.weights.extend(other.weights);
        self.apis.extend(other.apis);
        self.leads_to.extend(other.leads_to);
        self
    }
}
