//! What an operation does to a stack, moment by moment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::compare::Template;
use super::{ChangeSetEntry, StackStates, Step, text};
use crate::ports::{
    ChangeAction, ChangeSetKind, ChangeSetState, OnStackFailure, ResourceChange, ResourceStatus, StackOutput,
    StackParameter, StackResource, StackStatus,
};

/// How long the parts of an operation take.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) works: Duration,
    pub(super) cleans: Duration,
}

impl StackStates {
    /// Plans the execution of a change set.
    pub(super) fn execute(&mut self, at: usize, entry: &ChangeSetEntry, now: Instant, pace: Pace) {
        let creates = entry.kind == ChangeSetKind::Create;
        let (verb, starts) = match creates {
            true => ("CREATE", StackStatus::CreateInProgress),
            false => ("UPDATE", StackStatus::UpdateInProgress),
        };
        let mut plan = vec![(now, Step::Status(starts, Some("User Initiated".to_owned())))];
        let done = now + pace.works;
        let failure =
            entry.changes.iter().find_map(|change| Some((change, self.failure(at, entry, change)?)));
        match failure {
            Some((change, reason)) => {
                let mut failed = self.resource(at, change, &format!("{}_FAILED", verb_of(change)));
                failed.reason = Some(reason);
                plan.push((done, Step::Resource(failed)));
                let stuck = entry.changes.iter().find_map(|change| self.stuck.get(&change.logical_id));
                plan.extend(rolled_back(verb, entry, stuck, done, pace));
                plan.push((done, Step::Executed(entry.id.clone(), ChangeSetState::ExecutionFailed)));
            }
            None => {
                let mut leaves = vec![];
                for change in &entry.changes {
                    let old = self.stacks[at].resources.get(&change.logical_id).cloned();
                    if change.action != ChangeAction::Remove {
                        let mut made = self.resource(at, change, &format!("{}_COMPLETE", verb_of(change)));
                        if change.replaces() || change.action == ChangeAction::Add {
                            made.physical_id = Some(self.physical_id(at, entry, change));
                        }
                        plan.push((done, Step::Resource(made)));
                    }
                    if let Some(old) =
                        old.filter(|_| change.action == ChangeAction::Remove || change.replaces())
                    {
                        leaves.push(Step::Leaves {
                            logical: old.logical_id,
                            physical: old.physical_id.unwrap_or_default(),
                            resource_type: old.resource_type,
                            deletes: change.deletes(),
                        });
                    }
                }
                let (text, template, parameters) =
                    (entry.text.clone(), entry.template.clone(), entry.parameters.clone());
                plan.push((done, Step::Has { text, template, parameters }));
                plan.push((done, Step::Executed(entry.id.clone(), ChangeSetState::Executed)));
                if creates {
                    plan.push((done, Step::Status(StackStatus::CreateComplete, None)));
                } else {
                    let cleaned = done + pace.cleans;
                    plan.push((done, Step::Status(StackStatus::UpdateCompleteCleanupInProgress, None)));
                    plan.extend(leaves.into_iter().map(|step| (cleaned, step)));
                    plan.push((cleaned, Step::Status(StackStatus::UpdateComplete, None)));
                }
            }
        }
        self.stacks[at].due = plan.into();
    }

    /// Plans the deletion of a stack.
    pub(super) fn delete(&mut self, at: usize, retain: &[String], now: Instant, pace: Pace) {
        let found = &self.stacks[at];
        let mut plan =
            vec![(now, Step::Status(StackStatus::DeleteInProgress, Some("User Initiated".to_owned())))];
        let done = now + pace.works;
        let mut failed = vec![];
        for (logical, resource) in &found.resources {
            match self.failing.get(logical).filter(|_| !retain.contains(logical)) {
                Some(reason) => {
                    failed.push(logical.clone());
                    let status = ResourceStatus("DELETE_FAILED".to_owned());
                    let reason = Some(reason.clone());
                    plan.push((done, Step::Resource(StackResource { status, reason, ..resource.clone() })));
                }
                None => plan.push((
                    done,
                    Step::Leaves {
                        logical: logical.clone(),
                        physical: resource.physical_id.clone().unwrap_or_default(),
                        resource_type: resource.resource_type.clone(),
                        deletes: !retain.contains(logical)
                            && found.template.resources.get(logical).is_none_or(|known| !known.is_retained),
                    },
                )),
            }
        }
        let ends = match failed.is_empty() {
            true => Step::Status(StackStatus::DeleteComplete, None),
            false => {
                let failed = failed.join(", ");
                let reason = format!("The following resource(s) failed to delete: [{failed}].");
                Step::Status(StackStatus::DeleteFailed, Some(reason))
            }
        };
        plan.push((done, ends));
        self.stacks[at].due = plan.into();
    }

