//! The templates of `/repo create NAME from …`: the same service in each language, with a queue and a table of its own on each
//! stage.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::{Aws, PATIENCE, State, World, eventually, eventually_every};

/// A build in Rust compiles more than a hundred crates.
const LONGEST_BUILD: Duration = Duration::from_secs(1800);

/// A request to the stage's API: status and object.
async fn ask(world: &World, pipeline: &str, stage: &str, order: Option<&str>) -> (u16, Value) {
    let url = format!("{}/orders", world.stage_url(pipeline, stage));
    let request = match order {
        Some(item) => world.http().post(url).json(&json!({ "item": item })),
        None => world.http().get(url),
    };
    let answer = request.send().await.expect("the sandbox's API Gateway answers");
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Orders something on a stage, and waits until it is listed there; the items of the list.
async fn order(world: &World, pipeline: &str, stage: &str, item: &str) -> Vec<String> {
    let body = world.expect_response(pipeline, stage, &format!("Hello from {pipeline}")).await;
    let greeting: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(greeting["stage"], stage, "{body}");
    let placed = eventually(format!("{stage} takes an order"), PATIENCE, async || {
        match ask(world, pipeline, stage, Some(item)).await {
            (202, placed) => Ok(placed),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(placed["item"], item);
    eventually(format!("{stage} lists {placed}"), PATIENCE, async || {
        let (_, listed) = ask(world, pipeline, stage, None).await;
        let orders = listed["orders"].as_array().cloned().unwrap_or_default();
        match orders.contains(&placed) && listed["stage"] == stage {
            true => Ok(orders.iter().filter_map(|order| order["item"].as_str().map(str::to_owned)).collect()),
            false => Err(listed.to_string()),
        }
    })
    .await
}

/// From the command to two stages, each with its own orders.
async fn deliver(from: &str) {
    let world = World::shared(module_path!()).await;
    let (ann, name) = (world.ann(), format!("{from}-shop"));
    world.submit(ann, &format!("/repo create {name} from {from}")).await.succeeds().await.says(&[from]);
    let build = world.submit(ann, &format!("/build {name}")).await;
    eventually_every(Duration::from_secs(1), "the build ends", LONGEST_BUILD, async || {
        let state = build.messages().await.pop().and_then(|message| message.state());
        match state {
            Some(State::Succeeded | State::Failed) => Ok(()),
            state => Err(format!("{state:?}")),
        }
    })
    .await;
    build.succeeds().await;
    world.submit(ann, &format!("/deploy {name}")).await.succeeds().await.says(&["r1 is live on dev"]);
    let dev = order(&world, &name, "dev", "tea").await;
    assert_eq!(dev, ["tea"]);
    let (status, refused) = ask(&world, &name, "dev", Some("")).await;
    assert_eq!((status, refused["message"].as_str().unwrap().contains("An order is JSON")), (400, true));

    world.submit(ann, &format!("/stage add {name} staging")).await.succeeds().await;
    let promotion = world.submit(ann, &format!("/promote {name} staging")).await;
    let card = promotion.waits().await;
    card.says(&["Orders (AWS::DynamoDB::Table) added", "Placed (AWS::SQS::Queue) added"]);
    world.click(world.bob(), &card, "promotion.approve").await;
    promotion.succeeds().await.says(&["r1 is live on staging"]);
    let staging = order(&world, &name, "staging", "coffee").await;
    assert_eq!(staging, ["coffee"], "staging has a table of its own");
    assert_eq!(order(&world, &name, "dev", "milk").await.len(), 2, "dev keeps its orders");

    // What the schedule calls once a day.
    let (status, failed, answer) = Aws(&world).invoke(&format!("sluice-{name}-dev-Count"), "dev", "{}").await;
    assert!(status == 200 && !failed, "{status} {answer}");
    let line = format!("/pipeline logs {name}");
    eventually_every(Duration::from_secs(2), "the log has the number of orders", PATIENCE, async || {
        let text = world.command(world.eve(), &line).await.text().replace(' ', "");
        if text.contains("\"orders\":2") { Ok(()) } else { Err(text) }
    })
    .await;
}

#[tokio::test]
async fn a_service_in_python_has_its_own_data_on_each_stage() {
    deliver("python").await;
}

#[tokio::test]
async fn a_service_in_node_has_its_own_data_on_each_stage() {
    deliver("node").await;
}

#[tokio::test]
#[ignore = "its build compiles for minutes"]
async fn a_service_in_rust_has_its_own_data_on_each_stage() {
    deliver("rust").await;
}
