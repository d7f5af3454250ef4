use async_trait::async_trait;
use jiff::Timestamp;

use super::Tags;
use sluice_model::{PortResult, Target};

/// A role to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    /// Its name, at most 64 characters.
    pub name: String,
    /// Its path, `/sluice/`.
    pub path: String,
    /// For people in the console.
    pub description: String,
    /// The trust policy, a JSON document.
    pub trust: String,
    /// The ARN of the permissions boundary.
    pub boundary: String,
    /// Tags.
    pub tags: Tags,
}

/// A role that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its path.
    pub path: String,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// When it was created.
    pub created: Timestamp,
}

/// A version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// `v1`, `v2`, …: they count up.
    pub id: String,
    /// Whether it is the one that counts.
    pub is_default: bool,
}

/// IAM, and STS for who we are.
#[async_trait]
pub trait Identity: Send + Sync {
    /// `iam:CreateRole`. A role of that name: conflict.
    async fn create_role(&self, target: &Target, spec: &RoleSpec) -> PortResult<Role>;
    /// `iam:GetRole`; `None` if there is none of that name.
    async fn role(&self, target: &Target, name: &str) -> PortResult<Option<Role>>;
    /// `iam:PutRolePolicy`: an inline policy, a JSON document. Safe to repeat.
    async fn put_role_policy(
        &self,
        target: &Target,
        role: &str,
        policy: &str,
        document: &str,
    ) -> PortResult<()>;
    /// `iam:GetRolePolicy`: the document (URL-decoded); `None` if it is not there.
    async fn role_policy(&self, target: &Target, role: &str, policy: &str) -> PortResult<Option<String>>;
    /// `iam:CreatePolicy`: a managed policy on a path; its ARN. One of that name: conflict.
    async fn create_policy(
        &self,
        target: &Target,
        name: &str,
        path: &str,
        document: &str,
    ) -> PortResult<String>;
    /// `iam:GetPolicy`: the version of a managed policy that counts; `None` if there is no such policy.
    async fn policy_version(&self, target: &Target, arn: &str) -> PortResult<Option<String>>;
    /// `iam:GetPolicyVersion`: the document of a version (URL-decoded); `None` if it is not there.
    async fn policy_document(&self, target: &Target, arn: &str, version: &str) -> PortResult<Option<String>>;
    /// `iam:ListPolicyVersions`: all versions of a managed policy; IAM keeps five at most.
    async fn policy_versions(&self, target: &Target, arn: &str) -> PortResult<Vec<PolicyVersion>>;
    /// `iam:CreatePolicyVersion`: a version that counts from now on; its id.
    async fn create_policy_version(&self, target: &Target, arn: &str, document: &str) -> PortResult<String>;
    /// `iam:DeletePolicyVersion`; one that is gone is no error, the one that counts is a conflict.
    async fn delete_policy_version(&self, target: &Target, arn: &str, version: &str) -> PortResult<()>;
    /// `iam:ListRoles` below a path, all pages: their names.
    async fn role_names(&self, target: &Target, path: &str) -> PortResult<Vec<String>>;
    /// `iam:DeleteRolePolicy`; a policy or a role that is gone is no error.
    async fn delete_role_policy(&self, target: &Target, role: &str, policy: &str) -> PortResult<()>;
    /// `iam:DeleteRole`. A role that still has policies: conflict. A role that is gone is no error.
    async fn delete_role(&self, target: &Target, role: &str) -> PortResult<()>;
    /// `sts:GetCallerIdentity`: the account that the credentials belong to, with the configured region.
    async fn whoami(&self) -> PortResult<Target>;
}
