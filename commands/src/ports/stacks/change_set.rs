use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ports::Tags;

/// Most changes that [`Stacks::change_set`](super::Stacks::change_set) reads: a template has 500 resources at most, and
/// nested stacks add theirs. <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const MAX_CHANGES: usize = 2_500;
/// Most causes that one change keeps.
pub const MAX_CAUSES: usize = 25;

/// A change set to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChangeSet {
    /// The stack's name; for an update also its id.
    pub stack: String,
    /// The change set's name: a letter, then letters, digits and hyphens, 128 at most.
    pub name: String,
    /// Whether it creates the stack.
    pub kind: ChangeSetKind,
    /// Identifies the request, as `name` does the change set: letters, digits and hyphens, 128 at most.
    pub token: String,
    /// The whole template.
    pub template: TemplateSource,
    /// The parameters. Those that are left out get the template's default.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// What the template may contain.
    pub capabilities: Vec<Capability>,
    /// The ARN of the service role. CloudFormation keeps it for the stack, and no later call can remove it.
    pub role: String,
    /// The types that the template may contain, as `AWS::SQS::Queue`; a template with another one is refused. Empty for all.
    pub resource_types: Vec<String>,
    /// Tags of the stack; CloudFormation passes them to its resources.
    pub tags: Tags,
    /// What happens if the stack cannot be created; of no effect for an update.
    pub on_failure: OnStackFailure,
    /// Whether the changes of nested stacks are described, too.
    pub includes_nested: bool,
}

/// Whether a change set creates its stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeSetKind {
    /// The stack does not exist, or is in `REVIEW_IN_PROGRESS`.
    Create,
    /// The stack exists.
    Update,
}

/// Where CloudFormation finds the template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateSource {
    /// In the request: 51,200 bytes at most.
    Body(String),
    /// An object in S3, as `https://bucket.s3.region.amazonaws.com/key`: 1 MB at most. CloudFormation reads it with the
    /// caller's permissions.
    Url(String),
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterValue {
    /// This one.
    New(String),
    /// The one that the stack has: for `NoEcho` parameters, which cannot be read back.
    Previous,
}

/// What a template may contain only if the request says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Roles and policies with generated names.
    Iam,
    /// Roles and policies, also with names of their own.
    NamedIam,
    /// Macros and transforms.
    AutoExpand,
}

/// What happens to a stack that cannot be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnStackFailure {
    /// What was created is deleted, and then the stack. Its events are found by the stack's id only.
    Delete,
    /// What was created is deleted; the stack stays in `ROLLBACK_COMPLETE`.
    Rollback,
}

/// The ids of a change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSetIds {
    /// Its ARN.
    pub change_set: String,
    /// The stack's id, which is its ARN.
    pub stack: String,
}

/// A change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// Its ids.
    pub ids: ChangeSetIds,
    /// Its name.
    pub name: String,
    /// What can be done with it.
    pub state: ChangeSetState,
    /// All changes, in CloudFormation's order; complete only if `state` is not [`ChangeSetState::Pending`].
    pub changes: Vec<ResourceChange>,
    /// The parameters with which it will be executed. SSM parameters are resolved: the value, not the name.
    pub parameters: BTreeMap<String, String>,
}

/// What can be done with a change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeSetState {
    /// CloudFormation is still computing it.
    Pending,
    /// It can be executed.
    Ready,
    /// It changes nothing. CloudFormation calls that `FAILED`. It cannot be executed, counts as a change set of the stack, and
    /// should be deleted.
    Empty,
    /// It could not be made. The text is the service's reason.
    Failed(String),
    /// It is part of another change set, which must be executed instead.
    Nested,
    /// It is being executed.
    Executing,
    /// It was executed: the stack has the result.
    Executed,
    /// Its execution did not start.
    ExecutionFailed,
    /// The stack changed since: it can no longer be executed.
    Obsolete,
    /// It is being deleted, or was.
    Deleted,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// What happens.
    pub action: ChangeAction,
    /// Its name in the template.
    pub logical_id: String,
    /// Its name or id in its service, once it exists.
    pub physical_id: Option<String>,
    /// As `AWS::SQS::Queue`.
    pub resource_type: String,
    /// Whether a new resource replaces it.
    pub replacement: Replacement,
    /// What happens to the resource that leaves the stack. CloudFormation does not always say.
    pub policy_action: Option<PolicyAction>,
    /// What differs: `Properties`, `Tags`, `Metadata`, …
    pub scope: Vec<String>,
    /// Why it changes, [`MAX_CAUSES`] at most.
    pub causes: Vec<ChangeCause>,
    /// The change set of the nested stack that this resource is, if [`NewChangeSet::includes_nested`].
    pub nested: Option<String>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeAction {
    /// It is created.
    Add,
    /// It is changed or replaced.
    Modify,
    /// It leaves the stack.
    Remove,
    /// It exists and joins the stack.
    Import,
    /// CloudFormation knows only while it executes the change set.
    Dynamic,
    /// The stack's record is set to what exists.
    Sync,
}

