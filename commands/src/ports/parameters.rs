//! Systems Manager's parameters: secrets of stages, and the plain values that templates read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Tags;
use sluice_model::{PortResult, Target};

/// The value of a secret. It is never printed: `Debug` writes `***`, and there is neither `Display` nor `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// A value.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A parameter as a list shows it: without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterInfo {
    /// The whole name: `/sluice/orders/prod/API_KEY`.
    pub name: String,
    /// The number of its version, from 1.
    pub version: i64,
    /// When that version was written.
    pub changed: Option<Timestamp>,
}

/// What is stored under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredParameter {
    /// A `String` or a `StringList`.
    Plain {
        /// The value. The items of a list are separated by commas.
        value: String,
        /// The number of the version that it is of, from 1.
        version: i64,
        /// Whether it is a `StringList`.
        is_list: bool,
    },
    /// A `SecureString`.
    Secret,
}

/// The most names of one call of [`ParameterStore::plain_parameters`]
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>).
pub const NAMES_AT_ONCE: usize = 10;

/// Parameters of Systems Manager. No method returns the value of a secret.
#[async_trait]
pub trait ParameterStore: Send + Sync {
    /// `ssm:PutParameter` of a `SecureString` in the standard tier, without `Overwrite`: the number of its version. With the account's key
    /// `aws/ssm`. One of that name: conflict. Safe to repeat: the second call is a conflict.
    async fn create_secret(
        &self,
        target: &Target,
        name: &str,
        value: &SecretText,
        tags: &Tags,
    ) -> PortResult<i64>;
    /// `ssm:PutParameter` with `Overwrite`: the number of the new version. AWS takes no tags with it; the parameter keeps its own. Safe to
    /// repeat, but each call makes a version.
    async fn replace_secret(&self, target: &Target, name: &str, value: &SecretText) -> PortResult<i64>;
    /// `ssm:ListTagsForResource`; `None` if there is no such parameter.
    async fn parameter_tags(&self, target: &Target, name: &str) -> PortResult<Option<Tags>>;
    /// `ssm:DescribeParameters`, all pages: the parameters whose names begin with a path, which ends with `/`, in the order of their names.
    async fn parameters_below(&self, target: &Target, path: &str) -> PortResult<Vec<ParameterInfo>>;
    /// `ssm:GetParameters` without decryption: what exists of these names, by what was asked, such as `/orders/table` or `/orders/table:3`
    /// for its version 3. There are [`NAMES_AT_ONCE`] at most. If the caller may not read one of them, all are denied.
    async fn plain_parameters(
        &self,
        target: &Target,
        names: &BTreeSet<String>,
    ) -> PortResult<BTreeMap<String, StoredParameter>>;
    /// `ssm:DeleteParameter`: whether it existed. Safe to repeat.
    async fn delete_parameter(&self, target: &Target, name: &str) -> PortResult<bool>;
}
