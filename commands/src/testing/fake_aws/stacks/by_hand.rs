//! What somebody does to stacks outside Sluice.

use std::collections::BTreeMap;

use super::StackState;
use super::compare::Template;
use crate::names;
use crate::ports::{ResourceDrift, StackStatus, Tags};
use crate::testing::FakeAws;

impl FakeAws {
    /// A stack with a queue, as Sluice created it.
    ///
    /// # Panics
    /// Never: its template can be read.
    pub fn place_stack(&self, stack: &str) {
        let mut state = self.lock();
        let mut made =
            StackState::new(format!("arn:aws:cloudformation:::stack/{stack}/0"), stack.to_owned(), state.now);
        made.text = r#"{"Resources":{"Jobs":{"Type":"AWS::SQS::Queue"}}}"#.to_owned();
        made.template = Template::read(&made.text, &BTreeMap::new()).expect("a template");
        made.token = Some("sluice-01ARZ3NDEKTSV4RRFFQ69G5FAV-grow".to_owned());
        made.stack.status = StackStatus::CreateComplete;
        made.event(state.time, Err((StackStatus::CreateComplete.as_str(), None)));
        state.stacks.stacks.push(made);
    }

    /// A stack gets the tags of another stage.
    ///
    /// # Panics
    /// If there is no such stack.
    pub fn retag_stack(&self, stack: &str, pipeline: &str, stage: &str) {
        let mut state = self.lock();
        let at = state.stacks.position(stack).expect("a stack");
        let (pipeline, stage) = (pipeline.parse().expect("a name"), stage.parse().expect("a stage"));
        state.stacks.stacks[at].stack.tags = names::stack_tags(&pipeline, &stage);
    }

    /// Somebody makes a resource outside any stack.
    pub fn make_stack_resource_by_hand(&self, resource_type: &str, name: &str) {
        self.lock().stacks.existing.insert((resource_type.to_owned(), name.to_owned()), Tags::new());
    }

    /// Somebody changes a property of a stack's resource, which a drift detection then finds.
    ///
    /// # Panics
    /// If there is no such stack or resource.
    pub fn drift_by_hand(&self, stack: &str, logical: &str, property: &str) {
        let mut state = self.lock();
        let at = state.stacks.position(stack).expect("a stack");
        let found = &mut state.stacks.stacks[at];
        let resource = found.resources.get(logical).expect("a resource");
        found.drift.push(ResourceDrift {
            logical_id: logical.to_owned(),
            physical_id: resource.physical_id.clone(),
            resource_type: resource.resource_type.clone(),
            is_deleted: false,
            properties: vec![property.to_owned()],
        });
    }

    /// An operation that somebody began with this token gives a stack this status. One that succeeds changes its template, too:
    /// `from` becomes `to`.
    ///
    /// # Panics
    /// If there is no such stack, or its template does not have `from`.
    pub fn change_stack_by_hand(
        &self,
        stack: &str,
        token: Option<&str>,
        status: StackStatus,
        (from, to): (&str, &str),
    ) {
        let mut state = self.lock();
        let time = state.time;
        let at = state.stacks.position(stack).expect("a stack");
        let found = &mut state.stacks.stacks[at];
        if status.succeeded() {
            assert!(found.text.contains(from), "{}", found.text);
            found.text = found.text.replace(from, to);
            let values = found.stack.parameters.iter();
            let values = values.map(|(name, parameter)| (name.clone(), parameter.value.clone())).collect();
            found.template = Template::read(&found.text, &values).expect("a template");
        }
        (found.token, found.stack.status) = (token.map(str::to_owned), status);
        found.event(time, Err((status.as_str(), None)));
    }
}
