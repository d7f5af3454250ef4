//! CloudFormation's answers that the emulator cannot give: pages, states, sentences.

use std::collections::BTreeMap;

use sluice_commands::ports::{
    Capability, ChangeAction, ChangeSetKind, ChangeSetState, DeleteStack, DriftDetection, EventsSince,
    NewChangeSet, OnStackFailure, ParameterValue, PolicyAction, Replacement, StackStatus, TemplateSource,
};
use sluice_model::Class;

use crate::harness::recorded_server::{Answer, RecordedServer, xml};
use crate::harness::{aws, summary, target};

const STACK: &str = "arn:aws:cloudformation:us-east-1:000000000000:stack/sluice-orders-prod/1";
const CHANGES: &str = "arn:aws:cloudformation:us-east-1:000000000000:changeSet/grow-1/2";

fn request(kind: ChangeSetKind) -> NewChangeSet {
    NewChangeSet {
        stack: "sluice-orders-prod".into(),
        name: "grow-1".into(),
        kind,
        token: "op-1".into(),
        template: TemplateSource::Body("{}".into()),
        parameters: BTreeMap::from([
            ("Stage".into(), ParameterValue::New("prod".into())),
            ("Secret".into(), ParameterValue::Previous),
        ]),
        capabilities: vec![Capability::NamedIam],
        role: "arn:aws:iam::000000000000:role/sluice/orders/prod/stack".into(),
        resource_types: vec!["AWS::SQS::Queue".into()],
        tags: BTreeMap::from([("sluice:pipeline".into(), "orders".into())]),
        on_failure: OnStackFailure::Delete,
        includes_nested: true,
    }
}

/// An answer of the query protocol.
fn answer(call: &str, result: &str) -> Answer {
    let body = format!("<{call}Response><{call}Result>{result}</{call}Result></{call}Response>");
    xml(200, body.leak())
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    );
    xml(status, body.leak())
}

#[tokio::test]
async fn a_change_set_is_requested_with_role_token_types_and_tags() {
    let ids = format!("<Id>{CHANGES}</Id><StackId>{STACK}</StackId>");
    let server = RecordedServer::answering(vec![answer("CreateChangeSet", &ids)]);
    let port = aws(&server.url).await.stacks;
    for kind in [ChangeSetKind::Create, ChangeSetKind::Update] {
        let made = port.create_change_set(&target(), &request(kind)).await.expect("an answer");
        assert_eq!((made.change_set.as_str(), made.stack.as_str()), (CHANGES, STACK));
    }
    let requests = server.requests();
    for part in [
        "ClientToken=op-1",
        "ChangeSetType=CREATE",
        "OnStackFailure=DELETE",
        "IncludeNestedStacks=true",
        "RoleARN=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Fsluice%2Forders%2Fprod%2Fstack",
        "Capabilities.member.1=CAPABILITY_NAMED_IAM",
        "ResourceTypes.member.1=AWS%3A%3ASQS%3A%3AQueue",
        "Tags.member.1.Key=sluice%3Apipeline",
        "Parameters.member.1.ParameterKey=Secret&Parameters.member.1.UsePreviousValue=true",
        "Parameters.member.2.ParameterKey=Stage&Parameters.member.2.ParameterValue=prod",
    ] {
        assert!(requests[0].body.contains(part), "{part}: {}", requests[0].body);
    }
    let update = &requests[1].body;
    assert!(update.contains("ChangeSetType=UPDATE") && !update.contains("OnStackFailure"), "{update}");
}

