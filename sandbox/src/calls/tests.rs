use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A service with one counter, called through [`Calls`] over TCP.
struct World {
    calls: Calls,
    hits: Arc<AtomicU32>,
    address: std::net::SocketAddr,
}

impl World {
    async fn start() -> Self {
        let (calls, hits) = (Calls::new(), Arc::new(AtomicU32::new(0)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shared, counter) = (calls.clone(), hits.clone());
        let app = Router::new().fallback(move || {
            let (calls, hits) = (shared.clone(), counter.clone());
            async move {
                let name = CallName {
                    service: "lambda".into(),
                    method: "UpdateAlias".into(),
                    detail: Some("orders:prod".into()),
                    mutating: true,
                    protocol: Protocol::RestJson,
                };
                calls
                    .run(name, async move {
                        hits.fetch_add(1, Ordering::SeqCst);
                        "done".into_response()
                    })
                    .await
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { calls, hits, address }
    }

    fn arm(&self, spec: serde_json::Value) -> String {
        self.calls.arm(serde_json::from_value(spec).unwrap())
    }

    async fn send(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        stream
    }

    async fn get(&self) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}/", self.address)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let waited = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), waited).await.expect(what);
    }
}

#[tokio::test]
async fn a_call_is_recorded_with_its_result() {
    let world = World::start().await;
    assert_eq!(world.get().await, (200, "done".into()));
    let calls = world.calls.list(None);
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].result.as_str(), calls[0].status, calls[0].seq), ("ok", Some(200), 1));
    assert!(calls[0].end_us.unwrap() >= calls[0].start_us);
    assert!(world.calls.list(Some(1)).is_empty());
}

#[tokio::test]
async fn a_call_held_before_its_effect_has_none_after_a_hang_up() {
    let world = World::start().await;
    let id = world.arm(json!({"mutating": true, "action": "hold"}));
    let stream = world.send().await;
    world.until("the call is held", |w| w.calls.faults()[0].holding == 1).await;
    drop(stream);
    world.until("the hang-up is noticed", |w| w.calls.list(None)[0].result == "dropped").await;
    assert!(world.calls.release(&id));
    assert_eq!(world.get().await.0, 200);
    assert_eq!(world.hits.load(Ordering::SeqCst), 1, "only the second call");
    assert!(!world.calls.list(None)[0].effect);
}

#[tokio::test]
async fn a_call_held_before_its_effect_continues_when_released() {
    let world = World::start().await;
    let id = world.arm(json!({"action": "hold", "when": "before"}));
    let (answer, ()) = tokio::join!(world.get(), async {
        world.until("the call is held", |w| w.calls.faults()[0].holding == 1).await;
        assert_eq!(world.hits.load(Ordering::SeqCst), 0);
        assert!(world.calls.release(&id));
    });
    assert_eq!(answer.0, 200);
    assert_eq!(world.calls.list(None)[0].result, "ok");
}

#[tokio::test]
async fn a_call_held_after_its_effect_keeps_it() {
    let world = World::start().await;
    world.arm(json!({"action": "hold", "when": "after"}));
    let stream = world.send().await;
    world.until("the answer is held", |w| w.calls.list(None).iter().any(|c| c.result == "held")).await;
    assert_eq!(world.hits.load(Ordering::SeqCst), 1);
    drop(stream);
    world.until("the hang-up is noticed", |w| w.calls.list(None)[0].result == "dropped").await;
    assert!(world.calls.list(None)[0].effect);
    world.calls.clear();
    assert!(world.calls.faults().is_empty());
}

#[tokio::test]
async fn a_dropped_answer_sends_no_byte() {
    let world = World::start().await;
    world.arm(json!({"action": "drop"}));
    let mut stream = world.send().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(String::from_utf8_lossy(&answer), "");
    assert_eq!(world.hits.load(Ordering::SeqCst), 1);
    assert_eq!(world.calls.list(None)[0].result, "dropped");
}

#[tokio::test]
async fn the_nth_call_is_refused_in_its_protocol() {
    let world = World::start().await;
    world.arm(json!({"service": "lambda", "nth": 2, "times": 2, "action": "refuse", "status": 429}));
    world.arm(json!({"service": "s3", "action": "refuse"}));
    world.arm(json!({"except_detail": ["staging", "prod"], "action": "refuse"}));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(world.get().await.0);
    }
    assert_eq!(statuses, [200, 429, 429, 200]);
    let faults = world.calls.faults();
    assert!(faults[0].spent && !faults[1].spent);
    assert_eq!(faults[2].seen, 0, "the fault excludes its detail");
    assert_eq!(world.hits.load(Ordering::SeqCst), 2);
    let refusal = Protocol::RestJson.refusal(Some(429), None, None);
    assert_eq!(refusal.headers()["x-amzn-errortype"], "TooManyRequestsException");
}

#[test]
fn error_codes_are_read_in_every_protocol() {
    let none = axum::http::HeaderMap::new();
    let bad = axum::http::StatusCode::BAD_REQUEST;
    let read = |protocol: Protocol, body: &str| protocol.error_code(&none, bad, body.as_bytes());
    let json =
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":""}"#;
    assert_eq!(read(Protocol::AwsJson, json).unwrap(), "ConditionalCheckFailedException");
    assert_eq!(read(Protocol::RestXml, "<Error><Code>NoSuchKey</Code></Error>").unwrap(), "NoSuchKey");
    let slack = Protocol::Slack.error_code(&none, axum::http::StatusCode::OK, br#"{"ok":false,"error":"x"}"#);
    assert_eq!(slack.unwrap(), "x");
}
