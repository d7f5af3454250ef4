use std::collections::VecDeque;

use proptest::prelude::*;
use serde_json::{Value, json};
use sluice_commands::operation::Status;
use sluice_commands::ports::ThreadReply;
use sluice_model::{Card, Text, Tone, UserId};
use tokio::time::Instant;
use url::Url;

use super::*;
use crate::slack::{Method, Trouble};

/// A Slack that keeps messages, and breaks as it is told to.
#[derive(Default)]
struct Workspace {
    calls: Mutex<Vec<(Method, Instant, Value)>>,
    script: Mutex<VecDeque<Fault>>,
    closed: Mutex<HashSet<String>>,
    messages: Mutex<Vec<(String, Value)>>,
    responses: Mutex<Vec<Value>>,
}

enum Fault {
    /// Refused, nothing done.
    Before(Trouble),
    /// Done, but nobody hears of it.
    Lost,
}

#[async_trait]
impl WebApi for Workspace {
    async fn call(&self, method: Method, body: &Value) -> Result<Value, Trouble> {
        self.calls.lock().unwrap().push((method, Instant::now(), body.clone()));
        tokio::time::sleep(Duration::from_millis(50)).await;
        if self.closed.lock().unwrap().contains(body["channel"].as_str().unwrap()) {
            return Err(Trouble::Refused("not_in_channel".into()));
        }
        let fault = self.script.lock().unwrap().pop_front();
        if let Some(Fault::Before(trouble)) = fault {
            return Err(trouble);
        }
        let mut messages = self.messages.lock().unwrap();
        let ts = match method {
            Method::PostMessage => {
                let ts = format!("{}.1", messages.len() + 1);
                messages.push((ts.clone(), body.clone()));
                ts
            }
            Method::Update => {
                let ts = body["ts"].as_str().unwrap().to_owned();
                match messages.iter_mut().find(|(at, _)| *at == ts) {
                    Some(message) => message.1 = body.clone(),
                    None => return Err(Trouble::Refused("message_not_found".into())),
                }
                ts
            }
            Method::Permalink => {
                let link = format!(
                    "https://team.slack.com/archives/{}/p{}",
                    body["channel"].as_str().unwrap(),
                    body["message_ts"].as_str().unwrap()
                );
                return Ok(json!({ "ok": true, "permalink": link }));
            }
            _ => "0.1".into(),
        };
        match fault {
            Some(Fault::Lost) => Err(Trouble::Unknown),
            _ => Ok(json!({ "ok": true, "ts": ts })),
        }
    }
    async fn respond(&self, _url: &Url, body: &Value) -> Result<(), Trouble> {
        self.responses.lock().unwrap().push(body.clone());
        Ok(())
    }
}

impl Workspace {
    fn texts(&self) -> Vec<String> {
        self.messages
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| body["text"].as_str().unwrap().to_owned())
            .collect()
    }
    fn count(&self, method: Method) -> usize {
        self.calls.lock().unwrap().iter().filter(|(called, ..)| *called == method).count()
    }
    fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.script.lock().unwrap().extend(faults);
    }
}

#[derive(Default)]
struct Memory {
    posts: Mutex<HashMap<String, Posted>>,
    settled: Mutex<usize>,
    left: Mutex<Vec<(OperationId, u64)>>,
    failures: Mutex<usize>,
}

#[async_trait]
impl Ledger for Memory {
    async fn find(&self, operation: &OperationId, what: &str) -> Result<Option<Posted>, StoreError> {
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(StoreError::Again("throttled".into()));
        }
        Ok(self.posts.lock().unwrap().get(&format!("{operation} {what}")).cloned())
    }
    async fn posted(&self, operation: &OperationId, what: &str, posted: &Posted) -> Result<(), StoreError> {
        self.posts.lock().unwrap().insert(format!("{operation} {what}"), posted.clone());
        Ok(())
    }
    async fn settled(&self, _: &Update) -> Result<(), StoreError> {
        *self.settled.lock().unwrap() += 1;
        Ok(())
    }
    async fn left(&self, news: &Update, untold_since: u64) -> Result<(), StoreError> {
        self.left.lock().unwrap().push((news.operation.clone(), untold_since));
        Ok(())
    }
}

