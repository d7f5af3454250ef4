//! The actions that calls need, and how policies decide: statements, boundaries, conditions, attacks.

use super::*;
use crate::aws::account::{ACCESS_KEY, ADMIN_KEY, INIT_KEY, ROLE_KEY, session_token};
use crate::aws::naming::{self, Scope};
use crate::aws::testing::signed;

/// A call as it arrives over the wire.
fn call(service: &str, method: &str, uri: &str, target: Option<&str>, body: &str) -> (CallName, AwsRequest) {
    let request = signed(service, method, uri, target, body);
    let scope = Scope::of(&request.parts);
    (naming::name(&request, &scope), request)
}

fn needed_by(service: &str, method: &str, uri: &str, body: &str) -> Vec<Action> {
    let (name, request) = call(service, method, uri, None, body);
    actions::required(&name, &request)
}

fn needed_by_json(target: &str, body: Value) -> Vec<Action> {
    let (name, request) = call("x", "POST", "/", Some(target), &body.to_string());
    actions::required(&name, &request)
}

fn brief(actions: &[Action]) -> Vec<(&str, &str)> {
    actions.iter().map(|action| (action.name.as_str(), action.resource.as_str())).collect()
}

fn principal(identity: Value, boundary: Option<Value>) -> Principal {
    let document = |statements: &Value| json!({ "Version": "2012-10-17", "Statement": statements });
    let tags = vec![("sluice:pipeline".to_owned(), "orders".to_owned())];
    Principal {
        arn: "arn:aws:sts::000000000000:assumed-role/r/s".into(),
        identity: vec![evaluation::policy(&document(&identity), &tags).unwrap()],
        boundary: boundary.map(|boundary| evaluation::policy(&document(&boundary), &tags).unwrap()),
        tags,
    }
}

const F: &str = "arn:aws:lambda:us-east-1:000000000000:function:sluice-orders-Hello";

#[test]
fn an_action_without_a_resource_needs_a_statement_for_all() {
    let traces = |resource: &str| {
        let may = json!([{ "Effect": "Allow", "Action": "xray:PutTraceSegments", "Resource": resource }]);
        principal(may, None).refused(&Action::new("xray:PutTraceSegments", "*"))
    };
    assert_eq!(traces("*"), None);
    assert!(
        traces("arn:aws:xray:us-east-1:000000000000:group/*").unwrap().contains("on resource: * because")
    );
}

#[test]
fn create_function_needs_rights_to_its_role_tags_and_code() {
    let body = json!({
        "FunctionName": "sluice-orders-Hello", "Role": "arn:aws:iam::000000000000:role/sluice/r",
        "Tags": { "sluice:pipeline": "orders" },
        "Code": { "S3Bucket": "b", "S3Key": "orders/code", "S3ObjectVersion": "v" },
    });
    let actions = needed_by("lambda", "POST", "/2015-03-31/functions", &body.to_string());
    assert_eq!(
        brief(&actions),
        [
            ("lambda:CreateFunction", F),
            ("lambda:TagResource", F),
            ("iam:PassRole", "arn:aws:iam::000000000000:role/sluice/r"),
            ("s3:GetObjectVersion", "arn:aws:s3:::b/orders/code"),
        ]
    );
    assert_eq!(
        actions[2].keys,
        [("iam:PassedToService".to_owned(), vec!["lambda.amazonaws.com".to_owned()])]
    );
    assert_eq!(actions[0].keys[0], ("aws:RequestTag/sluice:pipeline".to_owned(), vec!["orders".to_owned()]));
}

