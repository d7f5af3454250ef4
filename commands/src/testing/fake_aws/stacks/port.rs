//! The port: what is shown, and what begins.

use async_trait::async_trait;

use super::request::{INVALID, invalid};
use crate::operation::effects::{
    CANCEL_UPDATE, CONTINUE_UPDATE_ROLLBACK, CREATE_CHANGE_SET, DELETE_CHANGE_SET, DELETE_STACK,
    DETECT_DRIFT, EXECUTE_CHANGE_SET, TERMINATION_PROTECTION,
};
use crate::ports::{
    ChangeSet, ChangeSetIds, ChangeSetState, DeleteStack, DriftDetection, EventsSince, NewChangeSet,
    ResourceDrift, Stack, StackClass, StackEvents, StackResource, StackStatus, Stacks,
};
use crate::testing::fake_aws::{FaultProxy, Made, refuse};
use sluice_model::{Class, PortResult, Target};

/// How many events are in a page.
const PAGE: usize = 100;

#[async_trait]
impl Stacks for FaultProxy {
    async fn create_change_set(&self, _: &Target, request: &NewChangeSet) -> PortResult<ChangeSetIds> {
        let subject = format!("{} {}", request.stack, request.name);
        self.change(CREATE_CHANGE_SET.call, &subject, |state| state.new_change_set(request)).await
    }

    async fn change_set(&self, _: &Target, stack: &str, change_set: &str) -> PortResult<Option<ChangeSet>> {
        self.look("cloudformation:DescribeChangeSet", change_set, |state| {
            let Some(at) = state.stacks.change_set(stack, change_set) else { return Ok(None) };
            let entry = &state.stacks.change_sets[at];
            let is_ready = entry.ready <= state.now;
            Ok(Some(ChangeSet {
                ids: ChangeSetIds { change_set: entry.id.clone(), stack: entry.stack.clone() },
                name: entry.name.clone(),
                state: if is_ready { entry.state.clone() } else { ChangeSetState::Pending },
                changes: if is_ready { entry.changes.clone() } else { vec![] },
                parameters: entry.parameters.clone(),
            }))
        })
        .await
    }

    async fn execute_change_set(
        &self,
        _: &Target,
        stack: &str,
        change_set: &str,
        token: &str,
    ) -> PortResult<()> {
        self.change(EXECUTE_CHANGE_SET.call, change_set, |state| state.execute(stack, change_set, token))
            .await
    }

    async fn delete_change_set(&self, _: &Target, stack: &str, change_set: &str) -> PortResult<()> {
        self.change(DELETE_CHANGE_SET.call, change_set, |state| {
            let Some(at) = state.stacks.change_set(stack, change_set) else { return Ok(Made::Same(())) };
            if state.stacks.change_sets[at].state == ChangeSetState::Executing {
                return refuse(DELETE_CHANGE_SET.call, Class::Busy, "InvalidChangeSetStatus");
            }
            state.stacks.change_sets.remove(at);
            Ok(Made::New(()))
        })
        .await
    }

    async fn stack(&self, _: &Target, stack: &str) -> PortResult<Option<Stack>> {
        self.look("cloudformation:DescribeStacks", stack, |state| {
            let found = state.stacks.find(stack).filter(|found| state.shows(found.made));
            Ok(found.map(|found| found.stack.clone()))
        })
        .await
    }

    async fn stack_resources(&self, _: &Target, stack: &str) -> PortResult<Option<Vec<StackResource>>> {
        self.look("cloudformation:ListStackResources", stack, |state| {
            Ok(state.stacks.find(stack).map(|found| found.resources.values().cloned().collect()))
        })
        .await
    }

    async fn stack_events(
        &self,
        _: &Target,
        stack: &str,
        since: &EventsSince,
    ) -> PortResult<Option<StackEvents>> {
        self.look("cloudformation:DescribeStackEvents", stack, |state| {
            let Some(found) = state.stacks.find(stack) else { return Ok(None) };
            let newest_first = found.events.iter().rev().cloned();
            let events = match since {
                EventsSince::Newest => newest_first.take(PAGE).collect(),
                EventsSince::Beginning => newest_first.collect(),
                EventsSince::Event(id) => newest_first.take_while(|event| event.id != *id).collect(),
                EventsSince::Token(token) => {
                    newest_first.filter(|event| event.token.as_ref() == Some(token)).collect()
                }
            };
            let is_complete = *since != EventsSince::Newest || found.events.len() <= PAGE;
            Ok(Some(StackEvents { events, is_complete }))
        })
        .await
    }

    async fn template(&self, _: &Target, stack: &str) -> PortResult<Option<String>> {
        self.look("cloudformation:GetTemplate", stack, |state| {
            Ok(state.stacks.find(stack).map(|found| found.text.clone()))
        })
        .await
    }

