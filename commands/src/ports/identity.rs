use async_trait::async_trait;
use jiff::Timestamp;

use super::Tags;
use sluice_model::{PortResult, Target};

/// A role to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    /// Its name, at most 64 characters.
    pub name: String,
    /// Its path, `/sluice/`.
    pub path: String,
    /// The description in the console.
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
    /// `v1`, `v2`, …, in ascending order.
    pub id: String,
    /// Whether it is the default version, which is in effect.
    pub is_default: bool,
}

/// IAM, and STS for our own identity.
#[async_trait]
pub trait Identity: Send + Sync {
    /// `iam:CreateRole`. A role of that name: conflict.
    async fn create_role(&self, target: &Target, spec: &RoleSpec) -> PortResult<Role>;
    /// `iam:GetRole`; `None` if it does not exist.
    async fn role(&self, target: &Target, name: &str) -> PortResult<Option<Role>>;
    /// `iam:PutRolePolicy`: an inline policy, a JSON document. Safe to repeat.
    async fn put_role_policy(
        &self,
        target: &Target,
        role: &str,
        policy: &str,
        document: &str,
    ) -> PortResult<()>;
    /// `iam:GetRolePolicy`: the document (URL-decoded); `None` if it does not exist.
    async fn role_policy(&self, target: &Target, role: &str, policy: &str) -> PortResult<Option<String>>;
    /// `iam:CreatePolicy`: creates a managed policy on a path and returns its ARN. A policy of that name:
    /// conflict.
    async fn create_policy(
        &self,
        target: &Target,
        name: &str,
        path: &str,
        document: &str,
    ) -> PortResult<String>;
    /// `iam:GetPolicy`: the default version of a managed policy; `None` if there is no such policy.
    async fn policy_version(&self, target: &Target, arn: &str) -> PortResult<Option<String>>;
    /// `iam:GetPolicyVersion`: the document of a version (URL-decoded); `None` if it does not exist.
    async fn policy_document(&self, target: &Target, arn: &str, version: &str) -> PortResult<Option<String>>;
    /// `iam:ListPolicyVersions`: all versions of a managed policy; IAM keeps at most five.
    async fn policy_versions(&self, target: &Target, arn: &str) -> PortResult<Vec<PolicyVersion>>;
    /// `iam:CreatePolicyVersion`: creates a version, makes it the default and returns its id.
    async fn create_policy_version(&self, target: &Target, arn: &str, document: &str) -> PortResult<String>;
    /// `iam:DeletePolicyVersion`. A missing version is no error; the default version is a conflict.
    async fn delete_policy_version(&self, target: &Target, arn: &str, version: &str) -> PortResult<()>;
    /// `iam:ListRoles` on a path, all pages: the names.
    async fn role_names(&self, target: &Target, path: &str) -> PortResult<Vec<String>>;
    /// `iam:AttachRolePolicy`: a managed policy, by its ARN. Safe to repeat.
    async fn attach_role_policy(&self, target: &Target, role: &str, policy: &str) -> PortResult<()>;
    /// `iam:ListAttachedRolePolicies`, all pages, and `iam:DetachRolePolicy` of each. A missing role is no error.
    async fn detach_role_policies(&self, target: &Target, role: &str) -> PortResult<()>;
    /// `iam:DeleteRolePolicy`. A missing policy or role is no error.
    async fn delete_role_policy(&self, target: &Target, role: &str, policy: &str) -> PortResult<()>;
    /// `iam:DeleteRole`. A role that still has policies: conflict. A missing role is no error.
    async fn delete_role(&self, target: &Target, role: &str) -> PortResult<()>;
    /// `sts:GetCallerIdentity`: the account of the credentials, with the configured region.
    async fn whoami(&self) -> PortResult<Target>;
}
