//! Ports that lead nowhere: every AWS call is refused for good, so that a test notices a call it did not expect.
//!
//! With them a whole [`World`] stands on a store alone: [`world`] makes one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::PinnedRoles;
use crate::operation::{Keys, Pinned, Settings, World};
use crate::ports::*;
use crate::testing::OnRuntime;
use sluice_model::{Class, CodeRef, CommitId, PortError, PortResult, Target};

/// AWS where there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnreachableAws;

fn unreachable_aws<T>(call: &'static str) -> PortResult<T> {
    Err(PortError::new(call, Class::Denied, "Nowhere", "this test has no AWS"))
}

/// The account and region of tests.
pub fn target() -> Target {
    Target { account: "123456789012".into(), region: "eu-central-1".into() }
}

/// What nobody can guess, in tests.
pub const NONCE: &str = "0123456789abcdef0123456789abcdef01234567";

/// A world over that store, with AWS nowhere.
pub fn world(
    settings: Settings,
    access: impl Into<PinnedRoles>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    notifier: Arc<dyn Notifier>,
    runner: Arc<dyn Runner>,
) -> World {
    World {
        keys: Keys::new(&target()),
        target: target(),
        pinned: Pinned::new(access),
        // The same every time: what is played twice must be equal.
        settings: Settings { unguessable: || NONCE.to_owned(), ..settings },
        contents: Default::default(),
        store,
        clock,
        notifier,
        runner,
        wakeups: Arc::new(NoWakeups),
        workers: Arc::new(OnCaller),
        background: Arc::new(OnRuntime),
        directory: Arc::new(NoDirectory),
        repositories: Arc::new(UnreachableAws),
        builders: Arc::new(UnreachableAws),
        objects: Arc::new(UnreachableAws),
        functions: Arc::new(UnreachableAws),
        gateway: Arc::new(UnreachableAws),
        probe: Arc::new(UnreachableAws),
        identity: Arc::new(UnreachableAws),
        logs: Arc::new(UnreachableAws),
    }
}

