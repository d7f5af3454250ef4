//! Nothing is done twice, and nothing that need not be done at all.

use sluice_e2e::{Aws, World};

#[tokio::test]
async fn the_same_delivery_and_the_same_command_are_one_operation() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.asks(ann, "/repo create once").await.succeeds().await;
    let build = world.asks(ann, "/build once").await;
    build.reply.says(&["#1"]);
    let again = world.redeliver(&build.reply.trigger_id).await;
    assert_eq!(again.words(), build.reply.words(), "a second delivery is answered the same");
    world.types(ann, "/build once").await.says(&["under way already"]);
    world.types(world.bob(), "/build once main").await.says(&["under way already"]);
    build.succeeds().await;
    let late = world.redeliver(&build.reply.trigger_id).await;
    assert_eq!(late.words(), build.reply.words());
    assert_eq!(build.messages().await.len(), 1);
    assert_eq!(Aws(&world).builds("sluice-once").await.len(), 1);
    let builds = world.types(ann, "/build list once").await.words();
    assert!(builds.contains("#1") && !builds.contains("#2"), "{builds}");
}

#[tokio::test]
async fn two_builds_of_one_commit_are_equal_and_a_second_deploy_mutates_nothing() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.asks(ann, "/repo create equal").await.succeeds().await;
    world.asks(ann, "/build equal").await.succeeds().await;
    world.asks(ann, "/deploy equal").await.succeeds().await;
    world.asks(ann, "/build equal").await.succeeds().await.says(&["#2"]);

    let since = world.last_call().await;
    world.types(ann, "/deploy equal #1").await.says(&["dev of equal runs r1", "already"]);
    world.types(ann, "/deploy equal #2").await.says(&["dev of equal runs r1", "equal to build #2"]);
    let mutations: Vec<_> = world.calls(since).await.into_iter().filter(|call| call.mutates_aws()).collect();
    // Other tests share this world: theirs are about pipelines of other names.
    let ours: Vec<_> =
        mutations.iter().filter(|c| c.detail.as_deref().is_some_and(|d| d.contains("equal"))).collect();
    assert!(ours.is_empty(), "{ours:?}");
    assert_eq!(world.runs("equal").await["dev"], "r1");
    let functions = Aws(&world).functions("equal").await;
    assert_eq!(functions.len(), 1, "{functions:?}");
    assert_eq!(Aws(&world).versions(&functions[0]).await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_way_on() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.asks(ann, "/repo create hinted").await.succeeds().await;
    world.asks(ann, "/stage add hinted prod").await.succeeds().await;
    world.types(ann, "/deploy hintd").await.says(&["no pipeline hintd", "Did you mean hinted?"]);
    world.types(ann, "/sluice depoy hinted").await.says(&["Did you mean"]);
    world.types(ann, "/deploy hinted").await.says(&["/build hinted"]);
    world.types(ann, "/rollback hinted prod").await.says(&["prod"]);
    world.types(ann, "/repo create hinted").await.says(&["hinted"]);
    world.asks(ann, "/build hinted").await.succeeds().await;
    world.types(ann, "/deploy hinted to prod").await.says(&["protected", "/promote hinted prod"]);
    world.types(ann, "/promote hinted prod").await.says(&["dev"]);
    world.types(ann, "/stage remove hinted prod").await.says(&["not available yet"]);
}

#[tokio::test]
async fn where_the_bot_is_not_the_actor_is_told_and_home_has_the_message() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.asks(ann, "/repo create away").await.succeeds().await;
    let told = world.whispers(ann).await.len();
    let build = world.asks_in("C0RANDOM02", world.channel(), ann, "/build away").await;
    build.reply.says(&["#1"]);
    world.whispered(ann, told, &["cannot post", "/invite"]).await;
    build.succeeds().await;
    assert!(world.messages("C0RANDOM02").await.is_empty());
}
