//! CloudFormation: refuses and fails what AWS would, and shows the states on the way; forwards the rest.
//!
//! The local AWS changes stacks at once, accepts names that exist, properties that no type has and roles without rights, and
//! ignores tokens. With the rule `stacks`:
//!
//! - a change set needs a status that permits it, capabilities, a role that CloudFormation can assume, and a template whose
//!   references exist; the same token again gives the same change set; `TemplateURL` is read from the local S3;
//! - an execution that AWS would fail (`judge.rs`) changes nothing in the local AWS: its events and states are shown instead,
//!   because AWS rolls back everything as well. Every other one is forwarded, and its states are shown one after the other;
//! - a stack whose creation failed can only be deleted, and no stack changes while it is shown as changing.
//!
//! Only templates in JSON are judged. Nested stacks and conditions are not.

mod answer;
mod judge;
mod schema;
mod shown;
mod template;

use std::collections::{BTreeMap, HashMap};

use axum::http::Method;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use super::access::{Access, xml};
use super::request::AwsRequest;
use super::strict::{Rule, Strict};
use super::upstream::{Answer, Upstream};
use answer::{Refusable, answered, done, invalid, permitted, refuse};
use judge::Judge;
use shown::{Execution, Shown};
use template::Form;

/// The judge in front of the local AWS's CloudFormation.
pub struct CloudFormation {
    upstream: Upstream,
    strict: Strict,
    access: Access,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the ids of their stacks.
    shown: HashMap<String, Shown>,
    /// By their ids.
    change_sets: HashMap<String, ChangeSet>,
}

/// A change set that the local AWS accepted.
#[derive(Clone)]
struct ChangeSet {
    id: String,
    stack: String,
    name: String,
    token: Option<String>,
    creates: bool,
    deletes_on_failure: bool,
    role: Option<String>,
    /// `null` if it is not JSON.
    template: Value,
    parameters: BTreeMap<String, String>,
}

impl CloudFormation {
    pub fn new(upstream: Upstream, strict: Strict, access: Access) -> Self {
        Self { upstream, strict, access, state: Mutex::default() }
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, mut request: AwsRequest) -> Response {
        if !self.strict.is_on(Rule::Stacks) {
            return self.upstream.forward(request).await;
        }
        let form: Form = url::form_urlencoded::parse(&request.body).into_owned().collect();
        self.delete_failed_creations().await;
        let answer = match method {
            "CreateChangeSet" => self.create(&form, &mut request).await,
            "ExecuteChangeSet" => self.execute(&form, &request).await,
            "DescribeChangeSet" => self.described(&request).await,
            "DescribeStacks" => self.stacks(&request).await,
            "DescribeStackEvents" => self.events(&request).await,
            "UpdateStack" => self.update(&request).await,
            "DeleteStack" => self.delete(&form, &request).await,
            _ => return self.upstream.forward(request).await,
        };
        answer.unwrap_or_else(|refusal| *refusal)
    }

    async fn create(&self, form: &Form, request: &mut AwsRequest) -> Refusable<Response> {
        let (name, set) = (field(form, "StackName"), field(form, "ChangeSetName"));
        let stack = self.stack(name).await?;
        if let Some(known) = self.known(stack.as_ref().map(|(id, _)| id.as_str()), set) {
            if known.token.is_some() && known.token.as_deref() == form.get("ClientToken").map(String::as_str)
            {
                let ids = format!("<Id>{}</Id><StackId>{}</StackId>", known.id, known.stack);
                return Ok(answered("CreateChangeSet", &ids));
            }
            let message = format!(
                "ChangeSet {set} cannot be created due to a mismatch with existing attribute ClientToken"
            );
            return Err(refuse("AlreadyExistsException", &message));
        }
        let creates = form.get("ChangeSetType").is_some_and(|kind| kind == "CREATE");
        permitted(creates, name, set, stack.as_ref())?;
        let role = form.get("RoleARN").cloned();
        if let Some(role) = &role {
            self.assumable(role, name).await?;
        }
        if let Some(body) = self.body_at(form.get("TemplateURL")).await? {
            request.body = with_body(form, &body).into();
        }
        let sent: Form = url::form_urlencoded::parse(&request.body).into_owned().collect();
        let template: Value = serde_json::from_str(field(&sent, "TemplateBody")).unwrap_or(Value::Null);
        template::acceptable(&template, form).map_err(|(code, message)| refuse(code, &message))?;
        let answer = self.upstream.exchange(request).await?;
        let text = text_of(&answer);
        if let (true, Some(id)) = (answer.status.is_success(), xml::first(&text, "Id")) {
            let made = ChangeSet {
                id: id.clone(),
                stack: xml::first(&text, "StackId").unwrap_or_default(),
                name: set.to_owned(),
                token: form.get("ClientToken").cloned(),
                creates,
                deletes_on_failure: form.get("OnStackFailure").is_some_and(|then| then == "DELETE"),
                role,
                parameters: template::parameters(&template, form),
                template,
            };
            self.state.lock().change_sets.insert(id, made);
        }
        Ok(answer.into_response())
    }

