//! Keeps other web sites out: whoever has this world open in a browser has others open too.
//!
//! The port is on loopback, but a browser would carry requests of any page to it. A request whose `Host` is not this
//! machine's (a name that was made to point here) or whose `Origin` is another site's is refused.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Slack;

/// Refuses requests that a foreign page sends.
pub async fn same_machine(State(_): State<Slack>, request: Request, next: Next) -> Response {
    if foreign(request.headers()) {
        return (StatusCode::FORBIDDEN, "this world only answers to this machine\n").into_response();
    }
    next.run(request).await
}

fn foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST);
    let origin = text(header::ORIGIN);
    host.is_some_and(|host| !is_here(host))
        || origin.is_some_and(|origin| origin.strip_prefix("http://").is_none_or(|rest| Some(rest) != host))
}

/// Whether a `Host` names this machine.
pub fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_this_machine_and_its_own_page_are_answered() {
        let here = (header::HOST, "127.0.0.1:4000");
        assert!(!foreign(&headers(std::slice::from_ref(&here))));
        assert!(!foreign(&headers(&[(header::HOST, "localhost")])));
        assert!(!foreign(&headers(&[here.clone(), (header::ORIGIN, "http://127.0.0.1:4000")])));
        assert!(foreign(&headers(&[(header::HOST, "evil.example:4000")])), "a name bound to this address");
        assert!(foreign(&headers(&[here.clone(), (header::ORIGIN, "https://evil.example")])));
        assert!(foreign(&headers(&[here.clone(), (header::ORIGIN, "http://127.0.0.1:9")])), "another port");
        assert!(foreign(&headers(&[here, (header::ORIGIN, "null")])));
    }
}
