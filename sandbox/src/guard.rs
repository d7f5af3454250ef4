//! Keeps web sites out: any page in a browser can send requests to loopback, and calls to AWS run code here.
//!
//! Programs send neither `Origin` nor `Sec-Fetch-Site`; browsers do. `Host` shows a foreign name that resolves to this
//! machine. Pages for people (the sandbox's page, a build's log, a stage) are open to browsers, but not under a foreign name.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// For AWS: admits programs on this machine, and browsers to the logs of builds.
pub async fn programs(request: Request, next: Next) -> Response {
    let log = request.method() == Method::GET && request.uri().path().starts_with("/log/");
    let allowed = !is_foreign_host(request.headers()) && (log || !is_from_page(request.headers()));
    if allowed {
        next.run(request).await
    } else {
        refuse("The sandbox answers only programs on this machine.\n")
    }
}

/// For the stages: admits programs and browsers on this machine.
pub async fn this_machine(request: Request, next: Next) -> Response {
    if is_foreign_host(request.headers()) { refuse(ELSEWHERE) } else { next.run(request).await }
}

/// For the page and the control API: admits programs on this machine, and the sandbox's own page.
pub async fn own_page(request: Request, next: Next) -> Response {
    let foreign = is_foreign_host(request.headers()) || is_foreign_origin(request.headers());
    if foreign { refuse(ELSEWHERE) } else { next.run(request).await }
}

const ELSEWHERE: &str = "The sandbox answers only this machine.\n";

fn refuse(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, why).into_response()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn is_foreign_host(headers: &HeaderMap) -> bool {
    text(headers, header::HOST).is_some_and(|host| !is_loopback(host))
}

fn is_foreign_origin(headers: &HeaderMap) -> bool {
    let host = text(headers, header::HOST);
    text(headers, header::ORIGIN)
        .is_some_and(|origin| origin.strip_prefix("http://").is_none_or(|rest| Some(rest) != host))
}

fn is_from_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    headers.contains_key(header::ORIGIN) || site.is_some_and(|site| site != "none")
}

/// Whether a `Host` names this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn programs_are_told_from_pages_and_foreign_names() {
        let program = headers(&[("host", "127.0.0.1:8701")]);
        assert!(!is_foreign_host(&program) && !is_from_page(&program));
        assert!(is_foreign_host(&headers(&[("host", "evil.example:8701")])));
        assert!(is_from_page(&headers(&[("origin", "http://evil.example")])));
        assert!(is_from_page(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(!is_from_page(&headers(&[("sec-fetch-site", "none")])));
    }

    #[test]
    fn only_this_machine_and_its_own_page_are_answered() {
        let foreign = |pairs: &[(&'static str, &'static str)]| {
            let headers = headers(pairs);
            is_foreign_host(&headers) || is_foreign_origin(&headers)
        };
        let here = ("host", "127.0.0.1:4000");
        assert!(!foreign(&[here]));
        assert!(!foreign(&[("host", "localhost")]));
        assert!(!foreign(&[here, ("origin", "http://127.0.0.1:4000")]));
        assert!(foreign(&[("host", "evil.example:4000")]), "a name that resolves to this address");
        assert!(foreign(&[here, ("origin", "https://evil.example")]));
        assert!(foreign(&[here, ("origin", "http://127.0.0.1:9")]), "another port");
        assert!(foreign(&[here, ("origin", "null")]));
    }
}