#[test]
fn aliases_are_invoked_by_their_own_arn_and_changed_by_the_functions() {
    let path = "/2015-03-31/functions/sluice-orders-Hello";
    let invoke = needed_by("lambda", "POST", &format!("{path}/invocations?Qualifier=prod"), "{}");
    assert_eq!(brief(&invoke), [("lambda:InvokeFunction", format!("{F}:prod").as_str())]);
    let update = needed_by("lambda", "PUT", &format!("{path}/aliases/prod"), "{}");
    assert_eq!(brief(&update), [("lambda:UpdateAlias", F)]);
    let grant = needed_by("lambda", "POST", &format!("{path}/policy?Qualifier=prod"), r#"{"Principal":"p"}"#);
    assert_eq!(brief(&grant), [("lambda:AddPermission", format!("{F}:prod").as_str())]);
    let by_arn = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Asluice-orders-Hello/invocations";
    assert_eq!(brief(&needed_by("lambda", "POST", by_arn, "{}")), [("lambda:InvokeFunction", F)]);
}

#[test]
fn apis_use_verbs_on_paths_and_objects_have_versions() {
    let stage = needed_by("apigateway", "PATCH", "/v2/apis/a1/stages/prod", "{}");
    assert_eq!(brief(&stage), [("apigateway:PATCH", "arn:aws:apigateway:us-east-1::/apis/a1/stages/prod")]);
    let create = needed_by("apigateway", "POST", "/v2/apis", r#"{"tags":{"a":"b"}}"#);
    let apis = "arn:aws:apigateway:us-east-1::/apis";
    assert_eq!(brief(&create), [("apigateway:POST", apis), ("apigateway:TagResource", apis)]);
    let object = needed_by("s3", "GET", "/b/a/c.zip?versionId=1", "");
    assert_eq!(brief(&object), [("s3:GetObjectVersion", "arn:aws:s3:::b/a/c.zip")]);
    assert_eq!(brief(&needed_by("s3", "HEAD", "/b", "")), [("s3:ListBucket", "arn:aws:s3:::b")]);
    let list = needed_by("s3", "GET", "/b?list-type=2&prefix=orders/", "");
    assert_eq!(list[0].keys, [("s3:prefix".to_owned(), vec!["orders/".to_owned()])]);
    let deleted = "<Delete><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key></Object></Delete>";
    let deleted = needed_by("s3", "POST", "/b?delete", deleted);
    assert_eq!(
        brief(&deleted),
        [("s3:DeleteObject", "arn:aws:s3:::b/a&b"), ("s3:DeleteObject", "arn:aws:s3:::b/c")]
    );
}

#[test]
fn a_transaction_needs_an_action_per_item_and_a_query_names_its_partition() {
    let table = "arn:aws:dynamodb:us-east-1:000000000000:table/sluice";
    let key = |partition: &str| json!({ "pk": { "S": partition }, "sk": { "S": "s" } });
    let actions = needed_by_json(
        "DynamoDB_20120810.TransactWriteItems",
        json!({ "TransactItems": [
            { "Put": { "TableName": "sluice", "Item": key("a") } },
            { "ConditionCheck": { "TableName": "sluice", "Key": key("b") } },
            { "Update": { "TableName": "audit", "Key": key("c") } },
        ] }),
    );
    let audit = table.replace("sluice", "audit");
    assert_eq!(
        brief(&actions),
        [
            ("dynamodb:PutItem", table),
            ("dynamodb:ConditionCheckItem", table),
            ("dynamodb:UpdateItem", audit.as_str()),
        ]
    );
    assert_eq!(actions[2].keys, [("dynamodb:LeadingKeys".to_owned(), vec!["c".to_owned()])]);
    let query = needed_by_json(
        "DynamoDB_20120810.Query",
        json!({
            "TableName": "sluice", "IndexName": "due", "KeyConditionExpression": "#p = :p AND sk > :s",
            "ExpressionAttributeNames": { "#p": "pk" },
            "ExpressionAttributeValues": { ":p": { "S": "T/roles" }, ":s": { "S": "x" } },
        }),
    );
    assert_eq!(brief(&query), [("dynamodb:Query", format!("{table}/index/due").as_str())]);
    assert_eq!(query[0].keys, [("dynamodb:LeadingKeys".to_owned(), vec!["T/roles".to_owned()])]);
    let sql = needed_by_json(
        "DynamoDB_20120810.ExecuteStatement",
        json!({ "Statement": r#"delete from "audit" where pk = 'x'"# }),
    );
    assert_eq!(brief(&sql), [("dynamodb:PartiQLDelete", audit.as_str())]);
}

#[test]
fn services_of_the_sandbox_itself_are_checked_too() {
    let named = json!({ "names": ["sluice-a", "sluice-b"] });
    let projects = needed_by_json("CodeBuild_20161006.BatchGetProjects", named);
    let project = "arn:aws:codebuild:us-east-1:000000000000:project/sluice-";
    let (a, b) = (format!("{project}a"), format!("{project}b"));
    assert_eq!(
        brief(&projects),
        [("codebuild:BatchGetProjects", a.as_str()), ("codebuild:BatchGetProjects", b.as_str())]
    );
    let stop = needed_by_json("CodeBuild_20161006.StopBuild", json!({ "id": "sluice-a:1-2" }));
    assert_eq!(brief(&stop), [("codebuild:StopBuild", a.as_str())]);
    let role = json!({ "name": "sluice-a", "serviceRole": "arn:role" });
    let create = needed_by_json("CodeBuild_20161006.CreateProject", role);
    assert_eq!(brief(&create)[1], ("iam:PassRole", "arn:role"));
    let commit = json!({ "repositoryName": "orders", "branchName": "main" });
    let commit = needed_by_json("CodeCommit_20150413.CreateCommit", commit);
    let repository = "arn:aws:codecommit:us-east-1:000000000000:orders";
    assert_eq!(brief(&commit), [("codecommit:CreateCommit", repository)]);
    let events = json!({ "logGroupName": "/g", "logStreamName": "s" });
    let events = needed_by_json("Logs_20140328.GetLogEvents", events);
    let stream = "arn:aws:logs:us-east-1:000000000000:log-group:/g:log-stream:s";
    assert_eq!(brief(&events), [("logs:GetLogEvents", stream)]);
    let batch = json!({ "QueueUrl": "http://localhost:1/000000000000/wake.fifo" });
    let target = Some("AmazonSQS.DeleteMessageBatch");
    let (name, request) = call("sqs", "POST", "/", target, &batch.to_string());
    let batch = actions::required(&name, &request);
    let queue = "arn:aws:sqs:us-east-1:000000000000:wake.fifo";
    assert_eq!(brief(&batch), [("sqs:DeleteMessage", queue)]);
    assert!(needed_by("sts", "POST", "/", "Action=GetCallerIdentity").is_empty());
}

#[test]
fn a_deny_wins_and_a_boundary_limits_with_awss_message() {
    let all = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    let invoke = Action::new("lambda:InvokeFunction", format!("{F}:prod"));
    let refusal = |principal: &Principal, action: &Action| principal.refused(action).unwrap_or_default();
    assert_eq!(refusal(&principal(all.clone(), None), &invoke), "");
    let none = principal(json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]), None);
    assert_eq!(
        refusal(&none, &invoke),
        format!(
            "User: arn:aws:sts::000000000000:assumed-role/r/s is not authorized to perform: lambda:InvokeFunction on \
             resource: {F}:prod because no identity-based policy allows the lambda:InvokeFunction action"
        )
    );
    let deny = json!([
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "lambda:invoke*", "Resource": "arn:aws:lambda:*:*:function:sluice-*:prod" },
    ]);
    assert!(
        refusal(&principal(deny.clone(), None), &invoke)
            .ends_with("with an explicit deny in an identity-based policy")
    );
    let bounded = principal(all.clone(), Some(deny));
    assert!(refusal(&bounded, &invoke).ends_with("with an explicit deny in a permissions boundary"));
    assert_eq!(refusal(&bounded, &Action::new("lambda:InvokeFunction", format!("{F}:dev"))), "");
    let narrow = json!([{ "Effect": "Allow", "NotAction": "lambda:*", "Resource": "*" }]);
    let narrow = principal(all, Some(narrow));
    assert!(refusal(&narrow, &invoke).contains("because no permissions boundary allows the"));
}

#[test]
fn conditions_tags_and_partitions_are_evaluated() {
    let boundary = "arn:aws:iam::000000000000:policy/sluice/sluice-boundary-us-east-1";
    let statements = json!([
        { "Effect": "Allow", "Action": "iam:CreateRole", "Resource": "*",
          "Condition": { "StringEquals": { "iam:PermissionsBoundary": boundary } } },
        { "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
          "Condition": { "StringEquals": { "iam:PassedToService": ["lambda.amazonaws.com", "codebuild.amazonaws.com"] } } },
        { "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*" },
        { "Effect": "Deny", "Action": "dynamodb:UpdateItem", "Resource": "*",
          "Condition": { "ForAnyValue:StringLike": { "dynamodb:LeadingKeys": ["T/audit", "T/audit/*"] } } },
        { "Effect": "Allow", "Action": "s3:GetObject",
          "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/sluice:pipeline}/*" },
    ]);
    let principal = principal(statements, None);
    let allowed = |action: Action| principal.refused(&action).is_none();
    let create = Action::new("iam:CreateRole", "arn:aws:iam::000000000000:role/sluice/r");
    assert!(allowed(create.clone().with("iam:PermissionsBoundary", boundary)));
    assert!(!allowed(
        create.clone().with("iam:PermissionsBoundary", "arn:aws:iam::000000000000:policy/mine")
    ));
    assert!(!allowed(create));
    let pass = Action::new("iam:PassRole", "arn:aws:iam::000000000000:role/sluice/r");
    assert!(allowed(pass.clone().with("iam:PassedToService", "lambda.amazonaws.com")));
    assert!(!allowed(pass.with("iam:PassedToService", "ec2.amazonaws.com")));
    let update = Action::new("dynamodb:UpdateItem", "arn:aws:dynamodb:us-east-1:000000000000:table/sluice");
    assert!(allowed(update.clone()));
    assert!(allowed(update.clone().with("dynamodb:LeadingKeys", "T/audits")));
    assert!(!allowed(update.clone().with("dynamodb:LeadingKeys", "T/audit/orders")));
    assert!(!allowed(update.with_all("dynamodb:LeadingKeys", vec!["T/x".into(), "T/audit".into()])));
    assert!(allowed(Action::new("s3:GetObject", "arn:aws:s3:::b/orders/x")));
    assert!(!allowed(Action::new("s3:GetObject", "arn:aws:s3:::b/billing/x")));
}

#[test]
fn the_tags_of_a_resource_are_compared_with_those_of_the_caller() {
    let tag = "aws:ResourceTag/sluice:pipeline";
    let secrets = "arn:aws:ssm:us-east-1:000000000000:parameter/sluice/*";
    let principal = principal(
        json!([
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": "*", "Resource": secrets, "Condition": { "Null": { tag: "true" } } },
            { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {
                "Null": { tag: "false" }, "StringNotEquals": { tag: "${aws:PrincipalTag/sluice:pipeline}" } } },
        ]),
        None,
    );
    let read =
        Action::new("ssm:GetParameter", "arn:aws:ssm:us-east-1:000000000000:parameter/sluice/orders/dev/K");
    assert_eq!(principal.refused(&read.clone().with(tag, "orders")), None);
    assert!(principal.refused(&read.clone().with(tag, "billing")).is_some());
    assert!(principal.refused(&read).is_some(), "it has no tag");
    let other = Action::new("ssm:GetParameter", "arn:aws:ssm:us-east-1:000000000000:parameter/public");
    assert_eq!(principal.refused(&other), None);
}

#[test]
fn policies_that_cannot_be_evaluated_deny() {
    let all = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    assert!(principal(all, None).refused(&Action::new("s3:GetObject", "no arn")).is_some());
    assert!(
        evaluation::policy(&json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Permit" }] }), &[])
            .is_err()
    );
}

#[test]
fn keys_and_tokens_identify_the_caller() {
    let who = |key: &str, token: Option<&str>| {
        let mut request = axum::http::Request::builder();
        if let Some(token) = token {
            request = request.header("x-amz-security-token", token);
        }
        let scope = Scope { access_key: Some(key.to_owned()), service: None };
        Caller::of(&request.body(()).unwrap().into_parts().0, &scope)
    };
    assert_eq!(who(ACCESS_KEY, None).label(), "bot");
    assert_eq!(who("AKIASLUICEBOT0A1B2C3", None).label(), "bot");
    assert_eq!(who(INIT_KEY, None).label(), "init");
    assert_eq!(who(ADMIN_KEY, None), Caller::Admin);
    assert_eq!(who(ROLE_KEY, Some(&session_token("arn:r"))), Caller::Role("arn:r".into()));
    for stranger in [who(ROLE_KEY, None), who("AKIASLUICEBOT../../x", None), who("000000000000", None)] {
        assert_eq!(stranger, Caller::Unknown);
    }
}
