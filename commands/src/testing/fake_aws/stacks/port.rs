//! The port: what CloudFormation refuses, and what begins.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::compare::{Template, changes};
use super::execution::Pace;
use super::{ChangeSetEntry, StackState};
use crate::operation::effects::{
    CANCEL_UPDATE, CONTINUE_UPDATE_ROLLBACK, CREATE_CHANGE_SET, DELETE_CHANGE_SET, DELETE_STACK,
    DETECT_DRIFT, EXECUTE_CHANGE_SET, TERMINATION_PROTECTION,
};
use crate::ports::{
    ChangeSet, ChangeSetIds, ChangeSetKind, ChangeSetState, DeleteStack, DriftDetection, EventsSince,
    NewChangeSet, ParameterValue, ResourceDrift, Stack, StackClass, StackEvents, StackResource, StackStatus,
    Stacks, TemplateSource,
};
use crate::testing::fake_aws::{FaultProxy, Made, State, id, refuse};
use sluice_model::{Class, PortError, PortResult, Target};

const INVALID: &str = "ValidationError";

fn invalid<T>(call: &'static str, class: Class, sentence: String) -> PortResult<T> {
    Err(PortError::new(call, class, INVALID, sentence))
}

impl State {
    fn pace(&self) -> Pace {
        let (works, cleans): (Duration, Duration) = self.climate.stack;
        Pace { works, cleans }
    }

    fn stack_at(&self, call: &'static str, stack: &str) -> PortResult<usize> {
        match self.stacks.position(stack) {
            Some(at) => Ok(at),
            None => invalid(call, Class::Absent, format!("Stack with id {stack} does not exist")),
        }
    }

    /// The stack of a new change set, if its status permits one.
    fn stack_for(&mut self, request: &NewChangeSet) -> PortResult<usize> {
        let call = CREATE_CHANGE_SET.call;
        let found = self.stacks.position(&request.stack);
        let status = found.map(|at| self.stacks.stacks[at].stack.status);
        let refused = |class| {
            let (name, status) = (&request.stack, status.map_or("no", StackStatus::as_str));
            invalid(call, class, format!("Stack:{name} is in {status} state and can not be updated."))
        };
        match (request.kind, found, status) {
            (ChangeSetKind::Create, Some(at), Some(StackStatus::ReviewInProgress)) => Ok(at),
            (ChangeSetKind::Create, Some(_), Some(_)) => {
                let (stack, set) = (&request.stack, &request.name);
                let sentence = format!(
                    "Stack [{stack}] already exists and cannot be created again with the changeSet [{set}]."
                );
                invalid(call, Class::Precondition, sentence)
            }
            (ChangeSetKind::Create, ..) => {
                let nth = self.stacks.stacks.iter().filter(|known| known.stack.name == request.stack).count();
                let arn = format!("arn:aws:cloudformation:::stack/{}/{nth}", request.stack);
                let mut made = StackState::new(arn, request.stack.clone(), self.now);
                made.event(self.time, Err((StackStatus::ReviewInProgress.as_str(), None)));
                self.stacks.stacks.push(made);
                Ok(self.stacks.stacks.len() - 1)
            }
            (ChangeSetKind::Update, Some(at), Some(status)) => match status.class() {
                StackClass::Stable => Ok(at),
                StackClass::InProgress => refused(Class::Busy),
                _ => refused(Class::Precondition),
            },
            (ChangeSetKind::Update, ..) => {
                invalid(call, Class::Absent, format!("Stack [{}] does not exist", request.stack))
            }
        }
    }

    fn template_of(&self, request: &NewChangeSet) -> PortResult<String> {
        match &request.template {
            TemplateSource::Body(body) => Ok(body.clone()),
            TemplateSource::Url(url) => {
                let object = url.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
                let read = object.and_then(|(host, key)| self.text_of(host.split('.').next()?, key));
                let sentence = "S3 error: The specified key does not exist.".to_owned();
                read.map_or_else(|| invalid(CREATE_CHANGE_SET.call, Class::Invalid, sentence), Ok)
            }
        }
    }

