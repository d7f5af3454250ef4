use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ports::{
    ChangeAction, ChangeSet, ChangeSetIds, ChangeSetKind, ChangeSetState, DeleteStack, DriftDetection,
    EventsSince, NewChangeSet, OnStackFailure, PolicyAction, Replacement, StackStatus, Stacks,
    TemplateSource,
};
use crate::testing::fake_aws::FaultProxy;
use crate::testing::{FakeAws, TestClock, target};
use sluice_model::Class;

const STACK: &str = "sluice-orders-prod";

struct Lab {
    fake_aws: Arc<FakeAws>,
    port: FaultProxy,
}

impl Lab {
    fn new() -> Self {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        Self { port: fake_aws.fault_proxy(), fake_aws }
    }

    async fn prepare(&self, kind: ChangeSetKind, name: &str, template: &Value) -> (ChangeSetIds, ChangeSet) {
        let ids = self.port.create_change_set(&target(), &request(kind, name, template)).await.unwrap();
        let early = self.port.change_set(&target(), STACK, &ids.change_set).await.unwrap().unwrap();
        assert_eq!(early.state, ChangeSetState::Pending);
        wait(3).await;
        let read = self.port.change_set(&target(), &ids.stack, name).await.unwrap().unwrap();
        (ids, read)
    }

    async fn deploy(&self, kind: ChangeSetKind, name: &str, template: &Value) -> ChangeSetIds {
        let (ids, read) = self.prepare(kind, name, template).await;
        assert_eq!(read.state, ChangeSetState::Ready);
        self.port.execute_change_set(&target(), STACK, &ids.change_set, name).await.unwrap();
        ids
    }

    async fn status(&self, stack: &str) -> Option<StackStatus> {
        self.port.stack(&target(), stack).await.unwrap().map(|stack| stack.status)
    }
}

async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn request(kind: ChangeSetKind, name: &str, template: &Value) -> NewChangeSet {
    NewChangeSet {
        stack: STACK.into(),
        name: name.into(),
        kind,
        token: name.into(),
        template: TemplateSource::Body(template.to_string()),
        parameters: [].into(),
        capabilities: vec![],
        role: "arn:aws:iam::123456789012:role/sluice/orders/prod/stack".into(),
        resource_types: vec![],
        tags: [].into(),
        on_failure: OnStackFailure::Rollback,
        includes_nested: false,
    }
}

fn template(resources: Value) -> Value {
    json!({ "Resources": resources, "Outputs": { "Arn": { "Value": { "Fn::GetAtt": ["Queue", "Arn"] } } } })
}

