use std::fmt;

use async_trait::async_trait;

/// How a stage is asked. Neither changes anything at a server that keeps to HTTP's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// With its body.
    Get,
    /// Without.
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

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It was answered.
    Answered {
        /// The status.
        status: u16,
        /// The beginning of the body, 4 KiB at the most.
        body: String,
    },
    /// It was not: why, as `it did not answer within 5 s`.
    Silent(&'static str),
}

/// Requests to what a stage serves, as its users make them.
#[async_trait]
pub trait Probe: Send + Sync {
    /// One request, without a body or credentials. It follows no redirect, and is over within 5 s: being late is an
    /// answer, too, and so it never fails.
    async fn request(&self, method: Method, url: &str) -> Reply;
}
