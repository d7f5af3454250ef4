//! GROW, WIRE and SHED from one template to the next.

use super::*;

/// The stack of a template on the stage `prod`.
fn stack(resources: Value) -> Desired {
    stacked(&World::new(), &with(resources)).unwrap().desired
}

/// A first deploy: what is live after it.
fn deployed(desired: &Desired) -> StackTemplate {
    let grown = grow(None, desired, "r1").unwrap().map(|grown| grown.template);
    wire(grown.as_ref(), desired, &Kept::default(), "r1").unwrap().unwrap().template
}

fn kept(resources: &[&str]) -> Kept {
    Kept { resources: set(resources) }
}

fn table(name: &str) -> Value {
    typed("AWS::DynamoDB::Table", json!({ "TableName": name }))
}

fn queue(visibility: u32) -> Value {
    typed("AWS::SQS::Queue", json!({ "VisibilityTimeout": visibility }))
}

fn mapping(queue: &str) -> Value {
    typed(
        "AWS::Lambda::EventSourceMapping",
        json!({
            "FunctionName": { "Ref": "Fn" }, "EventSourceArn": { "Fn::GetAtt": [queue, "Arn"] }
        }),
    )
}

#[test]
fn a_first_deploy_creates_triggers_last() {
    let desired = stack(json!({
        "Queue": queue(30),
        "Mapping": mapping("Queue"),
        "Bucket": typed("AWS::S3::Bucket", json!({ "NotificationConfiguration": { "X": { "Fn::GetAtt": ["Fn", "Arn"] } } })),
        "Flow": typed("AWS::StepFunctions::StateMachine", json!({ "DefinitionString": { "Fn::GetAtt": ["Fn", "Arn"] } })),
    }));
    let grown = grow(None, &desired, "r1").unwrap().unwrap().template;
    assert_eq!(ids(&grown), ["Bucket", "Flow", "Queue"]);
    assert!(grown.resources["Bucket"].properties.is_empty());
    let live = deployed(&desired);
    assert_eq!(live, desired.stack.unwrap().template);
}

#[test]
fn a_stack_of_triggers_only_has_no_grow() {
    let desired = stack(
        json!({ "Rule": typed("AWS::Events::Rule", json!({ "Targets": [{ "Arn": { "Fn::GetAtt": ["Fn", "Arn"] } }] })) }),
    );
    assert_eq!(grow(None, &desired, "r1").unwrap(), None);
    assert_eq!(ids(&deployed(&desired)), ["Rule"]);
    let nothing = stack(json!({}));
    let live = deployed(&desired);
    let wired = wire(Some(&live), &nothing, &Kept::default(), "r2").unwrap().unwrap();
    assert_eq!(ids(&wired.template), ["SluiceHandle"], "a stack is never empty");
}

#[test]
fn grow_holds_triggers_and_callers_as_they_are_and_changes_the_rest() {
    let old = stack(json!({
        "Queue": queue(30),
        "Mapping": mapping("Queue"),
        "Gone": mapping("Queue"),
        "Flow": typed("AWS::StepFunctions::StateMachine", json!({ "DefinitionString": "old" })),
        "Bucket": typed("AWS::S3::Bucket", json!({ "NotificationConfiguration": { "X": "old" } })),
        "Quiet": typed("AWS::S3::Bucket", json!({ "NotificationConfiguration": { "X": "old" } })),
    }));
    let mut changed = mapping("Queue");
    changed["Properties"]["BatchSize"] = 5.into();
    let new = stack(json!({
        "Queue": queue(60),
        "Mapping": changed,
        "Another": mapping("Queue"),
        "Flow": typed("AWS::StepFunctions::StateMachine", json!({ "DefinitionString": "new" })),
        "Bucket": typed("AWS::S3::Bucket", json!({ "NotificationConfiguration": { "X": "new" }, "Y": 1 })),
        "Quiet": typed("AWS::S3::Bucket", json!({})),
    }));
    let live = deployed(&old);
    let grown = grow(Some(&live), &new, "r2").unwrap().unwrap().template;
    let property = |id: &str, key: &str| grown.resources[id].properties.get(key).cloned();
    assert_eq!(ids(&grown), ["Bucket", "Flow", "Gone", "Mapping", "Queue", "Quiet"]);
    assert_eq!(property("Queue", "VisibilityTimeout"), Some(json!(60)));
    assert_eq!(property("Mapping", "BatchSize"), None);
    assert_eq!(property("Flow", "DefinitionString"), Some(json!("old")));
    assert_eq!(property("Bucket", "NotificationConfiguration"), Some(json!({ "X": "old" })));
    assert_eq!(property("Bucket", "Y"), Some(json!(1)));
    assert_eq!(property("Quiet", "NotificationConfiguration"), Some(json!({ "X": "old" })));
    assert_eq!(grown.resources["Gone"].carried_since.as_deref(), Some("r2"));
    let wired = wire(Some(&grown), &new, &Kept::default(), "r2").unwrap().unwrap();
    assert_eq!(Some(wired), new.stack);
}