    async fn delete_stack(&self, _: &Target, request: &DeleteStack) -> PortResult<()> {
        let call = DELETE_STACK.call;
        self.change(call, &request.stack, |state| {
            let Some(at) = state.stacks.position(&request.stack) else { return Ok(Made::Same(())) };
            let (now, time, pace) = (state.now, state.time, state.pace());
            let found = &mut state.stacks.stacks[at];
            let status = found.stack.status;
            match status.class() {
                StackClass::Gone => return Ok(Made::Same(())),
                StackClass::InProgress if status == StackStatus::DeleteInProgress => {
                    return Ok(Made::Same(()));
                }
                StackClass::InProgress => {
                    return invalid(call, Class::Busy, format!("cannot be deleted while in status {status}"));
                }
                _ if found.stack.is_protected => {
                    let sentence = "cannot be deleted while TerminationProtection is enabled".to_owned();
                    return invalid(call, Class::Precondition, sentence);
                }
                _ => {}
            }
            if status != StackStatus::DeleteFailed && !request.retain.is_empty() {
                let sentence = "RetainResources is allowed only for a stack in DELETE_FAILED".to_owned();
                return invalid(call, Class::Invalid, sentence);
            }
            found.token = Some(request.token.clone());
            state.stacks.delete(at, &request.retain, now, pace);
            state.begin(at, time);
            Ok(Made::New(()))
        })
        .await
    }

    async fn continue_update_rollback(
        &self,
        _: &Target,
        stack: &str,
        _role: &str,
        skip: &[String],
        token: &str,
    ) -> PortResult<()> {
        let call = CONTINUE_UPDATE_ROLLBACK.call;
        self.change(call, stack, |state| {
            let (now, pace) = (state.now, state.pace());
            state.start(call, stack, token, StackStatus::UpdateRollbackFailed, |state, at| {
                state.stacks.roll_back(at, skip, now, pace);
            })
        })
        .await
    }

    async fn set_termination_protection(&self, _: &Target, stack: &str, protected: bool) -> PortResult<()> {
        let call = TERMINATION_PROTECTION.call;
        self.change(call, &format!("{stack} {protected}"), |state| {
            let at = state.stack_at(call, stack)?;
            let before = std::mem::replace(&mut state.stacks.stacks[at].stack.is_protected, protected);
            Ok(if before == protected { Made::Same(()) } else { Made::New(()) })
        })
        .await
    }

    async fn cancel_update(&self, _: &Target, stack: &str, token: &str) -> PortResult<()> {
        let call = CANCEL_UPDATE.call;
        self.change(call, stack, |state| {
            let (now, pace) = (state.now, state.pace());
            state.start(call, stack, token, StackStatus::UpdateInProgress, |state, at| {
                let executing = state.stacks.stacks[at].stack.change_set.clone();
                let entries = state.stacks.change_sets.iter_mut();
                for entry in entries.filter(|entry| Some(&entry.id) == executing.as_ref()) {
                    entry.state = ChangeSetState::ExecutionFailed;
                }
                state.stacks.roll_back(at, &[], now, pace);
            })
        })
        .await
    }

    async fn detect_drift(&self, _: &Target, stack: &str) -> PortResult<String> {
        let call = DETECT_DRIFT.call;
        self.change(call, stack, |state| {
            let at = state.stack_at(call, stack)?;
            let (id, until) = (state.stacks.stacks[at].stack.id.clone(), state.now + state.climate.computes);
            state.stacks.detections.push((id, until));
            Ok(Made::Same(format!("detection-{}", state.stacks.detections.len() - 1)))
        })
        .await
    }

    async fn drift_detection(&self, _: &Target, detection: &str) -> PortResult<DriftDetection> {
        let call = "cloudformation:DescribeStackDriftDetectionStatus";
        self.look(call, detection, |state| {
            let nth = detection.strip_prefix("detection-").and_then(|nth| nth.parse::<usize>().ok());
            let Some((stack, until)) = nth.and_then(|nth| state.stacks.detections.get(nth)) else {
                return refuse(call, Class::Absent, INVALID);
            };
            let drifted = state.stacks.find(stack).map_or(0, |found| found.drift.len());
            Ok(match *until > state.now {
                true => DriftDetection::InProgress,
                false => DriftDetection::Complete { drifted },
            })
        })
        .await
    }

    async fn resource_drifts(&self, _: &Target, stack: &str) -> PortResult<Vec<ResourceDrift>> {
        self.look("cloudformation:DescribeStackResourceDrifts", stack, |state| {
            Ok(state.stacks.find(stack).map(|found| found.drift.clone()).unwrap_or_default())
        })
        .await
    }
}
