//! The pool with a Slack at the other end of pipes in memory, on a paused clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::ingress::testing::{Service, TEAM, Urls, deliveries};
use super::dial::{Dial, limits};
use super::pool::serve;
use crate::http::Readiness;
use crate::slack::{SlackError, Unavailable};
use crate::tasks::{Kind, Tasks};

/// Slack's end of a connection.
struct Link(WebSocketStream<DuplexStream>);

impl Link {
    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message of the bot; `None`: it ended the connection.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    async fn hello(mut self) -> Self {
        self.send(json!({ "type": "hello", "num_connections": 1 })).await;
        self
    }

    async fn disconnect(&mut self, reason: &str) {
        self.send(json!({ "type": "disconnect", "reason": reason })).await;
    }

    async fn command(&mut self, id: &str, text: &str) {
        let payload = json!({
            "team_id": TEAM, "team_domain": "home", "channel_id": "C0GENERAL", "channel_name": "general", "user_id": "U0ANN",
            "user_name": "ann", "command": "/build", "text": text, "trigger_id": format!("1.2.{id}"), "api_app_id": "A1",
            "response_url": format!("https://hooks.slack.com/commands/{id}"),
        });
        self.envelope(id, "slash_commands", payload).await;
    }

    async fn envelope(&mut self, id: &str, kind: &str, payload: Value) {
        let envelope =
            json!({ "envelope_id": id, "type": kind, "payload": payload, "accepts_response_payload": true });
        self.send(envelope).await;
    }
}

/// Opens connections to the test, after the failures that it was given.
struct Pipes {
    failures: Mutex<VecDeque<SlackError>>,
    dialed: Mutex<Vec<Instant>>,
    links: mpsc::UnboundedSender<Link>,
}

#[async_trait]
impl Dial for Arc<Pipes> {
    type Stream = DuplexStream;

    async fn dial(&self) -> Result<WebSocketStream<DuplexStream>, SlackError> {
        self.dialed.lock().push(Instant::now());
        if let Some(error) = self.failures.lock().pop_front() {
            return Err(error);
        }
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        self.links.send(Link(theirs)).unwrap();
        Ok(WebSocketStream::from_raw_socket(ours, Role::Client, Some(limits())).await)
    }
}

struct World {
    service: Arc<Service>,
    urls: Arc<Urls>,
    pipes: Arc<Pipes>,
    links: mpsc::UnboundedReceiver<Link>,
    readiness: Readiness,
    tasks: Tasks,
}

impl World {
    fn new(takes: Duration, failures: impl IntoIterator<Item = SlackError>) -> Self {
        let (service, urls) = (Service::new(takes, Ok::<(), Unavailable>(())), Arc::new(Urls::default()));
        let (sender, links) = mpsc::unbounded_channel();
        let failures = Mutex::new(failures.into_iter().collect());
        let pipes = Arc::new(Pipes { failures, dialed: Mutex::default(), links: sender });
        let (tasks, readiness) = (Tasks::new(), Readiness::waiting_for(&["socket mode"]));
        let deliveries = deliveries(&service, &urls, tasks.clone(), true);
        let served = serve(Arc::clone(&pipes), deliveries, readiness.clone(), tasks.clone());
        tasks.spawn(Kind::Listener, served);
        Self { service, urls, pipes, links, readiness, tasks }
    }

    /// The next connection that the bot opens.
    async fn link(&mut self) -> Link {
        timeout(Duration::from_secs(300), self.links.recv()).await.expect("the bot connects").unwrap()
    }

    async fn open(&mut self) -> Link {
        self.link().await.hello().await
    }

