//! A body as SAM writes it, over the wire: import, deployment, stage, and requests to it.

use serde_json::json;

use super::super::super::account::ACCESS_KEY;
use super::super::super::strict::{Rule, Strict};
use super::super::super::testing::{Reply, World};
use super::*;

const BODY: &str = include_str!("../../openapi/rest_sam.json");
const HTTP_BODY: &str = include_str!("../../openapi/http_sam.json");
/// Answers with the event, or as an authorizer with a policy of the effect that the token names.
const CODE: &str = "import json
def handler(event, context):
    if 'identitySource' in event:
        return {'isAuthorized': event['identitySource'] == ['good'], 'context': {'who': 'ann'}}
    if 'type' in event:
        effect = event.get('authorizationToken') or event['headers']['X-Key']
        if effect == 'raise':
            raise Exception('Unauthorized')
        if effect == 'odd':
            return {}
        statement = {'Effect': effect, 'Action': 'execute-api:Invoke', 'Resource': event['methodArn']}
        return {'principalId': 'ann', 'policyDocument': {'Statement': [statement]}}
    if event['path'].endswith('/odd'):
        return {'answer': 42}
    return {'statusCode': 200, 'body': json.dumps(event)}
";

struct Trial {
    world: World,
    api: String,
}

impl Trial {
    /// A REST API with a stage `Prod` of that body.
    async fn start() -> Self {
        let world = World::with(Strict::new(Rule::ALL.into())).await;
        let mut function = world.function("").await;
        function["Code"]["ZipFile"] = world.package_code(CODE).await.into();
        world.create_role().await;
        assert_eq!(world.lambda(Method::POST, "", function).await.status, 201);
        world.settled().await;
        let permission = json!({
            "StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com",
        });
        let allowed = world.lambda(Method::POST, "/f/policy?Qualifier=1", permission).await;
        assert_eq!(allowed.status, 201, "{}", allowed.body);
        let body = json!({ "name": "sluice-orders-dev", "description": "old" });
        let api = world.send(ACCESS_KEY, "apigateway", Method::POST, "/restapis", &body).await.body;
        assert_eq!(api["endpointConfiguration"]["types"], json!(["EDGE"]));
        Self { world, api: api["id"].as_str().unwrap().to_owned() }
    }

    async fn reply(&self, method: Method, path: &str, body: &Value) -> Reply {
        let path = format!("/restapis/{}{path}", self.api);
        self.world.send(ACCESS_KEY, "apigateway", method, &path, body).await
    }

    async fn import(&self, document: &Value) -> Reply {
        self.reply(Method::PUT, "?mode=overwrite&failonwarnings=false", document).await
    }

    async fn deploy(&self) -> Value {
        let reply = self.reply(Method::POST, "/deployments", &json!({ "description": "d" })).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body["id"].clone()
    }

    async fn served(document: &Value) -> Self {
        let trial = Self::start().await;
        assert_eq!(trial.import(document).await.status, 200);
        let stage =
            json!({ "stageName": "Prod", "deploymentId": trial.deploy().await, "variables": { "f": "1" } });
        assert_eq!(trial.reply(Method::POST, "/stages", &stage).await.status, 201);
        trial
    }

    /// The status and the body of a request to the stage's URL on the front.
    async fn get(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/_aws/execute-api/{}{path}", self.world.at.aws, self.api);
        let mut request = self.world.http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }
}

