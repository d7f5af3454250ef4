mod change_set;
mod events;
mod stack;
mod status;

pub use change_set::*;
pub use events::*;
pub use stack::*;
pub use status::*;

use async_trait::async_trait;

use sluice_model::{PortResult, Target};

/// CloudFormation. A stack is named by its name or its id (its ARN), a change set too.
///
/// A change that CloudFormation refuses because another one is in progress is *busy*. One that the stack's status does not
/// allow at all is a failed *precondition*: look at the stack.
#[async_trait]
pub trait Stacks: Send + Sync {
    /// `CreateChangeSet`. CloudFormation computes it afterwards: look with [`Stacks::change_set`]. One of the kind
    /// [`ChangeSetKind::Create`] also makes the stack, empty and in `REVIEW_IN_PROGRESS`. Safe to repeat with the same token; a
    /// change set of that name from another request: conflict. A kind that does not fit whether the stack exists: failed
    /// precondition for a stack that exists, absent for one that does not. A role that is too new to be assumed: busy. Too many
    /// change sets: quota.
    async fn create_change_set(&self, target: &Target, request: &NewChangeSet) -> PortResult<ChangeSetIds>;
    /// `DescribeChangeSet`, all pages, [`MAX_CHANGES`] changes at most; `None` if it does not exist, or its stack does not. The
    /// execution of a change set deletes all others of the stack, and later itself.
    async fn change_set(
        &self,
        target: &Target,
        stack: &str,
        change_set: &str,
    ) -> PortResult<Option<ChangeSet>>;
    /// `ExecuteChangeSet`, with rollback on failure, and with `RetainExceptOnCreate`: a resource whose creation is rolled back
    /// is deleted even if its policy is to retain it, so the next attempt finds its name free. Starts only; the events of the
    /// operation have the token. A change set that cannot be executed, our own first request included: conflict; one that does
    /// not exist (any more): absent.
    async fn execute_change_set(
        &self,
        target: &Target,
        stack: &str,
        change_set: &str,
        token: &str,
    ) -> PortResult<()>;
    /// `DeleteChangeSet`. A missing one is no error. The stack of a change set of the kind [`ChangeSetKind::Create`] stays.
    async fn delete_change_set(&self, target: &Target, stack: &str, change_set: &str) -> PortResult<()>;
    /// `DescribeStacks` of one; `None` if it does not exist. A deleted stack is found by its id, not by its name.
    async fn stack(&self, target: &Target, stack: &str) -> PortResult<Option<Stack>>;
    /// `ListStackResources`, all pages; `None` if the stack does not exist.
    async fn stack_resources(&self, target: &Target, stack: &str) -> PortResult<Option<Vec<StackResource>>>;
    /// `DescribeStackEvents`, the newest page first, until `since` or [`MAX_EVENTS`]; `None` if the stack does not exist.
    async fn stack_events(
        &self,
        target: &Target,
        stack: &str,
        since: &EventsSince,
    ) -> PortResult<Option<StackEvents>>;
    /// `GetTemplate`, as it was sent (`Original`); `None` if the stack does not exist.
    async fn template(&self, target: &Target, stack: &str) -> PortResult<Option<String>>;
    /// `DeleteStack`. Starts only. Safe to repeat, because it names the stack by its id. A missing stack is no error. A protected
    /// one: failed precondition.
    async fn delete_stack(&self, target: &Target, request: &DeleteStack) -> PortResult<()>;
    /// `ContinueUpdateRollback` of a stack in `UPDATE_ROLLBACK_FAILED`; the resources with the logical ids in `skip` are left as
    /// they are, and count as rolled back. Starts only. Another status: failed precondition.
    async fn continue_update_rollback(
        &self,
        target: &Target,
        stack: &str,
        role: &str,
        skip: &[String],
        token: &str,
    ) -> PortResult<()>;
    /// `UpdateTerminationProtection`. Safe to repeat.
    async fn set_termination_protection(
        &self,
        target: &Target,
        stack: &str,
        protected: bool,
    ) -> PortResult<()>;
    /// `CancelUpdateStack` of a stack in `UPDATE_IN_PROGRESS`: its update is rolled back. Starts only. Another status: failed
    /// precondition.
    async fn cancel_update(&self, target: &Target, stack: &str, token: &str) -> PortResult<()>;
    /// `DetectStackDrift`; gives the id of the detection. It changes nothing in the stack. One that is in progress: busy.
    async fn detect_drift(&self, target: &Target, stack: &str) -> PortResult<String>;
    /// `DescribeStackDriftDetectionStatus`.
    async fn drift_detection(&self, target: &Target, detection: &str) -> PortResult<DriftDetection>;
    /// `DescribeStackResourceDrifts`, all pages: the resources that the last detection found modified or deleted.
    async fn resource_drifts(&self, target: &Target, stack: &str) -> PortResult<Vec<ResourceDrift>>;
}
