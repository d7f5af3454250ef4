//! CloudFormation: stacks that change over time, and change sets that compare templates.
//!
//! An execution is planned at once and takes place as time passes: [`State::settle_stacks`] applies what is due before each
//! call. A template is JSON; `Ref` and `Fn::GetAtt` are understood, conditions and other functions are not. A resource with a
//! name of its own fails if something of that name exists in the account, as on AWS.

mod by_hand;
mod compare;
mod execution;
mod port;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;
use tokio::time::Instant;

use super::{FakeAws, State, id};
use crate::ports::{
    ChangeSetKind, ChangeSetState, OnStackFailure, ResourceChange, ResourceDrift, ResourceStatus, Stack,
    StackClass, StackEvent, StackResource, StackStatus, Tags,
};
use compare::Template;

/// All stacks of the account.
#[derive(Clone, Default)]
pub(crate) struct StackStates {
    /// In the order of their creation; deleted ones stay.
    stacks: Vec<StackState>,
    change_sets: Vec<ChangeSetEntry>,
    /// The resources that exist, by type and physical id, with or without a stack.
    existing: BTreeMap<(String, String), Tags>,
    /// The resources that fail, by logical id, with the reason.
    failing: BTreeMap<String, String>,
    /// The resources that cannot be rolled back, in the same way.
    stuck: BTreeMap<String, String>,
    /// Whether a deleted stack is not even shown by its id.
    forgets: bool,
    /// The stack of each drift detection, and when it ends.
    detections: Vec<(String, Instant)>,
}

#[derive(Clone)]
struct StackState {
    stack: Stack,
    made: Instant,
    /// The template as it was sent, and as it is compared.
    text: String,
    template: Template,
    resources: BTreeMap<String, StackResource>,
    /// The oldest first.
    events: Vec<StackEvent>,
    drift: Vec<ResourceDrift>,
    /// The token of the operation in progress, and of its events.
    token: Option<String>,
    due: VecDeque<(Instant, Step)>,
}

/// One moment of an operation.
#[derive(Clone)]
enum Step {
    Status(StackStatus, Option<String>),
    Resource(StackResource),
    /// The stack has this template from now on.
    Has {
        text: String,
        template: Template,
        parameters: BTreeMap<String, String>,
    },
    /// The resource leaves the stack; `deletes` if it ceases to exist.
    Leaves {
        logical: String,
        physical: String,
        resource_type: String,
        deletes: bool,
    },
    Executed(String, ChangeSetState),
}

#[derive(Clone)]
struct ChangeSetEntry {
    id: String,
    name: String,
    stack: String,
    token: String,
    kind: ChangeSetKind,
    on_failure: OnStackFailure,
    ready: Instant,
    state: ChangeSetState,
    changes: Vec<ResourceChange>,
    text: String,
    template: Template,
    parameters: BTreeMap<String, String>,
    tags: Tags,
    role: String,
}

impl FakeAws {
    /// From now on, creating, changing or deleting the resource with this logical id fails, in every stack.
    pub fn fail_stack_resource(&self, logical: &str, reason: &str) {
        self.lock().stacks.failing.insert(logical.to_owned(), reason.to_owned());
    }

    /// From now on, deleted stacks are not shown, as after 90 days.
    pub fn forget_deleted_stacks(&self) {
        self.lock().stacks.forgets = true;
    }

    /// From now on, the resource with this logical id cannot be rolled back, in every stack.
    pub fn fail_stack_rollback(&self, logical: &str, reason: &str) {
        self.lock().stacks.stuck.insert(logical.to_owned(), reason.to_owned());
    }

    /// No resource of a stack fails any more.
    pub fn stack_resources_recover(&self) {
        let mut state = self.lock();
        state.stacks.failing.clear();
        state.stacks.stuck.clear();
    }

    /// The resources that exist, as `AWS::SQS::Queue orders`, whether or not a stack has them.
    pub fn existing_stack_resources(&self) -> Vec<String> {
        let state = self.lock();
        state.stacks.existing.keys().map(|(kind, physical)| format!("{kind} {physical}")).collect()
    }
}

impl StackStates {
    /// The stacks that are not deleted.
    pub(super) fn existing(&self) -> impl Iterator<Item = &Stack> {
        let all = self.stacks.iter().map(|found| &found.stack);
        all.filter(|stack| stack.status.class() != StackClass::Gone)
    }

    /// The stack with that id, or the one that now has that name.
    fn position(&self, stack: &str) -> Option<usize> {
        let is_it = |found: &StackState| {
            found.stack.id == stack
                || (found.stack.name == stack && found.stack.status.class() != StackClass::Gone)
        };
        self.stacks.iter().rposition(is_it)
    }

    fn find(&self, stack: &str) -> Option<&StackState> {
        let found = self.position(stack).and_then(|at| self.stacks.get(at));
        found.filter(|found| !self.forgets || found.stack.status != StackStatus::DeleteComplete)
    }

    fn change_set(&self, stack: &str, change_set: &str) -> Option<usize> {
        let stack = self.find(stack).map(|found| found.stack.id.as_str());
        let is_it = |entry: &ChangeSetEntry| {
            entry.id == change_set || (entry.name == change_set && Some(entry.stack.as_str()) == stack)
        };
        self.change_sets.iter().position(is_it)
    }

    fn exists(&self, resource_type: &str, physical: &str) -> bool {
        self.existing.contains_key(&(resource_type.to_owned(), physical.to_owned()))
    }
}

impl StackState {
    fn new(id: String, name: String, now: Instant) -> Self {
        let stack = Stack {
            id,
            name,
            status: StackStatus::ReviewInProgress,
            reason: None,
            change_set: None,
            outputs: BTreeMap::new(),
            parameters: BTreeMap::new(),
            tags: Tags::new(),
            role: None,
            is_protected: false,
        };
        Self {
            stack,
            made: now,
            text: String::new(),
            template: Template::default(),
            resources: BTreeMap::new(),
            events: vec![],
            drift: vec![],
            token: None,
            due: VecDeque::new(),
        }
    }

    fn event(&mut self, time: jiff::Timestamp, about: Result<&StackResource, (&str, Option<String>)>) {
        let nth = self.events.len();
        let stack = &self.stack;
        let event = match about {
            Ok(resource) => StackEvent {
                id: id("event", &resource.logical_id, nth),
                at: time,
                token: self.token.clone(),
                logical_id: resource.logical_id.clone(),
                physical_id: resource.physical_id.clone(),
                resource_type: resource.resource_type.clone(),
                status: resource.status.clone(),
                reason: resource.reason.clone(),
                is_of_stack: false,
            },
            Err((status, reason)) => StackEvent {
                id: id("event", &stack.name, nth),
                at: time,
                token: self.token.clone(),
                logical_id: stack.name.clone(),
                physical_id: Some(stack.id.clone()),
                resource_type: "AWS::CloudFormation::Stack".to_owned(),
                status: ResourceStatus(status.to_owned()),
                reason,
                is_of_stack: true,
            },
        };
        self.events.push(event);
    }
}

impl State {
    /// Applies what happened to stacks until now.
    pub(super) fn settle_stacks(&mut self) {
        let (now, time) = (self.now, self.time);
        for at in 0..self.stacks.stacks.len() {
            while let Some((_, step)) = self.stacks.stacks[at].due.pop_front_if(|(when, _)| *when <= now) {
                self.stacks.apply(at, step, time);
            }
        }
    }
}

/// A text in place of a value, as CloudFormation shows values.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