    /// Lets everything happen that needs no time.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    fn posted(&self) -> Vec<String> {
        self.urls.0.lock().iter().map(|(url, _)| url.to_string()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_delivery_delays_no_other_and_each_is_acknowledged_after_it_was_handled() {
    let mut world = World::new(Duration::from_secs(1), []);
    let (mut first, _second) = (world.open().await, world.open().await);
    let begun = Instant::now();
    for id in ["a", "b", "c"] {
        first.command(id, "orders").await;
    }
    for _ in 0..3 {
        let acknowledged = first.next().await.unwrap();
        assert!(acknowledged["payload"]["text"].as_str().unwrap().contains("Done"), "{acknowledged}");
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(1), "side by side");
    assert_eq!(world.service.seen.lock().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_or_is_not_known_is_acknowledged() {
    let mut world = World::new(Duration::ZERO, []);
    let mut link = world.open().await;
    link.send(json!({ "type": "a message without envelope" })).await;
    for (id, kind, payload) in [
        ("bad", "slash_commands", json!({ "command": 3 })),
        ("new", "a type of next year", json!({})),
        ("event", "events_api", json!({ "type": "event_callback", "event": { "type": "app_mention" } })),
        ("view", "interactive", json!({ "type": "view_closed" })),
    ] {
        link.envelope(id, kind, payload).await;
        assert_eq!(link.next().await.unwrap(), json!({ "envelope_id": id }));
    }
    let options = json!({ "type": "block_suggestion" });
    link.envelope("menu", "interactive", options).await;
    assert_eq!(link.next().await.unwrap()["payload"], json!({ "options": [] }));
    assert!(world.service.seen.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_slack_will_close_is_replaced_first() {
    let mut world = World::new(Duration::ZERO, []);
    let (mut old, _other) = (world.open().await, world.open().await);
    world.settle().await;
    old.disconnect("warning").await;
    let _new = world.open().await;
    world.settle().await;
    old.command("late", "orders").await;
    assert_eq!(old.next().await.unwrap()["envelope_id"], "late", "the old one goes on until Slack closes it");
    assert!(world.links.try_recv().is_err(), "two are enough");
    let begun = Instant::now();
    assert_eq!(old.next().await, None, "or until it stayed for too long");
    assert!(begun.elapsed() >= Duration::from_secs(29), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_sign_of_life_is_replaced() {
    let mut world = World::new(Duration::ZERO, []);
    let (silent, mut alive) = (world.open().await, world.open().await);
    let begun = Instant::now();
    // One end is never read: it answers no ping.
    let third = tokio::select! {
        third = world.links.recv() => third.unwrap(),
        _ = async { loop { alive.next().await; } } => unreachable!(),
    };
    assert_eq!(begun.elapsed().as_secs(), 30);
    drop((silent, third));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_slack_does_not_greet_is_closed() {
    let mut world = World::new(Duration::ZERO, []);
    let _mute = world.link().await;
    let _other = world.open().await;
    let begun = Instant::now();
    let _third = world.link().await;
    assert!((10..14).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn attempts_become_rarer_and_keep_to_slacks_pause() {
    let failures = [
        SlackError::Unreachable,
        SlackError::Unknown,
        SlackError::RateLimited(Duration::from_secs(30)),
        SlackError::Refused("invalid_auth".into()),
    ];
    let mut world = World::new(Duration::ZERO, failures);
    world.settle().await;
    assert_eq!(world.readiness.page().1, "socket mode: Slack cannot be reached\n");
    let link = world.link().await;
    let refused = "socket mode: Slack refuses SLACK_APP_TOKEN (invalid_auth); make a new one under Basic Information → App-Level Tokens\n";
    assert_eq!(world.readiness.page().1, refused, "until Slack has greeted");
    let dialed = world.pipes.dialed.lock().clone();
    let pauses: Vec<_> = dialed.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert_eq!(pauses[..4], [500, 1000, 30_000, 4000]);
    let _link = link.hello().await;
    world.settle().await;
    assert_eq!(world.readiness.page().1, "ready\n");
}

#[tokio::test(start_paused = true)]
async fn connections_that_end_at_once_are_not_opened_in_a_loop() {
    let mut world = World::new(Duration::ZERO, []);
    let begun = Instant::now();
    for _ in 0..12 {
        drop(world.open().await);
    }
    assert!(begun.elapsed() > Duration::from_secs(100), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn socket_mode_that_is_switched_off_is_said_and_looked_for_rarely() {
    let mut world = World::new(Duration::ZERO, []);
    let (mut first, mut second) = (world.open().await, world.open().await);
    let begun = Instant::now();
    first.disconnect("link_disabled").await;
    second.disconnect("link_disabled").await;
    let _third = world.link().await;
    assert!(begun.elapsed() >= Duration::from_secs(60));
    assert_eq!(
        world.readiness.page().1,
        "socket mode: Socket Mode is switched off: switch it on in the app's settings at https://api.slack.com/apps\n"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_sent_any_more_is_posted() {
    let mut world = World::new(Duration::from_secs(1), []);
    let mut link = world.open().await;
    link.command("lost", "orders").await;
    world.settle().await;
    drop(link);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.service.seen.lock().len(), 1);
    assert_eq!(world.posted(), ["https://hooks.slack.com/commands/lost"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stops_acknowledges_first() {
    let mut world = World::new(Duration::from_secs(1), []);
    let mut link = world.open().await;
    link.command("last", "orders").await;
    world.settle().await;
    let reads = async {
        assert_eq!(link.next().await.unwrap()["envelope_id"], "last");
        assert_eq!(link.next().await, None);
    };
    let (stopped, ()) = tokio::join!(world.tasks.shut_down(), reads);
    assert!(stopped);
    assert!(world.posted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_ends_its_connection_only() {
    let mut world = World::new(Duration::ZERO, []);
    let (mut first, mut second) = (world.open().await, world.open().await);
    let huge = json!({ "type": "x".repeat(2 << 20) }).to_string();
    let _ = timeout(Duration::from_secs(5), first.0.send(Message::text(huge))).await;
    let _third = world.open().await;
    second.command("a", "orders").await;
    assert_eq!(second.next().await.unwrap()["envelope_id"], "a");
}
