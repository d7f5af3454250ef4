//! A change set in the port's types.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    ChangeAction as SdkAction, ChangeSetStatus, EvaluationType, ExecutionStatus,
    PolicyAction as SdkPolicyAction, Replacement as SdkReplacement, ResourceChange as SdkChange,
    ResourceChangeDetail,
};
use sluice_commands::ports::{
    ChangeAction, ChangeCause, ChangeSet, ChangeSetIds, ChangeSetState, MAX_CAUSES, MAX_CHANGES,
    PolicyAction, Replacement, ResourceChange,
};
use sluice_model::{Class, PortResult};

use super::unknown::unknown_status;
use crate::call::Call;

/// How CloudFormation says that nothing would change: for a template without differences, and for one whose differences concern
/// no resource. <https://github.com/aws/aws-cli/blob/develop/awscli/customizations/cloudformation/deployer.py>
const EMPTY: [&str; 2] =
    ["the submitted information didn't contain changes", "no updates are to be performed"];

/// Adds a page, and says whether to read the next one.
pub(super) fn add_page(
    call: Call,
    read: &mut Option<ChangeSet>,
    page: &DescribeChangeSetOutput,
) -> PortResult<bool> {
    let into = match read {
        Some(read) => read,
        None => read.insert(first_page(call, page)?),
    };
    for change in page.changes() {
        if let Some(change) = change.resource_change() {
            into.changes.push(resource_change(call, change)?);
        }
    }
    if into.changes.len() > MAX_CHANGES {
        let detail = format!("the change set has more than {MAX_CHANGES} changes");
        return Err(call.error(Class::Invalid, "TooManyChanges", detail));
    }
    Ok(true)
}

fn first_page(call: Call, page: &DescribeChangeSetOutput) -> PortResult<ChangeSet> {
    let parameter = |parameter: &aws_sdk_cloudformation::types::Parameter| {
        let value = parameter.resolved_value().or(parameter.parameter_value()).unwrap_or_default();
        (parameter.parameter_key().unwrap_or_default().to_owned(), value.to_owned())
    };
    Ok(ChangeSet {
        ids: ChangeSetIds {
            change_set: call.required(page.change_set_id(), "change set id")?.to_owned(),
            stack: call.required(page.stack_id(), "stack id")?.to_owned(),
        },
        name: page.change_set_name().unwrap_or_default().to_owned(),
        state: state(call, page)?,
        changes: Vec::new(),
        parameters: page.parameters().iter().map(parameter).collect::<BTreeMap<_, _>>(),
    })
}

fn state(call: Call, page: &DescribeChangeSetOutput) -> PortResult<ChangeSetState> {
    let status = call.required(page.status(), "status")?;
    Ok(match status {
        ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress => ChangeSetState::Pending,
        ChangeSetStatus::DeletePending
        | ChangeSetStatus::DeleteInProgress
        | ChangeSetStatus::DeleteComplete
        | ChangeSetStatus::DeleteFailed => ChangeSetState::Deleted,
        ChangeSetStatus::Failed => {
            let reason = page.status_reason().unwrap_or_default();
            let lower = reason.to_lowercase();
            match EMPTY.iter().any(|sentence| lower.contains(sentence)) {
                true => ChangeSetState::Empty,
                false => ChangeSetState::Failed(reason.to_owned()),
            }
        }
        ChangeSetStatus::CreateComplete => match page.execution_status() {
            Some(ExecutionStatus::Available) => ChangeSetState::Ready,
            Some(ExecutionStatus::ExecuteInProgress) => ChangeSetState::Executing,
            Some(ExecutionStatus::ExecuteComplete) => ChangeSetState::Executed,
            Some(ExecutionStatus::ExecuteFailed) => ChangeSetState::ExecutionFailed,
            Some(ExecutionStatus::Obsolete) => ChangeSetState::Obsolete,
            // Only the outermost change set of nested stacks can be executed.
            Some(ExecutionStatus::Unavailable) if page.parent_change_set_id().is_some() => {
                ChangeSetState::Nested
            }
            Some(ExecutionStatus::Unavailable) => ChangeSetState::Pending,
            other => return Err(unknown_status(call, other.map_or("none", ExecutionStatus::as_str))),
        },
        other => return Err(unknown_status(call, other.as_str())),
    })
}

fn resource_change(call: Call, change: &SdkChange) -> PortResult<ResourceChange> {
    let action = match change.action() {
        Some(SdkAction::Add) => ChangeAction::Add,
        Some(SdkAction::Modify) => ChangeAction::Modify,
        Some(SdkAction::Remove) => ChangeAction::Remove,
        Some(SdkAction::Import) => ChangeAction::Import,
        Some(SdkAction::Dynamic) => ChangeAction::Dynamic,
        Some(SdkAction::SyncWithActual) => ChangeAction::Sync,
        other => return Err(unknown_status(call, other.map_or("none", SdkAction::as_str))),
    };
    let replacement = match change.replacement() {
        None | Some(SdkReplacement::False) => Replacement::No,
        Some(SdkReplacement::True) => Replacement::Yes,
        // A word that is new counts as a replacement that may happen.
        Some(_) => Replacement::Conditional,
    };
    let mut causes: Vec<_> = change.details().iter().take(MAX_CAUSES).map(cause).collect();
    causes.sort();
    causes.dedup();
    Ok(ResourceChange {
        action,
        logical_id: call.required(change.logical_resource_id(), "logical id")?.to_owned(),
        physical_id: change.physical_resource_id().map(str::to_owned),
        resource_type: call.required(change.resource_type(), "resource type")?.to_owned(),
        replacement,
        policy_action: change.policy_action().map(policy_action),
        scope: change.scope().iter().map(|attribute| attribute.as_str().to_owned()).collect(),
        causes,
        nested: change.change_set_id().map(str::to_owned),
    })
}

fn policy_action(action: &SdkPolicyAction) -> PolicyAction {
    match action {
        SdkPolicyAction::Retain => PolicyAction::Retain,
        SdkPolicyAction::Snapshot => PolicyAction::Snapshot,
        SdkPolicyAction::ReplaceAndDelete => PolicyAction::ReplaceAndDelete,
        SdkPolicyAction::ReplaceAndRetain => PolicyAction::ReplaceAndRetain,
        SdkPolicyAction::ReplaceAndSnapshot => PolicyAction::ReplaceAndSnapshot,
        // A word that is new counts as a deletion.
        _ => PolicyAction::Delete,
    }
}

fn cause(detail: &ResourceChangeDetail) -> ChangeCause {
    let target = detail.target();
    let text = |text: &str| text.to_owned();
    ChangeCause {
        attribute: target
            .and_then(|target| target.attribute())
            .map_or_else(String::new, |attribute| text(attribute.as_str())),
        property: target.and_then(|target| target.name()).map(text),
        recreation: target.and_then(|target| target.requires_recreation()).map(|when| text(when.as_str())),
        source: detail.change_source().map(|source| text(source.as_str())),
        entity: detail.causing_entity().map(text),
        is_dynamic: detail.evaluation() == Some(&EvaluationType::Dynamic),
    }
}
