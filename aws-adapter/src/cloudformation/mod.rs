//! CloudFormation's stacks and change sets. It decides nothing about a stack: what a status allows is in the port.
//!
//! Every change is sent with the caller's token. Nothing waits: CloudFormation works for minutes, and callers look again.

mod change_set;
mod request;
mod stack;
mod unknown;

use async_trait::async_trait;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{
    StackDriftDetectionStatus, StackResourceDriftStatus as DriftStatus, TemplateStage,
};
use sluice_commands::ports::{
    ChangeSet, ChangeSetIds, DeleteStack, DriftDetection, EventsSince, NewChangeSet, ResourceDrift, Stack,
    StackEvents, StackResource, Stacks,
};
use sluice_model::{Class, PortResult, Target};

use crate::call::{self, Call};
use crate::client::Service;
use crate::error::{failed, found};
use unknown::unknown_status;

/// More than CloudFormation has pages for anything that a port reads: a stop for answers that never end.
const MOST_PAGES: usize = 60;

pub(crate) struct CloudFormation(pub(crate) Service<Client>);

/// Reads pages until one has no token. `$more` takes a page, and says whether to read the next one.
macro_rules! pages {
    ($call:expr, $request:expr, $more:expr) => {{
        let (call, mut token, mut pages) = ($call, None::<String>, 0);
        loop {
            let page = $request.set_next_token(token.clone()).send().await.map_err(failed(call));
            let Some(page) = found(page)? else { break false };
            pages += 1;
            let next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if !$more(&page)? || next.is_none() {
                break true;
            }
            if pages >= MOST_PAGES || next == token {
                return Err(endless(call));
            }
            token = next;
        }
    }};
}

fn endless(call: Call) -> sluice_model::PortError {
    call.error(Class::Invalid, "IncompleteAnswer", "its pages do not end")
}

#[async_trait]
impl Stacks for CloudFormation {
    async fn create_change_set(&self, target: &Target, request: &NewChangeSet) -> PortResult<ChangeSetIds> {
        let call = call::CREATE_CHANGE_SET;
        let client = self.0.rate_limited(target, call).await?;
        let answer = request::change_set(client, request).send().await.map_err(failed(call))?;
        Ok(ChangeSetIds {
            change_set: call.required(answer.id, "change set id")?,
            stack: call.required(answer.stack_id, "stack id")?,
        })
    }

    async fn change_set(
        &self,
        target: &Target,
        stack: &str,
        change_set: &str,
    ) -> PortResult<Option<ChangeSet>> {
        let call = call::DESCRIBE_CHANGE_SET;
        let mut read: Option<ChangeSet> = None;
        let exists = pages!(
            call,
            self.0
                .rate_limited(target, call)
                .await?
                .describe_change_set()
                .stack_name(stack)
                .change_set_name(change_set),
            |page| change_set::add_page(call, &mut read, page)
        );
        Ok(if exists { read } else { None })
    }

    async fn execute_change_set(
        &self,
        target: &Target,
        stack: &str,
        change_set: &str,
        token: &str,
    ) -> PortResult<()> {
        let call = call::EXECUTE_CHANGE_SET;
        let request = self.0.rate_limited(target, call).await?.execute_change_set();
        let request = request.stack_name(stack).change_set_name(change_set);
        let request = request.client_request_token(token).retain_except_on_create(true);
        request.send().await.map_err(failed(call)).map(|_| ())
    }

    async fn delete_change_set(&self, target: &Target, stack: &str, change_set: &str) -> PortResult<()> {
        let call = call::DELETE_CHANGE_SET;
        let request = self.0.rate_limited(target, call).await?.delete_change_set();
        let answer = request.stack_name(stack).change_set_name(change_set).send().await;
        found(answer.map_err(failed(call))).map(|_| ())
    }

    async fn stack(&self, target: &Target, stack: &str) -> PortResult<Option<Stack>> {
        let call = call::DESCRIBE_STACKS;
        let request = self.0.rate_limited(target, call).await?.describe_stacks().stack_name(stack);
        let Some(answer) = found(request.send().await.map_err(failed(call)))? else { return Ok(None) };
        answer.stacks().first().map(|found| stack::stack(call, found)).transpose()
    }

    async fn stack_resources(&self, target: &Target, stack: &str) -> PortResult<Option<Vec<StackResource>>> {
        let call = call::LIST_STACK_RESOURCES;
        let mut resources = Vec::new();
        let exists = pages!(
            call,
            self.0.rate_limited(target, call).await?.list_stack_resources().stack_name(stack),
            |page| stack::add_resources(call, &mut resources, page)
        );
        Ok(exists.then_some(resources))
    }

