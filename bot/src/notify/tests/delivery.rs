//! Which messages are posted and edited, and when.

use super::*;

#[tokio::test(start_paused = true)]
async fn many_changes_are_one_message_and_few_edits() {
    let world = world();
    for sequence in 1..=100 {
        world.notifier.notify(news(sequence, sequence == 100));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 100"]);
    assert_eq!(world.slack.count(Method::PostMessage), 1);
    let edits: Vec<Instant> = world
        .slack
        .calls
        .lock()
        .iter()
        .filter(|(m, ..)| *m == Method::Update)
        .map(|(_, at, _)| *at)
        .collect();
    assert!((5..=8).contains(&edits.len()), "{} edits in 10 s", edits.len());
    let (_, progress) = edits.split_last().unwrap();
    assert!(progress.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(1_500)), "{edits:?}");
    let calls = world.slack.calls.lock();
    let last = &calls.last().unwrap().2;
    let payload = &last["metadata"]["event_payload"];
    assert_eq!((&payload["sequence"], &payload["status"]), (&json!(100), &json!("succeeded")));
    assert_eq!(payload["continued"], false);
    assert!(calls.iter().all(|(_, _, body)| body["blocks"].is_array() && body["text"].is_string()));
}

/// A reply in the thread of the message.
fn first_minutes(cause: u64) -> ThreadReply {
    let text = Text::plain("No errors in the first 5 minutes.");
    ThreadReply {
        name: "first-minutes",
        text,
        steps: vec![],
        code: vec![],
        in_thread: true,
        broadcast: false,
        cause,
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_after_the_end_leaves_the_message_alone() {
    let world = world();
    let ended = Update { wakes: Some(jiff::Timestamp::UNIX_EPOCH), ..news(9, true) };
    world.notifier.notify(ended.clone());
    settled(&world).await;
    let posts: Vec<String> = world.store.posts.lock().keys().cloned().collect();
    assert_eq!(posts, [format!("{} message/C1", ended.operation)], "its place is kept for the reply");
    // Minutes later, by another process.
    let later = restarted(world.slack.clone(), world.store.clone());
    *later.store.delivered.lock() = 0;
    let asides = vec![first_minutes(10)];
    later.notifier.notify(Update { own_since: 10, only_replies: true, asides, ..news(10, true) });
    settled(&later).await;
    assert_eq!(world.slack.count(Method::Update), 0, "nothing is edited");
    assert_eq!(world.slack.count(Method::PostMessage), 2);
    let calls = world.slack.calls.lock();
    let (first, reply) = (&calls[0].2, &calls[1].2);
    assert!(first["thread_ts"].is_null() && reply["thread_ts"].is_string(), "{reply}");
    assert!(reply["text"].as_str().is_some_and(|text| text.contains("No errors")), "{reply}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_a_message_that_was_never_posted_brings_it() {
    let world = world();
    let asides = vec![first_minutes(10)];
    world.notifier.notify(Update { own_since: 10, only_replies: true, asides, ..news(10, true) });
    settled(&world).await;
    assert_eq!(world.slack.count(Method::PostMessage), 2);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_shown_at_once_after_an_edit_that_shows_progress() {
    let world = world();
    world.notifier.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.notifier.notify(news(2, false));
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.notifier.notify(news(3, false));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.slack.texts(), ["⏳ step 2"], "progress waits for its turn");
    world.notifier.notify(news(4, true));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.slack.texts(), ["⏳ step 4"], "the end does not");
}

#[tokio::test(start_paused = true)]
async fn older_and_equal_updates_are_not_posted() {
    let world = world();
    world.notifier.notify(news(5, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.notifier.notify(news(3, false));
    world.notifier.notify(news(5, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.slack.texts(), ["⏳ step 5"]);
    assert_eq!(world.slack.calls.lock().len(), 1);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(world.notifier.0.open.lock().is_empty(), "an operation that waits is not kept in memory");
    world.notifier.notify(news(6, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 6"]);
}

#[tokio::test(start_paused = true)]
async fn a_short_operation_is_one_call_and_no_lookup() {
    let world = world();
    // A store that knows of one all the same shows that it is not asked.
    let known = Posted { ts: "1.0".into(), continued: false };
    world.store.posts.lock().insert(format!("{} message/C1", news(1, false).operation), known);
    world.notifier.notify(Update { first: true, ..news(1, false) });
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.notifier.notify(news(2, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 2"]);
    assert_eq!((world.slack.count(Method::PostMessage), world.slack.count(Method::Update)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_continues_while_its_wait_is_posted_is_updated() {
    for offset in (0..2_000).step_by(7) {
        let world = world();
        world.notifier.notify(Update { status: Status::Waiting, ..news(1, false) });
        tokio::time::sleep(Duration::from_millis(offset)).await;
        world.notifier.notify(news(2, false));
        world.notifier.notify(news(3, true));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(world.slack.texts(), ["⏳ step 3"], "{offset} ms later");
    }
}

#[tokio::test(start_paused = true)]
async fn replies_are_posted_once_and_edited_when_they_change() {
    let aside = |name, words: &str, in_thread, broadcast| ThreadReply {
        name,
        text: Text::plain(words),
        steps: vec![],
        code: vec![],
        in_thread,
        broadcast,
        cause: 1,
    };
    let world = world();
    let mut told = news(1, false);
    told.asides = vec![aside("request", "please approve", false, false)];
    world.notifier.notify(told);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut told = news(2, true);
    told.asides = vec![aside("request", "approved", false, false), aside("end", "it failed", true, true)];
    world.notifier.notify(told);
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 2", "approved", "it failed"]);
    let messages = world.slack.messages.lock();
    assert_eq!(messages[2].1["thread_ts"], json!(messages[0].0));
    assert_eq!(messages[2].1["reply_broadcast"], json!(true));
    assert_eq!(messages[1].1["thread_ts"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_posted_message_has_a_link() {
    let world = world();
    let told = news(1, false);
    assert_eq!(world.notifier.link(&told.operation, &channel("C1")).await, None, "it is not posted yet");
    world.notifier.notify(told.clone());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let link = world.notifier.link(&told.operation, &channel("C1")).await;
    assert_eq!(link.as_deref(), Some("https://team.slack.com/archives/C1/p1.1"));
    world.slack.fail([Fault::Before(SlackError::Unreachable)]);
    assert_eq!(world.notifier.link(&told.operation, &channel("C1")).await, None, "Slack is unreachable");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_posted_before_64_builds_and_all_are_posted() {
    let world = world();
    for number in 1..=64 {
        world.notifier.notify(Update { operation: operation(number), ..news(1, false) });
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let rollback = |sequence, last| Update {
        operation: operation(100),
        card: Card::new(Tone::Running, format!("rollback {sequence}")),
        is_urgent: true,
        ..news(sequence, last)
    };
    let asked = Instant::now();
    world.notifier.notify(rollback(1, false));
    world.notifier.notify(rollback(2, true));
    let told = |text: &str| world.slack.texts().iter().any(|told| told == text);
    while !told("⏳ rollback 2") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(asked.elapsed() < Duration::from_millis(200), "{:?}", asked.elapsed());
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(world.slack.texts().len(), 65);
}

#[tokio::test(start_paused = true)]
async fn edits_that_wait_for_the_rate_limit_become_one_edit() {
    let world = world();
    world.notifier.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.notifier.0.limiter.close(&rate_limiter::RateClass::Edits, Duration::from_secs(30));
    for sequence in 2..=20 {
        world.notifier.notify(news(sequence, false));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((world.slack.texts(), world.slack.count(Method::Update)), (vec!["⏳ step 20".to_owned()], 1));
}