fn queue(properties: Value) -> Value {
    json!({ "Type": "AWS::SQS::Queue", "Properties": properties })
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_reviewed_created_updated_and_cleaned_up_afterwards() {
    let lab = Lab::new();
    let first = template(json!({ "Queue": queue(json!({})), "Old": queue(json!({ "QueueName": "old" })) }));
    let (ids, read) = lab.prepare(ChangeSetKind::Create, "r1", &first).await;
    assert_eq!(lab.status(STACK).await, Some(StackStatus::ReviewInProgress));
    assert!(read.changes.iter().all(|change| change.action == ChangeAction::Add));
    lab.port.execute_change_set(&target(), STACK, &ids.change_set, "r1").await.unwrap();
    assert_eq!(lab.status(STACK).await, Some(StackStatus::CreateInProgress));
    wait(21).await;
    let stack = lab.port.stack(&target(), STACK).await.unwrap().unwrap();
    assert_eq!(stack.status, StackStatus::CreateComplete);
    assert!(stack.outputs["Arn"].value.ends_with(".Arn"), "{:?}", stack.outputs);
    assert_eq!(stack.change_set, Some(ids.change_set));

    let next = template(json!({ "Queue": queue(json!({ "VisibilityTimeout": 60 })) }));
    let updated = lab.deploy(ChangeSetKind::Update, "r2", &next).await;
    wait(21).await;
    assert_eq!(lab.status(STACK).await, Some(StackStatus::UpdateCompleteCleanupInProgress));
    let exists =
        |name: &str| lab.fake_aws.existing_stack_resources().contains(&format!("AWS::SQS::Queue {name}"));
    assert!(exists("old"), "deleted only in the clean-up");
    wait(10).await;
    assert_eq!(lab.status(STACK).await, Some(StackStatus::UpdateComplete));
    assert!(!exists("old"));
    let executed = lab.port.change_set(&target(), STACK, &updated.change_set).await.unwrap().unwrap();
    assert_eq!(executed.state, ChangeSetState::Executed);
    let (_, same) = lab.prepare(ChangeSetKind::Update, "r3", &next).await;
    assert_eq!(same.state, ChangeSetState::Empty);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_keeps_what_its_policy_retains() {
    let lab = Lab::new();
    let keyed = |key: &str| {
        json!({ "Queue": queue(json!({})), "Table": {
            "Type": "AWS::DynamoDB::Table", "UpdateReplacePolicy": "Retain",
            "Properties": { "KeySchema": [key] },
        }, "Rule": { "Type": "AWS::Events::Rule", "Properties": { "Targets": [{ "Ref": "Table" }] } } })
    };
    lab.deploy(ChangeSetKind::Create, "r1", &template(keyed("id"))).await;
    wait(21).await;
    let before = lab.fake_aws.existing_stack_resources();
    let (ids, read) = lab.prepare(ChangeSetKind::Update, "r2", &template(keyed("order"))).await;
    let [table, rule] = &read.changes[..] else { panic!("{:?}", read.changes) };
    assert_eq!(
        (table.replacement, table.policy_action),
        (Replacement::Yes, Some(PolicyAction::ReplaceAndRetain))
    );
    assert!(!table.deletes() && rule.causes[0].is_dynamic, "{rule:?}");
    lab.port.execute_change_set(&target(), STACK, &ids.change_set, "r2").await.unwrap();
    wait(31).await;
    let after = lab.fake_aws.existing_stack_resources();
    assert!(before.iter().all(|known| after.contains(known)), "{before:?} {after:?}");
    assert_eq!(after.len(), before.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_creation_leaves_a_stack_that_can_only_be_deleted() {
    let lab = Lab::new();
    lab.fake_aws.make_stack_resource_by_hand("AWS::SQS::Queue", "orders");
    let taken = template(json!({ "Queue": queue(json!({ "QueueName": "orders" })) }));
    let ids = lab.deploy(ChangeSetKind::Create, "r1", &taken).await;
    wait(41).await;
    assert_eq!(lab.status(STACK).await, Some(StackStatus::RollbackComplete));
    let since = EventsSince::Token("r1".into());
    let events = lab.port.stack_events(&target(), STACK, &since).await.unwrap().unwrap();
    let failure = events.first_failure().unwrap();
    assert_eq!(
        (failure.logical_id.as_str(), failure.reason.as_deref()),
        ("Queue", Some("orders already exists"))
    );
    for kind in [ChangeSetKind::Create, ChangeSetKind::Update] {
        let refused = lab.port.create_change_set(&target(), &request(kind, "r2", &taken)).await.unwrap_err();
        assert_eq!(refused.class, Class::Precondition, "{refused}");
    }
    let delete = |token: &str| DeleteStack {
        stack: ids.stack.clone(),
        role: None,
        retain: vec![],
        token: token.into(),
    };
    lab.port.set_termination_protection(&target(), STACK, true).await.unwrap();
    let refused = lab.port.delete_stack(&target(), &delete("d1")).await.unwrap_err();
    assert_eq!(refused.class, Class::Precondition);
    lab.port.set_termination_protection(&target(), STACK, false).await.unwrap();
    lab.port.delete_stack(&target(), &delete("d2")).await.unwrap();
    wait(21).await;
    assert_eq!(
        (lab.status(STACK).await, lab.status(&ids.stack).await),
        (None, Some(StackStatus::DeleteComplete))
    );
    assert_eq!(lab.fake_aws.existing_stack_resources(), ["AWS::SQS::Queue orders"], "somebody else's");
}

#[tokio::test(start_paused = true)]
async fn an_update_rolls_back_and_a_stuck_rollback_continues_without_the_resource() {
    let lab = Lab::new();
    let of = |timeout: u32| template(json!({ "Queue": queue(json!({ "VisibilityTimeout": timeout })) }));
    lab.deploy(ChangeSetKind::Create, "r1", &of(30)).await;
    wait(21).await;
    lab.fake_aws.fail_stack_resource("Queue", "Internal failure");
    lab.deploy(ChangeSetKind::Update, "r2", &of(60)).await;
    let busy = lab.port.create_change_set(&target(), &request(ChangeSetKind::Update, "r3", &of(90))).await;
    assert_eq!(busy.unwrap_err().class, Class::Busy);
    wait(51).await;
    assert_eq!(lab.status(STACK).await, Some(StackStatus::UpdateRollbackComplete));
    assert_eq!(lab.port.template(&target(), STACK).await.unwrap(), Some(of(30).to_string()));

    lab.fake_aws.fail_stack_rollback("Queue", "Internal failure");
    lab.deploy(ChangeSetKind::Update, "r4", &of(60)).await;
    wait(51).await;
    assert_eq!(lab.status(STACK).await, Some(StackStatus::UpdateRollbackFailed));
    let skip = ["Queue".to_owned()];
    lab.port.continue_update_rollback(&target(), STACK, "role", &skip, "c").await.unwrap();
    wait(21).await;
    assert_eq!(lab.status(STACK).await, Some(StackStatus::UpdateRollbackComplete));
}

#[tokio::test(start_paused = true)]
async fn tokens_make_requests_safe_to_repeat_and_an_execution_deletes_the_other_change_sets() {
    let lab = Lab::new();
    let of = |timeout: u32| template(json!({ "Queue": queue(json!({ "VisibilityTimeout": timeout })) }));
    lab.deploy(ChangeSetKind::Create, "r1", &of(30)).await;
    wait(21).await;
    let (first, _) = lab.prepare(ChangeSetKind::Update, "r2", &of(60)).await;
    let again = lab.port.create_change_set(&target(), &request(ChangeSetKind::Update, "r2", &of(60))).await;
    assert_eq!(again.as_ref(), Ok(&first));
    let other = NewChangeSet { token: "other".into(), ..request(ChangeSetKind::Update, "r2", &of(60)) };
    assert_eq!(lab.port.create_change_set(&target(), &other).await.unwrap_err().class, Class::Conflict);
    let (second, _) = lab.prepare(ChangeSetKind::Update, "r3", &of(90)).await;
    lab.port.execute_change_set(&target(), STACK, &second.change_set, "r3").await.unwrap();
    assert_eq!(lab.port.change_set(&target(), STACK, &first.change_set).await, Ok(None));
    let twice = lab.port.execute_change_set(&target(), STACK, &second.change_set, "r3").await.unwrap_err();
    assert_eq!(twice.class, Class::Conflict, "look, before you believe it");
    assert_eq!(lab.fake_aws.repeated(), vec![]);
}

#[tokio::test(start_paused = true)]
async fn an_update_can_be_cancelled_and_drift_is_found() {
    let lab = Lab::new();
    let of = |timeout: u32| template(json!({ "Queue": queue(json!({ "VisibilityTimeout": timeout })) }));
    lab.deploy(ChangeSetKind::Create, "r1", &of(30)).await;
    wait(21).await;
    let ids = lab.deploy(ChangeSetKind::Update, "r2", &of(60)).await;
    lab.port.cancel_update(&target(), STACK, "c").await.unwrap();
    wait(21).await;
    assert_eq!(lab.status(STACK).await, Some(StackStatus::UpdateRollbackComplete));
    let cancelled = lab.port.change_set(&target(), STACK, &ids.change_set).await.unwrap().unwrap();
    assert_eq!(cancelled.state, ChangeSetState::ExecutionFailed);
    assert_eq!(lab.port.cancel_update(&target(), STACK, "c").await.unwrap_err().class, Class::Precondition);

    lab.fake_aws.drift_by_hand(STACK, "Queue", "/VisibilityTimeout");
    let detection = lab.port.detect_drift(&target(), STACK).await.unwrap();
    assert_eq!(lab.port.drift_detection(&target(), &detection).await, Ok(DriftDetection::InProgress));
    wait(3).await;
    let done = lab.port.drift_detection(&target(), &detection).await;
    assert_eq!(done, Ok(DriftDetection::Complete { drifted: 1 }));
    let drifts = lab.port.resource_drifts(&target(), STACK).await.unwrap();
    assert_eq!(drifts[0].properties, ["/VisibilityTimeout"]);
}