/// Whether a resource is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replacement {
    /// It stays.
    No,
    /// It depends on values that are known only during the execution. Decide as for [`Replacement::Yes`].
    Conditional,
    /// A new one is made; what happens to the old one is [`ResourceChange::policy_action`].
    Yes,
}

/// What happens to a resource that leaves the stack, or to the old one of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyAction {
    /// It is deleted.
    Delete,
    /// It stays, without a stack.
    Retain,
    /// It is copied to a snapshot and deleted.
    Snapshot,
    /// It is replaced, and the old one is deleted.
    ReplaceAndDelete,
    /// It is replaced, and the old one stays, without a stack.
    ReplaceAndRetain,
    /// It is replaced, and the old one is copied to a snapshot and deleted.
    ReplaceAndSnapshot,
}

/// Why a resource changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangeCause {
    /// `Properties`, `Tags`, …
    pub attribute: String,
    /// The property, if it is one: `KeySchema`.
    pub property: Option<String>,
    /// Whether a change of this property replaces the resource: `Never`, `Conditionally` or `Always`.
    pub recreation: Option<String>,
    /// `DirectModification`, `ParameterReference`, `ResourceReference`, `ResourceAttribute` or `Automatic`.
    pub source: Option<String>,
    /// The parameter, resource or attribute that changed: `Queue.Arn`.
    pub entity: Option<String>,
    /// Whether the new value is known only during the execution.
    pub is_dynamic: bool,
}

impl ResourceChange {
    /// Whether a resource may be deleted: the removed one, or the one that is replaced. If CloudFormation does not say what
    /// happens to it, it may.
    pub fn deletes(&self) -> bool {
        match self.policy_action {
            Some(PolicyAction::Retain | PolicyAction::ReplaceAndRetain) => false,
            Some(_) => true,
            None => self.action == ChangeAction::Remove || self.replaces(),
        }
    }

    /// Whether it may be replaced.
    pub fn replaces(&self) -> bool {
        // A new resource replaces nothing. `Dynamic` is decided during the execution.
        self.action == ChangeAction::Dynamic
            || (self.action == ChangeAction::Modify && self.replacement != Replacement::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cloudformation_does_not_promise_to_keep_may_be_deleted() {
        let change = |action, replacement, policy_action| ResourceChange {
            action,
            logical_id: "Table".into(),
            physical_id: None,
            resource_type: "AWS::DynamoDB::Table".into(),
            replacement,
            policy_action,
            scope: vec![],
            causes: vec![],
            nested: None,
        };
        let deletes = |action, replacement, policy| change(action, replacement, policy).deletes();
        assert!(!deletes(ChangeAction::Add, Replacement::No, None));
        assert!(!deletes(ChangeAction::Modify, Replacement::No, None));
        assert!(deletes(ChangeAction::Modify, Replacement::Conditional, None));
        assert!(!deletes(ChangeAction::Modify, Replacement::Yes, Some(PolicyAction::ReplaceAndRetain)));
        assert!(deletes(ChangeAction::Modify, Replacement::Yes, Some(PolicyAction::ReplaceAndSnapshot)));
        assert!(deletes(ChangeAction::Remove, Replacement::No, None));
        assert!(!deletes(ChangeAction::Remove, Replacement::No, Some(PolicyAction::Retain)));
        assert!(deletes(ChangeAction::Dynamic, Replacement::No, None));
    }
}