struct World {
    slack: Arc<Workspace>,
    ledger: Arc<Memory>,
    replies: Arc<Replies>,
    tasks: Tasks,
    notify: Notify,
}

fn world() -> World {
    restarted(Arc::default(), Arc::default())
}

fn restarted(slack: Arc<Workspace>, ledger: Arc<Memory>) -> World {
    let (replies, tasks) = (Arc::new(Replies::default()), Tasks::new());
    let notify = Notify::new(slack.clone(), ledger.clone(), replies.clone(), tasks.clone());
    World { slack, ledger, replies, tasks, notify }
}

fn channel(name: &str) -> ChannelId {
    ChannelId::new(name).unwrap()
}

fn news(sequence: u64, last: bool) -> Update {
    Update {
        operation: OperationId::new(ulid::Ulid(1).to_string()).unwrap(),
        sequence,
        card: Card::new(Tone::Running, format!("step {sequence}")),
        own_since: 1,
        first: false,
        status: if last { Status::Succeeded } else { Status::Running },
        is_urgent: false,
        actor: UserId::new("U0ANN").unwrap(),
        names: Default::default(),
        channels: vec![channel("C1")],
        asides: vec![],
        wakes: None,
    }
}

async fn settled(world: &World) {
    let deadline = Instant::now() + Duration::from_secs(600);
    while *world.ledger.settled.lock().unwrap() == 0 {
        assert!(Instant::now() < deadline, "it is not told: {:?}", world.slack.texts());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(world.notify.0.open().is_empty(), "what is told is forgotten");
}

#[tokio::test(start_paused = true)]
async fn many_changes_are_one_message_and_few_edits() {
    let world = world();
    for sequence in 1..=100 {
        world.notify.notify(news(sequence, sequence == 100));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 100"]);
    assert_eq!(world.slack.count(Method::PostMessage), 1);
    let edits: Vec<Instant> = world
        .slack
        .calls
        .lock()
        .unwrap()
        .iter()
        .filter(|(m, ..)| *m == Method::Update)
        .map(|(_, at, _)| *at)
        .collect();
    assert!((5..=8).contains(&edits.len()), "{} edits in 10 s", edits.len());
    assert!(edits.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(1_500)), "{edits:?}");
    let calls = world.slack.calls.lock().unwrap();
    let last = &calls.last().unwrap().2;
    let payload = &last["metadata"]["event_payload"];
    assert_eq!((&payload["sequence"], &payload["status"]), (&json!(100), &json!("succeeded")));
    assert_eq!(payload["continued"], false);
    assert!(calls.iter().all(|(_, _, body)| body["blocks"].is_array() && body["text"].is_string()));
}

#[tokio::test(start_paused = true)]
async fn late_news_change_nothing_and_equal_news_cost_nothing() {
    let world = world();
    world.notify.notify(news(5, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.notify.notify(news(3, false));
    world.notify.notify(news(5, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.slack.texts(), ["⏳ step 5"]);
    assert_eq!(world.slack.calls.lock().unwrap().len(), 1);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(world.notify.0.open().is_empty(), "an operation that waits is not kept in memory");
    world.notify.notify(news(6, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 6"]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_for_all() {
    let world = world();
    world.slack.fail([Fault::Before(Trouble::Wait(Duration::from_secs(30)))]);
    world.notify.notify(news(1, true));
    let mut other = news(1, true);
    other.operation = OperationId::new(ulid::Ulid(2).to_string()).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.notify.notify(other);
    while *world.ledger.settled.lock().unwrap() < 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let calls = world.slack.calls.lock().unwrap();
    assert_eq!(calls.len(), 3);
    assert!(calls[1..].iter().all(|(_, at, _)| *at - calls[0].1 >= Duration::from_secs(30)));
    drop(calls);
    assert_eq!(world.slack.texts(), ["⏳ step 1", "⏳ step 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_delays_the_end_but_never_drops_it() {
    let world = world();
    world.slack.fail((0..12).map(|_| Fault::Before(Trouble::Unreached)));
    *world.ledger.failures.lock().unwrap() = 3;
    world.notify.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.notify.notify(news(2, true));
    settled(&world).await;
    assert_eq!(
        world.slack.texts(),
        ["⏳ step 2"],
        "what did not reach Slack is simply sent again, the newest"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_it_is_posted_once_more_and_marked() {
    let world = world();
    world.slack.fail([Fault::Lost]);
    world.notify.notify(news(1, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 1", "(continued) ⏳ step 1"]);
    let blocks = world.slack.messages.lock().unwrap()[1].1["blocks"].to_string();
    assert!(blocks.contains("may stand above"), "{blocks}");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_who_died_may_have_posted_is_marked_and_what_we_caused_is_not() {
    let world = world();
    let aside = |name, cause| ThreadReply {
        name,
        text: Text::plain(name),
        code: vec![],
        in_thread: false,
        broadcast: false,
        cause,
    };
    let asides = vec![aside("request", 2), aside("end", 3)];
    world.notify.notify(Update { own_since: 3, asides, ..news(3, true) });
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["(continued) ⏳ step 3", "(continued) request", "end"]);
    let calls = world.slack.calls.lock().unwrap();
    let payloads = calls.iter().map(|(_, _, body)| &body["metadata"]["event_payload"]);
    let states: Vec<_> = payloads.map(|payload| (&payload["status"], &payload["continued"])).collect();
    let none = (&Value::Null, &Value::Null);
    assert_eq!(
        states,
        [(&json!("succeeded"), &json!(true)), none, none],
        "replies have no status of their own"
    );
}

#[tokio::test(start_paused = true)]
async fn what_ends_in_a_moment_is_told_by_one_call_and_what_is_new_is_not_looked_for() {
    let world = world();
    // A ledger that knows of one all the same shows that it is not asked.
    let known = Posted { ts: "1.0".into(), continued: false };
    world.ledger.posts.lock().unwrap().insert(format!("{} message/C1", news(1, false).operation), known);
    world.notify.notify(Update { first: true, ..news(1, false) });
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.notify.notify(news(2, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 2"]);
    assert_eq!((world.slack.count(Method::PostMessage), world.slack.count(Method::Update)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_while_its_wait_is_told_is_told_too() {
    for offset in (0..2_000).step_by(7) {
        let world = world();
        world.notify.notify(Update { status: Status::Waiting, ..news(1, false) });
        tokio::time::sleep(Duration::from_millis(offset)).await;
        world.notify.notify(news(2, false));
        world.notify.notify(news(3, true));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(world.slack.texts(), ["⏳ step 3"], "{offset} ms later");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_stays_whoever_edits_the_message() {
    let first = world();
    first.notify.notify(Update { own_since: 2, ..news(1, false) });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(first.slack.texts(), ["(continued) ⏳ step 1"]);
    let second = restarted(first.slack.clone(), first.ledger.clone());
    second.notify.notify(Update { own_since: 3, ..news(2, true) });
    settled(&second).await;
    assert_eq!(second.slack.texts(), ["(continued) ⏳ step 2"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_message_is_edited() {
    let first = world();
    first.notify.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let second = restarted(first.slack.clone(), first.ledger.clone());
    second.notify.notify(news(2, true));
    settled(&second).await;
    assert_eq!(second.slack.texts(), ["⏳ step 2"]);
}

#[tokio::test(start_paused = true)]
async fn where_it_cannot_post_it_says_how_to_invite_it_once_and_goes_on_at_home() {
    let both =
        |sequence, last| Update { channels: vec![channel("C1"), channel("CHOME")], ..news(sequence, last) };
    let world = world();
    world.slack.closed.lock().unwrap().insert("C1".into());
    let url = Url::parse("https://hooks.slack.com/x").unwrap();
    world.replies.remember(&UserId::new("U0ANN").unwrap(), &channel("C1"), url);
    world.notify.notify(both(1, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.notify.notify(both(2, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 2"]);
    let responses = world.slack.responses.lock().unwrap();
    assert_eq!(responses.len(), 1);
    assert!(responses[0].to_string().contains("/invite @Sluice"));
    assert_eq!(world.slack.count(Method::PostEphemeral), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_response_url_the_actor_is_told_at_home() {
    let world = world();
    world.slack.closed.lock().unwrap().insert("C1".into());
    world.notify.notify(Update { channels: vec![channel("C1"), channel("CHOME")], ..news(1, true) });
    settled(&world).await;
    let calls = world.slack.calls.lock().unwrap();
    let ephemeral: Vec<&Value> =
        calls.iter().filter(|(method, ..)| *method == Method::PostEphemeral).map(|(.., body)| body).collect();
    assert_eq!(ephemeral.len(), 1);
    assert_eq!((&ephemeral[0]["channel"], &ephemeral[0]["user"]), (&json!("CHOME"), &json!("U0ANN")));
}

#[tokio::test(start_paused = true)]
async fn asides_are_told_once_and_edited_if_they_change() {
    let aside = |name, words: &str, in_thread, broadcast| ThreadReply {
        name,
        text: Text::plain(words),
        code: vec![],
        in_thread,
        broadcast,
        cause: 1,
    };
    let world = world();
    let mut told = news(1, false);
    told.asides = vec![aside("request", "please approve", false, false)];
    world.notify.notify(told);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut told = news(2, true);
    told.asides = vec![aside("request", "approved", false, false), aside("end", "it failed", true, true)];
    world.notify.notify(told);
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 2", "approved", "it failed"]);
    let messages = world.slack.messages.lock().unwrap();
    assert_eq!(messages[2].1["thread_ts"], json!(messages[0].0));
    assert_eq!(messages[2].1["reply_broadcast"], json!(true));
    assert_eq!(messages[1].1["thread_ts"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn blocks_that_slack_refuses_are_left_out() {
    let world = world();
    world.slack.fail([Fault::Before(Trouble::Refused("invalid_blocks".into()))]);
    world.notify.notify(news(1, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 1"]);
    assert!(world.slack.messages.lock().unwrap()[0].1.get("blocks").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_somebody_deleted_is_posted_again_once() {
    let world = world();
    world.notify.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.slack.messages.lock().unwrap()[0].0 = "gone".into();
    world.notify.notify(news(2, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 1", "(continued) ⏳ step 2"]);
}

#[tokio::test(start_paused = true)]
async fn stopping_tells_the_latest_without_waiting_for_gaps() {
    let world = world();
    world.notify.notify(news(1, false));
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.notify.notify(news(2, false));
    assert!(world.tasks.shut_down().await);
    assert_eq!(world.slack.texts(), ["⏳ step 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_posted_has_an_address() {
    let world = world();
    let told = news(1, false);
    assert_eq!(world.notify.link(&told.operation, &channel("C1")).await, None, "it is not posted yet");
    world.notify.notify(told.clone());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let link = world.notify.link(&told.operation, &channel("C1")).await;
    assert_eq!(link.as_deref(), Some("https://team.slack.com/archives/C1/p1.1"));
    world.slack.fail([Fault::Before(Trouble::Unreached)]);
    assert_eq!(world.notify.link(&told.operation, &channel("C1")).await, None, "Slack is away");
}

fn operation(number: u128) -> OperationId {
    OperationId::new(ulid::Ulid(number).to_string()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_told_before_sixty_four_builds_and_they_are_all_told() {
    let world = world();
    for number in 1..=64 {
        world.notify.notify(Update { operation: operation(number), ..news(1, false) });
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let rollback = |sequence, last| Update {
        operation: operation(100),
        card: Card::new(Tone::Running, format!("rollback {sequence}")),
        is_urgent: true,
        ..news(sequence, last)
    };
    let asked = Instant::now();
    world.notify.notify(rollback(1, false));
    world.notify.notify(rollback(2, true));
    let told = |text: &str| world.slack.texts().iter().any(|told| told == text);
    while !told("⏳ rollback 2") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(asked.elapsed() < Duration::from_millis(200), "{:?}", asked.elapsed());
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(world.slack.texts().len(), 65);
}

#[tokio::test(start_paused = true)]
async fn edits_that_wait_for_a_slot_are_one_edit_that_says_the_newest() {
    let world = world();
    world.notify.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.notify.0.pace.close(&pace::Lane::Edits, Duration::from_secs(30));
    for sequence in 2..=20 {
        world.notify.notify(news(sequence, false));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((world.slack.texts(), world.slack.count(Method::Update)), (vec!["⏳ step 20".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_slots_and_leaves_what_has_none() {
    let world = world();
    for number in 1..=64 {
        world.notify.notify(Update { operation: operation(number), first: true, ..news(3, true) });
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let begun = Instant::now();
    assert!(world.tasks.shut_down().await);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let (told, left) = (*world.ledger.settled.lock().unwrap(), world.ledger.left.lock().unwrap().clone());
    assert_eq!((told + left.len(), world.slack.texts().len()), (64, told));
    assert!(told >= 10, "what has a slot is told");
    assert!(left.iter().all(|(_, untold_since)| *untold_since == 1), "nothing was begun: {left:?}");
    assert!(world.notify.0.open().is_empty());
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_slack_that_is_away() {
    let world = world();
    world.slack.fail((0..100).map(|_| Fault::Before(Trouble::Unreached)));
    world.notify.notify(Update { first: true, ..news(5, true) });
    tokio::time::sleep(Duration::from_secs(100)).await;
    let begun = Instant::now();
    assert!(world.tasks.shut_down().await);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(*world.ledger.left.lock().unwrap(), [(operation(1), 6)], "it may have been posted");
}

/// What still runs is let go of first, and what that leaves to tell is told if there is a slot.
#[tokio::test(start_paused = true)]
async fn stopping_tells_what_is_recorded_until_no_operation_is_left() {
    let world = world();
    for number in 1..=9 {
        world.notify.notify(Update { operation: operation(number), ..news(3, true) });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let told = world.slack.texts().len();
    world.tasks.spawn(Kind::Operation, tokio::time::sleep(Duration::from_secs(4)));
    assert!(world.tasks.shut_down().await);
    assert!(told < 9);
    assert_eq!((world.slack.texts().len(), world.ledger.left.lock().unwrap().len()), (9, 0));
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        4 => Just(()).prop_map(|()| None),
        1 => Just(()).prop_map(|()| Some(Fault::Before(Trouble::Unreached))),
        1 => Just(()).prop_map(|()| Some(Fault::Before(Trouble::Wait(Duration::from_secs(2))))),
        1 => Just(()).prop_map(|()| Some(Fault::Lost)),
    ]
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Fault::Lost) { "lost" } else { "before" })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever breaks, the newest message ends up saying the last news, and only lost answers make more messages.
    #[test]
    fn the_end_is_always_told(faults in prop::collection::vec(fault(), 0..12), gaps in prop::collection::vec(0u64..3_000, 1..10)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async move {
            let world = world();
            let lost = faults.iter().filter(|fault| matches!(fault, Some(Fault::Lost))).count();
            world.slack.fail(faults.into_iter().flatten());
            let last = gaps.len() as u64;
            for (index, gap) in gaps.iter().enumerate() {
                world.notify.notify(news(index as u64 + 1, index as u64 + 1 == last));
                tokio::time::sleep(Duration::from_millis(*gap)).await;
            }
            settled(&world).await;
            let texts = world.slack.texts();
            assert!(texts.last().unwrap().ends_with(&format!("step {last}")), "{texts:?}");
            assert!(texts.len() <= 1 + lost, "{texts:?}");
        });
    }
}