    fn new_change_set(&mut self, request: &NewChangeSet) -> PortResult<Made<ChangeSetIds>> {
        let call = CREATE_CHANGE_SET.call;
        if let Some(known) = self.stacks.change_set(&request.stack, &request.name) {
            let known = &self.stacks.change_sets[known];
            let ids = ChangeSetIds { change_set: known.id.clone(), stack: known.stack.clone() };
            return match known.token == request.token {
                true => Ok(Made::Same(ids)),
                false => refuse(call, Class::Conflict, "AlreadyExistsException"),
            };
        }
        let text = self.template_of(request)?;
        let before = self.stacks.find(&request.stack).map(|found| &found.stack.parameters);
        let mut parameters = BTreeMap::new();
        for (name, value) in &request.parameters {
            let value = match value {
                ParameterValue::New(value) => Some(value.clone()),
                ParameterValue::Previous => {
                    before.and_then(|known| known.get(name)).map(|known| known.value.clone())
                }
            };
            let none = || invalid(call, Class::Invalid, format!("Invalid input for parameter key {name}."));
            parameters.insert(name.clone(), value.map_or_else(none, Ok)?);
        }
        let template = match Template::read(&text, &parameters) {
            Ok(template) => template,
            Err(sentence) => return invalid(call, Class::Invalid, sentence),
        };
        let listed = &request.resource_types;
        let foreign = template
            .resources
            .values()
            .find(|known| !listed.is_empty() && !listed.contains(&known.resource_type));
        if let Some(foreign) = foreign {
            let kind = &foreign.resource_type;
            return invalid(
                call,
                Class::Invalid,
                format!("Resource type {kind} is not allowed by parameter ResourceTypes"),
            );
        }
        let has_roles =
            template.resources.values().any(|known| known.resource_type.starts_with("AWS::IAM::"));
        if has_roles && request.capabilities.is_empty() {
            return refuse(call, Class::Invalid, "InsufficientCapabilitiesException");
        }
        let at = self.stack_for(request)?;
        let found = &self.stacks.stacks[at];
        let changes = changes(&found.template, &template, &found.resources);
        let outputs_differ = found.template.outputs != template.outputs;
        let state =
            if changes.is_empty() && !outputs_differ { ChangeSetState::Empty } else { ChangeSetState::Ready };
        let made = ChangeSetEntry {
            id: format!(
                "arn:aws:cloudformation:::changeSet/{}",
                id(&format!("{}/", request.name), &found.stack.id, found.events.len())
            ),
            name: request.name.clone(),
            stack: found.stack.id.clone(),
            token: request.token.clone(),
            kind: request.kind,
            on_failure: request.on_failure,
            ready: self.now + self.climate.computes,
            state,
            changes,
            text,
            template,
            parameters,
            tags: request.tags.clone(),
            role: request.role.clone(),
        };
        let ids = ChangeSetIds { change_set: made.id.clone(), stack: made.stack.clone() };
        self.stacks.change_sets.push(made);
        Ok(Made::New(ids))
    }

    fn execute(&mut self, stack: &str, change_set: &str, token: &str) -> PortResult<Made<()>> {
        let call = EXECUTE_CHANGE_SET.call;
        let Some(at) = self.stacks.change_set(stack, change_set) else {
            return refuse(call, Class::Absent, "ChangeSetNotFound");
        };
        let entry = self.stacks.change_sets[at].clone();
        if entry.ready > self.now {
            return refuse(call, Class::Busy, "InvalidChangeSetStatus");
        }
        if entry.state != ChangeSetState::Ready {
            return refuse(call, Class::Conflict, "InvalidChangeSetStatus");
        }
        let of = self.stack_at(call, &entry.stack)?;
        let (now, time, pace) = (self.now, self.time, self.pace());
        self.stacks.change_sets[at].state = ChangeSetState::Executing;
        self.stacks.change_sets.retain(|known| known.stack != entry.stack || known.id == entry.id);
        let found = &mut self.stacks.stacks[of];
        found.token = Some(token.to_owned());
        found.stack.change_set = Some(entry.id.clone());
        (found.stack.tags, found.stack.role) = (entry.tags.clone(), Some(entry.role.clone()));
        self.stacks.execute(of, &entry, now, pace);
        self.begin(of, time);
        Ok(Made::New(()))
    }

    /// Lets the first step of an operation happen with the call.
    fn begin(&mut self, at: usize, time: jiff::Timestamp) {
        if let Some((_, step)) = self.stacks.stacks[at].due.pop_front() {
            self.stacks.apply(at, step, time);
        }
    }

    /// Begins an operation on a stack in that status.
    fn start(
        &mut self,
        call: &'static str,
        stack: &str,
        token: &str,
        only: StackStatus,
        plan: impl FnOnce(&mut Self, usize),
    ) -> PortResult<Made<()>> {
        let at = self.stack_at(call, stack)?;
        let found = &mut self.stacks.stacks[at];
        if found.stack.status != only {
            let sentence = format!("the stack is in {}", found.stack.status);
            return invalid(call, Class::Precondition, sentence);
        }
        found.token = Some(token.to_owned());
        plan(self, at);
        self.begin(at, self.time);
        Ok(Made::New(()))
    }
}

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
                EventsSince::Beginning => newest_first.collect(),
                EventsSince::Event(id) => newest_first.take_while(|event| event.id != *id).collect(),
                EventsSince::Token(token) => {
                    newest_first.filter(|event| event.token.as_ref() == Some(token)).collect()
                }
            };
            Ok(Some(StackEvents { events, is_complete: true }))
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
