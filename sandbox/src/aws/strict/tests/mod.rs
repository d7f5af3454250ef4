//! The rules alone: without a service, and with time as a number.

use axum::http::{Request, StatusCode};
use serde_json::json;

use super::*;
use crate::calls::Protocol;

mod wire;

pub fn call(service: &str, method: &str, detail: &str) -> CallName {
    let protocol = match service {
        "s3" => Protocol::RestXml,
        "iam" => Protocol::Query,
        "lambda" | "apigateway" => Protocol::RestJson,
        _ => Protocol::AwsJson,
    };
    let mutating = !["Get", "List", "BatchGet"].iter().any(|prefix| method.starts_with(prefix));
    let detail = (!detail.is_empty()).then(|| detail.to_owned());
    CallName { service: service.into(), method: method.into(), detail, mutating, protocol }
}

pub fn request(body: &str) -> AwsRequest {
    AwsRequest { parts: Request::new(()).into_parts().0, body: body.to_owned().into() }
}

struct Trial {
    strict: Strict,
    now: Instant,
}

impl Trial {
    fn new() -> Self {
        let strict = Strict::default();
        strict.set(|settings| settings.seed = 3);
        Self { strict, now: Instant::now() }
    }

    fn creates(&self, service: &str, method: &str, detail: &str, answer: Value) {
        self.strict.learned(&call(service, method, detail), &answer, self.now);
    }

    /// Status, code and message of the answer to a call `ms` milliseconds later.
    fn answer(
        &self,
        ms: u64,
        service: &str,
        method: &str,
        detail: &str,
        body: &str,
    ) -> (u16, String, String) {
        let now = self.now + Duration::from_millis(ms);
        match self.strict.admit_at(&call(service, method, detail), &request(body), now) {
            Ok(_) => (200, String::new(), String::new()),
            Err(refusal) => (refusal.status, refusal.code.into(), refusal.message),
        }
    }
}

#[test]
fn new_resources_are_not_found_for_a_moment_in_awss_words() {
    let trial = Trial::new();
    trial.creates("s3", "CreateBucket", "b", Value::Null);
    trial.creates("iam", "CreateRole", "r", Value::Null);
    trial.creates("codecommit", "CreateRepository", "orders", json!({}));
    trial.creates("codebuild", "CreateProject", "p", json!({}));
    trial.creates("apigateway", "CreateApi", "sluice-orders", json!({"apiId": "a1"}));
    trial.creates("lambda", "CreateFunction", "f", json!({"Version": "1"}));
    trial.creates("sqs", "CreateQueue", "wake.fifo", json!({}));
    let cases = [
        ("s3", "PutBucketVersioning", "b", "", 404, "NoSuchBucket", "The specified bucket does not exist"),
        ("s3", "PutObject", "b/key", "", 404, "NoSuchBucket", "The specified bucket does not exist"),
        ("iam", "GetRole", "r", "", 404, "NoSuchEntity", "The role with name r cannot be found."),
        (
            "iam",
            "PutRolePolicy",
            "r/policy",
            "",
            404,
            "NoSuchEntity",
            "The role with name r cannot be found.",
        ),
        (
            "codecommit",
            "CreateCommit",
            "orders/main",
            "",
            400,
            "RepositoryDoesNotExistException",
            "orders does not exist",
        ),
        (
            "codebuild",
            "StartBuild",
            "p",
            "",
            400,
            "ResourceNotFoundException",
            "Project cannot be found: arn:aws:codebuild:us-east-1:000000000000:project/p",
        ),
        (
            "apigateway",
            "CreateRoute",
            "a1/routes/GET /",
            "",
            404,
            "NotFoundException",
            "Invalid API identifier specified 000000000000:a1",
        ),
        (
            "lambda",
            "CreateAlias",
            "f:prod",
            r#"{"FunctionVersion": "1"}"#,
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:1",
        ),
        (
            "lambda",
            "GetFunctionConfiguration",
            "f:1",
            "",
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:1",
        ),
        (
            "lambda",
            "AddPermission",
            "f:prod",
            "",
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f",
        ),
        (
            "sqs",
            "SendMessage",
            "wake.fifo 01J",
            "",
            400,
            "AWS.SimpleQueueService.NonExistentQueue",
            "The specified queue does not exist.",
        ),
    ];
    for (service, method, detail, body, status, code, message) in cases {
        let answer = trial.answer(0, service, method, detail, body);
        assert_eq!(answer, (status, code.into(), message.into()), "{service}:{method}");
        assert_eq!(trial.answer(299, service, method, detail, body), answer, "{service}:{method}");
        assert_eq!(
            trial.answer(1000, service, method, detail, body).0,
            200,
            "{service}:{method} has a bounded delay"
        );
    }
    assert_eq!(
        trial.answer(0, "s3", "CreateBucket", "b", "").0,
        200,
        "the service decides about a second creation"
    );
    assert_eq!(trial.answer(0, "iam", "GetRole", "another", "").0, 200);
    assert_eq!(trial.answer(0, "apigateway", "GetApis", "", "").0, 200);
    trial.creates("apigateway", "ImportApi", "sluice-orders-dev", json!({"apiId": "a2"}));
    assert_eq!(trial.answer(0, "apigateway", "ReimportApi", "a2", "").0, 404);
    trial.strict.set(|settings| settings.lenient = [Rule::Eventual].into());
    assert_eq!(trial.answer(0, "s3", "PutObject", "b/key", "").0, 200, "the rule is off");
}

