//! Stacks, their resources, events and drift in the port's types.

use aws_sdk_cloudformation::operation::describe_stack_events::DescribeStackEventsOutput;
use aws_sdk_cloudformation::operation::describe_stack_resource_drifts::DescribeStackResourceDriftsOutput;
use aws_sdk_cloudformation::operation::list_stack_resources::ListStackResourcesOutput;
use aws_sdk_cloudformation::types::{
    Stack as SdkStack, StackEvent as SdkEvent, StackResourceDriftStatus as DriftStatus,
};
use sluice_commands::ports::{
    EventsSince, MAX_EVENTS, ResourceDrift, ResourceStatus, Stack, StackEvent, StackEvents, StackOutput,
    StackParameter, StackResource, StackStatus,
};
use sluice_model::PortResult;

use super::unknown::unknown_status;
use crate::call::Call;
use crate::values::timestamp;

pub(super) fn stack(call: Call, stack: &SdkStack) -> PortResult<Stack> {
    let status = call.required(stack.stack_status(), "status")?;
    let status = StackStatus::parse(status.as_str()).ok_or_else(|| unknown_status(call, status.as_str()))?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Ok(Stack {
        id: call.required(stack.stack_id(), "stack id")?.to_owned(),
        name: text(stack.stack_name()),
        status,
        reason: stack.stack_status_reason().map(str::to_owned),
        change_set: stack.change_set_id().map(str::to_owned),
        outputs: stack
            .outputs()
            .iter()
            .map(|output| {
                let export = output.export_name().map(str::to_owned);
                (text(output.output_key()), StackOutput { value: text(output.output_value()), export })
            })
            .collect(),
        parameters: stack
            .parameters()
            .iter()
            .map(|parameter| {
                let resolved = parameter.resolved_value().map(str::to_owned);
                let value = text(parameter.parameter_value());
                (text(parameter.parameter_key()), StackParameter { value, resolved })
            })
            .collect(),
        tags: stack.tags().iter().map(|tag| (text(tag.key()), text(tag.value()))).collect(),
        role: stack.role_arn().map(str::to_owned),
        is_protected: stack.enable_termination_protection().unwrap_or_default(),
    })
}

pub(super) fn add_resources(
    call: Call,
    resources: &mut Vec<StackResource>,
    page: &ListStackResourcesOutput,
) -> PortResult<bool> {
    for resource in page.stack_resource_summaries() {
        let status = call.required(resource.resource_status(), "resource status")?;
        resources.push(StackResource {
            logical_id: call.required(resource.logical_resource_id(), "logical id")?.to_owned(),
            physical_id: physical_id(resource.physical_resource_id()),
            resource_type: call.required(resource.resource_type(), "resource type")?.to_owned(),
            status: ResourceStatus(status.as_str().to_owned()),
            reason: resource.resource_status_reason().map(str::to_owned),
        });
    }
    Ok(true)
}

/// CloudFormation sends an empty id for a resource that does not exist yet.
fn physical_id(id: Option<&str>) -> Option<String> {
    id.filter(|id| !id.is_empty()).map(str::to_owned)
}

/// Collects events from the newest to the oldest, until those before the wanted ones.
pub(super) struct EventReader<'a> {
    since: &'a EventsSince,
    events: Vec<StackEvent>,
    is_complete: bool,
}

impl<'a> EventReader<'a> {
    pub(super) fn new(since: &'a EventsSince) -> Self {
        Self { since, events: Vec::new(), is_complete: true }
    }

    /// Adds a page, and says whether to read the next one.
    pub(super) fn add(&mut self, call: Call, page: &DescribeStackEventsOutput) -> PortResult<bool> {
        for event in page.stack_events() {
            let event = self::event(call, event)?;
            match self.since {
                EventsSince::Newest | EventsSince::Beginning => {}
                EventsSince::Event(id) if event.id == *id => return Ok(false),
                EventsSince::Event(_) => {}
                EventsSince::Token(token) if event.token.as_ref() == Some(token) => {}
                // Operations of a stack follow each other: events of another token are newer than all of ours, or older.
                EventsSince::Token(_) if self.events.is_empty() => continue,
                EventsSince::Token(_) => return Ok(false),
            }
            if self.events.len() == MAX_EVENTS {
                self.is_complete = false;
                return Ok(false);
            }
            self.events.push(event);
        }
        if *self.since == EventsSince::Newest {
            self.is_complete = page.next_token().is_none_or(str::is_empty);
            return Ok(false);
        }
        Ok(true)
    }

    pub(super) fn read(self) -> StackEvents {
        StackEvents { events: self.events, is_complete: self.is_complete }
    }
}

fn event(call: Call, event: &SdkEvent) -> PortResult<StackEvent> {
    let stack = call.required(event.stack_id(), "stack id")?;
    Ok(StackEvent {
        id: call.required(event.event_id(), "event id")?.to_owned(),
        at: call.required(event.timestamp().and_then(timestamp), "time")?,
        token: event.client_request_token().map(str::to_owned),
        logical_id: event.logical_resource_id().unwrap_or_default().to_owned(),
        physical_id: physical_id(event.physical_resource_id()),
        resource_type: event.resource_type().unwrap_or_default().to_owned(),
        // The event of a hook has no status of a resource.
        status: ResourceStatus(
            event.resource_status().map_or_else(String::new, |status| status.as_str().to_owned()),
        ),
        reason: event.resource_status_reason().or(event.hook_status_reason()).map(str::to_owned),
        is_of_stack: event.physical_resource_id() == Some(stack),
    })
}

pub(super) fn add_drifts(
    call: Call,
    drifts: &mut Vec<ResourceDrift>,
    page: &DescribeStackResourceDriftsOutput,
) -> PortResult<bool> {
    for drift in page.stack_resource_drifts() {
        let paths = drift.property_differences().iter().filter_map(|difference| difference.property_path());
        drifts.push(ResourceDrift {
            logical_id: call.required(drift.logical_resource_id(), "logical id")?.to_owned(),
            physical_id: physical_id(drift.physical_resource_id()),
            resource_type: drift.resource_type().unwrap_or_default().to_owned(),
            is_deleted: drift.stack_resource_drift_status() == Some(&DriftStatus::Deleted),
            properties: paths.map(str::to_owned).collect(),
        });
    }
    Ok(true)
}
