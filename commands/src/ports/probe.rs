use std::fmt;

use async_trait::async_trait;

/// The method of a request. Neither changes anything on a server that follows HTTP's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The answer has a body.
    Get,
    /// The answer has no body.
    Head,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
        })
    }
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The stage answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body, at most 4 KiB.
        body: String,
    },
    /// The stage did not answer. The text is the reason, as `it did not answer within 5 s`.
    Silent(&'static str),
}

/// Requests to a stage, as its users make them.
#[async_trait]
pub trait Probe: Send + Sync {
    /// One request, without a body or credentials. It follows no redirect and ends within 5 s. A timeout is a
    /// result too, so it never fails.
    async fn request(&self, method: Method, url: &str) -> Reply;
}
