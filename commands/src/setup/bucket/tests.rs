use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::testing::fake_aws::{End, FaultProxy};
use crate::testing::{FakeAws, Faults, Moment, TestClock, target};

fn fake_aws() -> (Arc<FakeAws>, FaultProxy, String) {
    let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
    let fault_proxy = fake_aws.fault_proxy();
    (fake_aws, fault_proxy, names::bucket(&target()))
}

async fn init(fault_proxy: &FaultProxy) -> Applied {
    set_up(fault_proxy, &target()).await.unwrap().unwrap()
}

async fn state(fault_proxy: &FaultProxy) -> BucketState {
    look(fault_proxy, &target()).await.unwrap().unwrap().unwrap()
}

fn code<T: std::fmt::Debug>(outcome: PortResult<Result<T, Refusal>>) -> String {
    outcome.unwrap().unwrap_err().code
}

#[tokio::test(start_paused = true)]
async fn the_bucket_is_created_once_and_then_left_as_it_is() {
    let (fake_aws, fault_proxy, _) = fake_aws();
    assert_eq!(code(ready(&fault_proxy, &target()).await), "no-bucket");
    let first = init(&fault_proxy).await;
    assert_eq!(first, Applied { made: true, set: Setting::ALL.into(), versioning_began: true });
    assert_eq!(differs(&state(&fault_proxy).await, &target()), []);
    assert_eq!(ready(&fault_proxy, &target()).await, Ok(Ok(())));
    let before = fake_aws.effects().len();
    assert_eq!(init(&fault_proxy).await, Applied { made: false, set: vec![], versioning_began: false });
    assert_eq!(fake_aws.effects().len(), before, "nothing is set again");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_init_is_completed_by_the_next() {
    let (clean, fault_proxy, _) = fake_aws();
    init(&fault_proxy).await;
    let wanted = (clean.effects().len(), state(&fault_proxy).await);
    for number in 0..fault_proxy.count() {
        for moment in [Moment::Before, Moment::After] {
            let (fake_aws, fault_proxy, _) = fake_aws();
            let died = Arc::new(tokio::sync::Notify::new());
            let mortal =
                fake_aws.mortal(End { call: Some((number, moment)), ..End::default() }, died.clone());
            tokio::select! {
                biased;
                () = died.notified() => {}
                _ = init(&mortal) => {}
            }
            init(&fault_proxy).await;
            assert_eq!(state(&fault_proxy).await, wanted.1, "call {number}, {moment:?}");
            assert_eq!(
                fake_aws.effects().len(),
                wanted.0,
                "call {number}, {moment:?}: nothing is done twice"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn setup_waits_for_a_bucket_that_is_not_known_everywhere_yet() {
    let (fake_aws, fault_proxy, _) = fake_aws();
    for call in ["s3:PutBucketVersioning", "s3:PutBucketPolicy", "s3:PutBucketLifecycleConfiguration"] {
        fake_aws.fault_on(call, [Faults::Fails(Class::Absent), Faults::Fails(Class::Busy)]);
    }
    fake_aws.fault_on("s3:PutPublicAccessBlock", [Faults::AnswerLost]);
    init(&fault_proxy).await;
    assert_eq!(differs(&state(&fault_proxy).await, &target()), []);
    fake_aws.sets_bucket(&names::bucket(&target()), |state, _| state.private = false);
    fake_aws.fault_on("s3:PutPublicAccessBlock", [Faults::Fails(Class::Denied)]);
    let refused = set_up(&fault_proxy, &target()).await.unwrap_err();
    assert_eq!(refused.class, Class::Denied, "waiting does not grant rights");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_bucket_is_refused_and_nothing_is_written_to_it() {
    let (fake_aws, fault_proxy, name) = fake_aws();
    fake_aws.takes_bucket(&name);
    let refusal = set_up(&fault_proxy, &target()).await.unwrap().unwrap_err();
    assert_eq!(refusal.code, "bucket-taken");
    assert!(refusal.problem.contains("Another AWS account has a bucket named"), "{refusal:?}");
    assert_eq!(code(look(&fault_proxy, &target()).await), "bucket-denied");
    assert_eq!(code(ready(&fault_proxy, &target()).await), "bucket-denied");
    assert!(fake_aws.effects().is_empty(), "{:?}", fake_aws.effects());
}

#[tokio::test(start_paused = true)]
async fn a_bucket_in_this_account_without_our_tag_is_left_alone_until_it_is_tagged() {
    let (fake_aws, fault_proxy, name) = fake_aws();
    fault_proxy.create_bucket(&target(), &name, &Default::default()).await.unwrap();
    assert_eq!(code(set_up(&fault_proxy, &target()).await), "not-ours");
    assert_eq!(code(ready(&fault_proxy, &target()).await), "not-ours");
    fake_aws.sets_bucket(&name, |_, tags| *tags = names::shared_tags());
    assert_eq!(init(&fault_proxy).await.set, Setting::ALL);
}

#[tokio::test(start_paused = true)]
async fn changed_settings_are_restored_and_added_ones_stay() {
    let (fake_aws, fault_proxy, name) = fake_aws();
    init(&fault_proxy).await;
    let theirs = json!({ "Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket",
        "Resource": format!("arn:aws:s3:::{name}") });
    let backups = LifecycleRule {
        id: "backups".into(),
        enabled: true,
        prefix: "backups/".into(),
        expire_versions_after: Some(30),
        ..LifecycleRule::default()
    };
    fake_aws.sets_bucket(&name, |state, _| {
        state.versioning = Versioning::Suspended;
        state.policy = Some(names::policy(vec![theirs.clone()]));
        state.lifecycle = vec![backups.clone()];
    });
    assert_eq!(code(ready(&fault_proxy, &target()).await), "not-versioned");
    let applied = init(&fault_proxy).await;
    assert_eq!(applied.set, [Setting::Versioning, Setting::Policy, Setting::Lifecycle]);
    assert!(!applied.versioning_began, "it was on before");
    let state = state(&fault_proxy).await;
    assert_eq!(differs(&state, &target()), []);
    assert!(statements(state.policy.as_deref()).contains(&theirs) && state.lifecycle.contains(&backups));
    assert_eq!(deleting_rules(&state, None), ["backups"]);
    assert_eq!(deleting_rules(&state, Some("backups")), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn probes_wait_for_versions_and_leave_nothing() {
    let (fake_aws, fault_proxy, name) = fake_aws();
    fake_aws.climate(|climate| climate.versions = Duration::from_secs(240));
    init(&fault_proxy).await;
    let mut waited = vec![];
    assert_eq!(probe(&fault_proxy, &target()).await, Ok(false));
    assert_eq!(await_versions(&fault_proxy, &target(), |passed| waited.push(passed)).await, Ok(true));
    assert!(waited.len() > 20 && waited.is_sorted(), "{waited:?}");
    assert_eq!(fake_aws.objects_in(&name), []);
    assert_eq!(await_versions(&fault_proxy, &target(), |_| panic!("nothing to wait for")).await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn setup_gives_up_on_a_bucket_without_versions_after_15_minutes() {
    let (fake_aws, fault_proxy, name) = fake_aws();
    init(&fault_proxy).await;
    fake_aws.sets_bucket(&name, |state, _| state.versioning = Versioning::Suspended);
    let began = Instant::now();
    assert_eq!(await_versions(&fault_proxy, &target(), |_| {}).await, Ok(false));
    assert!(began.elapsed() < VERSIONS_AFTER + Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(fake_aws.objects_in(&name), []);
    fake_aws.fault_on("s3:PutObject", [Faults::Fails(Class::Denied)]);
    assert_eq!(await_versions(&fault_proxy, &target(), |_| {}).await.unwrap_err().class, Class::Denied);
}

#[tokio::test(start_paused = true)]
async fn no_pipeline_key_is_the_probes_and_no_rule_of_ours_deletes_a_pipelines_objects() {
    let first = PROBE.split('/').next().unwrap();
    assert!(first.parse::<sluice_model::PipelineName>().is_err());
    for rule in lifecycle() {
        let deletes = rule.expires_objects || rule.expire_versions_after.is_some();
        assert!(!deletes || rule.prefix.starts_with(first), "{rule:?}");
    }
}
