//! Keeps web sites out of AWS: its calls run code, and any page in a browser can reach loopback.
//!
//! Programs say neither `Origin` nor `Sec-Fetch-Site`; browsers do. A name that was made to point to this machine shows
//! in `Host`. Pages for people (a build's log, a stage) are open to browsers, but not under a foreign name.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::slack::is_here;

/// Lets only programs of this machine pass.
pub async fn programs(request: Request, next: Next) -> Response {
    let page = request.method() == axum::http::Method::GET && request.uri().path().starts_with("/log/");
    let browser = from_a_page(request.headers());
    if foreign(request.headers()) || (browser && !page) { refused() } else { next.run(request).await }
}

/// Lets programs and browsers of this machine pass.
pub async fn this_machine(request: Request, next: Next) -> Response {
    if foreign(request.headers()) { refused() } else { next.run(request).await }
}

fn refused() -> Response {
    (StatusCode::FORBIDDEN, "this world only answers to programs of this machine\n").into_response()
}

fn foreign(headers: &HeaderMap) -> bool {
    headers.get(header::HOST).is_some_and(|host| !host.to_str().is_ok_and(is_here))
}

fn from_a_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    headers.contains_key(header::ORIGIN) || site.is_some_and(|site| site != "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn pages_and_foreign_names_are_told_apart_from_programs() {
        let program = headers(&[("host", "127.0.0.1:8701")]);
        assert!(!foreign(&program) && !from_a_page(&program));
        assert!(foreign(&headers(&[("host", "evil.example:8701")])));
        assert!(from_a_page(&headers(&[("origin", "http://evil.example")])));
        assert!(from_a_page(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(!from_a_page(&headers(&[("sec-fetch-site", "none")])));
    }
}
