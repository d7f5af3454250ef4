//! IAM in front of all services: every call is checked against the policies of its caller.
//!
//! The access key identifies the caller. The bot and `sluice init` have the policies that `sluice policy` prints for their
//! configuration, in one file per key. Builds and functions have the role in their session token, with its current policies
//! and permissions boundary in the local AWS. A person at a terminal may do everything. Not evaluated: resource policies
//! (of buckets and functions), organizations, and session policies.

mod action;
mod actions;
mod apigateway;
mod caller;
mod dynamodb;
mod evaluation;
mod iam;
mod roles;
mod trust;
pub(super) mod xml;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use axum::http::StatusCode;
use axum::response::Response;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::account::ACCOUNT;
use super::config::policy_file;
use super::request::AwsRequest;
use super::strict::{Rule, Strict};
use super::upstream::Upstream;
use crate::calls::{CallName, Protocol, RefusedByRule};
pub use action::Action;
pub use caller::Caller;
use evaluation::Principal;
use roles::Roles;

/// The decision about a call.
#[derive(Debug, Default)]
pub struct Evaluation {
    actions: Vec<Action>,
    refused: Option<String>,
}

impl Evaluation {
    pub fn refusal(&self, protocol: Protocol) -> Option<Response> {
        let sentence = self.refused.as_ref()?;
        let (status, code) = match protocol {
            Protocol::AwsJson => (StatusCode::BAD_REQUEST, "AccessDeniedException"),
            Protocol::RestJson => (StatusCode::FORBIDDEN, "AccessDeniedException"),
            _ => (StatusCode::FORBIDDEN, "AccessDenied"),
        };
        let mut response = protocol.error(status, code, sentence);
        response.extensions_mut().insert(RefusedByRule(Rule::Policies.name()));
        Some(response)
    }

    /// The JSON for the recording.
    pub fn view(&self) -> Value {
        let actions: Vec<_> =
            self.actions.iter().map(|action| json!([action.name, action.resource])).collect();
        json!({ "asked": actions, "refused": self.refused })
    }
}

/// Checks calls; clones share the policies that were read.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    strict: Strict,
    /// Holds the policies of the bot and of `sluice init`, one file per key.
    folder: PathBuf,
    roles: Roles,
    upstream: Upstream,
    read: Mutex<HashMap<PathBuf, (SystemTime, Arc<Principal>)>>,
}

impl Access {
    /// With the rule `policies` off, it only lists the actions that calls need.
    pub fn new(strict: Strict, folder: PathBuf, upstream: Upstream) -> Self {
        let roles = Roles::new(upstream.clone());
        let inner = Inner { strict, folder, roles, upstream, read: Mutex::default() };
        Self(Arc::new(inner))
    }

    /// Decides about a call.
    pub async fn evaluate(&self, caller: &Caller, name: &CallName, request: &AwsRequest) -> Evaluation {
        let actions = match name.service.as_str() {
            "iam" => iam::required(&name.method, request, &self.0.roles).await,
            "apigateway" if matches!(name.method.as_str(), "DeleteApi" | "DeleteRestApi") => {
                apigateway::deletion(request, &self.0.upstream).await
            }
            _ => actions::required(name, request),
        };
        let principal = match caller {
            Caller::Bot(key) => self.bot(key),
            Caller::Role(role) => Some(self.0.roles.principal(role, "session").await),
            Caller::Admin | Caller::Observer | Caller::Unknown => None,
        };
        let refused = principal
            .filter(|_| self.0.strict.is_on(Rule::Policies))
            .and_then(|principal| actions.iter().find_map(|action| principal.refused(action)));
        if let Some(sentence) = &refused {
            tracing::warn!("{sentence}");
        }
        Evaluation { actions, refused }
    }

    /// AWS's message, if the role may not do what a service does on its behalf.
    pub async fn refused_to_role(&self, role: &str, session: &str, action: &Action) -> Option<String> {
        let principal = self.0.roles.principal(role, session).await;
        principal.refused(action).filter(|_| self.0.strict.is_on(Rule::Policies))
    }

    /// Why a service cannot assume a role for this source ARN, if it cannot. It does not depend on the rule `policies`.
    pub async fn refused_to_assume(&self, role: &str, service: &str, source: &str) -> Option<String> {
        match self.0.roles.of_arn(role).await {
            Some(found) => trust::refused(&found, service, source),
            None => Some(format!("the role {role} does not exist")),
        }
    }

    /// Call this after every change in IAM.
    pub fn iam_changed(&self) {
        self.0.roles.forget();
    }

    /// The principal with the policy in the key's file. Without a file everything is allowed: in a sandbox without a bot, the
    /// person who starts one writes it.
    fn bot(&self, key: &str) -> Option<Arc<Principal>> {
        let path = policy_file(&self.0.folder, key);
        let changed = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
        let mut read = self.0.read.lock();
        if let Some((_, principal)) = read.get(&path).filter(|(at, _)| *at == changed) {
            return Some(principal.clone());
        }
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let document = text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
        let identity =
            document.and_then(|document: Value| evaluation::policy(&document)).map(|policy| vec![policy]);
        let identity = identity.unwrap_or_else(|error| {
            tracing::error!(error, path = %path.display(), "a policy cannot be read; its principal may do nothing");
            vec![]
        });
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/sluice/{key}");
        let principal = Arc::new(Principal { arn, identity, ..Principal::default() });
        read.insert(path, (changed, principal.clone()));
        Some(principal)
    }
}

#[cfg(test)]
mod tests;
