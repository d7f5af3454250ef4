//! The caller of a call.

use axum::http::request::Parts;

use super::super::account::{ACCESS_KEY, ADMIN_KEY, OBSERVER_KEY, ROLE_KEY, ROLE_TOKEN};
use super::super::naming::Scope;

/// The signer of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person at a terminal.
    Admin,
    /// A test that only observes.
    Observer,
    /// The bot or `sluice init`, by its access key.
    Bot(String),
    /// A build or a function, by the ARN of its role.
    Role(String),
    /// A caller with an unknown access key.
    Unknown,
}

impl Caller {
    /// Identifies the caller of a request.
    pub fn of(parts: &Parts, scope: &Scope) -> Self {
        let token = parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let role = token.and_then(|token| token.strip_prefix(ROLE_TOKEN));
        match (scope.access_key.as_deref(), role) {
            (Some(ROLE_KEY), Some(role)) => Self::Role(role.to_owned()),
            (Some(ADMIN_KEY), _) => Self::Admin,
            (Some(OBSERVER_KEY), _) => Self::Observer,
            (Some(key), _) if is_ours(key) => Self::Bot(key.to_owned()),
            _ => Self::Unknown,
        }
    }

    /// Whether their calls are logged, and faults and rules apply to them.
    pub fn is_logged(&self) -> bool {
        !matches!(self, Self::Role(_) | Self::Observer)
    }

    /// The caller's name in the recording.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Observer => "observer",
            Self::Bot(key) if key.starts_with("AKIASLUICEINIT") => "init",
            Self::Bot(_) => "bot",
            Self::Role(_) => "role",
            Self::Unknown => "stranger",
        }
    }
}

/// The bot's access key, and the keys for other configurations: `AKIASLUICEBOT…` and `AKIASLUICEINIT…`.
fn is_ours(key: &str) -> bool {
    let is_made = key.starts_with("AKIASLUICEBOT") || key.starts_with("AKIASLUICEINIT");
    key == ACCESS_KEY || (is_made && key.chars().all(|c| c.is_ascii_alphanumeric()))
}