    async fn execute(&self, form: &Form, request: &AwsRequest) -> Refusable<Response> {
        let (name, set) = (field(form, "StackName"), field(form, "ChangeSetName"));
        let stack = self.stack(name).await?;
        let Some(set) = self.known(stack.as_ref().map(|(id, _)| id.as_str()), set) else {
            return Ok(self.upstream.exchange(request).await?.into_response());
        };
        let token = form.get("ClientRequestToken").cloned();
        let before = self.state.lock().shown.get(&set.stack).cloned();
        if let Some(before) = before.filter(|shown| shown.executed == set.id) {
            // Not documented for other tokens: the same request again succeeds.
            if token.is_some() && before.token == token {
                return Ok(done("ExecuteChangeSet"));
            }
            let message = format!(
                "ChangeSet [{}] cannot be executed in its current execution status of [{}]",
                set.id,
                before.execution_status(Instant::now())
            );
            return Err(refuse("InvalidChangeSetStatus", &message));
        }
        if let Some((id, status)) = &stack
            && status.ends_with("_IN_PROGRESS")
            && status != "REVIEW_IN_PROGRESS"
        {
            return Err(invalid(&format!("Stack:{id} is in {status} state and can not be updated.")));
        }
        let described = self.call(&[("Action", "DescribeChangeSet"), ("ChangeSetName", &set.id)]).await?;
        let judge = Judge { upstream: &self.upstream, access: &self.access, strict: &self.strict };
        let failure = judge.failure(&text_of(&described), &set.stack, &set.template, &set.parameters).await;
        let failed = failure.is_some();
        let answer = if failed {
            self.delete_others(&set).await?;
            done("ExecuteChangeSet")
        } else {
            let answer = self.upstream.exchange(request).await?;
            if !answer.status.is_success() {
                return Ok(answer.into_response());
            }
            answer.into_response()
        };
        let mut state = self.state.lock();
        state.change_sets.retain(|_, known| known.stack != set.stack || known.id == set.id);
        let execution = Execution {
            stack: set.stack.clone(),
            change_set: set.id.clone(),
            token,
            role: set.role.clone(),
            creates: set.creates,
            deletes_on_failure: set.deletes_on_failure,
        };
        let takes = self.strict.settings().stacks.takes;
        let shown = Shown::new(execution, failure, takes, (Instant::now(), jiff::Timestamp::now()));
        state.shown.insert(set.stack, shown);
        Ok(answer)
    }

    /// The execution status of a change set follows what is shown.
    async fn described(&self, request: &AwsRequest) -> Refusable<Response> {
        let mut answer = self.upstream.exchange(request).await?;
        let text = text_of(&answer);
        let id = xml::first(&text, "ChangeSetId").unwrap_or_default();
        let state = self.state.lock();
        let shown = state.shown.values().find(|shown| shown.executed == id);
        if let (Some(shown), Some(status)) = (shown, xml::first(&text, "ExecutionStatus")) {
            let now = shown.execution_status(Instant::now());
            let element = |status: &str| format!("<ExecutionStatus>{status}</ExecutionStatus>");
            answer.body = text.replacen(&element(&status), &element(now), 1).into();
        }
        Ok(answer.into_response())
    }

    async fn stacks(&self, request: &AwsRequest) -> Refusable<Response> {
        let mut answer = self.upstream.exchange(request).await?;
        let mut text = text_of(&answer);
        for shown in self.state.lock().shown.values() {
            text = shown.in_stacks(&text, Instant::now());
        }
        answer.body = text.into();
        Ok(answer.into_response())
    }

    async fn events(&self, request: &AwsRequest) -> Refusable<Response> {
        let mut answer = self.upstream.exchange(request).await?;
        let mut text = text_of(&answer);
        let id = xml::first(&text, "StackId").unwrap_or_default();
        if let Some(shown) = self.state.lock().shown.get(&id) {
            text = shown.in_events(&text, Instant::now());
        }
        answer.body = text.into();
        Ok(answer.into_response())
    }

    /// Somebody updates a stack without a change set: nothing is shown any more of the execution before.
    async fn update(&self, request: &AwsRequest) -> Refusable<Response> {
        let answer = self.upstream.exchange(request).await?;
        let updated = xml::first(&text_of(&answer), "StackId").filter(|_| answer.status.is_success());
        if let Some(id) = updated
            && let Some(shown) = self.state.lock().shown.get_mut(&id)
        {
            shown.end();
        }
        Ok(answer.into_response())
    }

