//! Secrets from a terminal, which are shown nowhere; and settings of functions that have calls of their own. `rights.rs` has who may read
//! a secret.

use serde_json::{Value, json};
use sluice_e2e::fixture::build_and_deploy;
use sluice_e2e::{Aws, Bot, Repository, World};

const VALUE: &str = "hunter2-very-secret";

/// `sluice secret` with that standard input: its exit status and output.
fn secret(world: &World, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    Bot::run_with_input(world, &[&["secret"][..], arguments].concat(), input)
}

#[tokio::test]
async fn a_secret_is_set_replaced_listed_and_deleted_and_its_value_is_shown_nowhere() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    world.submit(ann, "/repo create vault from sam").await.succeeds().await;
    let set = |who: &str, stage: &str, value: &str| {
        secret(&world, &["set", "vault", stage, "API_KEY", "--as", who], value)
    };
    let (status, said) = set(eve, "dev", VALUE);
    assert!(status == Some(1) && said.contains("Only admins"), "{said}");
    let (status, said) = set(ann, "prod", VALUE);
    assert!(status == Some(1) && said.contains("has no stage prod"), "{said}");
    let (status, said) = set(ann, "dev", "");
    assert!(status == Some(1) && said.contains("The value is empty"), "{said}");
    for expected in ["Stored: /sluice/vault/dev/API_KEY", "Replaced (version 2): /sluice/vault/dev/API_KEY"] {
        let (status, said) = set(ann, "dev", &format!("{VALUE}\n"));
        assert!(status == Some(0) && said.contains(expected) && !said.contains(VALUE), "{said}");
    }
    let (_, listed) = secret(&world, &["list", "vault", "dev"], "");
    assert!(listed.starts_with("API_KEY  version 2"), "{listed}");
    let delete = ["delete", "vault", "dev", "API_KEY", "--as", ann];
    let (status, said) = secret(&world, &delete, "");
    assert!(status == Some(0) && said.contains("Deleted: /sluice/vault/dev/API_KEY"), "{said}");
    let (_, said) = secret(&world, &delete, "");
    assert!(said.contains("nothing was deleted"), "{said}");

    let (status, exported) = Bot::stdout_of(&world, &["audit", "export"], &[]);
    assert_eq!(status, Some(0));
    let count = |text: &str| exported.matches(text).count();
    assert_eq!(count("sluice secret set vault dev API_KEY"), 7, "one refusal, three times two: {exported}");
    assert_eq!(count("sluice secret delete vault dev API_KEY"), 4, "{exported}");
    let kept = format!("{exported} {:?} {}", Aws(&world).table().await, world.log_tail());
    assert!(!kept.contains(VALUE), "{kept}");
}

/// The concurrency that `Hello` of `dev` has reserved.
async fn reserved(world: &World, pipeline: &str) -> Value {
    let path = format!("/2019-09-30/functions/sluice-{pipeline}-dev-Hello/concurrency");
    Aws(world).get("lambda", &path).await["ReservedConcurrentExecutions"].clone()
}

#[tokio::test]
async fn reserved_concurrency_moves_with_the_release_and_back() {
    let world = World::shared(module_path!()).await;
    let created = world.submit(world.ann(), "/repo create busy from sam").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |template| {
        template.replace(
            "      Handler: app.handler\n",
            "      Handler: app.handler\n      ReservedConcurrentExecutions: 5\n",
        )
    });
    clone.push("Reserve five");
    build_and_deploy(&world, "busy").await.says(&["r1 is live on dev"]);
    assert_eq!(reserved(&world, "busy").await, json!(5));
    clone.edit("template.yaml", |template| template.replace("Executions: 5", "Executions: 10"));
    clone.push("Reserve ten");
    build_and_deploy(&world, "busy").await.says(&["r2 is live on dev"]);
    assert_eq!(reserved(&world, "busy").await, json!(10));
    world.submit(world.ann(), "/rollback busy dev").await.succeeds().await;
    assert_eq!(reserved(&world, "busy").await, json!(5));
}
