//! Imports, roles of integrations, stage variables and the stage `$default` over the wire.

use serde_json::json;

use super::super::account::ACCESS_KEY;
use super::super::strict::Rule;
use super::super::testing::{Reply, World, trust};
use super::*;

const URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f:${stageVariables.f}/invocations";
const ROLE: &str = "arn:aws:iam::000000000000:role/sluice/api";
const GATEWAY: &str = "apigateway.amazonaws.com";

/// A document with `GET` operations on these paths.
fn document(paths: &[&str]) -> Value {
    let integration = json!({
        "type": "aws_proxy", "httpMethod": "POST", "uri": URI, "payloadFormatVersion": "2.0", "credentials": ROLE,
    });
    let operation = json!({ "responses": {}, "x-amazon-apigateway-integration": integration });
    let paths: serde_json::Map<String, Value> =
        paths.iter().map(|path| ((*path).to_owned(), json!({ "get": operation }))).collect();
    json!({ "openapi": "3.0.1", "info": { "title": "sluice-orders-dev", "version": "7" }, "paths": paths })
}

/// One API, `sluice-orders-dev`.
struct Trial {
    world: World,
    api: String,
}

impl Trial {
    async fn new(rules: &[Rule]) -> Self {
        let strict = Strict::new(Rule::ALL.into_iter().filter(|rule| !rules.contains(rule)).collect());
        strict.set(|settings| settings.quotas.routes = 3);
        let world = World::with(strict).await;
        let body = json!({ "body": document(&["/"]).to_string() });
        let api = world.gateway(Method::PUT, "?failOnWarnings=true", body).await;
        assert_eq!(api["apiEndpoint"], format!("{}/orders-dev", world.at.stages));
        Self { world, api: api["apiId"].as_str().unwrap().to_owned() }
    }