#[test]
fn what_is_dropped_stays_until_no_release_needs_it() {
    let old = stack(
        json!({ "Table": table("a"), "Queue": queue(30), "Old": typed("AWS::SSM::Parameter", json!({ "Value": { "Ref": "Queue" } })) }),
    );
    let new = stack(json!({ "Other": table("b") }));
    let live = deployed(&old);
    let grown = grow(Some(&live), &new, "r2").unwrap().unwrap().template;
    assert_eq!(ids(&grown), ["Old", "Other", "Queue", "Table"]);
    let live = wire(Some(&grown), &new, &Kept::default(), "r2").unwrap().unwrap().template;
    assert_eq!(ids(&live), ["Old", "Other", "Queue", "Table"]);
    // The next release finds them carried over since r2.
    let live = grow(Some(&live), &new, "r3").unwrap().unwrap().template;
    assert_eq!(live.resources["Queue"].carried_since.as_deref(), Some("r2"));
    let queue = shed(&live, &set(&["Old", "Other", "Table"]), &set(&[])).unwrap().unwrap();
    assert_eq!((&queue.dropped, &queue.protected), (&set(&[]), &set(&["Queue"])));
    assert_eq!((queue.release, queue.remove), (None, None));
    assert_eq!(shed(&live, &set(&["Old", "Other", "Queue", "Table"]), &set(&[])).unwrap(), None);
    let old = shed(&live, &set(&["Other", "Table"]), &set(&["Queue"])).unwrap().unwrap();
    assert_eq!(old.dropped, set(&["Old", "Queue"]));
    let one = shed(&live, &set(&["Other", "Table"]), &set(&[])).unwrap().unwrap();
    assert_eq!((&one.dropped, &one.protected), (&set(&["Old"]), &set(&["Queue"])), "queues hold data");
    let all = shed(&live, &set(&["Other"]), &set(&["Queue", "Table"])).unwrap().unwrap();
    assert_eq!(all.dropped, set(&["Old", "Queue", "Table"]));
    let released = all.release.unwrap().template;
    assert_eq!(released.resources["Queue"].attributes["DeletionPolicy"], "Delete");
    assert_eq!(released.resources["Other"], live.resources["Other"]);
    assert_eq!(ids(&all.remove.unwrap().template), ["Other"]);
}

#[test]
fn a_stack_without_anything_left_has_a_wait_handle_and_retain_is_respected() {
    let mut own = table("a");
    own["DeletionPolicy"] = "Retain".into();
    let live = deployed(&stack(json!({ "Table": own })));
    let shed = shed(&live, &set(&[]), &set(&["Table"])).unwrap().unwrap();
    assert_eq!((shed.release, ids(&shed.remove.unwrap().template)), (None, vec!["SluiceHandle"]));
    assert_eq!(shed.left_behind, set(&["Table"]));
}

#[test]
fn a_dropped_trigger_goes_with_wire_unless_a_release_names_it() {
    let rule = typed("AWS::Events::Rule", json!({ "Targets": [{ "Arn": { "Fn::GetAtt": ["Fn", "Arn"] } }] }));
    let live = deployed(&stack(json!({ "Rule": rule, "Queue": queue(30) })));
    let new = stack(json!({ "Queue": queue(30) }));
    let grown = grow(Some(&live), &new, "r2").unwrap().unwrap().template;
    assert_eq!(ids(&grown), ["Queue", "Rule"]);
    let gone = wire(Some(&grown), &new, &Kept::default(), "r2").unwrap().unwrap().template;
    assert_eq!(ids(&gone), ["Queue"]);
    let stays = wire(Some(&grown), &new, &kept(&["Rule"]), "r2").unwrap().unwrap().template;
    assert_eq!(stays.resources["Rule"].properties["State"], "DISABLED");
}

#[test]
fn a_trigger_that_was_switched_off_is_switched_on_by_its_own_value() {
    let rule =
        || typed("AWS::Events::Rule", json!({ "Targets": [{ "Arn": { "Fn::GetAtt": ["Fn", "Arn"] } }] }));
    let new = stack(json!({ "Mapping": mapping("Queue"), "Queue": queue(30), "Rule": rule() }));
    let (off, _) = new.clone().without_events();
    let live = deployed(&off);
    assert_eq!(live.resources["Mapping"].properties["Enabled"], false);
    let wired = wire(Some(&live), &new, &Kept::default(), "r2").unwrap().unwrap().template;
    assert_eq!(wired.resources["Mapping"].properties["Enabled"], true);
    assert_eq!(wired.resources["Rule"].properties["State"], "ENABLED");
    let again = wire(Some(&wired), &new, &Kept::default(), "r3").unwrap().unwrap().template;
    assert!(again.is_same_stack(&wired), "it stays, so nothing changes");
}

