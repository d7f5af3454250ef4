//! What a look finds of a stage.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::operation::{OperationState, StepId};
use crate::resources::stack::remove::StackToRemove;
use sluice_model::ApiKind;

/// Everything that Sluice made for a stage, as far as one round deletes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Found {
    /// Functions by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) functions: Vec<String>,
    /// Roles by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<String>,
    /// APIs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) apis: Vec<FoundApi>,
    /// The stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stack: Option<StackToRemove>,
    /// Functions that have the name and the role of one of the stage's, and not its tags. They are left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) foreign: Vec<String>,
}

/// An API of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FoundApi {
    #[serde(default, skip_serializing_if = "ApiKind::is_http")]
    pub(super) kind: ApiKind,
    pub(super) id: String,
    pub(super) name: String,
    /// The API stages that the version sets name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) stages: Vec<String>,
}

/// The look of a round.
pub(super) fn look(round: usize) -> StepId {
    StepId::of("look", &round.to_string())
}

/// What the looks of all rounds found so far.
pub(super) fn rounds(op: &OperationState) -> impl Iterator<Item = Found> + '_ {
    (1..).map_while(|round| op.output::<Found>(&look(round)).ok().flatten())
}

impl Found {
    /// Whether nothing is left to delete.
    pub(super) fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// What it deletes, by names and ids.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        let apis = self.apis.iter().map(|api| api.id.as_str());
        let stack = self.stack.iter().map(|stack| stack.id.as_str());
        let own = self.functions.iter().chain(&self.roles).map(String::as_str);
        own.chain(apis).chain(stack).collect()
    }
}

/// For samples of messages: what the first look may find of `prod`, and that another one finds nothing.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn sample(functions: &[&str], stays: usize) -> [Found; 2] {
    let names =
        |what: &str| functions.iter().map(|name| format!("sluice-orders-prod-{name}{what}")).collect();
    let found = Found {
        functions: names(""),
        roles: names("-0123456789"),
        apis: vec![FoundApi {
            kind: ApiKind::Http,
            id: "a1b2c3d4e5".into(),
            name: "sluice-orders-prod-ServerlessHttpApi".into(),
            stages: vec!["$default".into()],
        }],
        stack: (stays > 0).then(|| StackToRemove::sample("sluice-orders-prod", stays)),
        foreign: vec![],
    };
    [found, Found::default()]
}
