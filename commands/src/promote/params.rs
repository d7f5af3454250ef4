//! The parameters of a promotion.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operation::{OperationState, PROMOTE, SignalKind};
use crate::records::{AuditSubject, Change, PinnedApi, Release};
use crate::resources::Preparation;
use crate::rules::{Asked, Drift, Parameters, Smoke, Want};
use sluice_model::{Member, PipelineName, ReleaseNumber, StageName, Target, UserId};

/// Its kind.
pub const KIND: &str = PROMOTE;
/// The step that waits for people.
pub const APPROVAL: &str = "approval";
/// The step that looks at the commits in between.
pub(super) const COMMITS: &str = "commits";
/// The step that looks at what changes.
pub(super) const CHANGES: &str = "changes";

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage that is to run the release.
    pub to: StageName,
    /// The stage that runs it.
    pub from: StageName,
    /// The release.
    pub release: Release,
    /// The artifact bucket.
    pub bucket: String,
    /// What the target ran when it was asked.
    pub before: Option<Before>,
    /// The API as the source stage's record has it.
    pub api: Option<PinnedApi>,
    /// How many approvals it needs.
    pub approvals: usize,
    /// Who is asked to decide: people, some of those in groups among them.
    pub approvers: Vec<UserId>,
    /// The stage's own approvers; if there are none, those of the installation decide.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named: BTreeSet<Member>,
    /// Whether an approval by who asked counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_approval: bool,
    /// Until when it waits for its approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether the stage was rolled back from it, and it is wanted again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Why gates are passed, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
    /// The repository, to list the commits between what runs and what would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What stood closed when it was asked, and is passed: in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// What the stage has to pass after the move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke: Option<Smoke>,
    /// What of the stage was moved outside Sluice when it was asked, and is gone on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Drift>,
    /// The values of the template's parameters.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}

impl Params {
    /// What is wanted of the stage, for its gates.
    pub fn want(&self) -> Want<'_> {
        Want::Promote {
            from: &self.from,
            release: self.release.number,
            again: self.again,
            overrides: self.override_reason.is_some(),
        }
    }

    /// What the version set is made of.
    pub(super) fn preparation<'a>(&'a self, op: &'a OperationState, target: &'a Target) -> Preparation<'a> {
        Preparation {
            op,
            target,
            pipeline: &self.name,
            stage: &self.to,
            bucket: &self.bucket,
            artifact: &self.release.artifact,
            api: self.api.as_ref(),
            before: self.before.as_ref().map(|before| before.release),
            outside: self.outside.as_ref(),
            parameters: &self.parameters,
        }
    }

    /// The request, as far as it decides who may approve it.
    pub fn asked<'a>(&'a self, requester: &'a UserId) -> Asked<'a> {
        Asked { requester, approvers: &self.named, self_approval: self.self_approval }
    }

    /// What its audit records name.
    pub(crate) fn audit_subject(&self, op: &OperationState) -> AuditSubject {
        AuditSubject {
            stage: Some(self.to.clone()),
            build: Some(self.release.build),
            commit: Some(self.release.commit.clone()),
            before: self.before.as_ref().map(|before| before.release),
            after: Some(self.release.number),
            approvers: op
                .signals
                .iter()
                .filter(|signal| signal.kind == SignalKind::Approve)
                .map(|signal| signal.actor.clone())
                .collect(),
            reason: self.override_reason.clone(),
            ..AuditSubject::default()
        }
    }
}

/// What a stage ran when a promotion was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Before {
    /// The release.
    pub release: ReleaseNumber,
    /// Its commit.
    pub commit: Change,
    /// The values that the template's parameters had there.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}
