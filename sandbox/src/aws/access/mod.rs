//! IAM in front of all services: every call is checked against the policies of its caller.
//!
//! The access key identifies the caller. The bot and `sluice init` have the policies that `sluice policy` prints for their
//! configuration, in one folder per key. Builds and functions have the role in their session token, with its current policies
//! and permissions boundary in the local AWS. A person at a terminal may do everything. Not evaluated: resource policies
//! (of buckets and functions), organizations, and session policies.

mod action;
mod actions;
mod apigateway;
mod caller;
mod dynamodb;
mod evaluation;
mod iam;
mod parameters;
mod roles;
mod trust;
pub(super) mod xml;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use axum::http::StatusCode;
use axum::response::Response;
use iam_rs::IAMPolicy;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::account::ACCOUNT;
use super::config::policies_of;
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
    /// Holds the policies of the bot and of `sluice init`, one folder per key.
    folder: PathBuf,
    roles: Roles,
    upstream: Upstream,
    read: Mutex<HashMap<PathBuf, (Files, Arc<Principal>)>>,
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
            "ssm" => parameters::required(&name.method, request, &self.0.upstream).await,
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

    /// Whether a policy of a resource allows a service that action. Everything is allowed without the rule `policies`.
    pub fn is_allowed_to_service(&self, policy: &Value, service: &str, action: &Action) -> bool {
        let allows = || {
            trust::allows(policy, service, action).unwrap_or_else(|error| {
                tracing::warn!(%error, resource = action.resource, "a policy cannot be read");
                false
            })
        };
        !self.0.strict.is_on(Rule::Policies) || allows()
    }

    /// Call this after every change in IAM.
    pub fn iam_changed(&self) {
        self.0.roles.forget();
    }

    /// The principal with the policies in the key's folder. Without a folder everything is allowed: in a sandbox without a bot, the
    /// person who starts one writes them.
    fn bot(&self, key: &str) -> Option<Arc<Principal>> {
        let folder = policies_of(&self.0.folder, key);
        let files = policy_files(&folder)?;
        let mut read = self.0.read.lock();
        if let Some((_, principal)) = read.get(&folder).filter(|(at, _)| *at == files) {
            return Some(principal.clone());
        }
        let identity = match files.len() {
            ..=ATTACHED_LIMIT => {
                files.iter().map(|(path, _)| policy_in(path)).collect::<Result<Vec<_>, String>>()
            }
            many => {
                Err(format!("{} has {many} policies, and a role takes {ATTACHED_LIMIT}", folder.display()))
            }
        };
        let identity = identity.unwrap_or_else(|error| {
            tracing::error!(error, "a policy cannot be used; its principal may do nothing");
            vec![]
        });
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/sluice/{key}");
        let principal = Arc::new(Principal { arn, identity, ..Principal::default() });
        read.insert(folder, (files, principal.clone()));
        Some(principal)
    }
}

/// IAM's limits: the characters of a managed policy without white space, and how many a role has by default.
const POLICY_LIMIT: usize = 6_144;
const ATTACHED_LIMIT: usize = 10;

/// Files with the times of their last changes.
type Files = Vec<(PathBuf, SystemTime)>;

/// The policies in a folder; `None` if there is no such folder.
fn policy_files(folder: &Path) -> Option<Files> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let json = entries.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "json"));
    let mut files: Files =
        json.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.modified().ok()?))).collect();
    files.sort();
    Some(files)
}

/// The policy in a file, if IAM would take it as a managed one.
fn policy_in(path: &Path) -> Result<IAMPolicy, String> {
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| said(&error))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| said(&error))?;
    let size = document.to_string().chars().filter(|sign| !sign.is_whitespace()).count();
    if size > POLICY_LIMIT {
        return Err(said(&format!("it has {size} characters, and IAM takes {POLICY_LIMIT}")));
    }
    evaluation::policy(&document, &[]).map_err(|error| said(&error))
}

#[cfg(test)]
mod tests;
