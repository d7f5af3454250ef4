use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Tags;
use sluice_model::{CommitId, PortResult, Target};

/// The settings of a CodeBuild project. Its source is the pipeline's CodeCommit repository with its own
/// `buildspec.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSpec {
    /// The project's name.
    pub name: String,
    /// The description in the console.
    pub description: String,
    /// The clone URL of the CodeCommit repository.
    pub source: String,
    /// The ARN of the role of the builds.
    pub role: String,
    /// The artifact bucket.
    pub bucket: String,
    /// The environment image, as `aws/codebuild/amazonlinux-x86_64-standard:5.0`.
    pub image: String,
    /// Plain environment variables of every build.
    pub environment: BTreeMap<String, String>,
    /// Tags.
    pub tags: Tags,
}

/// One `codebuild:StartBuild`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// The project.
    pub project: String,
    /// The commit to build.
    pub commit: CommitId,
    /// Makes the call safe to repeat for 5 minutes. After that [`Builders::builds_of`] finds the build again.
    pub token: String,
    /// Environment variables of this build, `SLUICE_OP` among them.
    pub environment: BTreeMap<String, String>,
    /// The S3 bucket of the artifact.
    pub bucket: String,
    /// The S3 prefix of the artifact's files, without a trailing slash: `orders/builds/12`.
    pub prefix: String,
}

/// The status of a build or of one of its phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStatus {
    /// Queued or running.
    InProgress,
    /// It ended with success.
    Succeeded,
    /// A command of the buildspec or CodeBuild itself failed.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// It took longer than the project allows.
    TimedOut,
}

/// A phase of a build: `INSTALL`, `BUILD`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPhase {
    /// CodeBuild's name of the phase.
    pub name: String,
    /// The status; `None` while it runs.
    pub status: Option<BuildStatus>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// How long it took, in seconds.
    pub seconds: Option<u64>,
    /// CodeBuild's message for a failure.
    pub message: Option<String>,
}

/// A build as `codebuild:BatchGetBuilds` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRun {
    /// `project:uuid`.
    pub id: String,
    /// The status.
    pub status: BuildStatus,
    /// The phase it is in or ended in.
    pub current_phase: Option<String>,
    /// Its phases so far.
    pub phases: Vec<BuildPhase>,
    /// The environment variables it was started with.
    pub environment: BTreeMap<String, String>,
    /// The commit that was checked out.
    pub resolved_source: Option<String>,
    /// The CloudWatch Logs group and stream, once they exist.
    pub log: Option<LogStream>,
    /// A page where a person can read the log.
    pub log_link: Option<String>,
    /// When it was started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// A stream of CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogStream {
    /// The log group.
    pub group: String,
    /// The stream in it.
    pub stream: String,
}

/// A CodeBuild project that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its service role's ARN.
    pub role: String,
    /// Its tags.
    pub tags: Tags,
}

/// CodeBuild.
#[async_trait]
pub trait Builders: Send + Sync {
    /// `codebuild:CreateProject`. A project of that name: conflict. A role that IAM does not show yet: transient.
    async fn create_project(&self, target: &Target, spec: &ProjectSpec) -> PortResult<Project>;
    /// `codebuild:BatchGetProjects`; `None` if it does not exist.
    async fn project(&self, target: &Target, name: &str) -> PortResult<Option<Project>>;
    /// `codebuild:StartBuild` with the request's idempotency token.
    async fn start_build(&self, target: &Target, request: &BuildRequest) -> PortResult<BuildRun>;
    /// `codebuild:BatchGetBuilds` of at most 100 ids. Missing builds are omitted.
    async fn builds(&self, target: &Target, ids: &[String]) -> PortResult<Vec<BuildRun>>;
    /// `codebuild:ListBuildsForProject`, newest first, one page (100): finds a build whose start was not
    /// recorded.
    async fn builds_of(&self, target: &Target, project: &str) -> PortResult<Vec<String>>;
    /// `codebuild:StopBuild`. A build that ended or is no longer known is no error.
    async fn stop_build(&self, target: &Target, id: &str) -> PortResult<()>;
}