#[test]
fn a_new_alias_is_not_found_or_busy() {
    let mut answer = BTreeSet::new();
    for seed in 0..8 {
        let trial = Trial::new();
        trial.strict.set(|settings| settings.seed = seed);
        trial.creates("lambda", "CreateAlias", "f:prod", json!({}));
        let (status, code, message) = trial.answer(0, "lambda", "AddPermission", "f:prod", "");
        assert!(message.ends_with("arn:aws:lambda:us-east-1:000000000000:function:f:prod"), "{message}");
        assert_eq!(
            trial.answer(0, "lambda", "UpdateAlias", "f:prod", "{}").0,
            status,
            "the same answer each time"
        );
        answer.insert((status, code));
    }
    let answer: Vec<_> = answer.iter().map(|(status, code)| (*status, code.as_str())).collect();
    assert_eq!(answer, [(404, "ResourceNotFoundException"), (409, "ResourceConflictException")]);
}

#[test]
fn delays_depend_on_the_seed_and_are_bounded() {
    let delays: BTreeSet<_> = (0..50).map(|seed| delay(seed, "bucket b", 300..1000)).collect();
    assert!(delays.len() > 40, "{delays:?}");
    assert!(delays.iter().all(|delay| (300..1000).contains(&delay.as_millis())));
    assert_eq!(delay(7, "a", 0..1000), delay(7, "a", 0..1000));
}

#[test]
fn rates_tags_and_quotas_have_separate_switches() {
    let trial = Trial::new();
    let role = "Action=CreateRole&Tags.member.1.Key=a&Tags.member.1.Value=%28all%29";
    assert_eq!(trial.answer(0, "iam", "CreateRole", "r", role).1, "ValidationError");
    trial.strict.set(|settings| {
        settings.lenient = [Rule::Tags].into();
        settings.quotas.roles = 0;
    });
    assert_eq!(trial.answer(0, "iam", "CreateRole", "r", role).1, "LimitExceeded");
    trial.strict.set(|settings| settings.lenient = [Rule::Tags, Rule::Quotas].into());
    let passed = (0..100).filter(|_| trial.answer(0, "iam", "CreateRole", "r", role).0 == 200).count();
    assert_eq!(passed, 18, "two calls of the burst of twenty were used before");
    trial.strict.set(|settings| settings.lenient = Rule::ALL.into());
    assert!((0..100).all(|_| trial.answer(0, "iam", "CreateRole", "r", role).0 == 200));
}

#[test]
fn a_change_of_an_api_ends_with_its_call() {
    let strict = Strict::default();
    let first = strict.begin(&call("apigateway", "CreateRoute", "a1/routes/GET /")).unwrap();
    let stage = call("apigateway", "UpdateStage", "a1/stages/prod");
    assert_eq!(strict.begin(&stage).unwrap_err().code, "ConflictException");
    strict.set(|settings| settings.lenient = [Rule::ApiConflict].into());
    assert!(strict.begin(&stage).unwrap().is_none(), "the rule is off");
    strict.set(|settings| settings.lenient.clear());
    drop(first);
    assert!(strict.begin(&stage).unwrap().is_some());
}

#[tokio::test]
async fn a_refusal_is_logged_as_a_call_without_effect() {
    let (strict, calls) = (Strict::default(), crate::calls::Calls::new());
    let create = call("s3", "CreateBucket", "b");
    let ok = async |_: AwsRequest| Response::new(axum::body::Body::empty());
    strict.run(&create, request(""), ok).await;
    let name = call("s3", "PutBucketPolicy", "b");
    let fault = json!({"method": "PutBucketPolicy", "action": "hold"});
    calls.arm(serde_json::from_value(fault).unwrap());
    let refusal = strict.admit(&name, &request("")).unwrap_err();
    let response = calls.refuse(&name, refusal.response(name.protocol)).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let record = calls.list(None).pop().unwrap();
    assert_eq!(
        (record.result.as_str(), record.effect, record.rule),
        ("NoSuchBucket", false, Some("eventual"))
    );
}