#[tokio::test]
async fn a_change_set_is_read_over_all_pages() {
    let page = |logical: &str, change: &str, token: &str| {
        answer(
            "DescribeChangeSet",
            &format!(
                "<ChangeSetName>grow-1</ChangeSetName><ChangeSetId>{CHANGES}</ChangeSetId><StackId>{STACK}</StackId>\
                 <Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>\
                 <Parameters><member><ParameterKey>P</ParameterKey><ParameterValue>/ssm/name</ParameterValue>\
                 <ResolvedValue>7</ResolvedValue></member></Parameters>\
                 <Changes><member><Type>Resource</Type><ResourceChange><LogicalResourceId>{logical}</LogicalResourceId>\
                 <ResourceType>AWS::DynamoDB::Table</ResourceType>{change}</ResourceChange></member></Changes>{token}"
            ),
        )
    };
    let replaced = "<Action>Modify</Action><Replacement>True</Replacement><PolicyAction>ReplaceAndRetain</PolicyAction>\
        <PhysicalResourceId>t-1</PhysicalResourceId><Scope><member>Properties</member></Scope><Details><member>\
        <Target><Attribute>Properties</Attribute><Name>KeySchema</Name><RequiresRecreation>Always</RequiresRecreation></Target>\
        <Evaluation>Static</Evaluation><ChangeSource>DirectModification</ChangeSource></member></Details>";
    let server = RecordedServer::answering(vec![
        page("Old", replaced, "<NextToken>more</NextToken>"),
        page("New", "<Action>Add</Action>", ""),
    ]);
    let read = aws(&server.url).await.stacks.change_set(&target(), STACK, CHANGES).await;
    let read = read.expect("an answer").expect("it exists");
    assert_eq!(read.state, ChangeSetState::Ready);
    assert_eq!(read.parameters, BTreeMap::from([("P".into(), "7".into())]), "the resolved value");
    let [old, new] = &read.changes[..] else { panic!("{:?}", read.changes) };
    assert_eq!((old.action, old.replacement), (ChangeAction::Modify, Replacement::Yes));
    assert_eq!(old.policy_action, Some(PolicyAction::ReplaceAndRetain));
    assert!(old.replaces() && !old.deletes() && !new.replaces());
    assert_eq!(old.causes[0].property.as_deref(), Some("KeySchema"));
    assert_eq!(new.action, ChangeAction::Add);
    assert!(server.requests()[1].body.contains("NextToken=more"));
}

#[tokio::test]
async fn every_state_of_a_change_set_is_told_apart() {
    let described = |status: &str| {
        let ids = format!("<ChangeSetId>{CHANGES}</ChangeSetId><StackId>{STACK}</StackId>");
        answer("DescribeChangeSet", &format!("{ids}{status}"))
    };
    let failed = |reason: &str| format!("<Status>FAILED</Status><StatusReason>{reason}</StatusReason>");
    let complete = |execution: &str| {
        format!("<Status>CREATE_COMPLETE</Status><ExecutionStatus>{execution}</ExecutionStatus>")
    };
    let empty = "The submitted information didn't contain changes. Submit different information to create a change set.";
    for (status, state) in [
        (failed(empty), ChangeSetState::Empty),
        (failed("No updates are to be performed."), ChangeSetState::Empty),
        (failed("No export named X found."), ChangeSetState::Failed("No export named X found.".into())),
        ("<Status>CREATE_IN_PROGRESS</Status>".into(), ChangeSetState::Pending),
        (complete("EXECUTE_IN_PROGRESS"), ChangeSetState::Executing),
        (complete("EXECUTE_COMPLETE"), ChangeSetState::Executed),
        (complete("OBSOLETE"), ChangeSetState::Obsolete),
        (
            format!("{}<ParentChangeSetId>{CHANGES}</ParentChangeSetId>", complete("UNAVAILABLE")),
            ChangeSetState::Nested,
        ),
        ("<Status>DELETE_COMPLETE</Status>".into(), ChangeSetState::Deleted),
    ] {
        let server = RecordedServer::answering(vec![described(&status)]);
        let read = aws(&server.url).await.stacks.change_set(&target(), STACK, CHANGES).await;
        assert_eq!(read.expect("an answer").map(|read| read.state), Some(state), "{status}");
    }
    let server = RecordedServer::answering(vec![described("<Status>NEW_WORD</Status>")]);
    let error = aws(&server.url).await.stacks.change_set(&target(), STACK, CHANGES).await.unwrap_err();
    assert_eq!(error.code, "UnknownStatus", "nothing is guessed: {error}");
}

