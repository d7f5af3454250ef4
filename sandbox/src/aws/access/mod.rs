//! IAM in front of all services: every call is judged by the policies of whoever signed it.
//!
//! Who somebody is, their access key says: the bot and `sluice init` have the policies that `sluice policy` prints for
//! their configuration, kept in a file for each key; builds and functions have the role that their session token names,
//! with its policies and its permissions boundary as they are in the local AWS at that moment; a person at a terminal
//! may do everything. Not judged: policies of resources (a bucket's, a function's), organizations, sessions.

mod asked;
mod dynamodb;
mod iam;
mod judge;
mod roles;
mod xml;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::naming::Scope;
use super::{ACCESS_KEY, ACCOUNT, AwsRequest, Rule, Strict, Upstream};
use crate::calls::{CallName, Protocol, Unserved};
pub use asked::{Asked, here};
use judge::Principal;
use roles::Roles;

/// The access key of `sluice init`, where the sandbox runs it.
pub const INIT_KEY: &str = "AKIASLUICEINIT000001";
/// The access key of people at a terminal: with it everything is allowed.
pub const ADMIN_KEY: &str = "AKIASLUICEADMIN00001";
/// The access key of whoever only looks, as tests do: not in the log, and no rule or fault meets it.
pub const OBSERVER_KEY: &str = "AKIASLUICESANDBOXEYE";
/// The access key that builds and functions run with. Their calls are theirs, not the bot's, and are not in the log.
pub const ROLE_KEY: &str = "ASIASLUICEROLE000001";
/// What a session token begins with, in front of the role's ARN.
const ROLE_TOKEN: &str = "role:";

/// Who signed a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A person at a terminal.
    Admin,
    /// A test that looks.
    Observer,
    /// The bot, or `sluice init`, by its access key.
    Bot(String),
    /// A build or a function, by the ARN of its role.
    Role(String),
    /// Nobody that this world knows.
    Stranger,
}

impl Who {
    /// Reads it from a signature.
    pub fn of(parts: &Parts, scope: &Scope) -> Self {
        let token = parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let role = token.and_then(|token| token.strip_prefix(ROLE_TOKEN));
        match (scope.access_key.as_deref(), role) {
            (Some(ROLE_KEY), Some(role)) => Self::Role(role.to_owned()),
            (Some(ADMIN_KEY), _) => Self::Admin,
            (Some(OBSERVER_KEY), _) => Self::Observer,
            (Some(key), _) if is_ours(key) => Self::Bot(key.to_owned()),
            _ => Self::Stranger,
        }
    }

    /// Whether their calls are in the log, and meet faults and rules.
    pub fn is_on_record(&self) -> bool {
        !matches!(self, Self::Role(_) | Self::Observer)
    }

    /// As the recording names them.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Observer => "observer",
            Self::Bot(key) if key.starts_with("AKIASLUICEINIT") => "init",
            Self::Bot(_) => "bot",
            Self::Role(_) => "role",
            Self::Stranger => "stranger",
        }
    }
}

/// The key of the line, and the ones that are made for a configuration: `AKIASLUICEBOT…` and `AKIASLUICEINIT…`.
fn is_ours(key: &str) -> bool {
    let is_made = key.starts_with("AKIASLUICEBOT") || key.starts_with("AKIASLUICEINIT");
    key == ACCESS_KEY || (is_made && key.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// The session token of somebody who acts as a role.
pub fn session_token(role: &str) -> String {
    format!("{ROLE_TOKEN}{role}")
}

/// What was decided about a call.
#[derive(Debug, Default)]
pub struct Judged {
    asked: Vec<Asked>,
    refused: Option<String>,
}

impl Judged {
    /// The refusal, in the form of the service's protocol.
    pub fn refusal(&self, protocol: Protocol) -> Option<Response> {
        let sentence = self.refused.as_ref()?;
        let (status, code) = match protocol {
            Protocol::AwsJson => (StatusCode::BAD_REQUEST, "AccessDeniedException"),
            Protocol::RestJson => (StatusCode::FORBIDDEN, "AccessDeniedException"),
            _ => (StatusCode::FORBIDDEN, "AccessDenied"),
        };
        let mut response = protocol.error(status, code, sentence);
        response.extensions_mut().insert(Unserved(Rule::Policies.name()));
        Some(response)
    }

    /// For the recording.
    pub fn view(&self) -> Value {
        let asked: Vec<_> = self.asked.iter().map(|asked| json!([asked.action, asked.resource])).collect();
        json!({ "asked": asked, "refused": self.refused })
    }
}

/// The judge; clones share what it knows.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    strict: Strict,
    /// Where the policies of the bot and of `sluice init` are, a file for each key.
    folder: PathBuf,
    roles: Roles,
    read: Mutex<HashMap<PathBuf, (SystemTime, Arc<Principal>)>>,
}

impl Access {
    /// A judge of this world; with the rule turned off it only says what was asked.
    pub fn new(strict: Strict, folder: PathBuf, upstream: Upstream) -> Self {
        let inner = Inner { strict, folder, roles: Roles::new(upstream), read: Mutex::default() };
        Self(Arc::new(inner))
    }

    /// Decides about a call.
    pub async fn judge(&self, who: &Who, name: &CallName, request: &AwsRequest) -> Judged {
        let asked = match name.service.as_str() {
            "iam" => iam::asked(&name.method, request, &self.0.roles).await,
            _ => asked::asked(name, request),
        };
        let principal = match who {
            Who::Bot(key) => self.of_key(key),
            Who::Role(role) => Some(self.0.roles.principal(role, "session").await),
            Who::Admin | Who::Observer | Who::Stranger => None,
        };
        let refused = principal
            .filter(|_| self.0.strict.is_on(Rule::Policies))
            .and_then(|principal| asked.iter().find_map(|asked| principal.refused(asked)));
        if let Some(sentence) = &refused {
            tracing::warn!("{sentence}");
        }
        Judged { asked, refused }
    }

    /// AWS's sentence, if what a service does with a role is refused to that role.
    pub async fn refused_to_role(&self, role: &str, asked: &Asked) -> Option<String> {
        let principal = self.0.roles.principal(role, "AWSCodeBuild").await;
        principal.refused(asked).filter(|_| self.0.strict.is_on(Rule::Policies))
    }

    /// Somebody changed something in IAM.
    pub fn changed(&self) {
        self.0.roles.forget();
    }

    /// The bot with the policy in the file of its key. Without a file nothing is judged: in a world without a bot, it is
    /// for whoever starts one to write it.
    fn of_key(&self, key: &str) -> Option<Arc<Principal>> {
        let path = file(&self.0.folder, key);
        let changed = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
        let mut read = self.0.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, principal)) = read.get(&path).filter(|(at, _)| *at == changed) {
            return Some(principal.clone());
        }
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let document = text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
        let identity =
            document.and_then(|document: Value| judge::policy(&document)).map(|policy| vec![policy]);
        let identity = identity.unwrap_or_else(|error| {
            tracing::error!(error, path = %path.display(), "this policy cannot be read: its owner may do nothing");
            vec![]
        });
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/sluice/{key}");
        let principal = Arc::new(Principal { arn, identity, ..Principal::default() });
        read.insert(path, (changed, principal.clone()));
        Some(principal)
    }
}

/// The file of a key's policy in that folder.
pub fn file(folder: &Path, key: &str) -> PathBuf {
    folder.join(format!("{key}.json"))
}

#[cfg(test)]
mod tests;
