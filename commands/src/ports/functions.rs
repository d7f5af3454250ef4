use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Tags;
use sluice_model::{CodeRef, PortResult, Target};

/// What a Lambda version freezes besides its code. Two functions are configured equally when these are equal.
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
    /// How it is configured.
    pub config: FunctionConfig,
    /// Changes with each change; a precondition of writes.
    pub revision: String,
    /// Whether it can be used.
    pub readiness: Readiness,
}

/// An alias: what a stage is on one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// Its name: the stage's.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The version it points to.
    pub version: String,
    /// The other versions that get a part of its calls, in thousandths of them.
    pub weights: BTreeMap<String, u32>,
    /// Changes with each change; a precondition of writes.
    pub revision: String,
}

/// What came of a call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoked {
    /// The version that answered, if the service said so.
    pub version: Option<String>,
    /// Why the function failed, if it did: its own words behind the kind of failure.
    pub error: Option<String>,
}

impl Alias {
    /// What it leads to, in words that are equal if and only if that is: `7`, or `7 (100/1000 to 8)`.
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
    /// `lambda:ListFunctions`, all pages: every function of the region, with the ARN of the role that its `$LATEST` names.
    async fn roles_in_use(&self, target: &Target) -> PortResult<BTreeMap<String, String>>;
    /// `lambda:ListVersionsByFunction`, all pages, `$LATEST` among them; `None` if there is no such function.
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
    /// `lambda:UpdateFunctionCode` with `RevisionId`, and `Publish`: gives the published version.
    async fn update_code(
        &self,
        target: &Target,
        function: &str,
        code: &CodeRef,
        architecture: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion>;
    /// `lambda:PublishVersion` of `$LATEST` with `CodeSha256` and `RevisionId` as preconditions; makes nothing new when
    /// nothing changed since the newest version.
    async fn publish(
        &self,
        target: &Target,
        function: &str,
        code_sha256: &str,
        revision: &str,
    ) -> PortResult<FunctionVersion>;
    /// `lambda:GetAlias`; `None` if the function or the alias is not there.
    async fn alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<Option<Alias>>;
    /// `lambda:ListAliases`, all pages: every stage of a function in one look; `None` if there is no such function.
    async fn aliases(&self, target: &Target, function: &str) -> PortResult<Option<Vec<Alias>>>;
    /// `lambda:CreateAlias`. An alias of that name: conflict.
    async fn create_alias(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        version: &str,
    ) -> PortResult<Alias>;
    /// `lambda:UpdateAlias` with `RevisionId`: all calls go to that version, and none to another. Another revision: conflict.
    async fn move_alias(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        version: &str,
        revision: &str,
    ) -> PortResult<Alias>;
    /// `lambda:GetPolicy` with the alias as qualifier: the statement ids of its resource policy; empty without one.
    async fn permissions(&self, target: &Target, function: &str, alias: &str) -> PortResult<Vec<String>>;
    /// `lambda:AddPermission` on the alias, for API Gateway from that source ARN. A statement of that id: conflict.
    async fn permit_api(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        statement: &str,
        source_arn: &str,
    ) -> PortResult<()>;
    /// `lambda:RemovePermission` on the alias; a statement or an alias that is gone is no error.
    async fn forbid_api(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        statement: &str,
    ) -> PortResult<()>;
    /// `lambda:Invoke` of an alias with that event, waiting so long for its answer. It does what the function does with
    /// it, so the event has to be one that may come more than once.
    async fn invoke(
        &self,
        target: &Target,
        function: &str,
        alias: &str,
        event: &str,
        within: Duration,
    ) -> PortResult<Invoked>;
    /// `lambda:DeleteAlias`; an alias that is gone is no error.
    async fn delete_alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<()>;
    /// `lambda:DeleteFunction` of one published version, never of the function: `version` must be a number. A version that
    /// an alias points to: conflict. A version that is gone is no error.
    async fn delete_version(&self, target: &Target, function: &str, version: &str) -> PortResult<()>;
}
