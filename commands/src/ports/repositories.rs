use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::Tags;
use sluice_model::{CommitId, PortResult, Target};

/// A git repository in CodeCommit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name in the account and region.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The HTTPS URL for `git clone`.
    pub clone_url: String,
    /// The branch that a clone checks out; `None` before the first commit.
    pub default_branch: Option<String>,
}

/// A commit, limited to what messages show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full id.
    pub id: CommitId,
    /// The author's name in git.
    pub author: String,
    /// The first line of the message.
    pub subject: String,
    /// The first parent; `None` for the first commit.
    pub parent: Option<CommitId>,
    /// When it was authored, if the service returned it in a known format.
    pub at: Option<Timestamp>,
}

/// A file of a commit that Sluice creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its path, with `/`.
    pub path: String,
    /// Its content.
    pub content: Bytes,
}

/// CodeCommit.
#[async_trait]
pub trait Repositories: Send + Sync {
    /// `codecommit:CreateRepository`. A repository of that name: conflict.
    async fn create_repository(
        &self,
        target: &Target,
        name: &str,
        description: &str,
        tags: &Tags,
    ) -> PortResult<Repository>;
    /// `codecommit:GetRepository`; `None` if it does not exist.
    async fn repository(&self, target: &Target, name: &str) -> PortResult<Option<Repository>>;
    /// `codecommit:ListTagsForResource` of a repository.
    async fn repository_tags(&self, target: &Target, arn: &str) -> PortResult<Tags>;
    /// `codecommit:CreateCommit`: the first commit of a branch, with all files at once. A branch that already
    /// has a commit: conflict.
    async fn create_first_commit(
        &self,
        target: &Target,
        repository: &str,
        branch: &str,
        message: &str,
        files: &[NewFile],
    ) -> PortResult<CommitId>;
    /// `codecommit:GetBranch`: the commit at the tip; `None` if there is no such branch.
    async fn branch(&self, target: &Target, repository: &str, branch: &str) -> PortResult<Option<CommitId>>;
    /// `codecommit:GetCommit`; `None` if there is no such commit. Takes a full id.
    async fn commit(&self, target: &Target, repository: &str, id: &CommitId) -> PortResult<Option<Commit>>;
}
