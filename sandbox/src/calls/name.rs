//! How the log and the faults name a call.

use super::protocol::Protocol;

/// A call's service, method and resource.
#[derive(Debug, Clone)]
pub struct CallName {
    /// `lambda`, `s3`, `dynamodb`, `slack`…
    pub service: String,
    /// `UpdateAlias`, `chat.postMessage`…
    pub method: String,
    /// The resource, short: a function, a table, a bucket and key.
    pub detail: Option<String>,
    /// Whether it changes anything.
    pub mutating: bool,
    /// The wire form of its errors.
    pub protocol: Protocol,
}