#[tokio::test]
async fn what_does_not_exist_is_none_or_no_error() {
    let gone =
        || RecordedServer::answering(vec![refusal(400, "ValidationError", "Stack with id s does not exist")]);
    let (server, at) = (gone(), target());
    let port = aws(&server.url).await.stacks;
    assert_eq!(port.stack(&at, "s").await, Ok(None));
    assert_eq!(port.stack_resources(&at, "s").await, Ok(None));
    assert_eq!(port.stack_events(&at, "s", &EventsSince::Beginning).await, Ok(None));
    assert_eq!(port.template(&at, "s").await, Ok(None));
    let delete = DeleteStack { stack: "s".into(), role: None, retain: vec![], token: "t".into() };
    assert_eq!(port.delete_stack(&at, &delete).await, Ok(()));
    let server =
        RecordedServer::answering(vec![refusal(404, "ChangeSetNotFound", "ChangeSet [c] does not exist")]);
    let port = aws(&server.url).await.stacks;
    assert_eq!(port.change_set(&at, "s", "c").await, Ok(None));
    assert_eq!(port.delete_change_set(&at, "s", "c").await, Ok(()));
    let error = port.execute_change_set(&at, "s", "c", "t").await.unwrap_err();
    assert_eq!(summary(&error), ("cloudformation:ExecuteChangeSet", Class::Absent, "ChangeSetNotFound"));
}

#[tokio::test]
async fn an_execution_rolls_back_and_frees_the_names_of_a_failed_creation() {
    let server = RecordedServer::answering(vec![answer("ExecuteChangeSet", "")]);
    let port = aws(&server.url).await.stacks;
    port.execute_change_set(&target(), STACK, CHANGES, "op-1").await.expect("it starts");
    let body = server.requests().remove(0).body;
    assert!(body.contains("ClientRequestToken=op-1") && body.contains("RetainExceptOnCreate=true"), "{body}");
    assert!(!body.contains("DisableRollback"), "{body}");
}

#[tokio::test]
async fn a_stack_is_read_with_its_outputs_parameters_and_role() {
    let stack = |status: &str| {
        answer(
            "DescribeStacks",
            &format!(
                "<Stacks><member><StackId>{STACK}</StackId><StackName>sluice-orders-prod</StackName>\
                 <CreationTime>2026-11-29T18:00:00Z</CreationTime><StackStatus>{status}</StackStatus>\
                 <ChangeSetId>{CHANGES}</ChangeSetId><RoleARN>arn:aws:iam::000000000000:role/sluice/r</RoleARN>\
                 <EnableTerminationProtection>true</EnableTerminationProtection>\
                 <Outputs><member><OutputKey>SluiceQueueArn</OutputKey><OutputValue>arn:q</OutputValue>\
                 <ExportName>q</ExportName></member></Outputs>\
                 <Parameters><member><ParameterKey>Secret</ParameterKey><ParameterValue>****</ParameterValue></member>\
                 </Parameters><Tags><member><Key>sluice:pipeline</Key><Value>orders</Value></member></Tags>\
                 </member></Stacks>"
            ),
        )
    };
    let server =
        RecordedServer::answering(vec![stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), stack("NEW_WORD")]);
    let port = aws(&server.url).await.stacks;
    let read = port.stack(&target(), STACK).await.expect("an answer").expect("it exists");
    assert_eq!(read.status, StackStatus::UpdateCompleteCleanupInProgress);
    assert_eq!(read.outputs["SluiceQueueArn"].value, "arn:q");
    assert_eq!(read.outputs["SluiceQueueArn"].export.as_deref(), Some("q"));
    assert_eq!(read.parameters["Secret"].value, "****");
    assert_eq!((read.change_set.as_deref(), read.is_protected), (Some(CHANGES), true));
    assert_eq!(read.tags["sluice:pipeline"], "orders");
    let error = port.stack(&target(), STACK).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (Class::Invalid, "UnknownStatus"));
}

fn events(of: &[(&str, &str, &str, &str)], next: &str) -> Answer {
    let members: String = of
        .iter()
        .map(|(id, token, logical, status)| {
            let physical = if *logical == "sluice-orders-prod" { STACK } else { "" };
            format!(
                "<member><StackId>{STACK}</StackId><EventId>{id}</EventId><StackName>sluice-orders-prod</StackName>\
                 <LogicalResourceId>{logical}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
                 <ResourceType>AWS::SQS::Queue</ResourceType><Timestamp>2026-11-29T18:00:00.250Z</Timestamp>\
                 <ResourceStatus>{status}</ResourceStatus><ClientRequestToken>{token}</ClientRequestToken></member>"
            )
        })
        .collect();
    answer("DescribeStackEvents", &format!("<StackEvents>{members}</StackEvents>{next}"))
}

