//! Both kinds of API, and layers: a release moves all of its APIs and functions together, and a rollback moves them back.

use serde_json::Value;
use sluice_e2e::fixture::{self, approved_promotion, build_and_deploy};
use sluice_e2e::{Aws, Message, Repository, World};

const FILES: [(&str, &str); 3] = [
    ("template.yaml", include_str!("apis/template.yaml")),
    ("src/items.py", include_str!("apis/src/items.py")),
    ("layer/python/words.py", include_str!("apis/layer/python/words.py")),
];

/// A pipeline whose repository has these files, with a stage `prod`.
async fn service(world: &World, name: &str) -> Repository {
    let created = world.submit(world.ann(), &format!("/repo create {name} from sam")).await.succeeds().await;
    world.submit(world.ann(), &format!("/stage add {name} prod")).await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    for (path, text) in FILES {
        clone.write(path, text);
    }
    clone.push("Serve items");
    clone
}

/// The address that a message links to after the name of an API, without a slash at its end.
pub(super) fn url_of(message: &Message, api: &str) -> String {
    let text = message.text().replace('`', "");
    let link = text.split_once(&format!("{api} <")).and_then(|(_, link)| link.split('|').next());
    link.unwrap_or_else(|| panic!("no link to the {api} in:\n{text}")).trim_end_matches('/').to_owned()
}

/// The settings of the stages of a pipeline's APIs, in AWS: of the HTTP API and of the REST API of the stage.
async fn settings(world: &World, pipeline: &str, stage: &str) -> (Value, Value) {
    let name = |logical: &str| format!("sluice-{pipeline}-{stage}-{logical}");
    let id = |list: &Value, items: &str, name: &str, id: &str| {
        let found = list[items].as_array().into_iter().flatten().find(|api| api["name"] == name);
        found.and_then(|api| api[id].as_str()).unwrap_or_else(|| panic!("no {name} in {list}")).to_owned()
    };
    let http = Aws(world).get("apigateway", "/v2/apis").await;
    let http = id(&http, "items", &name("ServerlessHttpApi"), "apiId");
    let rest = Aws(world).get("apigateway", "/restapis").await;
    let rest = id(&rest, "item", &name("ServerlessRestApi"), "id");
    let stage = |path: String| async move { Aws(world).get("apigateway", &path).await };
    (
        stage(format!("/v2/apis/{http}/stages/$default")).await,
        stage(format!("/restapis/{rest}/stages/Prod")).await,
    )
}

/// Checks the settings of the first release.
async fn expect_first_settings(world: &World, pipeline: &str, stage: &str) {
    let (http, rest) = settings(world, pipeline, stage).await;
    assert_eq!(http["accessLogSettings"]["format"], "$context.requestId $context.status", "{http}");
    assert!(
        http["accessLogSettings"]["destinationArn"].as_str().is_some_and(|arn| arn.contains("AccessLog")),
        "{http}"
    );
    assert_eq!(http["defaultRouteSettings"]["throttlingBurstLimit"], 50, "{http}");
    assert_eq!(http["routeSettings"]["GET /"]["detailedMetricsEnabled"], true, "{http}");
    assert_eq!(rest["tracingEnabled"], true, "{rest}");
    assert_eq!(rest["methodSettings"]["*/*"]["throttlingBurstLimit"], 20, "{rest}");
}

/// How many calls of this method succeeded for a pipeline.
async fn succeeded(world: &World, pipeline: &str, method: &str) -> usize {
    let of = format!("sluice-{pipeline}-");
    let calls = world.calls(0).await.into_iter().filter(|call| call.method == method && call.result == "ok");
    calls.filter(|call| call.detail.as_ref().is_some_and(|detail| detail.contains(&of))).count()
}