/// SAM's body, with the version as a stage variable.
fn body() -> Value {
    let body = BODY.replace("function:f:1/", "function:f:${stageVariables.f}/");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_stage_serves_the_body_that_sam_writes() {
    let trial = Trial::served(&body()).await;
    let get = async |path: &str, headers: &[(&str, &str)]| trial.get(Method::GET, path, headers).await;
    let (status, event) = get("/Prod/items/7?a=1", &[("authorization", "Allow")]).await;
    assert_eq!(
        (status, &event["resource"], &event["path"]),
        (200, &json!("/items/{id}"), &json!("/items/7"))
    );
    assert_eq!(event["requestContext"]["authorizer"]["principalId"], "ann");
    assert_eq!((&event["stageVariables"], &event["version"]), (&json!({ "f": "1" }), &Value::Null));
    for (token, status, text) in [
        ("Deny", 403, "User is not authorized to access this resource with an explicit deny"),
        ("raise", 401, "Unauthorized"),
        ("odd", 500, "Internal server error"),
    ] {
        let (seen, body) = get("/Prod/items/7", &[("authorization", token)]).await;
        assert_eq!((seen, body.to_string().contains(text)), (status, true), "{token}: {body}");
    }
    assert_eq!(get("/Prod/items/7", &[]).await, (401, json!({ "message": "Unauthorized" })));
    assert_eq!(get("/Prod/a/b", &[("x-key", "Allow")]).await.1["pathParameters"], json!({ "proxy": "a/b" }));
    assert_eq!(
        get("/Prod/a/odd", &[("x-key", "Allow")]).await,
        (502, json!({ "message": "Internal server error" }))
    );
    assert_eq!(get("/Prod/world", &[]).await.0, 401, "ANY of the greedy path");
    assert_eq!(get("/Prod", &[]).await, (403, json!({ "message": "Missing Authentication Token" })));
    assert_eq!(get("/Nope/items/7", &[]).await, (403, json!({ "message": "Forbidden" })));
    assert_eq!(trial.get(Method::POST, "/Prod/world", &[]).await, (403, json!({ "message": "Forbidden" })));

    let url = format!("{}/orders-dev/Prod/items/7", trial.world.at.stages);
    let preflight = trial.world.http.request(Method::OPTIONS, url).send().await.unwrap();
    assert_eq!(
        (preflight.status().as_u16(), &preflight.headers()["access-control-allow-origin"]),
        (200, &"*".parse().unwrap())
    );
}

#[tokio::test]
async fn the_resources_of_an_import_are_shown_with_their_parents_and_methods() {
    let trial = Trial::served(&body()).await;
    let listed = trial.reply(Method::GET, "/resources?embed=methods&limit=500", &Value::Null).await.body;
    let of = |path: &str| {
        listed["item"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["path"] == path)
            .unwrap_or(&Value::Null)
            .clone()
    };
    let (root, items, item) = (of("/"), of("/items"), of("/items/{id}"));
    assert!(root["id"].is_string() && root.get("parentId").is_none(), "{listed}");
    assert_eq!((&items["parentId"], &item["parentId"]), (&root["id"], &items["id"]));
    assert_eq!((&item["pathPart"], items.get("resourceMethods")), (&json!("{id}"), None));
    assert_eq!(item["resourceMethods"]["GET"]["methodIntegration"]["type"], "aws_proxy", "{listed}");
    let bare = trial.reply(Method::GET, "/resources", &Value::Null).await.body;
    assert_eq!(bare["item"].as_array().unwrap().len(), listed["item"].as_array().unwrap().len());
    assert!(!bare.to_string().contains("methodIntegration"), "{bare}");
}

#[tokio::test]
async fn a_deployment_is_a_snapshot_and_a_stage_moves_by_patches() {
    let trial = Trial::served(&body()).await;
    let before = trial.reply(Method::GET, "", &Value::Null).await.body;
    assert_ne!(before["description"], "old", "an import resets the description");
    let mut second = body();
    second["paths"].as_object_mut().unwrap().retain(|path, _| path == "/{proxy+}");
    assert_eq!(trial.import(&second).await.body["warnings"], json!([]));
    let token = [("authorization", "Allow"), ("x-key", "Allow")];
    let resource = async || trial.get(Method::GET, "/Prod/items/7", &token).await.1["resource"].clone();
    assert_eq!(resource().await, "/items/{id}");
    let first = trial.reply(Method::GET, "/stages/Prod", &Value::Null).await.body["deploymentId"].clone();
    let next = trial.deploy().await;
    let patch = |op: &str, path: &str, value: &Value| json!({ "op": op, "path": path, "value": value });
    let update = async |patches: Value| {
        trial.reply(Method::PATCH, "/stages/Prod", &json!({ "patchOperations": patches })).await
    };
    let moved = update(json!([
        patch("replace", "/deploymentId", &next),
        patch("replace", "/variables/g", &json!("2"))
    ]))
    .await;
    assert_eq!((moved.status, &moved.body["variables"]), (200, &json!({ "f": "1", "g": "2" })));
    assert_eq!(resource().await, "/{proxy+}");
    assert_eq!(update(json!([patch("remove", "/variables/g", &json!(""))])).await.status, 200);
    assert_eq!(update(json!([patch("remove", "/variables/g", &json!(""))])).await.status, 400);
    assert_eq!(update(json!([patch("replace", "/deploymentId", &json!("none"))])).await.status, 400);
    assert_eq!(update(json!([patch("replace", "/variables/a-b", &json!("1"))])).await.status, 400);
    let delete = async |id: &Value| {
        trial.reply(Method::DELETE, &format!("/deployments/{}", id.as_str().unwrap()), &Value::Null).await
    };
    let served = delete(&next).await;
    assert_eq!((served.status, served.code.as_str()), (400, "BadRequestException"));
    assert_eq!(delete(&first).await.status, 202);
}

#[tokio::test]
async fn a_definition_without_integration_cannot_be_deployed() {
    let trial = Trial::start().await;
    let mut bare = body();
    bare["paths"] = json!({});
    trial.import(&bare).await;
    let refused =
        async || trial.reply(Method::POST, "/deployments", &json!({})).await.body["message"].clone();
    assert_eq!(refused().await, "The REST API doesn't contain any methods");
    bare["paths"] = json!({ "/": { "get": { "responses": {} } } });
    assert_eq!(trial.import(&bare).await.status, 200);
    assert_eq!(refused().await, "No integration defined for method");
    let refused = trial.import(&json!({ "openapi": "3.0.1", "paths": { "/a b": {} } })).await;
    assert_eq!((refused.status, refused.code.as_str()), (400, "BadRequestException"));
}

#[tokio::test]
async fn an_http_api_has_authorizers_format_1_and_cors() {
    let trial = Trial::start().await;
    let mut document: Value = serde_json::from_str(HTTP_BODY).unwrap();
    // SAM writes the default route without the slash that API Gateway asks for.
    let default = document["paths"].as_object_mut().unwrap().remove("$default").unwrap();
    document["paths"]["/$default"] = default;
    let imported = trial.world.gateway(Method::PUT, "", json!({ "body": document.to_string() })).await;
    assert_eq!(imported["warnings"], json!([]));
    let api = imported["apiId"].as_str().unwrap();
    let deployment = trial.world.gateway(Method::POST, &format!("/{api}/deployments"), json!({})).await;
    let stage = json!({ "stageName": "$default", "deploymentId": deployment["deploymentId"] });
    trial.world.gateway(Method::POST, &format!("/{api}/stages"), stage).await;
    let url = |path: &str| format!("{}/{api}{path}", trial.world.at.stages);
    let send = async |method: Method, path: &str, headers: &[(&str, &str)]| {
        let mut request = trial.world.http.request(method, url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, headers, answer.json::<Value>().await.unwrap_or_default())
    };
    let (status, _, event) = send(Method::POST, "/f", &[("x-key", "good")]).await;
    assert_eq!((status, &event["version"], &event["resource"]), (200, &json!("1.0"), &json!("/f")));
    assert_eq!(event["requestContext"]["authorizer"]["who"], "ann");
    assert_eq!(send(Method::POST, "/f", &[("x-key", "bad")]).await.0, 403);
    assert_eq!(send(Method::POST, "/f", &[]).await.0, 401);
    assert_eq!(send(Method::GET, "/h", &[("authorization", "Bearer x")]).await.0, 401);
    let origin = ("origin", "https://a.example");
    let (status, headers, _) =
        send(Method::OPTIONS, "/h", &[origin, ("access-control-request-method", "GET")]).await;
    assert_eq!((status, &headers["access-control-allow-headers"]), (204, &"x-a".parse().unwrap()));
}