    async fn delete(&self, form: &Form, request: &AwsRequest) -> Refusable<Response> {
        if let Some((id, status)) = self.stack(field(form, "StackName")).await? {
            if status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS" {
                let message = format!("Stack [{id}] cannot be deleted while in status {status}");
                return Err(invalid(&message));
            }
            let answer = self.upstream.exchange(request).await?;
            if answer.status.is_success() {
                let mut state = self.state.lock();
                state.shown.remove(&id);
                state.change_sets.retain(|_, known| known.stack != id);
            }
            return Ok(answer.into_response());
        }
        Ok(self.upstream.exchange(request).await?.into_response())
    }

    /// The id and the shown status of a stack that exists.
    async fn stack(&self, name: &str) -> Refusable<Option<(String, String)>> {
        let answer = self.call(&[("Action", "DescribeStacks"), ("StackName", name)]).await?;
        let text = text_of(&answer);
        let Some(id) = xml::first(&text, "StackId").filter(|_| answer.status.is_success()) else {
            return Ok(None);
        };
        let own = xml::first(&text, "StackStatus").unwrap_or_default();
        let state = self.state.lock();
        let status = state.shown.get(&id).and_then(|shown| shown.status(Instant::now()));
        let status = status.map_or(own, |(status, _)| status.to_owned());
        Ok((status != "DELETE_COMPLETE").then_some((id, status)))
    }

    fn known(&self, stack: Option<&str>, set: &str) -> Option<ChangeSet> {
        let state = self.state.lock();
        let is_it = |known: &&ChangeSet| {
            known.id == set || (known.name == set && Some(known.stack.as_str()) == stack)
        };
        state.change_sets.values().find(is_it).cloned()
    }

    /// Refuses a role that does not trust CloudFormation, or is too new.
    async fn assumable(&self, role: &str, stack: &str) -> Refusable<()> {
        let source = super::account::arn("cloudformation", &format!("stack/{stack}/x"));
        let untrusted = self.access.refused_to_assume(role, "cloudformation.amazonaws.com", &source).await;
        if untrusted.is_some() || self.strict.role_of_integration(role).is_err() {
            return Err(invalid(&format!("Role {role} is invalid or cannot be assumed")));
        }
        Ok(())
    }

    /// The template in the local S3, which the local AWS does not read by the addresses of AWS. Tools such as `sam` give the
    /// address of the S3 that they were told to use: this one.
    async fn body_at(&self, url: Option<&String>) -> Refusable<Option<String>> {
        let Some(url) = url else { return Ok(None) };
        let by_host = |rest: &str| {
            let (host, key) = rest.split_once('/')?;
            Some((host.split_once(".s3.")?.0.to_owned(), key.to_owned()))
        };
        let by_path = |rest: &str| {
            let (_, path) = rest.split_once('/')?;
            path.split_once('/').map(|(bucket, key)| (bucket.to_owned(), key.to_owned()))
        };
        let place = url.strip_prefix("https://").and_then(by_host);
        let local = url.strip_prefix("http://127.0.0.1:").and_then(by_path);
        let Some((bucket, key)) = place.or(local) else {
            return Err(invalid("TemplateURL must be a supported URL."));
        };
        let answer = self.upstream.call("s3", Method::GET, &format!("/{bucket}/{key}"), &[], "").await?;
        if !answer.status.is_success() {
            return Err(invalid("S3 error: The specified key does not exist."));
        }
        Ok(Some(text_of(&answer)))
    }

    /// The execution of a change set deletes the stack's others.
    async fn delete_others(&self, set: &ChangeSet) -> Refusable<()> {
        let others: Vec<String> = {
            let state = self.state.lock();
            let of_stack =
                state.change_sets.values().filter(|known| known.stack == set.stack && known.id != set.id);
            of_stack.map(|known| known.id.clone()).collect()
        };
        for id in others {
            self.call(&[("Action", "DeleteChangeSet"), ("ChangeSetName", &id)]).await?;
        }
        Ok(())
    }

    /// With `OnStackFailure=DELETE`, the stack goes once its rollback was shown.
    async fn delete_failed_creations(&self) {
        let due: Vec<String> = {
            let mut state = self.state.lock();
            let now = Instant::now();
            let due: Vec<String> = state
                .shown
                .iter()
                .filter(|(_, shown)| shown.deletes(now))
                .map(|(id, _)| id.clone())
                .collect();
            due.iter().for_each(|id| drop(state.shown.remove(id)));
            due
        };
        for id in due {
            if let Err(error) = self.call(&[("Action", "DeleteStack"), ("StackName", &id)]).await {
                tracing::error!(status = %error.status(), id, "the local AWS does not delete a stack");
            }
        }
    }

    async fn call(&self, fields: &[(&str, &str)]) -> Refusable<Answer> {
        let body = url::form_urlencoded::Serializer::new("Version=2010-05-15".to_owned())
            .extend_pairs(fields)
            .finish();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.upstream.call("cloudformation", Method::POST, "/", &kind, body).await
    }
}

fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.get(name).map_or("", String::as_str)
}

fn text_of(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The request with a template in its body.
fn with_body(form: &Form, body: &str) -> String {
    let fields = form.iter().filter(|(name, _)| *name != "TemplateURL");
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .append_pair("TemplateBody", body)
        .finish()
}

#[cfg(test)]
mod tests;