#[tokio::test]
async fn two_apis_and_a_layer_move_together_and_back() {
    let world = World::shared(module_path!()).await;
    let (ann, bob) = (world.ann(), world.bob());
    let clone = service(&world, "shop").await;
    let deployed = build_and_deploy(&world, "shop").await;
    deployed.says(&["r1 is live on dev"]);
    let [dev_http, dev_rest] = ["HTTP API", "REST API"].map(|api| url_of(&deployed, api));
    world.expect_at(&dev_http, "Hello from shop").await;
    world.expect_at(&format!("{dev_rest}/items/7"), "item 7 is new").await;
    assert_eq!(
        succeeded(&world, "shop", "AttachRolePolicy").await,
        1,
        "the policy that SAM attaches for traces"
    );

    let promotion = world.submit(ann, "/promote shop prod").await;
    let waiting = promotion.waits().await;
    waiting.says(&["Serve items"]);
    world.click(bob, &waiting, "promotion.approve").await;
    let promoted = promotion.succeeds().await;
    promoted.says(&["r1 is live on prod"]);
    let [http, rest] = ["HTTP API", "REST API"].map(|api| url_of(&promoted, api));
    world.expect_at(&http, "Hello from shop").await;
    world.expect_at(&format!("{rest}/items/7"), "\"stage\": \"prod\"").await;
    assert_eq!(succeeded(&world, "shop", "PublishLayerVersion").await, 1, "stages share a layer");
    expect_first_settings(&world, "shop", "dev").await;
    expect_first_settings(&world, "shop", "prod").await;

    clone.set_greeting("Good morning");
    clone.edit("template.yaml", |template| template.replace("/items/{id}", "/things/{id}"));
    clone.edit("layer/python/words.py", |words| words.replace("new", "shiny"));
    // Other settings, and none of a route and of an access log.
    clone.edit("template.yaml", |template| {
        let (head, tail) = (template.split_once("    AccessLogSettings:"), template.split_once("  Api:\n"));
        let (Some((head, _)), Some((_, tail))) = (head, tail) else { panic!("no settings in {template}") };
        let settings = "    DefaultRouteSettings:\n      ThrottlingBurstLimit: 51\n  Api:\n";
        format!("{head}{settings}{}", tail.replace("TracingEnabled: true", "TracingEnabled: false"))
    });
    clone.push("Call items things");
    build_and_deploy(&world, "shop").await.says(&["r2 is live on dev"]);
    world.expect_at(&dev_http, "Good morning").await;
    world.expect_at(&format!("{dev_rest}/things/7"), "item 7 is shiny").await;
    world.expect_at(&format!("{dev_rest}/items/7"), "Missing Authentication Token").await;
    expect_first_release(&world, "shop", &http, &rest).await;

    let promotion = world.submit(ann, "/promote shop prod").await;
    let waiting = promotion.waits().await;
    waiting.says(&["GET /items/{id} of the REST API removed", "GET /things/{id} of the REST API added"]);
    world.click(bob, &waiting, "promotion.approve").await;
    promotion.succeeds().await.says(&["r2 is live on prod"]);
    world.expect_at(&http, "Good morning").await;
    world.expect_at(&format!("{rest}/things/7"), "item 7 is shiny").await;
    world.expect_at(&format!("{rest}/items/7"), "Missing Authentication Token").await;
    assert_eq!(succeeded(&world, "shop", "PublishLayerVersion").await, 2, "stages share a layer");
    let (now, rest_now) = settings(&world, "shop", "prod").await;
    assert_eq!(now["defaultRouteSettings"]["throttlingBurstLimit"], 51, "{now}");
    assert!(now["routeSettings"]["GET /"].is_null() && now["accessLogSettings"]["format"].is_null(), "{now}");
    assert_eq!(rest_now["tracingEnabled"], false, "{rest_now}");
    let status = world.command(ann, "/pipeline status shop").await;
    status.says(&["runs r2", &dev_http, &dev_rest, &http, &rest]);
    assert!(!status.text().contains("outside Sluice"), "{}", status.text());

    world.submit(ann, "/rollback shop prod").await.succeeds().await.says(&[
        "r1 is live on prod",
        &http,
        &rest,
    ]);
    expect_first_release(&world, "shop", &http, &rest).await;
    expect_first_settings(&world, "shop", "prod").await;
    world.expect_at(&format!("{rest}/things/7"), "Missing Authentication Token").await;
    world.expect_at(&format!("{dev_rest}/things/7"), "item 7 is shiny").await;
    world.command(ann, "/stage list shop").await.says(&[&dev_rest, &rest]);
}

