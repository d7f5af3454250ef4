//! What a person can ask for: one variant per form of the command table, with typed arguments.

use crate::ids::{BuildNumber, PipelineName, ReleaseNumber, StageName, UserId};

/// The language of a repository's first commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Python, the standard library only.
    Python,
    /// Node.
    Node,
    /// Rust.
    Rust,
}

/// When something ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// After so many seconds: `for 2h`, `since 7d`.
    Seconds(u64),
}

/// A role that can be granted (DESIGN 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Build, deploy, promote to open stages.
    Operators,
    /// Stages, locks, overrides, deletes, grants.
    Admins,
    /// Rollback of any stage; override.
    Oncall,
    /// Approve promotions.
    Approvers,
}

/// A command as it was understood. Its `Display` is a command line that parses to the same value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the arguments of DESIGN 3, by their names there")]
pub enum Command {
    RepoCreate {
        name: PipelineName,
        from: Option<Language>,
    },
    RepoConnect {
        name: PipelineName,
        url: String,
    },
    RepoList,
    RepoShow {
        name: PipelineName,
    },
    RepoDelete {
        name: PipelineName,
    },
    /// `/build orders@main`; without a reference the default branch is built.
    Build {
        name: PipelineName,
        reference: Option<String>,
    },
    BuildCancel {
        name: PipelineName,
        build: Option<BuildNumber>,
    },
    BuildRetry {
        name: PipelineName,
        build: Option<BuildNumber>,
    },
    BuildLog {
        name: PipelineName,
        build: Option<BuildNumber>,
    },
    BuildList {
        name: PipelineName,
    },
    Deploy {
        name: PipelineName,
        build: Option<BuildNumber>,
        stage: Option<StageName>,
    },
    DeployPlan {
        name: PipelineName,
        build: Option<BuildNumber>,
    },
    DeployCancel {
        name: PipelineName,
    },
    StageList {
        name: PipelineName,
    },
    StageAdd {
        name: PipelineName,
        stage: StageName,
        after: Option<StageName>,
    },
    StageSet {
        name: PipelineName,
        stage: StageName,
        settings: Vec<(String, String)>,
    },
    StageRemove {
        name: PipelineName,
        stage: StageName,
    },
    StageLock {
        name: PipelineName,
        stage: Option<StageName>,
        until: Option<Span>,
        reason: String,
    },
    StageUnlock {
        name: PipelineName,
        stage: Option<StageName>,
    },
    Promote {
        name: PipelineName,
        to: StageName,
        from: Option<StageName>,
        release: Option<ReleaseNumber>,
        again: bool,
        override_reason: Option<String>,
    },
    PromoteDiff {
        name: PipelineName,
        to: StageName,
    },
    PromoteApprove {
        name: PipelineName,
        stage: StageName,
        reason: Option<String>,
    },
    PromoteReject {
        name: PipelineName,
        stage: StageName,
        reason: Option<String>,
    },
    PromoteCancel {
        name: PipelineName,
        stage: StageName,
        reason: Option<String>,
    },
    Rollback {
        name: PipelineName,
        stage: StageName,
        release: Option<ReleaseNumber>,
        reason: Option<String>,
    },
    PipelineStatus {
        name: Option<PipelineName>,
    },
    PipelineHistory {
        name: PipelineName,
        stage: Option<StageName>,
        person: Option<UserId>,
        since: Option<Span>,
    },
    PipelineMine,
    PipelineCheck {
        name: PipelineName,
        stage: Option<StageName>,
    },
    PipelineWatch {
        name: PipelineName,
    },
    PipelineUnwatch {
        name: PipelineName,
    },
    PipelineGrant {
        person: UserId,
        role: Role,
        name: Option<PipelineName>,
    },
    PipelineRevoke {
        person: UserId,
        role: Role,
        name: Option<PipelineName>,
    },
    PipelineWho {
        name: Option<PipelineName>,
    },
    /// `help`, alone or of a command (`help build`).
    Help {
        command: Option<String>,
    },
}
