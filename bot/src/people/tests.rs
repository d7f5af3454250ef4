use std::collections::VecDeque;

use futures::future::join_all;
use serde_json::Value;
use url::Url;

use super::*;

/// A Slack that answers as scripted, each after a while; then that there is nobody.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<(Duration, Result<Value, Trouble>)>>,
    calls: Mutex<Vec<(Method, Value)>>,
}

#[async_trait]
impl WebApi for Scripted {
    async fn call(&self, method: Method, body: &Value) -> Result<Value, Trouble> {
        self.calls.lock().unwrap().push((method, body.clone()));
        let next = self.answers.lock().unwrap().pop_front();
        let (after, answer) = next.unwrap_or((Duration::ZERO, Err(Trouble::Unreached)));
        tokio::time::sleep(after).await;
        answer
    }
    async fn respond(&self, _: &Url, _: &Value) -> Result<(), Trouble> {
        Ok(())
    }
}

impl Scripted {
    fn says(&self, after: Duration, answer: Result<Value, Trouble>) {
        self.answers.lock().unwrap().push_back((after, answer));
    }
    fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

fn people() -> (Arc<Scripted>, People, GroupId) {
    let slack = Arc::<Scripted>::default();
    (Arc::clone(&slack), People::new(slack, Tasks::new()), "S1".parse().unwrap())
}

fn users(ids: &[&str]) -> Value {
    json!({ "ok": true, "users": ids })
}

fn set(ids: &[&str]) -> BTreeSet<UserId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_for_a_minute_and_then_slack_is_asked_anew() {
    let (slack, people, group) = people();
    slack.says(Duration::ZERO, Ok(users(&["U1"])));
    slack.says(Duration::ZERO, Ok(users(&["U2"])));
    for _ in 0..3 {
        assert_eq!(people.members(&group).await, Ok(set(&["U1"])));
    }
    assert_eq!(slack.count(), 1);
    assert_eq!(slack.calls.lock().unwrap()[0], (Method::GroupMembers, json!({ "usergroup": "S1" })));
    pass(FRESH).await;
    assert_eq!(people.members(&group).await, Ok(set(&["U2"])));
    assert_eq!(slack.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_slack_is_silent_what_it_said_counts_for_five_minutes_and_then_nobody_is_in_it() {
    let (slack, people, group) = people();
    slack.says(Duration::ZERO, Ok(users(&["U1"])));
    assert!(people.members(&group).await.is_ok());
    pass(FRESH + Duration::from_secs(1)).await;
    assert_eq!(people.members(&group).await, Ok(set(&["U1"])), "a failed look forgets nothing");
    assert_eq!(slack.count(), 2);
    pass(OLD - FRESH - Duration::from_secs(2)).await;
    assert_eq!(people.members(&group).await, Ok(set(&["U1"])));
    pass(Duration::from_secs(1)).await;
    assert_eq!(people.members(&group).await, Err(Unknown::Silent));
    slack.says(Duration::ZERO, Ok(users(&["U3"])));
    assert_eq!(people.members(&group).await, Ok(set(&["U3"])), "and it is known again at once");
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_holds_nobody_up_and_is_there_for_the_next() {
    let (slack, people, group) = people();
    slack.says(Duration::from_secs(3), Ok(users(&["U1"])));
    let begun = Instant::now();
    let first = join_all((0..20).map(|_| people.members(&group))).await;
    assert!(first.iter().all(|found| *found == Err(Unknown::Silent)));
    assert_eq!(begun.elapsed(), BOUND);
    assert_eq!(people.members(&group).await, Err(Unknown::Silent));
    assert_eq!(begun.elapsed(), BOUND, "the wait counts from the question, not from each who waits");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(people.members(&group).await, Ok(set(&["U1"])));
    assert_eq!(slack.count(), 1, "one question for all");
}

#[tokio::test(start_paused = true)]
async fn every_reason_is_kept_and_a_group_that_is_gone_is_gone_at_once() {
    let (slack, people, group) = people();
    for (trouble, why) in [
        (Trouble::Refused("missing_scope".into()), Unknown::Scope("usergroups:read")),
        (Trouble::Refused("plan_upgrade_required".into()), Unknown::Refused("plan_upgrade_required".into())),
        (Trouble::Unknown, Unknown::Silent),
    ] {
        slack.says(Duration::ZERO, Err(trouble));
        assert_eq!(people.members(&group).await, Err(why));
    }
    slack.says(Duration::ZERO, Err(Trouble::Refused("missing_scope".into())));
    assert_eq!(people.members(&group).await, Err(Unknown::Scope("usergroups:read")));
    slack.says(BOUND * 2, Err(Trouble::Unknown));
    assert_eq!(people.members(&group).await, Err(Unknown::Silent), "what is so now, not what was before");
    pass(BOUND * 2).await;
    tokio::task::yield_now().await;
    slack.says(Duration::ZERO, Ok(json!({ "ok": true, "users": ["not an id", ""] })));
    assert_eq!(people.members(&group).await, Err(Unknown::Silent), "an answer that makes no sense is none");
    slack.says(Duration::ZERO, Ok(users(&["U1"])));
    assert!(people.members(&group).await.is_ok());
    pass(FRESH).await;
    slack.says(Duration::ZERO, Err(Trouble::Refused("no_such_subteam".into())));
    assert_eq!(people.members(&group).await, Err(Unknown::Gone), "whatever was known of it");
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_to_wait_does_not_ask_before() {
    let (slack, people, group) = people();
    slack.says(Duration::ZERO, Err(Trouble::Wait(Duration::from_secs(30))));
    for _ in 0..5 {
        assert_eq!(people.members(&group).await, Err(Unknown::Silent));
    }
    assert_eq!(slack.count(), 1);
    pass(Duration::from_secs(30)).await;
    slack.says(Duration::ZERO, Ok(users(&[])));
    assert_eq!(people.members(&group).await, Ok(set(&[])), "an empty group is known to be empty");
}

#[tokio::test(start_paused = true)]
async fn who_is_deactivated_stays_so_until_slack_says_otherwise() {
    let (slack, people, _) = people();
    let user: UserId = "U1".parse().unwrap();
    assert_eq!(people.is_deactivated(&user).await, None, "nobody says");
    slack.says(Duration::ZERO, Ok(json!({ "ok": true, "user": { "id": "U1", "deleted": true } })));
    assert_eq!(people.is_deactivated(&user).await, Some(true));
    pass(OLD * 10).await;
    assert_eq!(people.is_deactivated(&user).await, Some(true), "Slack is silent");
    slack.says(Duration::ZERO, Ok(json!({ "ok": true, "user": { "id": "U1", "deleted": false } })));
    assert_eq!(people.is_deactivated(&user).await, Some(false));
    pass(OLD).await;
    assert_eq!(people.is_deactivated(&user).await, None, "that was too long ago");
}

#[tokio::test(start_paused = true)]
async fn who_was_just_seen_is_not_asked_about() {
    let (slack, people, _) = people();
    let user: UserId = "U1".parse().unwrap();
    people.seen(&user);
    assert_eq!(people.is_deactivated(&user).await, Some(false));
    assert_eq!(slack.count(), 0);
    pass(FRESH).await;
    people.is_deactivated(&user).await;
    assert_eq!(slack.count(), 1);
}
