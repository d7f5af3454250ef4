//! What CloudFormation checks before something begins.

use std::collections::BTreeMap;
use std::time::Duration;

use super::compare::{Template, changes};
use super::execution::Pace;
use super::{ChangeSetEntry, StackState};
use crate::operation::effects::{CREATE_CHANGE_SET, EXECUTE_CHANGE_SET};
use crate::ports::{
    ChangeSetIds, ChangeSetKind, ChangeSetState, NewChangeSet, ParameterValue, StackClass, StackStatus,
    TemplateSource,
};
use crate::testing::fake_aws::{Made, State, id, refuse};
use sluice_model::{Class, PortError, PortResult};

pub(super) const INVALID: &str = "ValidationError";

pub(super) fn invalid<T>(call: &'static str, class: Class, sentence: String) -> PortResult<T> {
    Err(PortError::new(call, class, INVALID, sentence))
}

impl State {
    pub(super) fn pace(&self) -> Pace {
        let (works, cleans): (Duration, Duration) = self.climate.stack;
        Pace { works, cleans }
    }

    pub(super) fn stack_at(&self, call: &'static str, stack: &str) -> PortResult<usize> {
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

    pub(super) fn new_change_set(&mut self, request: &NewChangeSet) -> PortResult<Made<ChangeSetIds>> {
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

    pub(super) fn execute(&mut self, stack: &str, change_set: &str, token: &str) -> PortResult<Made<()>> {
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
    pub(super) fn begin(&mut self, at: usize, time: jiff::Timestamp) {
        if let Some((_, step)) = self.stacks.stacks[at].due.pop_front() {
            self.stacks.apply(at, step, time);
        }
    }

    /// Begins an operation on a stack in that status.
    pub(super) fn start(
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
