//! Repeated deliveries and commands have one effect, and unnecessary work none.

use sluice_e2e::{Aws, World};

#[tokio::test]
async fn repeated_deliveries_and_commands_are_one_operation() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.submit(ann, "/repo create once from sam").await.succeeds().await;
    let build = world.submit(ann, "/build once").await;
    build.reply.says(&["#1"]);
    let again = world.redeliver(&build.reply.trigger_id).await;
    assert_eq!(again.text(), build.reply.text(), "a second delivery gets the same answer");
    world.command(ann, "/build once").await.says(&["is already running"]);
    world.command(world.bob(), "/build once main").await.says(&["is already running"]);
    build.succeeds().await;
    let late = world.redeliver(&build.reply.trigger_id).await;
    assert_eq!(late.text(), build.reply.text());
    assert_eq!(build.messages().await.len(), 1);
    assert_eq!(Aws(&world).builds("sluice-once").await.len(), 1);
    let builds = world.command(ann, "/build list once").await.text();
    assert!(builds.contains("#1") && !builds.contains("#2"), "{builds}");
}

#[tokio::test]
async fn two_builds_of_one_commit_are_equal_and_a_second_deploy_changes_nothing() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.submit(ann, "/repo create equal from sam").await.succeeds().await;
    world.submit(ann, "/build equal").await.succeeds().await;
    world.submit(ann, "/deploy equal").await.succeeds().await;
    world.submit(ann, "/build equal").await.succeeds().await.says(&["#2"]);

    let since = world.last_call().await;
    world.command(ann, "/deploy equal #1").await.says(&["dev of equal already runs r1", "already"]);
    world.command(ann, "/deploy equal #2").await.says(&["dev of equal already runs r1", "equal to build #2"]);
    let mutations: Vec<_> = world.calls(since).await.into_iter().filter(|call| call.mutates_aws()).collect();
    // Other tests share this world, with pipelines of other names.
    let ours: Vec<_> =
        mutations.iter().filter(|c| c.detail.as_deref().is_some_and(|d| d.contains("equal"))).collect();
    assert!(ours.is_empty(), "{ours:?}");
    assert_eq!(world.releases("equal").await["dev"], "r1");
    let functions = Aws(&world).functions("equal").await;
    assert_eq!(functions.len(), 1, "{functions:?}");
    assert_eq!(Aws(&world).versions(&functions[0]).await.len(), 1);
}

#[tokio::test]
async fn every_mistake_gets_an_answer_with_the_next_step() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.submit(ann, "/repo create hinted from sam").await.succeeds().await;
    world.submit(ann, "/stage add hinted prod").await.succeeds().await;
    world.command(ann, "/deploy hintd").await.says(&["no pipeline hintd", "Did you mean hinted?"]);
    world.command(ann, "/sluice depoy hinted").await.says(&["Did you mean"]);
    world.command(ann, "/deploy hinted").await.says(&["/build hinted"]);
    world.command(ann, "/rollback hinted prod").await.says(&["prod"]);
    world.command(ann, "/repo create hinted from sam").await.says(&["hinted"]);
    world.submit(ann, "/build hinted").await.succeeds().await;
    world.command(ann, "/deploy hinted to prod").await.says(&["protected", "/promote hinted prod"]);
    world.command(ann, "/promote hinted prod").await.says(&["dev"]);
    world.command(ann, "/pipeline mine").await.says(&["not available yet"]);
}

#[tokio::test]
async fn without_the_bot_in_a_channel_the_home_channel_gets_the_message_and_the_author_a_hint() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.submit(ann, "/repo create away from sam").await.succeeds().await;
    let before = world.ephemerals(ann).await.len();
    let build = world.submit_in("C0RANDOM02", world.channel(), ann, "/build away").await;
    build.reply.says(&["#1"]);
    world.expect_ephemeral(ann, before, &["cannot post", "/invite"]).await;
    build.succeeds().await;
    assert!(world.messages("C0RANDOM02").await.is_empty());
}
