//! Slack or the store fails, or the process restarts.

use proptest::prelude::*;

use super::*;

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_for_all() {
    let world = world();
    world.slack.fail([Fault::Before(SlackError::RateLimited(Duration::from_secs(30)))]);
    world.notifier.notify(news(1, true));
    let mut other = news(1, true);
    other.operation = OperationId::new(ulid::Ulid(2).to_string()).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.notifier.notify(other);
    while *world.store.delivered.lock() < 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let calls = world.slack.calls.lock();
    assert_eq!(calls.len(), 3);
    assert!(calls[1..].iter().all(|(_, at, _)| *at - calls[0].1 >= Duration::from_secs(30)));
    drop(calls);
    assert_eq!(world.slack.texts(), ["⏳ step 1", "⏳ step 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_delays_the_final_update_and_never_drops_it() {
    let world = world();
    world.slack.fail((0..12).map(|_| Fault::Before(SlackError::Unreachable)));
    *world.store.failures.lock() = 3;
    world.notifier.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.notifier.notify(news(2, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 2"], "the latest update is sent when Slack is back");
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_a_message_is_posted_again_and_marked() {
    let world = world();
    world.slack.fail([Fault::Lost]);
    world.notifier.notify(news(1, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 1", "(continued) ⏳ step 1"]);
    let blocks = world.slack.messages.lock()[1].1["blocks"].to_string();
    assert!(blocks.contains("may be above"), "{blocks}");
}

#[tokio::test(start_paused = true)]
async fn messages_that_an_earlier_owner_may_have_posted_are_marked() {
    let world = world();
    let aside = |name, cause| ThreadReply {
        name,
        text: Text::plain(name),
        steps: vec![],
        code: vec![],
        in_thread: false,
        broadcast: false,
        cause,
    };
    let asides = vec![aside("request", 2), aside("end", 3)];
    world.notifier.notify(Update { own_since: 3, asides, ..news(3, true) });
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["(continued) ⏳ step 3", "(continued) request", "end"]);
    let calls = world.slack.calls.lock();
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
async fn the_mark_stays_when_another_process_edits_the_message() {
    let first = world();
    first.notifier.notify(Update { own_since: 2, ..news(1, false) });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(first.slack.texts(), ["(continued) ⏳ step 1"]);
    let second = restarted(first.slack.clone(), first.store.clone());
    second.notifier.notify(Update { own_since: 3, ..news(2, true) });
    settled(&second).await;
    assert_eq!(second.slack.texts(), ["(continued) ⏳ step 2"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_message_is_edited() {
    let first = world();
    first.notifier.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let second = restarted(first.slack.clone(), first.store.clone());
    second.notifier.notify(news(2, true));
    settled(&second).await;
    assert_eq!(second.slack.texts(), ["⏳ step 2"]);
}

/// A replica that waits for Slack must not post "waiting for approval" under the "cancelled" of another one.
#[tokio::test(start_paused = true)]
async fn an_update_that_waited_while_another_process_continued_is_not_posted() {
    let world = world();
    let limited = || Fault::Before(SlackError::RateLimited(Duration::from_secs(20)));
    world.slack.fail([limited()]);
    world.notifier.notify(news(4, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    *world.store.newest_row.lock() = 6;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.slack.texts(), [""; 0], "the other process posted row 6");
    // This process continues it in turn, and edits the message that the other one posted.
    let name = format!("message/{}", channel("C1"));
    let posted = Posted { ts: "1.1".into(), continued: false };
    world.slack.messages.lock().push(("1.1".into(), json!({ "text": "row 6" })));
    world.store.record(&news(7, true).operation, &name, &posted).await.unwrap();
    *world.store.newest_row.lock() = 7;
    world.notifier.notify(news(7, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 7"]);
    assert_eq!(world.slack.count(Method::PostMessage), 1, "only the refused one");
}

#[tokio::test(start_paused = true)]
async fn a_closed_channel_gets_one_invitation_and_other_channels_their_updates() {
    let both =
        |sequence, last| Update { channels: vec![channel("C1"), channel("CHOME")], ..news(sequence, last) };
    let world = world();
    world.slack.closed.lock().insert("C1".into());
    let url = Url::parse("https://hooks.slack.com/x").unwrap();
    world.response_urls.insert(&UserId::new("U0ANN").unwrap(), &channel("C1"), url);
    world.notifier.notify(both(1, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.notifier.notify(both(2, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 2"]);
    let responses = world.slack.responses.lock();
    assert_eq!(responses.len(), 1);
    assert!(responses[0].to_string().contains("/invite @Sluice"));
    assert_eq!(world.slack.count(Method::PostEphemeral), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_response_url_the_invitation_is_posted_in_another_channel() {
    let world = world();
    world.slack.closed.lock().insert("C1".into());
    world.notifier.notify(Update { channels: vec![channel("C1"), channel("CHOME")], ..news(1, true) });
    settled(&world).await;
    let calls = world.slack.calls.lock();
    let ephemeral: Vec<&Value> =
        calls.iter().filter(|(method, ..)| *method == Method::PostEphemeral).map(|(.., body)| body).collect();
    assert_eq!(ephemeral.len(), 1);
    assert_eq!((&ephemeral[0]["channel"], &ephemeral[0]["user"]), (&json!("CHOME"), &json!("U0ANN")));
}

#[tokio::test(start_paused = true)]
async fn refused_blocks_are_left_out() {
    let world = world();
    world.slack.fail([Fault::Before(SlackError::Refused("invalid_blocks".into()))]);
    world.notifier.notify(news(1, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 1"]);
    assert!(world.slack.messages.lock()[0].1.get("blocks").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_message_is_posted_again_once() {
    let world = world();
    world.notifier.notify(news(1, false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.slack.messages.lock()[0].0 = "gone".into();
    world.notifier.notify(news(2, true));
    settled(&world).await;
    assert_eq!(world.slack.texts(), ["⏳ step 1", "(continued) ⏳ step 2"]);
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        4 => Just(()).prop_map(|()| None),
        1 => Just(()).prop_map(|()| Some(Fault::Before(SlackError::Unreachable))),
        1 => Just(()).prop_map(|()| Some(Fault::Before(SlackError::RateLimited(Duration::from_secs(2))))),
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
    /// Whatever fails, the newest message shows the final update, and only lost answers cause further messages.
    #[test]
    fn the_final_update_is_always_posted(faults in prop::collection::vec(fault(), 0..12), gaps in prop::collection::vec(0u64..3_000, 1..10)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async move {
            let world = world();
            let lost = faults.iter().filter(|fault| matches!(fault, Some(Fault::Lost))).count();
            world.slack.fail(faults.into_iter().flatten());
            let last = gaps.len() as u64;
            for (index, gap) in gaps.iter().enumerate() {
                world.notifier.notify(news(index as u64 + 1, index as u64 + 1 == last));
                tokio::time::sleep(Duration::from_millis(*gap)).await;
            }
            settled(&world).await;
            let texts = world.slack.texts();
            assert!(texts.last().unwrap().ends_with(&format!("step {last}")), "{texts:?}");
            assert!(texts.len() <= 1 + lost, "{texts:?}");
        });
    }
}
