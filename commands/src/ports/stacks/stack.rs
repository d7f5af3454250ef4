use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ResourceStatus, StackStatus};
use crate::ports::Tags;

/// A stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// Its id, which is its ARN. A stack that is created again with the same name has another id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: StackStatus,
    /// Why it has this status, in the service's words.
    pub reason: Option<String>,
    /// The ARN of the change set that was executed last.
    pub change_set: Option<String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, StackOutput>,
    /// Its parameters.
    pub parameters: BTreeMap<String, StackParameter>,
    /// Its tags.
    pub tags: Tags,
    /// The ARN of its service role.
    pub role: Option<String>,
    /// Whether CloudFormation refuses to delete it.
    pub is_protected: bool,
}

/// An output of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackOutput {
    /// Its value.
    pub value: String,
    /// The name under which other stacks of the account import it.
    pub export: Option<String>,
}

/// A parameter of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackParameter {
    /// Its value: for an SSM parameter its name, for a `NoEcho` parameter asterisks.
    pub value: String,
    /// The value of the SSM parameter.
    pub resolved: Option<String>,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackResource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name or id in its service, once it exists: the value of its `Ref`.
    pub physical_id: Option<String>,
    /// As `AWS::SQS::Queue`.
    pub resource_type: String,
    /// Its status.
    pub status: ResourceStatus,
    /// Why it has this status, in the service's words.
    pub reason: Option<String>,
}

/// A stack's deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteStack {
    /// The stack's id. Not its name: then a repeated request could delete a newer stack of that name.
    pub stack: String,
    /// The ARN of the service role; the stack's own if it is left out.
    pub role: Option<String>,
    /// The logical ids of resources that stay. Only for a stack in `DELETE_FAILED`, and only for those that failed.
    pub retain: Vec<String>,
    /// Identifies the operation in the events: letters, digits and hyphens, 128 at most.
    pub token: String,
}

/// The result of a drift detection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftDetection {
    /// It is not done yet.
    InProgress,
    /// It could not compare everything. The text is the service's reason.
    Failed(String),
    /// It is done.
    Complete {
        /// How many resources differ from the template.
        drifted: usize,
    },
}

/// A resource that differs from the template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceDrift {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name or id in its service.
    pub physical_id: Option<String>,
    /// As `AWS::SQS::Queue`.
    pub resource_type: String,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// The paths of the properties that differ, as `/VisibilityTimeout`. Without values, which may be secrets.
    pub properties: Vec<String>,
}