    async fn stack_events(
        &self,
        target: &Target,
        stack: &str,
        since: &EventsSince,
    ) -> PortResult<Option<StackEvents>> {
        let call = call::DESCRIBE_STACK_EVENTS;
        let mut events = stack::EventReader::new(since);
        let exists = pages!(
            call,
            self.0.rate_limited(target, call).await?.describe_stack_events().stack_name(stack),
            |page| events.add(call, page)
        );
        Ok(exists.then(|| events.read()))
    }

    async fn template(&self, target: &Target, stack: &str) -> PortResult<Option<String>> {
        let call = call::GET_TEMPLATE;
        let request = self.0.rate_limited(target, call).await?.get_template().stack_name(stack);
        let answer = request.template_stage(TemplateStage::Original).send().await;
        let Some(answer) = found(answer.map_err(failed(call)))? else { return Ok(None) };
        call.required(answer.template_body, "template").map(Some)
    }

    async fn delete_stack(&self, target: &Target, request: &DeleteStack) -> PortResult<()> {
        let call = call::DELETE_STACK;
        let DeleteStack { stack, role, retain, token } = request;
        let request = self.0.rate_limited(target, call).await?.delete_stack().stack_name(stack);
        let request = request.set_role_arn(role.clone()).client_request_token(token);
        let retain = (!retain.is_empty()).then(|| retain.clone());
        let answer = request.set_retain_resources(retain).send().await;
        found(answer.map_err(failed(call))).map(|_| ())
    }

    async fn continue_update_rollback(
        &self,
        target: &Target,
        stack: &str,
        role: &str,
        skip: &[String],
        token: &str,
    ) -> PortResult<()> {
        let call = call::CONTINUE_UPDATE_ROLLBACK;
        let request = self.0.rate_limited(target, call).await?.continue_update_rollback();
        let skip = (!skip.is_empty()).then(|| skip.to_vec());
        let request = request.stack_name(stack).role_arn(role).set_resources_to_skip(skip);
        request.client_request_token(token).send().await.map_err(failed(call)).map(|_| ())
    }

    async fn set_termination_protection(
        &self,
        target: &Target,
        stack: &str,
        protected: bool,
    ) -> PortResult<()> {
        let call = call::UPDATE_TERMINATION_PROTECTION;
        let request = self.0.rate_limited(target, call).await?.update_termination_protection();
        let request = request.stack_name(stack).enable_termination_protection(protected);
        request.send().await.map_err(failed(call)).map(|_| ())
    }

    async fn cancel_update(&self, target: &Target, stack: &str, token: &str) -> PortResult<()> {
        let call = call::CANCEL_UPDATE_STACK;
        let request = self.0.rate_limited(target, call).await?.cancel_update_stack().stack_name(stack);
        request.client_request_token(token).send().await.map_err(failed(call)).map(|_| ())
    }

    async fn detect_drift(&self, target: &Target, stack: &str) -> PortResult<String> {
        let call = call::DETECT_STACK_DRIFT;
        let request = self.0.rate_limited(target, call).await?.detect_stack_drift().stack_name(stack);
        let answer = request.send().await.map_err(failed(call))?;
        call.required(answer.stack_drift_detection_id, "detection id")
    }

    async fn drift_detection(&self, target: &Target, detection: &str) -> PortResult<DriftDetection> {
        let call = call::DESCRIBE_DRIFT_DETECTION;
        let request = self.0.rate_limited(target, call).await?.describe_stack_drift_detection_status();
        let answer = request.stack_drift_detection_id(detection).send().await.map_err(failed(call))?;
        let reason = || answer.detection_status_reason().unwrap_or_default().to_owned();
        match answer.detection_status() {
            Some(StackDriftDetectionStatus::DetectionInProgress) => Ok(DriftDetection::InProgress),
            Some(StackDriftDetectionStatus::DetectionFailed) => Ok(DriftDetection::Failed(reason())),
            Some(StackDriftDetectionStatus::DetectionComplete) => {
                let drifted = answer.drifted_stack_resource_count().unwrap_or_default();
                Ok(DriftDetection::Complete { drifted: usize::try_from(drifted).unwrap_or_default() })
            }
            other => Err(unknown_status(call, other.map_or("none", StackDriftDetectionStatus::as_str))),
        }
    }

    async fn resource_drifts(&self, target: &Target, stack: &str) -> PortResult<Vec<ResourceDrift>> {
        let call = call::DESCRIBE_RESOURCE_DRIFTS;
        let mut drifts = Vec::new();
        pages!(
            call,
            self.0
                .rate_limited(target, call)
                .await?
                .describe_stack_resource_drifts()
                .stack_name(stack)
                .stack_resource_drift_status_filters(DriftStatus::Modified)
                .stack_resource_drift_status_filters(DriftStatus::Deleted),
            |page| stack::add_drifts(call, &mut drifts, page)
        );
        Ok(drifts)
    }
}
