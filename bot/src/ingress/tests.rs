use std::sync::Mutex;

use axum::body::Body;
use axum::http::header;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use sha2::Sha256;
use sluice_commands::service::Input;
use sluice_model::Card;
use sluice_testkit::fuzz::{self, Seeds};
use tower::ServiceExt;
use url::{Url, form_urlencoded};

use super::*;
use crate::slack::Method;

const SECRET: &str = "canary-signing-secret";
const TEAM: &str = "T0HOME";

struct RealTime;

impl Clock for RealTime {
    #[expect(clippy::disallowed_methods, reason = "slack-morphism's verifier reads the wall clock too")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Handles everything the same way, and remembers it.
struct Service {
    seen: Mutex<Vec<Invocation>>,
    takes: Duration,
    outcome: Result<(), Delayed>,
}

#[async_trait]
impl Handles for Service {
    async fn handle(&self, invocation: Invocation) -> Result<Answer, Delayed> {
        if let Input::Slash { text, .. } = &invocation.said
            && text == "panic"
        {
            panic!("told to");
        }
        self.seen.lock().unwrap().push(invocation);
        tokio::time::sleep(self.takes).await;
        self.outcome.map(|()| Answer::private(Card::new(Tone::Good, "Done")))
    }
}

/// Takes answers to response URLs.
#[derive(Default)]
struct Urls(Mutex<Vec<(Url, Value)>>);

#[async_trait]
impl WebApi for Urls {
    async fn call(&self, _: Method, _: &Value) -> Result<Value, Trouble> {
        Err(Trouble::Unreached)
    }
    async fn respond(&self, url: &Url, body: &Value) -> Result<(), Trouble> {
        self.0.lock().unwrap().push((url.clone(), body.clone()));
        Ok(())
    }
}

struct World {
    router: Router,
    service: Arc<Service>,
    urls: Arc<Urls>,
}

fn world_with(takes: Duration, outcome: Result<(), Delayed>, live: bool) -> World {
    let service = Arc::new(Service { seen: Mutex::default(), takes, outcome });
    let (urls, cell) = (Arc::new(Urls::default()), Arc::new(OnceLock::new()));
    if live {
        let _ = cell.set(Live { team: TeamId::new(TEAM).unwrap(), service: service.clone() });
    }
    let secret = Secret::new(SECRET);
    let door = Door::new(&secret, Arc::new(RealTime), cell, urls.clone(), Arc::default(), Tasks::new());
    World { router: router(door), service, urls }
}

fn world() -> World {
    world_with(Duration::ZERO, Ok(()), true)
}

fn sign(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

fn stamp(offset: i64) -> String {
    (RealTime.now().as_second() + offset).to_string()
}

fn request(kind: &str, body: &str) -> Request {
    signed(kind, body, SECRET, &stamp(0))
}

fn signed(kind: &str, body: &str, secret: &str, timestamp: &str) -> Request {
    Request::post("/slack/events")
        .header(header::CONTENT_TYPE, kind)
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", sign(secret, timestamp, body))
        .body(Body::from(body.to_owned()))
        .unwrap()
}

const FORM: &str = "application/x-www-form-urlencoded";

fn fields() -> Vec<(&'static str, String)> {
    [
        ("token", "old"),
        ("team_id", TEAM),
        ("team_domain", "home"),
        ("channel_id", "C0GENERAL"),
        ("channel_name", "general"),
        ("user_id", "U0ANN"),
        ("user_name", "ann"),
        ("command", "/build"),
        ("text", "orders"),
        ("api_app_id", "A1"),
        ("response_url", "https://hooks.slack.com/commands/T/1/x"),
        ("trigger_id", "13345224609.738474920.8088930838d88f008e0"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn form(fields: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn with(name: &'static str, value: &str) -> String {
    let mut fields = fields();
    fields.retain(|(field, _)| *field != name);
    fields.push((name, value.to_owned()));
    form(&fields)
}

fn click() -> Value {
    json!({
        "type": "block_actions",
        "team": { "id": TEAM, "domain": "home" },
        "user": { "id": "U0BOB", "username": "bob", "team_id": TEAM },
        "api_app_id": "A1",
        "token": "old",
        "container": { "type": "message", "message_ts": "1.2", "channel_id": "C0GENERAL" },
        "trigger_id": "99.1.x",
        "channel": { "id": "C0GENERAL", "name": "general" },
        "message": { "type": "message", "ts": "1.2", "blocks": [{ "type": "not known yet", "x": [[1]] }] },
        "response_url": "https://hooks.slack.com/actions/T/1/x",
        "actions": [{ "type": "button", "action_id": "promotion.approve", "block_id": "b", "value": "01J 3",
                      "action_ts": "1.3", "text": { "type": "plain_text", "text": "Approve" } }],
    })
}

fn payload(value: &Value) -> String {
    form(&[("payload", value.to_string())])
}

async fn send(world: &World, request: Request) -> (StatusCode, String) {
    let response = world.router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn until(mut condition: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it did not come to pass");
}

#[tokio::test]
async fn a_signed_command_is_handled_on_each_of_the_three_urls() {
    for path in ["/slack/events", "/slack/commands", "/slack/interactions"] {
        let world = world();
        let mut request = request(FORM, &form(&fields()));
        *request.uri_mut() = path.parse().unwrap();
        let (status, body) = send(&world, request).await;
        assert_eq!(status, StatusCode::OK);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["response_type"], "ephemeral");
        assert_eq!(body["text"], "✅ Done");
        let seen = world.service.seen.lock().unwrap();
        assert_eq!(seen[0].delivery, "T0HOME:13345224609.738474920.8088930838d88f008e0");
        assert_eq!((seen[0].actor.id.as_str(), seen[0].actor.name.as_str()), ("U0ANN", "ann"));
        assert_eq!(seen[0].said, Input::Slash { command: "/build".into(), text: "orders".into() });
    }
}

#[tokio::test]
async fn a_click_is_acknowledged_empty_and_answered_by_its_url() {
    let world = world();
    let (status, body) = send(&world, request(FORM, &payload(&click()))).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
    until(|| !world.urls.0.lock().unwrap().is_empty()).await;
    let (url, body) = world.urls.0.lock().unwrap()[0].clone();
    assert_eq!(url.as_str(), "https://hooks.slack.com/actions/T/1/x");
    assert_eq!((&body["response_type"], &body["replace_original"]), (&json!("ephemeral"), &json!(false)));
    let seen = world.service.seen.lock().unwrap();
    assert_eq!(seen[0].said, Input::Click { action_id: "promotion.approve".into(), value: "01J 3".into() });
    assert_eq!(seen[0].delivery, "T0HOME:99.1.x");
}

#[tokio::test]
async fn what_slack_did_not_sign_now_is_refused_without_a_word() {
    let body = form(&fields());
    let now = stamp(0);
    let good = sign(SECRET, &now, &body);
    let header = |request: &mut Request, name: &'static str, value: &str| {
        request.headers_mut().append(name, value.parse().unwrap());
    };
    let bare = || {
        Request::post("/slack/events")
            .header(header::CONTENT_TYPE, FORM)
            .body(Body::from(body.clone()))
            .unwrap()
    };
    let mut refused = vec![("no headers", bare())];
    for (case, timestamp, signature) in [
        ("wrong secret", now.clone(), sign("other", &now, &body)),
        ("stale", stamp(-301), sign(SECRET, &stamp(-301), &body)),
        ("future", stamp(302), sign(SECRET, &stamp(302), &body)),
        ("no number", "soon".into(), sign(SECRET, "soon", &body)),
        ("negative", format!("-{now}"), sign(SECRET, &format!("-{now}"), &body)),
        ("plus", format!("+{now}"), sign(SECRET, &format!("+{now}"), &body)),
        ("huge", "99999999999999999999".into(), sign(SECRET, "99999999999999999999", &body)),
        ("empty timestamp", String::new(), sign(SECRET, "", &body)),
        ("empty signature", now.clone(), String::new()),
        ("short signature", now.clone(), good.chars().take(20).collect()),
        ("other version", now.clone(), good.replace("v0=", "v1=")),
        ("upper case", now.clone(), good.to_uppercase().replace("V0", "v0")),
        ("another body", now.clone(), sign(SECRET, &now, "text=other")),
    ] {
        let mut request = bare();
        header(&mut request, "x-slack-request-timestamp", &timestamp);
        header(&mut request, "x-slack-signature", &signature);
        refused.push((case, request));
    }
    for twice in ["x-slack-request-timestamp", "x-slack-signature"] {
        let mut request = request(FORM, &body);
        let value = request.headers()[twice].clone();
        request.headers_mut().append(twice, value);
        refused.push((twice, request));
    }
    let world = world();
    for (case, request) in refused {
        assert_eq!(send(&world, request).await, (StatusCode::UNAUTHORIZED, String::new()), "{case}");
    }
    let not_text = [body.as_bytes(), &[0xff]].concat();
    let mut request = signed(FORM, &body, SECRET, &now);
    *request.body_mut() = Body::from(not_text);
    assert_eq!(send(&world, request).await.0, StatusCode::UNAUTHORIZED);
    assert!(world.service.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_too_large_is_refused_whether_or_not_it_says_so() {
    let world = world();
    let large = with("text", &"x".repeat(BODY_LIMIT));
    let mut announced = request(FORM, &large);
    announced.headers_mut().insert(header::CONTENT_LENGTH, large.len().into());
    assert_eq!(send(&world, announced).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let mut unannounced = request(FORM, &large);
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 << 10])));
    *unannounced.body_mut() = Body::from_stream(futures::stream::iter(chunks));
    assert_eq!(send(&world, unannounced).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(world.service.seen.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let world = world();
    let mut request = request(FORM, "");
    *request.body_mut() = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    assert_eq!(send(&world, request).await.0, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn garbage_in_any_field_is_refused_without_an_echo() {
    let mut bodies = vec![
        (FORM, String::new()),
        (FORM, "garbage".into()),
        (FORM, "payload=canary".into()),
        (FORM, "payload=%5B%5D".into()),
        (FORM, format!("{}&text=twice", form(&fields()))),
        ("application/json", "canary".into()),
        ("application/json", "{}".into()),
        ("application/json", json!({ "type": "url_verification", "challenge": 3 }).to_string()),
        ("text/plain", form(&fields())),
        ("canary", form(&fields())),
    ];
    for required in ["team_id", "channel_id", "user_id", "command", "response_url", "trigger_id"] {
        for garbage in ["", "canary \u{0}", "🧨", &"x".repeat(5_000), "../../etc/passwd"] {
            bodies.push((FORM, with(required, garbage)));
        }
        let mut without = fields();
        without.retain(|(name, _)| *name != required);
        bodies.push((FORM, form(&without)));
    }
    for url in ["http://169.254.169.254/latest", "file:///etc/passwd", "gopher://x"] {
        bodies.push((FORM, with("response_url", url)));
    }
    for pointer in
        ["/team/id", "/user/id", "/trigger_id", "/actions/0/action_id", "/channel/id", "/response_url"]
    {
        for garbage in [json!(""), json!(3), json!(null), json!({ "canary": [] }), json!("🧨 canary")] {
            let mut value = click();
            *value.pointer_mut(pointer).unwrap() = garbage.clone();
            if garbage.is_null() && pointer == "/response_url" {
                continue;
            }
            bodies.push((FORM, payload(&value)));
        }
    }
    for (pointer, garbage) in [
        ("/actions", json!([])),
        ("/user", json!(null)),
        ("/type", json!(null)),
        ("/type", json!(3)),
        ("/user/team_id", json!("canary!")),
    ] {
        let mut value = click();
        *value.pointer_mut(pointer).unwrap() = garbage;
        bodies.push((FORM, payload(&value)));
    }
    let world = world();
    for (kind, body) in bodies {
        let (status, answer) = send(&world, request(kind, &body)).await;
        assert_eq!((status, answer.as_str()), (StatusCode::BAD_REQUEST, ""), "{kind}: {body:.300}");
    }
    assert!(world.service.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_people_may_type_arrives_as_it_is() {
    let text = "orders@main — “fix” <@U1|ann> & 🧨\nsecond line %26 +";
    let world = world();
    assert_eq!(send(&world, request(FORM, &with("text", text))).await.0, StatusCode::OK);
    assert_eq!(send(&world, request(FORM, &with("user_name", ""))).await.0, StatusCode::OK);
    let seen = world.service.seen.lock().unwrap();
    assert_eq!(seen[0].said, Input::Slash { command: "/build".into(), text: text.into() });
    assert_eq!(seen[1].actor.name, "U0ANN");
}

#[tokio::test]
async fn people_of_another_workspace_are_refused_politely() {
    let world = world();
    let (status, body) = send(&world, request(FORM, &with("team_id", "T0OTHER"))).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("other-workspace") && body.contains("ephemeral"), "{body}");
    for pointer in ["/team/id", "/user/team_id"] {
        let mut value = click();
        *value.pointer_mut(pointer).unwrap() = json!("T0OTHER");
        assert_eq!(send(&world, request(FORM, &payload(&value))).await.0, StatusCode::OK);
    }
    until(|| world.urls.0.lock().unwrap().len() == 2).await;
    assert!(
        world.urls.0.lock().unwrap().iter().all(|(_, body)| body.to_string().contains("other-workspace"))
    );
    assert!(world.service.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn slacks_own_questions_are_answered() {
    let world = world();
    let challenge = json!({ "type": "url_verification", "token": "t", "challenge": "3eZbrw1a" }).to_string();
    let (status, body) = send(&world, request("application/json; charset=utf-8", &challenge)).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"challenge":"3eZbrw1a"}"#));
    assert_eq!(send(&world, request(FORM, "ssl_check=1&token=t")).await, (StatusCode::OK, String::new()));
    let event = json!({ "type": "event_callback", "event": { "type": "whatever" } }).to_string();
    assert_eq!(send(&world, request("application/json", &event)).await.0, StatusCode::OK);
    let get = Request::get("/slack/events").body(Body::empty()).unwrap();
    assert_eq!(send(&world, get).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert!(world.service.seen.lock().unwrap().is_empty());
}

/// Slack shows an error to the person who clicked when the answer is not 200, and an empty body is taken as "nothing to do".
#[tokio::test]
async fn what_is_signed_and_none_of_ours_is_answered_well_and_does_nothing() {
    let world = world();
    let of_type = |kind: &str| {
        let mut value = click();
        value["type"] = json!(kind);
        value
    };
    for kind in [
        "view_submission",
        "view_closed",
        "shortcut",
        "message_action",
        "interactive_message",
        "dialog_submission",
        "dialog_cancellation",
        "workflow_step_edit",
        "something_new",
    ] {
        let sent = send(&world, request(FORM, &payload(&of_type(kind)))).await;
        assert_eq!(sent, (StatusCode::OK, String::new()), "{kind}");
        // As Slack sends it where the app is installed for an organization.
        let bare =
            json!({ "type": kind, "team": null, "enterprise": { "id": "E1" }, "view": { "id": "V1" } });
        assert_eq!(
            send(&world, request(FORM, &payload(&bare))).await,
            (StatusCode::OK, String::new()),
            "{kind}"
        );
    }
    let sent = send(&world, request(FORM, &payload(&of_type("block_suggestion")))).await;
    assert_eq!(sent, (StatusCode::OK, r#"{"options":[]}"#.to_owned()));

    let mut home = click();
    home["container"] = json!({ "type": "view", "view_id": "V1" });
    home["view"] = json!({ "type": "home" });
    for absent in ["channel", "message", "response_url"] {
        home.as_object_mut().unwrap().remove(absent);
    }
    let mut several = click();
    several["actions"] = json!([several["actions"][0], several["actions"][0]]);
    for none_of_ours in [home, several] {
        let sent = send(&world, request(FORM, &payload(&none_of_ours))).await;
        assert_eq!(sent, (StatusCode::OK, String::new()), "{none_of_ours}");
    }
    let event = json!({ "type": "something_new" }).to_string();
    assert_eq!(send(&world, request("application/json", &event)).await, (StatusCode::OK, String::new()));
    let (status, body) = send(&world, request(FORM, &with("text", &"x".repeat(40_001)))).await;
    assert!(status == StatusCode::OK && body.contains("too-long"), "{body}");
    assert!(world.service.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_click_in_an_organization_is_its_authors_workspaces() {
    let world = world();
    let mut value = click();
    value["team"] = json!(null);
    value["enterprise"] = json!({ "id": "E1", "name": "org" });
    value["is_enterprise_install"] = json!(true);
    assert_eq!(send(&world, request(FORM, &payload(&value))).await.0, StatusCode::OK);
    assert_eq!(world.service.seen.lock().unwrap().len(), 1);
    value["user"]["team_id"] = json!("T0OTHER");
    assert_eq!(send(&world, request(FORM, &payload(&value))).await.0, StatusCode::OK);
    assert_eq!(world.service.seen.lock().unwrap().len(), 1);
    // Without any workspace nobody can tell whose it is.
    value["user"].as_object_mut().unwrap().remove("team_id");
    assert_eq!(send(&world, request(FORM, &payload(&value))).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_too_much_is_told_to_slow_down_and_nobody_else() {
    let world = world_with(Duration::from_secs(600), Ok(()), true);
    let command = |user: &str, name: &str, number: usize| {
        let mut fields = fields();
        for (field, value) in [("user_id", user), ("command", name), ("trigger_id", &number.to_string())] {
            fields.retain(|(known, _)| *known != field);
            fields.push((field, value.to_owned()));
        }
        request(FORM, &form(&fields))
    };
    let all = (0..31).map(|number| send(&world, command("U0ANN", "/build", number)));
    let answers = futures::future::join_all(all).await;
    let slowed = answers.iter().filter(|(_, body)| body.contains("slow-down")).count();
    assert_eq!((slowed, world.service.seen.lock().unwrap().len()), (1, 30));
    for (user, name) in [("U0ANN", "/rollback"), ("U0BOB", "/build")] {
        let (_, body) = send(&world, command(user, name, 99)).await;
        assert!(body.contains("not-confirmed"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_confirm_in_time_goes_on_and_is_answered_later() {
    let world = world_with(Duration::from_secs(7), Ok(()), true);
    let begun = Instant::now();
    let (status, body) = send(&world, request(FORM, &form(&fields()))).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("not-confirmed") && body.contains("do not repeat"), "{body}");
    assert!(begun.elapsed() < Duration::from_millis(2_100), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(6)).await;
    until(|| !world.urls.0.lock().unwrap().is_empty()).await;
    assert_eq!(world.urls.0.lock().unwrap()[0].1["text"], "✅ Done");
}

#[tokio::test(start_paused = true)]
async fn what_came_to_nothing_is_told_later_too() {
    for (outcome, words) in
        [(Delayed::Unreachable, "nothing was done"), (Delayed::Unconfirmed, "could not find out")]
    {
        let world = world_with(Duration::from_secs(8), Err(outcome), true);
        let (_, body) = send(&world, request(FORM, &form(&fields()))).await;
        assert!(body.contains("not-confirmed"), "{body}");
        tokio::time::sleep(Duration::from_secs(6)).await;
        until(|| !world.urls.0.lock().unwrap().is_empty()).await;
        let told = world.urls.0.lock().unwrap()[0].1["text"].to_string();
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn delays_are_told_as_what_they_are() {
    for (outcome, code) in [(Delayed::Unconfirmed, "not-confirmed"), (Delayed::Unreachable, "unavailable")] {
        let world = world_with(Duration::ZERO, Err(outcome), true);
        let (status, body) = send(&world, request(FORM, &form(&fields()))).await;
        assert!(status == StatusCode::OK && body.contains(code), "{body}");
    }
    let starting = world_with(Duration::ZERO, Ok(()), false);
    let (_, body) = send(&starting, request(FORM, &form(&fields()))).await;
    assert!(body.contains("Try again in a minute"), "{body}");
    let (status, body) = send(&world(), request(FORM, &with("text", "panic"))).await;
    assert!(status == StatusCode::OK && body.contains("not-confirmed"), "{body}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_body_panics(body in "\\PC{0,200}", field in 0usize..12, value in "(?s).{0,80}") {
        let mut garbled = fields();
        garbled[field].1 = value.clone();
        let mut clicked = click();
        let names: Vec<String> = clicked.as_object().unwrap().keys().cloned().collect();
        clicked[&names[field % names.len()]] = json!(value);
        for (kind, body) in [
            (payload::Encoding::Form, body.clone()),
            (payload::Encoding::Json, body.clone()),
            (payload::Encoding::Form, form(&garbled)),
            (payload::Encoding::Form, payload(&clicked)),
            (payload::Encoding::Form, form(&[("payload", body)])),
        ] {
            let _ = payload::parse(kind, &body);
        }
    }
}

/// Whatever is signed, a reason or a delivery within bounds comes of it.
fn within_bounds(encoding: payload::Encoding, body: &str) -> Result<(), TestCaseError> {
    if let Ok(Payload::Ask(ask)) = payload::parse(encoding, body) {
        let verb = ask.verb();
        prop_assert!(!verb.is_empty() && verb.len() <= 40, "{verb}");
        prop_assert!(ask.invocation.delivery.len() <= 300 && !ask.teams.is_empty());
        prop_assert!(ask.invocation.actor.name.chars().count() <= 80);
        prop_assert!(ask.response_url.is_none_or(|url| matches!(url.scheme(), "https" | "http")));
    }
    Ok(())
}

const WORDS: &[&str] = &[
    "type",
    "block_actions",
    "view_submission",
    "block_suggestion",
    "team",
    "user",
    "id",
    "team_id",
    "channel",
    "container",
    "message",
    "view",
    "actions",
    "action_id",
    "value",
    "trigger_id",
    "response_url",
    "https://x",
    "http://127.0.0.1:1",
    "null",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "&",
    "=",
    "%",
    "%22",
    "%00",
    "+",
    "T0HOME",
    "U0ANN",
    "C0GENERAL",
    "ssl_check=1",
    "url_verification",
    "challenge",
    "enterprise",
    "\\u0000",
    "\\ud800",
    "é",
    "🧨",
    "\u{202e}",
];

#[test]
fn fuzz_ingress_bodies() {
    let (command, clicked) = (form(&fields()), payload(&click()));
    let event = json!({ "type": "event_callback", "event": { "type": "app_mention" } }).to_string();
    let seeds =
        Seeds::new(&[&command, &clicked, &event, r#"{"type":"url_verification","challenge":"x"}"#], WORDS);
    // A command without a name was found so.
    let nameless = command.replace("command=%2Fbuild", "command=%2F");
    assert_ne!(nameless, command);
    within_bounds(payload::Encoding::Form, &nameless).expect("it is counted as other");
    fuzz::run("ingress bodies", &fuzz::damaged(&seeds), |body| {
        within_bounds(payload::Encoding::Form, &body)?;
        within_bounds(payload::Encoding::Json, &body)
    });
}

#[test]
fn fuzz_ingress_payloads() {
    let mut organization = click();
    organization["team"] = json!(null);
    let seeds = Seeds::new(&[&click().to_string(), &organization.to_string()], WORDS);
    fuzz::run("ingress payloads", &fuzz::damaged(&seeds), |text| {
        within_bounds(payload::Encoding::Form, &form(&[("payload", text)]))
    });
}