    /// Plans a rollback of an update: one that a person cancelled, or one that continues.
    pub(super) fn roll_back(&mut self, at: usize, skip: &[String], now: Instant, pace: Pace) {
        let initiated = Some("User Initiated".to_owned());
        let mut plan = vec![(now, Step::Status(StackStatus::UpdateRollbackInProgress, initiated))];
        let done = now + pace.works;
        let resources = self.stacks[at].resources.values();
        let fails = resources
            .filter(|resource| !skip.contains(&resource.logical_id))
            .find_map(|resource| Some((resource, self.stuck.get(&resource.logical_id)?)));
        match fails {
            Some((resource, reason)) => {
                let (status, why) = (ResourceStatus("UPDATE_FAILED".to_owned()), Some(reason.clone()));
                plan.push((done, Step::Resource(StackResource { status, reason: why, ..resource.clone() })));
                plan.push((done, Step::Status(StackStatus::UpdateRollbackFailed, Some(reason.clone()))));
            }
            None => plan.push((done, Step::Status(StackStatus::UpdateRollbackComplete, None))),
        }
        self.stacks[at].due = plan.into();
    }

    fn failure(&self, at: usize, entry: &ChangeSetEntry, change: &ResourceChange) -> Option<String> {
        if let Some(reason) = self.failing.get(&change.logical_id) {
            return Some(reason.clone());
        }
        let name = entry.template.resources.get(&change.logical_id)?.name()?;
        let makes = change.action == ChangeAction::Add || change.replaces();
        if !makes || !self.exists(&change.resource_type, &name) {
            return None;
        }
        let owner = self.stacks.iter().find(|stack| {
            stack.resources.values().any(|known| {
                known.resource_type == change.resource_type && known.physical_id.as_ref() == Some(&name)
            })
        });
        let here = owner.is_some_and(|owner| owner.stack.id == self.stacks[at].stack.id);
        Some(match owner {
            _ if here => format!(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {name} and update the stack again."
            ),
            Some(owner) => format!("{name} already exists in stack {}", owner.stack.id),
            None => format!("{name} already exists"),
        })
    }

    fn resource(&self, at: usize, change: &ResourceChange, status: &str) -> StackResource {
        let known = self.stacks[at].resources.get(&change.logical_id);
        StackResource {
            logical_id: change.logical_id.clone(),
            physical_id: known.and_then(|known| known.physical_id.clone()),
            resource_type: change.resource_type.clone(),
            status: ResourceStatus(status.to_owned()),
            reason: None,
        }
    }

    fn physical_id(&self, at: usize, entry: &ChangeSetEntry, change: &ResourceChange) -> String {
        let declared = entry.template.resources.get(&change.logical_id);
        declared.and_then(|declared| declared.name()).unwrap_or_else(|| {
            let stem = format!("{}-{}", self.stacks[at].stack.name, change.logical_id);
            super::id(&format!("{stem}-"), &entry.id, self.existing.len())
        })
    }