    async fn reply(&self, method: Method, path: &str, body: &Value) -> Reply {
        let path = format!("/v2/apis/{}{path}", self.api);
        self.world.send(ACCESS_KEY, "apigateway", method, &path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Value {
        let reply = self.reply(method, path, &body).await;
        assert!(reply.status < 300, "{path}: {} {}", reply.code, reply.body);
        reply.body
    }

    async fn import(&self, document: &Value) -> Reply {
        let body = json!({ "body": document.to_string() });
        self.reply(Method::PUT, "?failOnWarnings=true", &body).await
    }

    async fn keys(&self) -> Vec<String> {
        let routes = self.send(Method::GET, "/routes", Value::Null).await;
        let routes = routes["items"].as_array().unwrap().iter();
        routes.map(|route| route["routeKey"].as_str().unwrap().to_owned()).collect()
    }

    async fn deploy(&self) -> Value {
        self.send(Method::POST, "/deployments", json!({})).await["deploymentId"].clone()
    }

    /// Creates a stage of a new deployment.
    async fn create_stage(&self, name: &str) {
        let deployment = self.deploy().await;
        let body = json!({ "stageName": name, "deploymentId": deployment, "stageVariables": { "f": "1" } });
        self.send(Method::POST, "/stages", body).await;
    }

    /// Creates the function `f` and the role, which may do everything.
    async fn with_function(self) -> Self {
        self.world.create_function("one").await;
        self.world.settled().await;
        self.create_role(&trust(GATEWAY)).await;
        self
    }

    async fn create_role(&self, trust: &str) {
        let role = [("RoleName", "api"), ("Path", "/sluice/"), ("AssumeRolePolicyDocument", trust)];
        assert_eq!(self.world.iam("CreateRole", &role).await, 200);
    }
}

#[tokio::test]
async fn an_import_replaces_the_definition_and_a_deployment_keeps_the_earlier_one() {
    let trial = Trial::new(&[]).await.with_function().await;
    trial.create_stage("$default").await;
    assert_eq!(trial.world.get("/orders-dev/").await, (200, "one".into()));
    let mut second = document(&["/a", "/b"]);
    second["tags"] = json!([{ "name": "team", "x-amazon-apigateway-tag-value": "shop" }]);
    second["x-amazon-apigateway-cors"] = json!({ "allowOrigins": ["*"] });
    let imported = trial.import(&second).await;
    assert_eq!((imported.status, &imported.body["warnings"]), (201, &json!([])));
    assert_eq!(trial.keys().await, ["GET /a", "GET /b"]);
    let integrations = trial.send(Method::GET, "/integrations", Value::Null).await;
    let integrations = integrations["items"].as_array().unwrap();
    assert_eq!(integrations.len(), 2, "the earlier integration is gone");
    assert!(integrations.iter().all(|integration| integration["credentialsArn"] == ROLE));
    assert_eq!(trial.world.get("/orders-dev/").await.0, 200, "the deployment is a snapshot");
    assert_eq!(trial.world.get("/orders-dev/a").await.0, 404);
    let deployment = trial.deploy().await;
    trial.send(Method::PATCH, "/stages/%24default", json!({ "deploymentId": deployment })).await;
    assert_eq!(trial.world.get("/orders-dev/").await.0, 404);
    assert_eq!(trial.world.get("/orders-dev/a").await, (200, "one".into()));

    trial.import(&document(&["/"])).await;
    let api = trial.send(Method::GET, "", Value::Null).await;
    assert_eq!((&api["version"], &api["tags"]), (&json!("7"), &json!({ "team": "shop" })));
    assert_eq!(api["corsConfiguration"], Value::Null, "an import resets CORS");
}

#[tokio::test]
async fn a_refused_import_changes_nothing() {
    let trial = Trial::new(&[Rule::Quotas]).await;
    let refused = async |document: &Value, status: u16, code: &str, words: &str| {
        let reply = trial.import(document).await;
        assert_eq!((reply.status, reply.code.as_str()), (status, code), "{}", reply.body);
        assert!(reply.body.to_string().contains(words), "{}", reply.body);
        assert_eq!(trial.keys().await, ["GET /"]);
    };
    let bad = "BadRequestException";
    refused(&document(&["/a", "/b", "/c", "/d"]), 429, "TooManyRequestsException", "number of routes").await;
    refused(&json!({ "openapi": "2.0", "paths": {} }), 400, bad, "OpenAPI 3.0").await;
    refused(&json!({ "openapi": "3.0.1" }), 400, bad, "no paths").await;
    refused(&document(&["a"]), 400, bad, "Resource a should start with /").await;
    let mut bare = document(&["/a"]);
    bare["paths"]["/a"]["get"] = json!({ "responses": {} });
    refused(&bare, 400, bad, "No integration found for route GET /a.").await;
    bare["paths"]["/a"]["fetch"] = json!({});
    refused(&bare, 400, bad, "route key is not formatted properly").await;
    let malformed = trial.reply(Method::PUT, "", &json!({ "body": "{" })).await;
    assert_eq!((malformed.status, malformed.code.as_str()), (400, bad));
    let missing = json!({ "body": document(&["/"]).to_string() });
    let missing = trial.world.send(ACCESS_KEY, "apigateway", Method::PUT, "/v2/apis/none", &missing).await;
    assert_eq!((missing.status, missing.code.as_str()), (404, "NotFoundException"));

    bare["paths"]["/a"].as_object_mut().unwrap().remove("fetch");
    let imported = trial.send(Method::PUT, "", json!({ "body": bare.to_string() })).await;
    assert_eq!(imported["warnings"], json!(["No integration found for route GET /a."]));
    assert_eq!(trial.keys().await, ["GET /a"], "warnings alone do not refuse an import");
}

#[tokio::test]
async fn the_role_of_an_integration_must_trust_api_gateway_and_allow_the_version() {
    let trial = Trial::new(&[Rule::Policies]).await;
    trial.world.create_function("one").await;
    trial.world.settled().await;
    trial.create_stage("$default").await;
    let answer = async || trial.world.get("/orders-dev/").await.0;
    assert_eq!(answer().await, 500, "the role does not exist");
    trial.create_role(&trust("lambda.amazonaws.com")).await;
    let allow = async |resource: &str| {
        let statement = json!({
            "Effect": "Allow", "Action": "lambda:InvokeFunction",
            "Resource": format!("arn:aws:lambda:us-east-1:000000000000:function:{resource}"),
        });
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        let policy = [("RoleName", "api"), ("PolicyName", "invoke"), ("PolicyDocument", &policy)];
        assert_eq!(trial.world.iam("PutRolePolicy", &policy).await, 200);
    };
    allow("f:*").await;
    assert_eq!(answer().await, 500, "the role trusts only Lambda");
    let trusted = [("RoleName", "api"), ("PolicyDocument", &trust(GATEWAY))];
    assert_eq!(trial.world.iam("UpdateAssumeRolePolicy", &trusted).await, 200);
    assert_eq!(answer().await, 200);
    allow("f").await;
    assert_eq!(answer().await, 500, "the right is for the function without a version");
    allow("f:1").await;
    assert_eq!(answer().await, 200);
    let second = json!({ "stageVariables": { "f": "2" } });
    trial.send(Method::PATCH, "/stages/%24default", second).await;
    allow("f:*").await;
    assert_eq!(answer().await, 500, "version 2 does not exist");
    let alias = json!({ "Name": "live", "FunctionVersion": "1" });
    trial.world.lambda(Method::POST, "/f/aliases", alias).await;
    let alias = json!({ "stageVariables": { "f": "live" } });
    trial.send(Method::PATCH, "/stages/%24default", alias).await;
    assert_eq!(answer().await, 200, "an alias works too");
}

#[tokio::test]
async fn a_new_role_cannot_be_assumed_at_once() {
    let trial = Trial::new(&[]).await;
    trial.world.create_function("one").await;
    trial.world.settled().await;
    trial.create_stage("$default").await;
    trial.world.rules.set(|settings| {
        settings.lenient.remove(&Rule::IamPropagation);
    });
    trial.create_role(&trust(GATEWAY)).await;
    assert_eq!(trial.world.get("/orders-dev/").await.0, 500);
    let usable = async {
        while trial.world.get("/orders-dev/").await.0 != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), usable).await.expect("the role becomes usable");
}

#[tokio::test]
async fn the_default_stage_answers_beside_a_named_one() {
    let trial = Trial::new(&[]).await.with_function().await;
    trial.import(&document(&["/", "/prod", "/prod/a"])).await;
    trial.create_stage("$default").await;
    for path in ["", "/", "/prod", "/prod/a"] {
        assert_eq!(trial.world.get(&format!("/orders-dev{path}")).await, (200, "one".into()), "{path}");
    }
    assert_eq!(trial.world.get("/orders-dev/a").await.0, 404);
    trial.create_stage("prod").await;
    assert_eq!(trial.world.get("/orders-dev/prod").await.0, 200, "the path / of the stage prod");
    assert_eq!(trial.world.get("/orders-dev/prod/a").await.0, 404, "the path /a of the stage prod");
    assert_eq!(trial.world.get("/orders-dev/prod/prod/a").await.0, 200);
    assert_eq!(trial.world.get("/orders-dev/").await.0, 200);
}

#[tokio::test]
async fn stage_variables_merge_and_a_stage_deploys_itself_or_by_id() {
    let trial = Trial::new(&[]).await;
    trial.create_stage("$default").await;
    let update = async |body: Value| trial.reply(Method::PATCH, "/stages/%24default", &body).await;
    let merged = update(json!({ "stageVariables": { "a": "1", "b": "x.y" } })).await.body;
    assert_eq!(merged["stageVariables"], json!({ "f": "1", "a": "1", "b": "x.y" }));
    let removed = update(json!({ "stageVariables": { "a": "" } })).await.body;
    assert_eq!(removed["stageVariables"], json!({ "f": "1", "b": "x.y" }));
    let deployment = trial.deploy().await;
    let moved = update(json!({ "deploymentId": deployment })).await.body;
    assert_eq!(moved["stageVariables"], json!({ "f": "1", "b": "x.y" }));
    let bad = update(json!({ "stageVariables": { "a": "1 2" } })).await;
    assert_eq!((bad.status, bad.code.as_str()), (400, "BadRequestException"));
    assert_eq!(update(json!({ "autoDeploy": true })).await.status, 200);
    let refused = update(json!({ "deploymentId": deployment })).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["message"], "Deployment ID can't be updated if autoDeploy is enabled");
    assert_eq!(update(json!({ "deploymentId": deployment, "autoDeploy": false })).await.status, 200);
}
