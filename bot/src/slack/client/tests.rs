use std::sync::Arc;

use axum::Router;
use axum::extract::{Request as Incoming, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::config::Secret;

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Vec<(String, HeaderMap, Value)>>>);

async fn serve(State(fake): State<Fake>, request: Incoming) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let answer = match body["case"].as_str() {
        None => axum::Json(json!({ "ok": true, "ts": "1.2" })).into_response(),
        Some("refused") => axum::Json(json!({ "ok": false, "error": "not_in_channel" })).into_response(),
        Some("strange") => axum::Json(json!({ "ok": false, "error": "Canary: xoxb-canary" })).into_response(),
        Some("broken") => axum::Json(json!({ "ok": false, "error": "internal_error" })).into_response(),
        Some("throttled") => {
            let body = axum::Json(json!({ "ok": false, "error": "ratelimited" }));
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], body).into_response()
        }
        Some("500") => (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response(),
        Some("404") => (StatusCode::NOT_FOUND, "no").into_response(),
        Some("garbage") => ([("content-type", "application/json")], "{").into_response(),
        Some(_) => {
            ([("x-oauth-scopes", "chat:write,commands")], axum::Json(json!({ "ok": true }))).into_response()
        }
    };
    fake.0.lock().push((path, parts.headers, body));
    answer
}

#[expect(clippy::disallowed_methods, reason = "a server for one test; the test's end is its end")]
async fn fake() -> (Fake, WebClient) {
    let fake = Fake::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api_url = Url::parse(&format!("http://{}/api", listener.local_addr().unwrap())).unwrap();
    let app = Router::new().fallback(serve).with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (fake, slack(api_url))
}

fn slack(api_url: Url) -> WebClient {
    WebClient::with_token(&api_url, &Secret::new("xoxb-canary")).unwrap()
}

#[tokio::test]
async fn a_call_sends_token_and_body() {
    let (fake, slack) = fake().await;
    let answer = slack.call(Method::PostMessage, &json!({ "channel": "C1", "text": "hi" })).await.unwrap();
    assert_eq!(answer["ts"], "1.2");
    let (path, headers, body) = fake.0.lock()[0].clone();
    assert_eq!(path, "/api/chat.postMessage");
    assert_eq!(headers["authorization"], "Bearer xoxb-canary");
    assert_eq!(body["text"], "hi");
}

#[tokio::test]
async fn reading_methods_send_arguments_in_the_url() {
    let (fake, slack) = fake().await;
    slack.call(Method::GroupMembers, &json!({ "usergroup": "S1" })).await.unwrap();
    slack.call(Method::UserInfo, &json!({ "user": "U1" })).await.unwrap();
    let calls = fake.0.lock().clone();
    assert_eq!(calls[0].0, "/api/usergroups.users.list?usergroup=S1");
    assert_eq!(calls[1].0, "/api/users.info?user=U1");
    assert!(
        calls
            .iter()
            .all(|(_, headers, body)| headers["authorization"] == "Bearer xoxb-canary" && body.is_null())
    );
}

#[tokio::test]
async fn errors_are_classified_by_what_the_caller_may_do() {
    let (_, slack) = fake().await;
    for (case, error) in [
        ("refused", SlackError::Refused("not_in_channel".into())),
        ("strange", SlackError::Refused("unknown_error".into())),
        ("broken", SlackError::Unknown),
        ("throttled", SlackError::RateLimited(Duration::from_secs(7))),
        ("500", SlackError::Unknown),
        ("404", SlackError::Refused("http_404".into())),
        ("garbage", SlackError::Unknown),
    ] {
        assert_eq!(slack.call(Method::Update, &json!({ "case": case })).await, Err(error), "{case}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/api", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    assert_eq!(slack(url).call(Method::AuthTest, &json!({})).await, Err(SlackError::Unreachable));
}

#[tokio::test]
async fn a_response_url_does_not_get_the_token() {
    let (fake, slack) = fake().await;
    let url = Url::parse(&format!("{}/commands/1", slack.base)).unwrap();
    slack.respond(&url, &json!({ "text": "hi" })).await.unwrap();
    assert!(fake.0.lock()[0].1.get("authorization").is_none());
}

#[tokio::test]
async fn scopes_are_unknown_without_the_header() {
    let (_, slack) = fake().await;
    assert_eq!(slack.granted_scopes().await, Ok(None));
}
