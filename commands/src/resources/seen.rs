//! What a stage runs according to AWS.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ports::Alias;
use crate::records::Served;
use sluice_model::StageName;

/// What was seen on a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The version of each function's alias, and the alias's revision.
    pub(crate) aliases: BTreeMap<String, (String, String)>,
    /// The other versions to which each function's alias sends calls, in thousandths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) weights: BTreeMap<String, BTreeMap<String, u32>>,
    /// What the API stage serves.
    pub(crate) serves: Option<Served>,
    /// What the alias of each function that was looked at serves, if it exists. Not serialised, because drift is computed right
    /// after the look.
    #[serde(skip)]
    pub(crate) leads_to: BTreeMap<String, Option<String>>,
    /// Whether the API stage was looked at. Not serialised, either.
    #[serde(skip)]
    pub(crate) is_api_seen: bool,
}

/// A stage to survey.
pub(crate) struct Surveyed {
    pub(crate) stage: StageName,
    /// The functions whose aliases to look at.
    pub(crate) functions: BTreeSet<String>,
    /// The id of its API.
    pub(crate) api: Option<String>,
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
    pub(crate) fn of_api(serves: Option<Served>) -> Self {
        Self { serves, is_api_seen: true, ..Self::default() }
    }

    /// Both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.aliases.extend(other.aliases);
        self.weights.extend(other.weights);
        self.serves = self.serves.or(other.serves);
        self.leads_to.extend(other.leads_to);
        self.is_api_seen |= other.is_api_seen;
        self
    }
}