#[async_trait]
impl Repositories for UnreachableAws {
    async fn create_repository(&self, _: &Target, _: &str, _: &str, _: &Tags) -> PortResult<Repository> {
        unreachable_aws("create_repository")
    }
    async fn repository(&self, _: &Target, _: &str) -> PortResult<Option<Repository>> {
        unreachable_aws("repository")
    }
    async fn repository_tags(&self, _: &Target, _: &str) -> PortResult<Tags> {
        unreachable_aws("repository_tags")
    }
    async fn create_first_commit(
        &self,
        _: &Target,
        _: &str,
        _: &str,
        _: &str,
        _: &[NewFile],
    ) -> PortResult<CommitId> {
        unreachable_aws("create_first_commit")
    }
    async fn branch(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<CommitId>> {
        unreachable_aws("branch")
    }
    async fn commit(&self, _: &Target, _: &str, _: &CommitId) -> PortResult<Option<Commit>> {
        unreachable_aws("commit")
    }
}

#[async_trait]
impl Builders for UnreachableAws {
    async fn create_project(&self, _: &Target, _: &ProjectSpec) -> PortResult<Project> {
        unreachable_aws("create_project")
    }
    async fn project(&self, _: &Target, _: &str) -> PortResult<Option<Project>> {
        unreachable_aws("project")
    }
    async fn start_build(&self, _: &Target, _: &BuildRequest) -> PortResult<BuildRun> {
        unreachable_aws("start_build")
    }
    async fn builds(&self, _: &Target, _: &[String]) -> PortResult<Vec<BuildRun>> {
        unreachable_aws("builds")
    }
    async fn builds_of(&self, _: &Target, _: &str) -> PortResult<Vec<String>> {
        unreachable_aws("builds_of")
    }
    async fn stop_build(&self, _: &Target, _: &str) -> PortResult<()> {
        unreachable_aws("stop_build")
    }
}

#[async_trait]
impl Objects for UnreachableAws {
    async fn create_bucket(&self, _: &Target, _: &str, _: &Tags) -> PortResult<()> {
        unreachable_aws("create_bucket")
    }
    async fn bucket(&self, _: &Target, _: &str) -> PortResult<Option<BucketState>> {
        unreachable_aws("bucket")
    }
    async fn versioning(&self, _: &Target, _: &str) -> PortResult<Option<Versioning>> {
        unreachable_aws("versioning")
    }
    async fn bucket_tags(&self, _: &Target, _: &str) -> PortResult<Tags> {
        unreachable_aws("bucket_tags")
    }
    async fn set_versioning(&self, _: &Target, _: &str) -> PortResult<()> {
        unreachable_aws("set_versioning")
    }
    async fn block_public_access(&self, _: &Target, _: &str) -> PortResult<()> {
        unreachable_aws("block_public_access")
    }
    async fn set_policy(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("set_policy")
    }
    async fn set_lifecycle_rules(&self, _: &Target, _: &str, _: &[LifecycleRule]) -> PortResult<()> {
        unreachable_aws("set_lifecycle_rules")
    }
    async fn put_empty(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<String>> {
        unreachable_aws("put_empty")
    }
    async fn delete_version(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("delete_version")
    }
    async fn object(
        &self,
        _: &Target,
        _: &str,
        _: &str,
        _: Option<&str>,
        _: u64,
    ) -> PortResult<Option<Object>> {
        unreachable_aws("object")
    }
}

#[async_trait]
impl Functions for UnreachableAws {
    async fn roles_in_use(&self, _: &Target) -> PortResult<BTreeMap<String, String>> {
        unreachable_aws("roles_in_use")
    }
    async fn delete_version(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("delete_version")
    }
    async fn versions(&self, _: &Target, _: &str) -> PortResult<Option<Vec<FunctionVersion>>> {
        unreachable_aws("versions")
    }
    async fn version(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<FunctionVersion>> {
        unreachable_aws("version")
    }
    async fn function_tags(&self, _: &Target, _: &str) -> PortResult<Option<Tags>> {
        unreachable_aws("function_tags")
    }
    async fn create_function(
        &self,
        _: &Target,
        _: &str,
        _: &FunctionConfig,
        _: &CodeRef,
        _: &Tags,
    ) -> PortResult<FunctionVersion> {
        unreachable_aws("create_function")
    }
    async fn update_config(
        &self,
        _: &Target,
        _: &str,
        _: &FunctionConfig,
        _: &str,
    ) -> PortResult<FunctionVersion> {
        unreachable_aws("update_config")
    }
    async fn update_code(
        &self,
        _: &Target,
        _: &str,
        _: &CodeRef,
        _: &str,
        _: &str,
    ) -> PortResult<FunctionVersion> {
        unreachable_aws("update_code")
    }
    async fn publish(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<FunctionVersion> {
        unreachable_aws("publish")
    }
    async fn alias(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<Alias>> {
        unreachable_aws("alias")
    }
    async fn aliases(&self, _: &Target, _: &str) -> PortResult<Option<Vec<Alias>>> {
        unreachable_aws("lambda:ListAliases")
    }
    async fn create_alias(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<Alias> {
        unreachable_aws("create_alias")
    }
    async fn move_alias(&self, _: &Target, _: &str, _: &str, _: &str, _: &str) -> PortResult<Alias> {
        unreachable_aws("move_alias")
    }
    async fn permissions(&self, _: &Target, _: &str, _: &str) -> PortResult<Vec<String>> {
        unreachable_aws("permissions")
    }
    async fn permit_api(&self, _: &Target, _: &str, _: &str, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("permit_api")
    }
    async fn forbid_api(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("forbid_api")
    }
    async fn delete_alias(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("delete_alias")
    }
    async fn invoke(&self, _: &Target, _: &str, _: &str, _: &str, _: Duration) -> PortResult<Invoked> {
        unreachable_aws("invoke")
    }
}

#[async_trait]
impl Probe for UnreachableAws {
    async fn request(&self, _: Method, _: &str) -> Reply {
        Reply::Silent("there is nobody here")
    }
}

#[async_trait]
impl Gateway for UnreachableAws {
    async fn create_api(&self, _: &Target, _: &str, _: &Tags) -> PortResult<Api> {
        unreachable_aws("create_api")
    }
    async fn apis(&self, _: &Target) -> PortResult<Vec<Api>> {
        unreachable_aws("apis")
    }
    async fn create_integration(&self, _: &Target, _: &str, _: &str) -> PortResult<Integration> {
        unreachable_aws("create_integration")
    }
    async fn integrations(&self, _: &Target, _: &str) -> PortResult<Vec<Integration>> {
        unreachable_aws("integrations")
    }
    async fn create_route(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<Route> {
        unreachable_aws("create_route")
    }
    async fn update_route(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<Route> {
        unreachable_aws("update_route")
    }
    async fn delete_route(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("delete_route")
    }
    async fn routes(&self, _: &Target, _: &str) -> PortResult<Vec<Route>> {
        unreachable_aws("routes")
    }
    async fn create_deployment(&self, _: &Target, _: &str, _: &str) -> PortResult<Deployment> {
        unreachable_aws("create_deployment")
    }
    async fn deployments(&self, _: &Target, _: &str) -> PortResult<Vec<Deployment>> {
        unreachable_aws("deployments")
    }
    async fn create_stage(&self, _: &Target, _: &str, _: &ApiStage) -> PortResult<ApiStage> {
        unreachable_aws("create_stage")
    }
    async fn update_stage(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<ApiStage> {
        unreachable_aws("update_stage")
    }
    async fn stage(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<ApiStage>> {
        unreachable_aws("stage")
    }
    async fn delete_stage(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("delete_stage")
    }
}

#[async_trait]
impl Identity for UnreachableAws {
    async fn role_names(&self, _: &Target, _: &str) -> PortResult<Vec<String>> {
        unreachable_aws("role_names")
    }
    async fn delete_role_policy(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("delete_role_policy")
    }
    async fn delete_role(&self, _: &Target, _: &str) -> PortResult<()> {
        unreachable_aws("delete_role")
    }
    async fn create_role(&self, _: &Target, _: &RoleSpec) -> PortResult<Role> {
        unreachable_aws("create_role")
    }
    async fn role(&self, _: &Target, _: &str) -> PortResult<Option<Role>> {
        unreachable_aws("role")
    }
    async fn put_role_policy(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("put_role_policy")
    }
    async fn role_policy(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<String>> {
        unreachable_aws("role_policy")
    }
    async fn create_policy(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<String> {
        unreachable_aws("create_policy")
    }
    async fn policy_version(&self, _: &Target, _: &str) -> PortResult<Option<String>> {
        unreachable_aws("policy_version")
    }
    async fn policy_document(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<String>> {
        unreachable_aws("policy_document")
    }
    async fn policy_versions(&self, _: &Target, _: &str) -> PortResult<Vec<PolicyVersion>> {
        unreachable_aws("policy_versions")
    }
    async fn create_policy_version(&self, _: &Target, _: &str, _: &str) -> PortResult<String> {
        unreachable_aws("create_policy_version")
    }
    async fn delete_policy_version(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        unreachable_aws("delete_policy_version")
    }
    async fn whoami(&self) -> PortResult<Target> {
        unreachable_aws("whoami")
    }
}

#[async_trait]
impl Quotas for UnreachableAws {
    async fn functions(&self, _: &Target) -> PortResult<FunctionQuotas> {
        unreachable_aws("functions")
    }
    async fn roles(&self, _: &Target) -> PortResult<QuotaUse> {
        unreachable_aws("roles")
    }
}

#[async_trait]
impl Logs for UnreachableAws {
    async fn tail(&self, _: &Target, _: &LogStream, _: u32) -> PortResult<Vec<String>> {
        unreachable_aws("tail")
    }
    async fn retention(&self, _: &Target, _: &str) -> PortResult<Option<u32>> {
        unreachable_aws("retention")
    }
    async fn set_retention(&self, _: &Target, _: &str, _: u32) -> PortResult<()> {
        unreachable_aws("set_retention")
    }
}