    /// Lets one step happen.
    pub(super) fn apply(&mut self, at: usize, step: Step, time: jiff::Timestamp) {
        let found = &mut self.stacks[at];
        match step {
            Step::Status(status, reason) => {
                (found.stack.status, found.stack.reason) = (status, reason.clone());
                found.event(time, Err((status.as_str(), reason)));
                if status == StackStatus::UpdateRollbackComplete {
                    for resource in
                        found.resources.values_mut().filter(|resource| resource.status.has_failed())
                    {
                        (resource.status, resource.reason) =
                            (ResourceStatus("UPDATE_COMPLETE".to_owned()), None);
                    }
                }
                if status == StackStatus::DeleteComplete {
                    let id = found.stack.id.clone();
                    self.change_sets.retain(|entry| entry.stack != id);
                }
            }
            Step::Resource(resource) => {
                found.event(time, Ok(&resource));
                if let Some(physical) = &resource.physical_id {
                    let key = (resource.resource_type.clone(), physical.clone());
                    self.existing.insert(key, found.stack.tags.clone());
                    found.resources.insert(resource.logical_id.clone(), resource);
                }
            }
            Step::Has { text: sent, template, parameters } => {
                found.stack.outputs = outputs(&template, &found.resources);
                let shown = |(name, value): (&String, &String)| {
                    (name.clone(), StackParameter { value: value.clone(), resolved: None })
                };
                found.stack.parameters = parameters.iter().map(shown).collect();
                (found.text, found.template) = (sent, template);
            }
            Step::Leaves { logical, physical, resource_type, deletes } => {
                let status = if deletes { "DELETE_COMPLETE" } else { "DELETE_SKIPPED" };
                let gone = StackResource {
                    logical_id: logical.clone(),
                    physical_id: Some(physical.clone()),
                    resource_type: resource_type.clone(),
                    status: ResourceStatus(status.to_owned()),
                    reason: None,
                };
                found.event(time, Ok(&gone));
                let is_current = found.resources.get(&logical).and_then(|now| now.physical_id.as_ref());
                if is_current == Some(&physical) {
                    found.resources.remove(&logical);
                }
                if deletes {
                    self.existing.remove(&(resource_type, physical));
                }
            }
            Step::Executed(change_set, state) => {
                if let Some(entry) = self.change_sets.iter_mut().find(|entry| entry.id == change_set) {
                    entry.state = state;
                }
            }
        }
    }
}

fn verb_of(change: &ResourceChange) -> &'static str {
    match change.action {
        ChangeAction::Add => "CREATE",
        ChangeAction::Remove => "DELETE",
        _ => "UPDATE",
    }
}

/// What follows a failure. Nothing that the execution made is left.
fn rolled_back(
    verb: &str,
    entry: &ChangeSetEntry,
    stuck: Option<&String>,
    failed: Instant,
    pace: Pace,
) -> Vec<(Instant, Step)> {
    let reason = Some(format!("The following resource(s) failed in {verb}: rollback requested."));
    let (undone, cleaned) = (failed + pace.works, failed + pace.works + pace.cleans);
    match (entry.kind, stuck) {
        (ChangeSetKind::Update, Some(stuck)) => vec![
            (failed, Step::Status(StackStatus::UpdateRollbackInProgress, reason)),
            (undone, Step::Status(StackStatus::UpdateRollbackFailed, Some(stuck.clone()))),
        ],
        (ChangeSetKind::Create, _) => {
            let mut plan = vec![(failed, Step::Status(StackStatus::RollbackInProgress, reason))];
            plan.push((undone, Step::Status(StackStatus::RollbackComplete, None)));
            if entry.on_failure == OnStackFailure::Delete {
                plan.push((undone, Step::Status(StackStatus::DeleteInProgress, None)));
                plan.push((cleaned, Step::Status(StackStatus::DeleteComplete, None)));
            }
            plan
        }
        (ChangeSetKind::Update, None) => {
            let cleanup = StackStatus::UpdateRollbackCompleteCleanupInProgress;
            vec![
                (failed, Step::Status(StackStatus::UpdateRollbackInProgress, reason)),
                (undone, Step::Status(cleanup, None)),
                (cleaned, Step::Status(StackStatus::UpdateRollbackComplete, None)),
            ]
        }
    }
}

fn outputs(
    template: &Template,
    resources: &BTreeMap<String, StackResource>,
) -> BTreeMap<String, StackOutput> {
    let physical = |logical: &str| {
        resources.get(logical).and_then(|resource| resource.physical_id.clone()).unwrap_or_default()
    };
    let value = |value: &Value| match (value.get("Ref"), value.get("Fn::GetAtt")) {
        (Some(logical), _) => physical(logical.as_str().unwrap_or_default()),
        (_, Some(Value::String(path))) => {
            let (logical, attribute) = path.split_once('.').unwrap_or((path, ""));
            format!("{}.{attribute}", physical(logical))
        }
        (_, Some(path)) => {
            format!("{}.{}", physical(path[0].as_str().unwrap_or_default()), text(&path[1]))
        }
        _ => text(value),
    };
    let output = |(name, (of, export)): (&String, &(Value, Option<String>))| {
        (name.clone(), StackOutput { value: value(of), export: export.clone() })
    };
    template.outputs.iter().map(output).collect()
}