#[tokio::test]
async fn events_are_read_until_those_before_the_operation() {
    let pages = || {
        vec![
            events(
                &[
                    ("9", "later", "Queue", "UPDATE_COMPLETE"),
                    ("8", "op-1", "sluice-orders-prod", "UPDATE_COMPLETE"),
                ],
                "<NextToken>more</NextToken>",
            ),
            events(
                &[("7", "op-1", "Queue", "UPDATE_IN_PROGRESS"), ("6", "earlier", "Queue", "CREATE_COMPLETE")],
                "<NextToken>even more</NextToken>",
            ),
        ]
    };
    for (since, ids, requests) in [
        (EventsSince::Token("op-1".into()), vec!["8", "7"], 2),
        (EventsSince::Event("7".into()), vec!["9", "8"], 2),
        (EventsSince::Newest, vec!["9", "8"], 1),
    ] {
        let server = RecordedServer::answering(pages());
        let read = aws(&server.url).await.stacks.stack_events(&target(), STACK, &since).await;
        let read = read.expect("an answer").expect("the stack exists");
        let found: Vec<_> = read.events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!((found, read.is_complete), (ids, since != EventsSince::Newest), "{since:?}");
        assert_eq!(server.requests().len(), requests, "{since:?}");
        let of_stack: Vec<_> =
            read.events.iter().filter(|event| event.is_of_stack).map(|event| &event.id).collect();
        assert_eq!(of_stack, ["8"]);
        assert_eq!(read.events[0].at.as_millisecond() % 1000, 250);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let same = events(&[("9", "later", "Queue", "UPDATE_COMPLETE")], "<NextToken>same</NextToken>");
    let server = RecordedServer::answering(vec![same]);
    let since = EventsSince::Token("op-1".into());
    let error = aws(&server.url).await.stacks.stack_events(&target(), STACK, &since).await.unwrap_err();
    assert_eq!((error.code.as_str(), server.requests().len()), ("IncompleteAnswer", 2), "{error}");
}

#[tokio::test]
async fn drift_is_told_without_values() {
    let status = |status: &str, more: &str| {
        answer(
            "DescribeStackDriftDetectionStatus",
            &format!(
                "<StackId>{STACK}</StackId><StackDriftDetectionId>d</StackDriftDetectionId>\
                 <DetectionStatus>{status}</DetectionStatus><Timestamp>2026-11-29T18:00:00Z</Timestamp>{more}"
            ),
        )
    };
    let drifted = format!(
        "<StackResourceDrifts><member><StackId>{STACK}</StackId><LogicalResourceId>Queue</LogicalResourceId>\
         <PhysicalResourceId>q</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>\
         <StackResourceDriftStatus>MODIFIED</StackResourceDriftStatus><Timestamp>2026-11-29T18:00:00Z</Timestamp>\
         <PropertyDifferences><member><PropertyPath>/VisibilityTimeout</PropertyPath><ExpectedValue>30</ExpectedValue>\
         <ActualValue>60</ActualValue><DifferenceType>NOT_EQUAL</DifferenceType></member></PropertyDifferences>\
         </member></StackResourceDrifts>"
    );
    let server = RecordedServer::answering(vec![
        status("DETECTION_IN_PROGRESS", ""),
        status("DETECTION_FAILED", "<DetectionStatusReason>no rights</DetectionStatusReason>"),
        status("DETECTION_COMPLETE", "<DriftedStackResourceCount>1</DriftedStackResourceCount>"),
        answer("DescribeStackResourceDrifts", &drifted),
    ]);
    let port = aws(&server.url).await.stacks;
    assert_eq!(port.drift_detection(&target(), "d").await, Ok(DriftDetection::InProgress));
    assert_eq!(port.drift_detection(&target(), "d").await, Ok(DriftDetection::Failed("no rights".into())));
    assert_eq!(port.drift_detection(&target(), "d").await, Ok(DriftDetection::Complete { drifted: 1 }));
    let drifts = port.resource_drifts(&target(), STACK).await.expect("an answer");
    assert_eq!(
        (drifts[0].is_deleted, &drifts[0].properties[..]),
        (false, &["/VisibilityTimeout".to_owned()][..])
    );
}
