use std::collections::VecDeque;
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use serde_json::Value;
use url::Url;

use super::cache::{FRESH, MAX_AGE, TIMEOUT};
use super::*;

/// Gives the scripted answers, each after its delay; then it is unreachable.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<(Duration, Result<Value, SlackError>)>>,
    calls: Mutex<Vec<(Method, Value)>>,
}

#[async_trait]
impl WebApi for Scripted {
    async fn call(&self, method: Method, body: &Value) -> Result<Value, SlackError> {
        self.calls.lock().push((method, body.clone()));
        let next = self.answers.lock().pop_front();
        let (after, answer) = next.unwrap_or((Duration::ZERO, Err(SlackError::Unreachable)));
        tokio::time::sleep(after).await;
        answer
    }
    async fn respond(&self, _: &Url, _: &Value) -> Result<(), SlackError> {
        Ok(())
    }
}

impl Scripted {
    fn says(&self, after: Duration, answer: Result<Value, SlackError>) {
        self.answers.lock().push_back((after, answer));
    }
    fn count(&self) -> usize {
        self.calls.lock().len()
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
async fn an_answer_is_cached_for_a_minute() {
    let (slack, people, group) = people();
    slack.says(Duration::ZERO, Ok(users(&["U1"])));
    slack.says(Duration::ZERO, Ok(users(&["U2"])));
    for _ in 0..3 {
        assert_eq!(people.members(&group).await, Ok(set(&["U1"])));
    }
    assert_eq!(slack.count(), 1);
    assert_eq!(slack.calls.lock()[0], (Method::GroupMembers, json!({ "usergroup": "S1" })));
    pass(FRESH).await;
    assert_eq!(people.members(&group).await, Ok(set(&["U2"])));
    assert_eq!(slack.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_is_used_for_five_minutes_while_slack_is_silent() {
    let (slack, people, group) = people();
    slack.says(Duration::ZERO, Ok(users(&["U1"])));
    assert!(people.members(&group).await.is_ok());
    pass(FRESH + Duration::from_secs(1)).await;
    assert_eq!(people.members(&group).await, Ok(set(&["U1"])), "a failed request keeps the old answer");
    assert_eq!(slack.count(), 2);
    pass(MAX_AGE - FRESH - Duration::from_secs(2)).await;
    assert_eq!(people.members(&group).await, Ok(set(&["U1"])));
    pass(Duration::from_secs(1)).await;
    assert_eq!(people.members(&group).await, Err(Unknown::Silent));
    slack.says(Duration::ZERO, Ok(users(&["U3"])));
    assert_eq!(people.members(&group).await, Ok(set(&["U3"])), "a new answer is used at once");
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_delays_nobody_and_is_cached() {
    let (slack, people, group) = people();
    slack.says(Duration::from_secs(3), Ok(users(&["U1"])));
    let begun = Instant::now();
    let first = join_all((0..20).map(|_| people.members(&group))).await;
    assert!(first.iter().all(|found| *found == Err(Unknown::Silent)));
    assert_eq!(begun.elapsed(), TIMEOUT);
    assert_eq!(people.members(&group).await, Err(Unknown::Silent));
    assert_eq!(begun.elapsed(), TIMEOUT, "the timeout counts from the request, not from the caller");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(people.members(&group).await, Ok(set(&["U1"])));
    assert_eq!(slack.count(), 1, "all callers share one request");
}

#[tokio::test(start_paused = true)]
async fn failures_keep_their_reason_and_a_deleted_group_is_forgotten_at_once() {
    let (slack, people, group) = people();
    for (error, why) in [
        (SlackError::Refused("missing_scope".into()), Unknown::Scope("usergroups:read")),
        (
            SlackError::Refused("plan_upgrade_required".into()),
            Unknown::Refused("plan_upgrade_required".into()),
        ),
        (SlackError::Unknown, Unknown::Silent),
    ] {
        slack.says(Duration::ZERO, Err(error));
        assert_eq!(people.members(&group).await, Err(why));
    }
    slack.says(Duration::ZERO, Err(SlackError::Refused("missing_scope".into())));
    assert_eq!(people.members(&group).await, Err(Unknown::Scope("usergroups:read")));
    slack.says(TIMEOUT * 2, Err(SlackError::Unknown));
    assert_eq!(people.members(&group).await, Err(Unknown::Silent), "the current state, not the last failure");
    pass(TIMEOUT * 2).await;
    tokio::task::yield_now().await;
    slack.says(Duration::ZERO, Ok(json!({ "ok": true, "users": ["not an id", ""] })));
    assert_eq!(people.members(&group).await, Err(Unknown::Silent), "an invalid answer is not used");
    slack.says(Duration::ZERO, Ok(users(&["U1"])));
    assert!(people.members(&group).await.is_ok());
    pass(FRESH).await;
    slack.says(Duration::ZERO, Err(SlackError::Refused("no_such_subteam".into())));
    assert_eq!(people.members(&group).await, Err(Unknown::Gone), "the old answer is dropped");
}

#[tokio::test(start_paused = true)]
async fn no_request_is_sent_before_retry_after_has_passed() {
    let (slack, people, group) = people();
    slack.says(Duration::ZERO, Err(SlackError::RateLimited(Duration::from_secs(30))));
    for _ in 0..5 {
        assert_eq!(people.members(&group).await, Err(Unknown::Silent));
    }
    assert_eq!(slack.count(), 1);
    pass(Duration::from_secs(30)).await;
    slack.says(Duration::ZERO, Ok(users(&[])));
    assert_eq!(people.members(&group).await, Ok(set(&[])), "an empty group is an answer");
}

#[tokio::test(start_paused = true)]
async fn a_deactivated_user_stays_deactivated_until_slack_says_otherwise() {
    let (slack, people, _) = people();
    let user: UserId = "U1".parse().unwrap();
    assert_eq!(people.is_deactivated(&user).await, None, "nothing is cached");
    slack.says(Duration::ZERO, Ok(json!({ "ok": true, "user": { "id": "U1", "deleted": true } })));
    assert_eq!(people.is_deactivated(&user).await, Some(true));
    pass(MAX_AGE * 10).await;
    assert_eq!(people.is_deactivated(&user).await, Some(true), "Slack is silent");
    slack.says(Duration::ZERO, Ok(json!({ "ok": true, "user": { "id": "U1", "deleted": false } })));
    assert_eq!(people.is_deactivated(&user).await, Some(false));
    pass(MAX_AGE).await;
    assert_eq!(people.is_deactivated(&user).await, None, "the answer is too old");
}

#[tokio::test(start_paused = true)]
async fn a_user_who_was_just_seen_is_not_looked_up() {
    let (slack, people, _) = people();
    let user: UserId = "U1".parse().unwrap();
    people.seen(&user);
    assert_eq!(people.is_deactivated(&user).await, Some(false));
    assert_eq!(slack.count(), 0);
    pass(FRESH).await;
    people.is_deactivated(&user).await;
    assert_eq!(slack.count(), 1);
}
