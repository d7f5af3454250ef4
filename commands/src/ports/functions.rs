use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Tags;
use sluice_model::{CodeRef, PortResult, Target};

/// The configuration that a Lambda version freezes besides its code. Equal values mean equal configurations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionConfig {
    /// `python3.12`, …
    pub runtime: String,
    /// `app.handler`.
    pub handler: String,
    /// The execution role's ARN.
    pub role: String,
    /// Megabytes.
    pub memory: u32,
    /// Seconds.
    pub timeout: u32,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
}

/// Whether a version (or `$LATEST`) can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// `State` is `Active` (or `Inactive`, which wakes on the first call) and no update is in progress.
    Ready,
    /// `State` is `Pending` or `LastUpdateStatus` is `InProgress`.
    Pending,
    /// `State` or `LastUpdateStatus` is `Failed`: the service's reason code.
    Failed(String),
}

/// A version of a function, or `$LATEST`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionVersion {
    /// `$LATEST` or a number.
    pub version: String,
    /// The ARN with the version.
    pub arn: String,
    /// SHA-256 of the code in base64.
    pub code_sha256: String,
    /// The configuration.
    pub config: FunctionConfig,
    /// Changes with each change; a precondition of writes.
    pub revision: String,
    /// Whether it can be used.
    pub readiness: Readiness,
}

/// An alias: a stage's part of one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The name of the stage.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The version it points to.
    pub version: String,
    /// Other versions that get a part of the calls, in thousandths.
    pub weights: BTreeMap<String, u32>,
    /// Changes with each change; a precondition of writes.
    pub revision: String,
}

/// The result of calling a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoked {
    /// The version that answered, if the service reported it.
    pub version: Option<String>,
    /// Why the function failed, if it did: the kind of failure and its message.
    pub error: Option<String>,
}

impl Alias {
    /// The routing as a text: `7`, or `7 (100/1000 to 8)`. Texts are equal if and only if the routings are.
    pub fn serves(&self) -> String {
        let parts: Vec<_> =
            self.weights.iter().map(|(version, part)| format!("{part}/1000 to {version}")).collect();
        if parts.is_empty() {
            self.version.clone()
        } else {
            format!("{} ({})", self.version, parts.join(", "))
        }
    }
}

/// Lambda.
#[async_trait]
pub trait Functions: Send + Sync {
    /// `lambda:ListFunctions`, all pages: every function of the region, with the role ARN of its `$LATEST`.
    async fn roles_in_use(&self, target: &Target) -> PortResult<BTreeMap<String, String>>;
    /// `lambda:ListVersionsByFunction`, all pages, including `$LATEST`; `None` if there is no such function.
    async fn versions(&self, target: &Target, function: &str) -> PortResult<Option<Vec<FunctionVersion>>>;
    /// `lambda:GetFunctionConfiguration` of `$LATEST` or a version: one look, without waiting.
    async fn version(
        &self,
        target: &Target,
        function: &str,
        version: &str,
    ) -> PortResult<Option<FunctionVersion>>;
    /// `lambda:ListTags` of a function; `None` if there is no such function.
    async fn function_tags(&self, target: &Target, function: &str) -> PortResult<Option<Tags>>;
    /// `lambda:CreateFunction` with `Publish`. A function of that name: conflict. A role that Lambda cannot assume
    /// yet: transient.
    async fn create_function(
        &self,
        target: &Target,
        function: &str,
        config: &FunctionConfig,
        code: &CodeRef,
        tags: &Tags,
    ) -> PortResult<FunctionVersion>;
    /// `lambda:UpdateFunctionConfiguration` with `RevisionId`. Another revision: conflict.
    async fn update_config(
        &self,
        target: &Target,
        function: &str,
        config: &FunctionConfig,
        revision: &str,
    ) -> PortResult<FunctionVersion>;
    /// `lambda:UpdateFunctionCode` with `RevisionId` and `Publish`. Returns the published version.
    async fn update_code(
        &self,
        target: &Target,
        function: &str,
        code: &CodeRef,
        architecture: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion>;
    /// `lambda:PublishVersion` of `$LATEST` with `CodeSha256` and `RevisionId` as preconditions. It creates
    /// no version if nothing changed since the newest one.
    async fn publish(
        &self,
        target: &Target,
        function: &str,
        code_sha256: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion>;
    /// `lambda:GetAlias`; `None` if the function or the alias does not exist.
    async fn alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<Option<Alias>>;
    /// `lambda:ListAliases`, all pages: every stage of a function at once; `None` if there is no such
    /// function.
    async fn aliases(&self, target: &Target, function: &str) -> PortResult<Option<Vec<Alias>>>;
    /// `lambda:CreateAlias`. An alias of that name: conflict.
    async fn create_alias(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        version: &str,
    ) -> PortResult<Alias>;
    /// `lambda:UpdateAlias` with `RevisionId`: all calls go to that version, none to another. Another
    /// revision: conflict.
    async fn move_alias(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        version: &str,
        revision: &str,
    ) -> PortResult<Alias>;
    /// `lambda:Invoke` of an alias with an event, with a timeout for the answer. The function acts on the
    /// event, so the event must be safe to send more than once.
    async fn invoke(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        event: &str,
        within: Duration,
    ) -> PortResult<Invoked>;
    /// `lambda:DeleteAlias`. A missing alias is no error.
    async fn delete_alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<()>;
    /// `lambda:DeleteFunction` of one published version, never of the function: `version` must be a number. A
    /// version that an alias points to: conflict. A missing version is no error.
    async fn delete_version(&self, target: &Target, function: &str, version: &str) -> PortResult<()>;
}
