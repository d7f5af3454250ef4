use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{FunctionConfig, Tags};
use sluice_model::{CodeRef, ImageUri, PortResult, Target};

/// Whether a version (or `$LATEST`) can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// It can be called, and no update is in progress.
    Ready,
    /// Lambda released what the version needs, because nobody called it for weeks: the reason code, `Idle` unless Lambda could
    /// not restore it. The first call fails and starts the restoration ([`Functions::wake`]).
    Inactive(String),
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
    /// SHA-256 of the code: of an archive in base64, of a container image its digest in hexadecimal.
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

/// The event of [`Functions::wake`], in EventBridge's shape: a handler can recognise it, and nobody else sends its source.
pub const WAKE_EVENT: &str = r#"{"source":"sluice","detail-type":"wake","detail":{}}"#;

/// Where a function's code is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FunctionCode {
    /// A zip archive in S3.
    Archive {
        /// The object.
        object: CodeRef,
        /// `S3ObjectStorageMode` and `SourceKMSKeyArn`, under those names. They say how Lambda stores the code, and no version
        /// shows them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        settings: BTreeMap<String, String>,
    },
    /// A container image in ECR.
    Image {
        /// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:DIGEST`.
        uri: String,
        /// The digest in hexadecimal, without `sha256:`: `CodeSha256` of the function.
        digest: String,
    },
}

impl FunctionCode {
    /// What Lambda reports as `CodeSha256`.
    pub fn sha256(&self) -> &str {
        match self {
            Self::Archive { object, .. } => &object.sha256,
            Self::Image { digest, .. } => digest,
        }
    }
}

impl From<&ImageUri> for FunctionCode {
    fn from(image: &ImageUri) -> Self {
        Self::Image { uri: image.to_string(), digest: image.digest().to_owned() }
    }
}

impl From<CodeRef> for FunctionCode {
    fn from(object: CodeRef) -> Self {
        Self::Archive { object, settings: BTreeMap::new() }
    }
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
    /// `lambda:GetFunction` of `$LATEST` or a version: one look, without waiting. It has a quota of its own, 100 calls a second
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>); `GetFunctionConfiguration`, which says the same,
    /// shares the 15 a second of all other calls.
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
        code: &FunctionCode,
        tags: &Tags,
    ) -> PortResult<FunctionVersion>;
    /// `lambda:UpdateFunctionConfiguration` with `RevisionId`. Another revision: conflict. `reset` names the settings that get
    /// Lambda's default again; a setting that is in neither stays as it is.
    async fn update_config(
        &self,
        target: &Target,
        function: &str,
        config: &FunctionConfig,
        reset: &BTreeSet<String>,
        revision: &str,
    ) -> PortResult<FunctionVersion>;
    /// `lambda:UpdateFunctionCode` with `RevisionId` and `Publish`. Returns the published version.
    async fn update_code(
        &self,
        target: &Target,
        function: &str,
        code: &FunctionCode,
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
    /// `lambda:Invoke` of an inactive version, which Lambda refuses and answers by restoring the version: `Ok` then. If the
    /// version is not inactive, the function gets [`WAKE_EVENT`]; its failure is no error.
    async fn wake(&self, target: &Target, function: &str, version: &str) -> PortResult<()>;
    /// `lambda:DeleteAlias`. A missing alias is no error.
    async fn delete_alias(&self, target: &Target, function: &str, alias: &str) -> PortResult<()>;
    /// `lambda:DeleteFunction` of one published version, never of the function: `version` must be a number. A
    /// version that an alias points to: conflict. A missing version is no error.
    async fn delete_version(&self, target: &Target, function: &str, version: &str) -> PortResult<()>;
    /// `lambda:DeleteFunction` of the whole function, with all versions and aliases. A missing function is no error. `function` must
    /// be a plain name of Sluice: it names no version.
    async fn delete_function(&self, target: &Target, function: &str) -> PortResult<()>;
}