#[test]
fn events_off_disables_or_leaves_out_what_delivers() {
    let desired = stack(json!({
        "Queue": queue(30),
        "Topic": typed("AWS::SNS::Topic", json!({ "Subscription": [{ "Endpoint": { "Fn::GetAtt": ["Fn", "Arn"] } }], "TopicName": "x" })),
        "Mapping": mapping("Queue"),
        "IoT": typed("AWS::IoT::TopicRule", json!({ "TopicRulePayload": { "Sql": "x" } })),
        "Subscription": typed("AWS::SNS::Subscription", json!({ "TopicArn": { "Ref": "Topic" } })),
        "Permission": typed("AWS::Lambda::Permission", json!({ "FunctionName": { "Ref": "Fn" } })),
    }));
    let (off, still_on) = desired.without_events();
    assert_eq!(still_on, set(&[]));
    let off = off.stack.unwrap().template;
    assert_eq!(ids(&off), ["IoT", "Mapping", "Permission", "Queue", "Topic"]);
    assert_eq!(off.resources["Mapping"].properties["Enabled"], false);
    assert_eq!(
        off.resources["IoT"].properties["TopicRulePayload"],
        json!({ "Sql": "x", "RuleDisabled": true })
    );
    assert!(!off.resources["Topic"].properties.contains_key("Subscription"));
}

#[test]
fn a_change_that_the_stack_cannot_take_is_refused() {
    let live = deployed(&stack(json!({ "X": table("a"), "Q": queue(1) })));
    let refused = |resources: Value| grow(Some(&live), &stack(resources), "r2").unwrap_err();
    assert!(matches!(
        refused(json!({ "X": queue(1) })).as_slice(),
        [PassError::TypeChanged { logical_id, .. }] if logical_id == "X"
    ));
    assert!(matches!(
        refused(json!({ "Y": table("a") })).as_slice(),
        [PassError::NameTaken { new, old, name }] if (new.as_str(), old.as_str(), name.as_str()) == ("Y", "X", "a")
    ));
    let refers = |to: &str| typed("AWS::Events::Rule", json!({ "X": { "Ref": to } }));
    let live = deployed(&stack(json!({ "Rule": refers("Q"), "Q": queue(1) })));
    let mut back = queue(1);
    back["Properties"]["Tags"] = json!([{ "Ref": "Rule" }]);
    let errors =
        grow(Some(&live), &stack(json!({ "Rule": typed("AWS::Events::Rule", json!({})), "Q": back })), "r2");
    // The queue waits for the rule that it names, so nothing changes before the move.
    assert!(errors.unwrap().unwrap().template.is_same_stack(&live));
    assert!(refused(json!({ "Y": table("a") })).iter().all(|error| !error.hint().is_empty()));
}

#[test]
fn a_parameter_of_what_is_carried_over_keeps_its_value() {
    let mut template = with(
        json!({ "Db": typed("AWS::RDS::DBInstance", json!({ "MasterUserPassword": { "Ref": "Password" } })) }),
    );
    template["Parameters"]["Password"] = json!({ "Type": "String", "NoEcho": true, "Default": "hunter22" });
    let old = stacked(&World::new(), &template).unwrap().desired;
    let text = |value: &str| ParameterValue::Text(value.to_owned());
    assert_eq!(old.stack.as_ref().unwrap().parameters["Password"], text("hunter22"));
    assert!(!format!("{old:?}").contains("hunter22"));
    let grown = grow(Some(&deployed(&old)), &stack(json!({})), "r2").unwrap().unwrap();
    assert_eq!(grown.parameters["Password"], ParameterValue::Previous);
    assert!(grown.template.parameters.contains_key("Password"));
}

#[test]
fn a_code_only_change_gives_the_same_bytes() {
    let of = |key: &str| {
        let mut template = with(json!({ "Queue": queue(1), "Mapping": mapping("Queue") }));
        template["Resources"]["Fn"]["Properties"]["Code"] = json!({ "S3Bucket": "b", "S3Key": key });
        template["Resources"]["Fn"]["Metadata"] = json!({ "build": key });
        stacked(&World::new(), &template).unwrap().desired
    };
    let (one, other) = (of("a"), of("b"));
    let live = deployed(&one);
    let grown = grow(Some(&live), &other, "r2").unwrap().unwrap().template;
    let wired = wire(Some(&grown), &other, &Kept::default(), "r2").unwrap().unwrap().template;
    assert_eq!((grown.text(), wired.text()), (live.text(), live.text()));
}

#[test]
fn a_number_is_the_same_when_it_is_read_again() {
    let value = 6.448_907_767_097_892e242;
    let live = deployed(&stack(json!({ "X": typed("AWS::SSM::Parameter", json!({ "Value": value })) })));
    assert_eq!(StackTemplate::read(&live.text()).unwrap(), live);
}

#[test]
fn a_template_of_others_is_not_read() {
    let live = deployed(&stack(json!({ "Q": queue(1) })));
    let mut other: Value = serde_json::from_str(&live.text()).unwrap();
    other["Metadata"] = json!({});
    for text in ["", "[]", &other.to_string(), r#"{"Resources":{}}"#] {
        let error = StackTemplate::read(text).unwrap_err();
        assert!(error.problem.contains("stack's template") && !error.hint.is_empty(), "{error}");
    }
}
