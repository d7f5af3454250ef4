//! Ports that lead nowhere: every AWS call is refused for good, so that a test notices a call it did not expect.
//!
//! With them a whole [`World`] stands on a store alone: [`world`] makes one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::Roster;
use crate::operation::{Keys, Pinned, Settings, World};
use crate::ports::*;
use crate::testing::OnRuntime;
use sluice_model::{Class, CodeRef, CommitId, PortError, PortResult, Target};

/// AWS where there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

fn nowhere<T>(call: &'static str) -> PortResult<T> {
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
    access: impl Into<Roster>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    herald: Arc<dyn Herald>,
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
        herald,
        runner,
        wakeups: Arc::new(NoWakeups),
        workers: Arc::new(OnCaller),
        background: Arc::new(OnRuntime),
        directory: Arc::new(NoDirectory),
        repositories: Arc::new(Nowhere),
        builders: Arc::new(Nowhere),
        objects: Arc::new(Nowhere),
        functions: Arc::new(Nowhere),
        gateway: Arc::new(Nowhere),
        probe: Arc::new(Nowhere),
        identity: Arc::new(Nowhere),
        logs: Arc::new(Nowhere),
    }
}

#[async_trait]
impl Repositories for Nowhere {
    async fn create_repository(&self, _: &Target, _: &str, _: &str, _: &Tags) -> PortResult<Repository> {
        nowhere("create_repository")
    }
    async fn repository(&self, _: &Target, _: &str) -> PortResult<Option<Repository>> {
        nowhere("repository")
    }
    async fn repository_tags(&self, _: &Target, _: &str) -> PortResult<Tags> {
        nowhere("repository_tags")
    }
    async fn create_first_commit(
        &self,
        _: &Target,
        _: &str,
        _: &str,
        _: &str,
        _: &[NewFile],
    ) -> PortResult<CommitId> {
        nowhere("create_first_commit")
    }
    async fn branch(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<CommitId>> {
        nowhere("branch")
    }
    async fn commit(&self, _: &Target, _: &str, _: &CommitId) -> PortResult<Option<Commit>> {
        nowhere("commit")
    }
}

#[async_trait]
impl Builders for Nowhere {
    async fn create_project(&self, _: &Target, _: &ProjectSpec) -> PortResult<Project> {
        nowhere("create_project")
    }
    async fn project(&self, _: &Target, _: &str) -> PortResult<Option<Project>> {
        nowhere("project")
    }
    async fn start_build(&self, _: &Target, _: &BuildRequest) -> PortResult<BuildRun> {
        nowhere("start_build")
    }
    async fn builds(&self, _: &Target, _: &[String]) -> PortResult<Vec<BuildRun>> {
        nowhere("builds")
    }
    async fn builds_of(&self, _: &Target, _: &str) -> PortResult<Vec<String>> {
        nowhere("builds_of")
    }
    async fn stop_build(&self, _: &Target, _: &str) -> PortResult<()> {
        nowhere("stop_build")
    }
}

#[async_trait]
impl Objects for Nowhere {
    async fn create_bucket(&self, _: &Target, _: &str, _: &Tags) -> PortResult<()> {
        nowhere("create_bucket")
    }
    async fn bucket(&self, _: &Target, _: &str) -> PortResult<Option<BucketState>> {
        nowhere("bucket")
    }
    async fn versioning(&self, _: &Target, _: &str) -> PortResult<Option<Versioning>> {
        nowhere("versioning")
    }
    async fn bucket_tags(&self, _: &Target, _: &str) -> PortResult<Tags> {
        nowhere("bucket_tags")
    }
    async fn set_versioning(&self, _: &Target, _: &str) -> PortResult<()> {
        nowhere("set_versioning")
    }
    async fn block_public_access(&self, _: &Target, _: &str) -> PortResult<()> {
        nowhere("block_public_access")
    }
    async fn set_policy(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        nowhere("set_policy")
    }
    async fn set_lifecycle_rules(&self, _: &Target, _: &str, _: &[LifecycleRule]) -> PortResult<()> {
        nowhere("set_lifecycle_rules")
    }
    async fn put_empty(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<String>> {
        nowhere("put_empty")
    }
    async fn delete_version(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<()> {
        nowhere("delete_version")
    }
    async fn object(
        &self,
        _: &Target,
        _: &str,
        _: &str,
        _: Option<&str>,
        _: u64,
    ) -> PortResult<Option<Object>> {
        nowhere("object")
    }
}

#[async_trait]
impl Functions for Nowhere {
    async fn roles_in_use(&self, _: &Target) -> PortResult<BTreeMap<String, String>> {
        nowhere("roles_in_use")
    }
    async fn delete_version(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        nowhere("delete_version")
    }
    async fn versions(&self, _: &Target, _: &str) -> PortResult<Option<Vec<FunctionVersion>>> {
        nowhere("versions")
    }
    async fn version(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<FunctionVersion>> {
        nowhere("version")
    }
    async fn function_tags(&self, _: &Target, _: &str) -> PortResult<Option<Tags>> {
        nowhere("function_tags")
    }
    async fn create_function(
        &self,
        _: &Target,
        _: &str,
        _: &FunctionConfig,
        _: &CodeRef,
        _: &Tags,
    ) -> PortResult<FunctionVersion> {
        nowhere("create_function")
    }
    async fn update_config(
        &self,
        _: &Target,
        _: &str,
        _: &FunctionConfig,
        _: &str,
    ) -> PortResult<FunctionVersion> {
        nowhere("update_config")
    }
    async fn update_code(
        &self,
        _: &Target,
        _: &str,
        _: &CodeRef,
        _: &str,
        _: &str,
    ) -> PortResult<FunctionVersion> {
        nowhere("update_code")
    }
    async fn publish(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<FunctionVersion> {
        nowhere("publish")
    }
    async fn alias(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<Alias>> {
        nowhere("alias")
    }
    async fn aliases(&self, _: &Target, _: &str) -> PortResult<Option<Vec<Alias>>> {
        nowhere("lambda:ListAliases")
    }
    async fn create_alias(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<Alias> {
        nowhere("create_alias")
    }
    async fn move_alias(&self, _: &Target, _: &str, _: &str, _: &str, _: &str) -> PortResult<Alias> {
        nowhere("move_alias")
    }
    async fn permissions(&self, _: &Target, _: &str, _: &str) -> PortResult<Vec<String>> {
        nowhere("permissions")
    }
    async fn permit_api(&self, _: &Target, _: &str, _: &str, _: &str, _: &str) -> PortResult<()> {
        nowhere("permit_api")
    }
    async fn forbid_api(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<()> {
        nowhere("forbid_api")
    }
    async fn delete_alias(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        nowhere("delete_alias")
    }
    async fn invoke(&self, _: &Target, _: &str, _: &str, _: &str, _: Duration) -> PortResult<Invoked> {
        nowhere("invoke")
    }
}

#[async_trait]
impl Probe for Nowhere {
    async fn request(&self, _: Method, _: &str) -> Reply {
        Reply::Silent("there is nobody here")
    }
}

#[async_trait]
impl Gateway for Nowhere {
    async fn create_api(&self, _: &Target, _: &str, _: &Tags) -> PortResult<Api> {
        nowhere("create_api")
    }
    async fn apis(&self, _: &Target) -> PortResult<Vec<Api>> {
        nowhere("apis")
    }
    async fn create_integration(&self, _: &Target, _: &str, _: &str) -> PortResult<Integration> {
        nowhere("create_integration")
    }
    async fn integrations(&self, _: &Target, _: &str) -> PortResult<Vec<Integration>> {
        nowhere("integrations")
    }
    async fn create_route(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<Route> {
        nowhere("create_route")
    }
    async fn update_route(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<Route> {
        nowhere("update_route")
    }
    async fn delete_route(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        nowhere("delete_route")
    }
    async fn routes(&self, _: &Target, _: &str) -> PortResult<Vec<Route>> {
        nowhere("routes")
    }
    async fn create_deployment(&self, _: &Target, _: &str, _: &str) -> PortResult<Deployment> {
        nowhere("create_deployment")
    }
    async fn deployments(&self, _: &Target, _: &str) -> PortResult<Vec<Deployment>> {
        nowhere("deployments")
    }
    async fn create_stage(&self, _: &Target, _: &str, _: &ApiStage) -> PortResult<ApiStage> {
        nowhere("create_stage")
    }
    async fn update_stage(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<ApiStage> {
        nowhere("update_stage")
    }
    async fn stage(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<ApiStage>> {
        nowhere("stage")
    }
    async fn delete_stage(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        nowhere("delete_stage")
    }
}

#[async_trait]
impl Identity for Nowhere {
    async fn role_names(&self, _: &Target, _: &str) -> PortResult<Vec<String>> {
        nowhere("role_names")
    }
    async fn delete_role_policy(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        nowhere("delete_role_policy")
    }
    async fn delete_role(&self, _: &Target, _: &str) -> PortResult<()> {
        nowhere("delete_role")
    }
    async fn create_role(&self, _: &Target, _: &RoleSpec) -> PortResult<Role> {
        nowhere("create_role")
    }
    async fn role(&self, _: &Target, _: &str) -> PortResult<Option<Role>> {
        nowhere("role")
    }
    async fn put_role_policy(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<()> {
        nowhere("put_role_policy")
    }
    async fn role_policy(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<String>> {
        nowhere("role_policy")
    }
    async fn create_policy(&self, _: &Target, _: &str, _: &str, _: &str) -> PortResult<String> {
        nowhere("create_policy")
    }
    async fn policy_version(&self, _: &Target, _: &str) -> PortResult<Option<String>> {
        nowhere("policy_version")
    }
    async fn policy_document(&self, _: &Target, _: &str, _: &str) -> PortResult<Option<String>> {
        nowhere("policy_document")
    }
    async fn policy_versions(&self, _: &Target, _: &str) -> PortResult<Vec<PolicyVersion>> {
        nowhere("policy_versions")
    }
    async fn create_policy_version(&self, _: &Target, _: &str, _: &str) -> PortResult<String> {
        nowhere("create_policy_version")
    }
    async fn delete_policy_version(&self, _: &Target, _: &str, _: &str) -> PortResult<()> {
        nowhere("delete_policy_version")
    }
    async fn whoami(&self) -> PortResult<Target> {
        nowhere("whoami")
    }
}

#[async_trait]
impl Quotas for Nowhere {
    async fn functions(&self, _: &Target) -> PortResult<FunctionQuotas> {
        nowhere("functions")
    }
    async fn roles(&self, _: &Target) -> PortResult<QuotaUse> {
        nowhere("roles")
    }
}

#[async_trait]
impl Logs for Nowhere {
    async fn tail(&self, _: &Target, _: &LogStream, _: u32) -> PortResult<Vec<String>> {
        nowhere("tail")
    }
    async fn retention(&self, _: &Target, _: &str) -> PortResult<Option<u32>> {
        nowhere("retention")
    }
    async fn set_retention(&self, _: &Target, _: &str, _: u32) -> PortResult<()> {
        nowhere("set_retention")
    }
}
