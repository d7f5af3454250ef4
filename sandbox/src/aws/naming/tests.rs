use super::*;
use crate::aws::testing::signed;

fn named(method: &str, uri: &str, service: &str, target: Option<&str>, body: &str) -> CallName {
    let request = signed(service, method, uri, target, body);
    let scope = Scope::of(&request.parts);
    assert_eq!(scope.access_key.as_deref(), Some("K"));
    name(&request, &scope)
}

fn brief(call: &CallName) -> (&str, Option<&str>, bool) {
    (&call.method, call.detail.as_deref(), call.mutating)
}

#[test]
fn lambda_calls_are_named() {
    let functions = "/2015-03-31/functions";
    let cases = [
        ("PUT", "/orders-fn/aliases/prod", "UpdateAlias", "orders-fn:prod", true),
        ("GET", "/orders-fn/configuration?Qualifier=3", "GetFunctionConfiguration", "orders-fn:3", false),
        ("POST", "/orders-fn/policy?Qualifier=prod", "AddPermission", "orders-fn:prod", true),
        ("PUT", "/orders-fn/code", "UpdateFunctionCode", "orders-fn", true),
    ];
    for (method, path, operation, detail, mutating) in cases {
        let call = named(method, &format!("{functions}{path}"), "lambda", None, "");
        assert_eq!(brief(&call), (operation, Some(detail), mutating));
    }
    let create = named("POST", functions, "lambda", None, r#"{"FunctionName": "f"}"#);
    assert_eq!(brief(&create), ("CreateFunction", Some("f"), true));
    let alias = named("POST", &format!("{functions}/f/aliases"), "lambda", None, r#"{"Name": "prod"}"#);
    assert_eq!(brief(&alias), ("CreateAlias", Some("f:prod"), true));
    let arn = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A0%3Afunction%3Af";
    let tags = named("GET", arn, "lambda", None, "");
    assert_eq!(brief(&tags), ("ListTags", Some("arn:aws:lambda:us-east-1:0:function:f"), false));
    let account = named("GET", "/2016-08-19/account-settings", "lambda", None, "");
    assert_eq!(brief(&account), ("GetAccountSettings", None, false));
}

#[test]
fn gateway_s3_and_iam_calls_are_named() {
    let stage = named("PATCH", "/v2/apis/a1/stages/prod", "apigateway", None, "{}");
    assert_eq!(brief(&stage), ("UpdateStage", Some("a1/stages/prod"), true));
    assert_eq!(named("GET", "/v2/apis", "apigateway", None, "").method, "GetApis");
    assert_eq!(named("GET", "/v2/apis/a1/routes", "apigateway", None, "").method, "GetRoutes");
    let document = r#"{"openapi":"3.0.1","info":{"title":"sluice-orders"},"paths":{}}"#;
    let body = serde_json::json!({"body": document}).to_string();
    let import = named("PUT", "/v2/apis?failOnWarnings=true", "apigateway", None, &body);
    assert_eq!(brief(&import), ("ImportApi", Some("sluice-orders"), true));
    let again = named("PUT", "/v2/apis/a1?failOnWarnings=true", "apigateway", None, &body);
    assert_eq!(brief(&again), ("ReimportApi", Some("a1"), true));
    let rest = |method: &str, uri: &str, body: &str| named(method, uri, "apigateway", None, body);
    let created = rest("POST", "/restapis", r#"{"name":"sluice-orders"}"#);
    assert_eq!(brief(&created), ("CreateRestApi", Some("sluice-orders"), true));
    assert_eq!(rest("POST", "/restapis?mode=import", document).method, "ImportRestApi");
    assert_eq!(
        brief(&rest("PUT", "/restapis/r1?mode=overwrite", document)),
        ("PutRestApi", Some("r1"), true)
    );
    assert_eq!(rest("GET", "/restapis?limit=500", "").method, "GetRestApis");
    assert_eq!(rest("GET", "/restapis/r1/resources?embed=methods", "").method, "GetResources");
    let stage = rest("PATCH", "/restapis/r1/stages/Prod", "{}");
    assert_eq!(brief(&stage), ("UpdateStage", Some("r1/stages/Prod"), true));
    let object = named("PUT", "/bucket/a/b.zip?x-id=PutObject", "s3", None, "");
    assert_eq!(brief(&object), ("PutObject", Some("bucket/a/b.zip"), true));
    assert_eq!(named("PUT", "/bucket?versioning", "s3", None, "").method, "PutBucketVersioning");
    let role = named("POST", "/", "iam", None, "Action=CreateRole&RoleName=r&Version=1");
    assert_eq!(brief(&role), ("CreateRole", Some("r"), true));
    assert_eq!(role.protocol, Protocol::Query);
}

#[test]
fn json_calls_are_named_with_their_keys() {
    let body = r#"{"TableName":"sluice","Key":{"pk":{"S":"p"},"sk":{"S":"s"}}}"#;
    let get = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.GetItem"), body);
    assert_eq!(brief(&get), ("GetItem", Some("sluice p s"), false));
    let body = r#"{"TableName":"sluice","ExpressionAttributeValues":{":p":{"S":"p"},":n":{"N":"1"}}}"#;
    let query = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.Query"), body);
    assert_eq!(brief(&query), ("Query", Some("sluice p"), false));
    let body = r#"{"TableName":"sluice","IndexName":"due","ExpressionAttributeValues":{":s":{"N":"1"}}}"#;
    let due = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.Query"), body);
    assert_eq!(brief(&due), ("Query", Some("sluice/due"), false));
    let body = r##"{"TableName":"sluice","Key":{"pk":{"S":"p"},"sk":{"S":"s"}},
        "UpdateExpression":"SET #1 = :0, #0 = :1 REMOVE ds, du",
        "ExpressionAttributeNames":{"#0":"g_beat","#1":"g_owner"}}"##;
    let update = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.UpdateItem"), body);
    assert_eq!(brief(&update), ("UpdateItem", Some("sluice p s {g_owner, g_beat, ds, du}"), true));
    let body = r#"{"RequestItems":{"sluice":{"Keys":[{"sk":{"S":"s"},"pk":{"S":"p"}},{"pk":{"S":"q"}}]}}}"#;
    let batch = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.BatchGetItem"), body);
    assert_eq!(brief(&batch), ("BatchGetItem", Some("sluice p s, q"), false));
    let body = r#"{"TransactItems":[{"Put":{"Item":{"pk":{"S":"p"},"sk":{"S":"s"}}}},{"Update":{}}]}"#;
    let write = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.TransactWriteItems"), body);
    assert_eq!(brief(&write), ("TransactWriteItems", Some("Put p s, Update "), true));
    let body = r#"{"QueueUrl":"http://localhost:1/000000000000/wake.fifo","MessageGroupId":"01J"}"#;
    let send = named("POST", "/", "sqs", Some("AmazonSQS.SendMessage"), body);
    assert_eq!((send.service.as_str(), brief(&send)), ("sqs", ("SendMessage", Some("wake.fifo 01J"), true)));
    let start =
        named("POST", "/", "codebuild", Some("CodeBuild_20161006.StartBuild"), r#"{"projectName":"p"}"#);
    assert_eq!((start.service.as_str(), brief(&start)), ("codebuild", ("StartBuild", Some("p"), true)));
    let read =
        named("POST", "/", "codebuild", Some("CodeBuild_20161006.BatchGetBuilds"), r#"{"ids":["p:1"]}"#);
    assert_eq!(brief(&read), ("BatchGetBuilds", Some("p:1"), false));
}
