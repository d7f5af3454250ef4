//! A stage is removed: nothing of it answers or is left, except for its data, and the other stage goes on.

use sluice_e2e::{Aws, Repository, World};

use super::stacks::{CODE, TEMPLATE};

/// A function behind a REST API, and a topic, which holds no data.
const MORE: &str = r#"  Items:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Events:
        One:
          Type: Api
          Properties:
            Method: GET
            Path: /items
  News:
    Type: AWS::SNS::Topic
"#;

/// The links in a message.
fn links(text: &str) -> Vec<String> {
    let links = text.split("<http").skip(1).filter_map(|link| link.split('|').next());
    links.map(|link| format!("http{}", link.trim_end_matches('/'))).collect()
}

async fn promoted(world: &World, name: &str) -> String {
    let promotion = world.submit(world.ann(), &format!("/promote {name} prod")).await;
    world.click(world.bob(), &promotion.waits().await, "promotion.approve").await;
    promotion.succeeds().await.text()
}

#[tokio::test]
async fn a_stage_with_a_stack_and_both_kinds_of_api_is_removed_and_its_table_stays() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    let created = world.submit(ann, "/repo create gone from sam").await.succeeds().await;
    world.submit(ann, "/stage add gone prod").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |_| format!("{TEMPLATE}{MORE}"));
    clone.write("src/store.py", CODE.trim_start());
    clone.push("Keep orders in a table");
    world.submit(ann, "/build gone").await.succeeds().await;
    world.submit(ann, "/deploy gone").await.succeeds().await;
    let urls = links(&promoted(&world, "gone").await);
    assert_eq!(urls.len(), 2, "{urls:?}");
    world.expect_response("gone", "prod", "Hello from gone").await;
    let aws = Aws(&world);
    let before = aws.parts_of("gone", "prod").await;
    for kind in ["function", "role", "HTTP API", "REST API", "stack", "table", "topic"] {
        assert!(before.iter().any(|part| part.starts_with(kind)), "no {kind} in {before:?}");
    }
    let dev = aws.parts_of("gone", "dev").await;

    // The question lists what goes and what stays; only an admin can confirm it.
    let ephemerals = world.ephemerals(ann).await.len();
    world.command(ann, "/stage remove gone prod").await.says(&["cannot be undone", "Stays in the account"]);
    let question =
        world.expect_ephemeral(ann, ephemerals, &["News", "Orders", "/stage remove gone prod now"]).await;
    assert!(question.has_button("stage.remove"), "{}", question.text());
    world.command(eve, "/stage remove gone prod now").await.says(&["Only admins"]);
    world.command(ann, "/stage remove gone dev now").await.says(&["first stage"]);
    let removal = world.expect(world.channel(), "/stage remove gone prod now").await;
    world.click(ann, &question, "stage.remove").await;
    let removed = removal.succeeds().await;
    removed.says(&["Removed stage prod of gone", "Stays in the account", "AWS::DynamoDB::Table"]);
    assert!(!removed.text().contains("News"), "it is deleted: {}", removed.text());

    let left = aws.parts_of("gone", "prod").await;
    let [table] = left.as_slice() else { panic!("left: {left:?}") };
    let table = table.strip_prefix("table ").unwrap_or_else(|| panic!("left: {left:?}"));
    removed.says(&[table]);
    assert_eq!(aws.parts_of("gone", "dev").await, dev, "nothing of the other stage is gone");
    world.expect_response("gone", "dev", "Hello from gone").await;
    for url in urls {
        let status = world.http().get(&url).send().await.map_or(0, |answer| answer.status().as_u16());
        assert_ne!(status, 200, "{url} still answers");
    }
    world.command(ann, "/promote gone prod").await.says(&["has no stage prod"]);
    world.command(ann, "/pipeline history gone").await.says(&["stage remove gone prod now"]);

    // A stage of the same name begins anew. (The emulator gives the new table the name of the one that stayed.)
    world.submit(ann, "/stage add gone prod").await.succeeds().await;
    promoted(&world, "gone").await;
    world.expect_response("gone", "prod", "Hello from gone").await;
    assert_eq!(aws.parts_of("gone", "prod").await.len(), before.len());
}
