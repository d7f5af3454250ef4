//! Shared by many stories, at the start and at the end: a pipeline with a stage `prod`, and whether message, record and alias
//! agree.

use crate::aws::Aws;
use crate::chat::{Message, State, Submitted};
use crate::eventually::{PATIENCE, eventually};
use crate::repository::Repository;
use crate::world::World;

/// A pipeline with `r1` on `dev` and a stage `prod` with this policy, in the world that the tests of `module` share. Returns
/// the message of its creation, too.
pub async fn deployed(module: &'static str, name: &str, policy: &str) -> (World, Message) {
    let world = World::shared(module).await;
    let created = deploy(&world, name, policy).await;
    (world, created)
}

/// The same in a given world.
pub async fn deploy(world: &World, name: &str, policy: &str) -> Message {
    let ann = world.ann();
    let created = world.submit(ann, &format!("/repo create {name} from sam")).await.succeeds().await;
    world.submit(ann, &format!("/build {name}")).await.succeeds().await;
    world.submit(ann, &format!("/stage add {name} prod")).await.succeeds().await;
    if !policy.is_empty() {
        world.submit(ann, &format!("/stage set {name} prod {policy} confirm")).await.succeeds().await;
    }
    world.submit(ann, &format!("/deploy {name}")).await.succeeds().await;
    created
}

/// Another greeting, built and on `dev` as the next release.
pub async fn next_release(world: &World, name: &str, created: &Message, greeting: &str) {
    let clone = Repository::clone_from_message(created);
    clone.set_greeting(greeting);
    clone.push(&format!("Greet: {greeting}"));
    build_and_deploy(world, name).await;
}

/// Builds the newest commit and deploys it to `dev`.
pub async fn build_and_deploy(world: &World, name: &str) -> Message {
    world.submit(world.ann(), &format!("/build {name}")).await.succeeds().await;
    world.submit(world.ann(), &format!("/deploy {name}")).await.succeeds().await
}

/// Ann promotes to `prod`, and Bob approves.
pub async fn approved_promotion(world: &World, name: &str) -> Submitted {
    let promotion = world.submit(world.ann(), &format!("/promote {name} prod")).await;
    world.click(world.bob(), &promotion.waits().await, "promotion.approve").await;
    promotion
}

/// The logical id of the pipeline's only function.
async fn only_function(aws: &Aws<'_>, name: &str) -> Option<String> {
    aws.functions(name).await.first()?.rsplit('-').next().map(str::to_owned)
}

/// The version that a stage's alias of the pipeline's only function points to.
pub async fn alias(world: &World, name: &str, stage: &str) -> Option<String> {
    let aws = Aws(world);
    aws.aliases(&format!("sluice-{name}-{stage}-{}", only_function(&aws, name).await?)).await.remove(stage)
}

/// The operation's last message, once it has succeeded or failed.
pub async fn wait_for_end(submitted: &Submitted) -> Message {
    eventually("the operation ends", PATIENCE, async || {
        let last = submitted.messages().await.pop().ok_or("it has no message".to_owned())?;
        match last.state() {
            Some(State::Succeeded | State::Failed) => Ok(last),
            state => Err(format!("{state:?}")),
        }
    })
    .await
}

/// Fails unless record and alias agree whether `prod` moved from nothing to `r1`.
pub async fn assert_moved(world: &World, name: &str, is_moved: bool) {
    assert_eq!(world.release(name, "prod").await, if is_moved { "r1" } else { "nothing" });
    assert_eq!(alias(world, name, "prod").await.is_some(), is_moved, "{name}");
}
