//! What AWS says that a stage runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ports::Alias;
use crate::records::PinnedApi;
use sluice_model::StageName;

/// What was seen of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// By function: the version that the stage's alias points to, and the alias's revision.
    pub(crate) aliases: BTreeMap<String, (String, String)>,
    /// By function: the other versions that the alias sends calls to, in thousandths of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) weights: BTreeMap<String, BTreeMap<String, u32>>,
    /// The deployment that the API stage serves.
    pub(crate) serves: Option<String>,
    /// By function that was looked at: what its alias leads to, if it has one. Not kept: drift is judged right after the look.
    #[serde(skip)]
    pub(crate) leads_to: BTreeMap<String, Option<String>>,
    /// Whether the API stage was looked at. Not kept, either.
    #[serde(skip)]
    pub(crate) is_api_seen: bool,
    /// The functions whose alias API Gateway may call, where that was looked at.
    #[serde(skip)]
    pub(crate) permitted: BTreeSet<String>,
}

/// A stage of which a survey shows what runs there.
pub(crate) struct Surveyed {
    pub(crate) stage: StageName,
    /// The functions whose aliases are looked at.
    pub(crate) functions: BTreeSet<String>,
    /// The API whose stage is looked at.
    pub(crate) api: Option<PinnedApi>,
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

    /// An API stage that was looked at, and the deployment that it serves.
    pub(crate) fn of_api(serves: Option<String>) -> Self {
        Self { serves, is_api_seen: true, ..Self::default() }
    }

    /// Both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.aliases.extend(other.aliases);
        self.weights.extend(other.weights);
        self.serves = self.serves.or(other.serves);
        self.leads_to.extend(other.leads_to);
        self.is_api_seen |= other.is_api_seen;
        self.permitted.extend(other.permitted);
        self
    }
}
