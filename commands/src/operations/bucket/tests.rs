use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::testing::cloud::{End, Reach};
use crate::testing::{Cloud, Moment, TestClock, Weather, target};

fn cloud() -> (Arc<Cloud>, Reach, String) {
    let cloud = Cloud::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
    let reach = cloud.reach();
    (cloud, reach, names::bucket(&target()))
}

async fn init(reach: &Reach) -> Applied {
    set_up(reach, &target()).await.unwrap().unwrap()
}

async fn state(reach: &Reach) -> BucketState {
    look(reach, &target()).await.unwrap().unwrap().unwrap()
}

fn code<T: std::fmt::Debug>(outcome: PortResult<Result<T, Refusal>>) -> String {
    outcome.unwrap().unwrap_err().code
}

#[tokio::test(start_paused = true)]
async fn the_bucket_is_made_once_and_then_left_as_it_is() {
    let (cloud, reach, _) = cloud();
    assert_eq!(code(ready(&reach, &target()).await), "no-bucket");
    let first = init(&reach).await;
    assert_eq!(first, Applied { made: true, set: Setting::ALL.into(), versioning_began: true });
    assert_eq!(differs(&state(&reach).await, &target()), []);
    assert_eq!(ready(&reach, &target()).await, Ok(Ok(())));
    let before = cloud.effects().len();
    assert_eq!(init(&reach).await, Applied { made: false, set: vec![], versioning_began: false });
    assert_eq!(cloud.effects().len(), before, "nothing is set again");
}

#[tokio::test(start_paused = true)]
async fn init_that_ends_at_any_call_is_completed_by_the_next() {
    let (clean, reach, _) = cloud();
    init(&reach).await;
    let wanted = (clean.effects().len(), state(&reach).await);
    for number in 0..reach.count() {
        for moment in [Moment::Before, Moment::After] {
            let (cloud, reach, _) = cloud();
            let died = Arc::new(tokio::sync::Notify::new());
            let mortal = cloud.mortal(End { call: Some((number, moment)), ..End::default() }, died.clone());
            tokio::select! {
                biased;
                () = died.notified() => {}
                _ = init(&mortal) => {}
            }
            init(&reach).await;
            assert_eq!(state(&reach).await, wanted.1, "call {number}, {moment:?}");
            assert_eq!(cloud.effects().len(), wanted.0, "call {number}, {moment:?}: nothing is done twice");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_not_known_everywhere_yet_is_waited_for() {
    let (cloud, reach, _) = cloud();
    for call in ["s3:PutBucketVersioning", "s3:PutBucketPolicy", "s3:PutBucketLifecycleConfiguration"] {
        cloud.weather_on(call, [Weather::Fails(Class::Absent), Weather::Fails(Class::Busy)]);
    }
    cloud.weather_on("s3:PutPublicAccessBlock", [Weather::AnswerLost]);
    init(&reach).await;
    assert_eq!(differs(&state(&reach).await, &target()), []);
    cloud.sets_bucket(&names::bucket(&target()), |state, _| state.private = false);
    cloud.weather_on("s3:PutPublicAccessBlock", [Weather::Fails(Class::Denied)]);
    let refused = set_up(&reach, &target()).await.unwrap_err();
    assert_eq!(refused.class, Class::Denied, "rights do not come by waiting");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_somebody_else_is_refused_and_nothing_is_written_to_it() {
    let (cloud, reach, name) = cloud();
    cloud.takes_bucket(&name);
    let refusal = set_up(&reach, &target()).await.unwrap().unwrap_err();
    assert_eq!(refusal.code, "bucket-taken");
    assert!(refusal.problem.contains("Another AWS account has a bucket of the name"), "{refusal:?}");
    assert_eq!(code(look(&reach, &target()).await), "bucket-denied");
    assert_eq!(code(ready(&reach, &target()).await), "bucket-denied");
    assert!(cloud.effects().is_empty(), "{:?}", cloud.effects());
}

#[tokio::test(start_paused = true)]
async fn a_bucket_in_this_account_without_our_tag_is_left_alone_until_it_is_tagged() {
    let (cloud, reach, name) = cloud();
    reach.create_bucket(&target(), &name, &Default::default()).await.unwrap();
    assert_eq!(code(set_up(&reach, &target()).await), "not-ours");
    assert_eq!(code(ready(&reach, &target()).await), "not-ours");
    cloud.sets_bucket(&name, |_, tags| *tags = names::shared_tags());
    assert_eq!(init(&reach).await.set, Setting::ALL);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_is_put_right_and_what_they_added_stays() {
    let (cloud, reach, name) = cloud();
    init(&reach).await;
    let theirs = json!({ "Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket",
        "Resource": format!("arn:aws:s3:::{name}") });
    let backups = LifecycleRule {
        id: "backups".into(),
        enabled: true,
        prefix: "backups/".into(),
        expire_versions_after: Some(30),
        ..LifecycleRule::default()
    };
    cloud.sets_bucket(&name, |state, _| {
        state.versioning = Versioning::Suspended;
        state.policy = Some(names::policy(vec![theirs.clone()]));
        state.lifecycle = vec![backups.clone()];
    });
    assert_eq!(code(ready(&reach, &target()).await), "not-versioned");
    let applied = init(&reach).await;
    assert_eq!(applied.set, [Setting::Versioning, Setting::Policy, Setting::Lifecycle]);
    assert!(!applied.versioning_began, "it was on before");
    let state = state(&reach).await;
    assert_eq!(differs(&state, &target()), []);
    assert!(statements(state.policy.as_deref()).contains(&theirs) && state.lifecycle.contains(&backups));
    assert_eq!(deleting_rules(&state, None), ["backups"]);
    assert_eq!(deleting_rules(&state, Some("backups")), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn probes_wait_for_versions_and_leave_nothing() {
    let (cloud, reach, name) = cloud();
    cloud.climate(|climate| climate.versions = Duration::from_secs(240));
    init(&reach).await;
    let mut waited = vec![];
    assert_eq!(probe(&reach, &target()).await, Ok(false));
    assert_eq!(await_versions(&reach, &target(), |passed| waited.push(passed)).await, Ok(true));
    assert!(waited.len() > 20 && waited.is_sorted(), "{waited:?}");
    assert_eq!(cloud.objects_in(&name), []);
    assert_eq!(await_versions(&reach, &target(), |_| panic!("nothing to wait for")).await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_never_gives_a_version_is_given_up_after_a_quarter_of_an_hour() {
    let (cloud, reach, name) = cloud();
    init(&reach).await;
    cloud.sets_bucket(&name, |state, _| state.versioning = Versioning::Suspended);
    let began = Instant::now();
    assert_eq!(await_versions(&reach, &target(), |_| {}).await, Ok(false));
    assert!(began.elapsed() < VERSIONS_AFTER + Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(cloud.objects_in(&name), []);
    cloud.weather_on("s3:PutObject", [Weather::Fails(Class::Denied)]);
    assert_eq!(await_versions(&reach, &target(), |_| {}).await.unwrap_err().class, Class::Denied);
}

#[tokio::test(start_paused = true)]
async fn no_pipeline_can_have_the_key_of_the_probe_and_no_rule_of_ours_deletes_what_one_has() {
    let first = PROBE.split('/').next().unwrap();
    assert!(first.parse::<sluice_model::PipelineName>().is_err());
    for rule in lifecycle() {
        let deletes = rule.expires_objects || rule.expire_versions_after.is_some();
        assert!(!deletes || rule.prefix.starts_with(first), "{rule:?}");
    }
}
