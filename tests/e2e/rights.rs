//! The bot, builds and functions have exactly the rights of the policies that Sluice prints or makes. Function templates come from
//! anybody who can push to a branch.

use serde_json::Value;
use sluice_e2e::fixture::next_release;
use sluice_e2e::{Bot, Options, Repository, World};

/// All rules of a strict AWS but `policies`.
const LENIENT: &str =
    "eventual,revision,data-plane,api-conflict,new-bucket,rates,iam-propagation,tags,quotas,states";

/// Rights that a template may request where an admin accepts wild rights. The roles' boundary has to remove them.
const POLICIES: &str = r#"      Policies:
        - Statement:
            - Effect: Allow
              Action:
                - apigateway:PATCH
                - codebuild:StartBuild
                - dynamodb:DeleteItem
                - dynamodb:PutItem
                - iam:CreateRole
                - iam:PassRole
                - lambda:InvokeFunction
                - lambda:UpdateAlias
                - lambda:UpdateFunctionCode
                - s3:PutObject
                - ssm:GetParameter
                - sts:AssumeRole
              Resource: "*"
"#;

/// A handler that tries to take over the account with its own credentials.
const ATTACKS: &str = r##"
import urllib.error
import urllib.request


def call(service, method, path, body="", target=None):
    scope = os.environ["AWS_ACCESS_KEY_ID"] + "/20260101/us-east-1/" + service + "/aws4_request"
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=" + scope + ", SignedHeaders=host, Signature=0",
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
        "content-type": "application/x-www-form-urlencoded" if service in ("iam", "sts") else "application/x-amz-json-1.1",
    }
    if target:
        headers["x-amz-target"] = target
    url = os.environ["AWS_ENDPOINT_URL"] + path
    request = urllib.request.Request(url, data=body.encode() or None, headers=headers, method=method)
    try:
        return urllib.request.urlopen(request, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.headers.get("x-amzn-errortype") or error.read().decode()[:400]


def attacks(event):
    function = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    functions = "/2015-03-31/functions/" + function
    item = '{"TableName": "sluice", "Item": {"pk": {"S": "T/roles"}, "sk": {"S": "roles"}}}'
    key = '{"TableName": "sluice", "Key": {"pk": {"S": "T/audit"}, "sk": {"S": "x"}}}'
    api = event["requestContext"].get("apiId", "api")
    project = '{"projectName": "sluice-rights"}'
    bucket = "/sluice-000000000000-us-east-1/rights/builds/1/artifact/packaged.json"
    role = "Action=CreateRole&Version=2010-05-08&RoleName=mine&AssumeRolePolicyDocument=%7B%7D"
    assume = "Action=AssumeRole&Version=2011-06-15&RoleSessionName=s&RoleArn=arn:aws:iam::000000000000:role/sluice/x"
    log = '{"logGroupName": "/aws/lambda/' + function + '", "logStreamName": "none", "logEvents": []}'
    secret = '{"Name": "/sluice/rights/%s/API_KEY", "WithDecryption": true}'
    slack = '{"Name": "/sluice/signing-secret", "WithDecryption": true}'
    return {
        "(allowed) read a secret of its stage": call("ssm", "POST", "/", secret % "dev", "AmazonSSM.GetParameter"),
        "read a secret of another stage": call("ssm", "POST", "/", secret % "prod", "AmazonSSM.GetParameter"),
        "read a secret of the bot": call("ssm", "POST", "/", slack, "AmazonSSM.GetParameter"),
        "grant oneself a role": call("dynamodb", "POST", "/", item, "DynamoDB_20120810.PutItem"),
        "delete a record": call("dynamodb", "POST", "/", key, "DynamoDB_20120810.DeleteItem"),
        "move its alias": call("lambda", "PUT", functions + "/aliases/dev", '{"FunctionVersion": "1"}'),
        "change code": call("lambda", "PUT", functions + "/code", '{"ZipFile": ""}'),
        "call what is not approved": call("lambda", "POST", functions + "/invocations", "{}"),
        "call a version": call("lambda", "POST", functions + "/invocations?Qualifier=1", "{}"),
        "move its API": call("apigateway", "PATCH", "/v2/apis/" + api + "/stages/$default", "{}"),
        "start a build": call("codebuild", "POST", "/", project, "CodeBuild_20161006.StartBuild"),
        "replace an artifact": call("s3", "PUT", bucket, "{}"),
        "make a role": call("iam", "POST", "/", role),
        "become another role": call("sts", "POST", "/", assume),
        "(allowed) write its log": call("logs", "POST", "/", log, "Logs_20140328.PutLogEvents"),
    }


greet = handler


def handler(event, context):
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return greet(event, context)  # The tests of a build.
    return {"statusCode": 200, "body": json.dumps(attacks(event))}
"##;

#[tokio::test]
async fn policies_and_boundaries_deny_every_attack_of_a_function() {
    let world =
        World::start(Options { lenient: Some(LENIENT), unrecorded: true, ..Options::default() }).await;
    let created = world.submit(world.ann(), "/repo create rights from sam").await.succeeds().await;
    world.submit(world.ann(), "/stage add rights prod").await.succeeds().await;
    for stage in ["dev", "prod"] {
        let line = ["secret", "set", "rights", stage, "API_KEY", "--as", world.ann()];
        let (status, said) = Bot::run_with_input(&world, &line, "hunter2");
        assert_eq!(status, Some(0), "{said}");
    }
    for command in ["/build rights", "/deploy rights"] {
        world.submit(world.ann(), command).await.succeeds().await;
    }
    next_release(&world, "rights", &created, "Release 2").await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |template| {
        template.replace("      Handler: app.handler\n", &handler_with_policies())
    });
    clone.edit("src/app.py", |code| code + ATTACKS);
    clone.push("Try to take over");
    world.submit(world.ann(), "/stage set rights dev wild_rights=yes").await.succeeds().await;
    world.submit(world.ann(), "/build rights").await.succeeds().await;
    world.submit(world.ann(), "/deploy rights").await.succeeds().await;
    let (status, body) = world.curl("rights", "dev").await;
    let results: Value =
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {status} {body}"));
    for (attack, result) in results.as_object().unwrap() {
        let is_denied = result.as_str().is_some_and(|answer| answer.contains("AccessDenied"));
        assert_eq!(is_denied, !attack.starts_with("(allowed)"), "{attack}: {result}");
    }
    assert_eq!(results.as_object().unwrap().len(), 15);
    assert_bot_was_not_refused(&world).await;
}

fn handler_with_policies() -> String {
    format!("      Handler: app.handler\n{POLICIES}")
}

/// The call log has the bot's own calls, not those of functions and builds.
async fn assert_bot_was_not_refused(world: &World) {
    let calls = world.calls(0).await;
    let refused: Vec<_> = calls.iter().filter(|call| call.result.starts_with("AccessDenied")).collect();
    assert!(refused.is_empty(), "the bot's own policy is too narrow: {refused:#?}");
}