#[tokio::test]
async fn a_failed_smoke_test_moves_both_apis_back() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    let clone = service(&world, "till").await;
    world.submit(ann, "/stage set till prod approvals=0 smoke=\"GET / 200\" confirm").await.succeeds().await;
    build_and_deploy(&world, "till").await;
    let promoted = world.submit(ann, "/promote till prod").await.succeeds().await;
    let [http, rest] = ["HTTP API", "REST API"].map(|api| url_of(&promoted, api));
    expect_first_release(&world, "till", &http, &rest).await;

    clone.edit("src/app.py", |code| code.replace("\"statusCode\": 200", "\"statusCode\": 500"));
    clone.edit("template.yaml", |template| template.replace("/items/{id}", "/things/{id}"));
    clone.push("Lose the ledger");
    build_and_deploy(&world, "till").await;
    let failed = world.submit(ann, "/promote till prod").await.fails().await;
    failed.says(&[
        "prod did not pass its smoke test: GET / answered 500",
        "Undone: Move API of prod, Move REST API of prod",
        "prod runs r1, as before",
    ]);
    expect_first_release(&world, "till", &http, &rest).await;
    world.expect_at(&format!("{rest}/things/7"), "Missing Authentication Token").await;
    assert_eq!(world.release("till", "prod").await, "r1");
}

/// A REST API with a name, and a function behind it.
const ORDERS: &str = r#"
  Orders:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      EndpointConfiguration:
        Type: REGIONAL
      Cors: "'*'"

  List:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Events:
        All:
          Type: Api
          Properties:
            RestApiId: !Ref Orders
            Method: GET
            Path: /orders
"#;

#[tokio::test]
async fn a_rest_api_joins_a_running_service() {
    let (world, created) = fixture::deployed(module_path!(), "grow", "").await;
    let ann = world.ann();
    approved_promotion(&world, "grow").await.succeeds().await;
    world.expect_response("grow", "prod", "Hello from grow").await;

    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |template| template + ORDERS);
    clone.push("List orders");
    let deployed = build_and_deploy(&world, "grow").await;
    let orders = url_of(&deployed, "Orders");
    assert!(orders.ends_with("/live"), "the API stage has the template's name: {orders}");
    world.expect_at(&format!("{orders}/orders"), "Hello from grow").await;
    world.expect_at(&url_of(&deployed, "HTTP API"), "Hello from grow").await;
    let preflight =
        world.http().request(reqwest::Method::OPTIONS, format!("{orders}/orders")).send().await.unwrap();
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");

    let promotion = world.submit(ann, "/promote grow prod").await;
    let waiting = promotion.waits().await;
    waiting.says(&["List: new", "Routes: GET /orders of API Orders added"]);
    assert!(!waiting.text().contains("HTTP API"), "it stays as it is: {}", waiting.text());
    world.click(world.bob(), &waiting, "promotion.approve").await;
    let promoted = promotion.succeeds().await;
    let on_prod = format!("{}/orders", url_of(&promoted, "Orders"));
    world.expect_at(&on_prod, "\"stage\": \"prod\"").await;
    world.expect_response("grow", "prod", "Hello from grow").await;

    // The release before does not have this API, so nothing may answer there.
    world.submit(ann, "/rollback grow prod").await.succeeds().await.says(&["r1 is live on prod"]);
    world.expect_at(&on_prod, "Forbidden").await;
    world.expect_response("grow", "prod", "Hello from grow").await;
    world.expect_at(&format!("{orders}/orders"), "Hello from grow").await;
    let status = world.command(ann, "/pipeline status grow").await;
    assert!(!status.text().contains("outside Sluice"), "{}", status.text());

    let promotion = world.submit(ann, "/promote grow prod again").await;
    let waiting = promotion.waits().await;
    world.click(world.bob(), &waiting, "promotion.approve").await;
    promotion.succeeds().await;
    world.expect_at(&on_prod, "\"stage\": \"prod\"").await;

    clone.edit("template.yaml", |template| template.replace(ORDERS, ""));
    clone.push("List no orders");
    build_and_deploy(&world, "grow").await;
    world.expect_at(&format!("{orders}/orders"), "Forbidden").await;
    let promotion = world.submit(ann, "/promote grow prod").await;
    let waiting = promotion.waits().await;
    waiting.says(&["API Orders stops answering", "Routes: GET /orders of API Orders removed"]);
    world.click(world.bob(), &waiting, "promotion.approve").await;
    promotion.succeeds().await;
    world.expect_at(&on_prod, "Forbidden").await;
}

/// What the first release answers, each function with the code and the layer of it.
async fn expect_first_release(world: &World, name: &str, http: &str, rest: &str) {
    world.expect_at(http, &format!("Hello from {name}")).await;
    world.expect_at(&format!("{rest}/items/7"), "item 7 is new").await;
}
