//! What many stories begin with, and what they look at in the end: a pipeline with a stage prod, and whether message, record
//! and alias say the same.

use crate::aws::Aws;
use crate::chat::{Asked, Message, State};
use crate::eventually::{PATIENCE, eventually};
use crate::repository::Repository;
use crate::world::World;

/// A pipeline whose `r1` is on dev, and a stage prod with this policy, in the world that the tests of `module` share.
pub async fn deployed(module: &'static str, name: &str, policy: &str) -> (World, Message) {
    let world = World::shared(module).await;
    let ann = world.ann();
    let created = world.asks(ann, &format!("/repo create {name}")).await.succeeds().await;
    world.asks(ann, &format!("/build {name}")).await.succeeds().await;
    world.asks(ann, &format!("/stage add {name} prod")).await.succeeds().await;
    if !policy.is_empty() {
        world.asks(ann, &format!("/stage set {name} prod {policy} confirm")).await.succeeds().await;
    }
    world.asks(ann, &format!("/deploy {name}")).await.succeeds().await;
    (world, created)
}

/// Other words, built and on dev as the next release.
pub async fn next(world: &World, name: &str, created: &Message, greeting: &str) {
    let clone = Repository::clone_as_told(created);
    clone.greet(greeting);
    clone.push(&format!("Greet: {greeting}"));
    world.asks(world.ann(), &format!("/build {name}")).await.succeeds().await;
    world.asks(world.ann(), &format!("/deploy {name}")).await.succeeds().await;
}

/// The release that prod runs, as `/pipeline status` says; `nothing` before there is one.
pub async fn runs(world: &World, name: &str) -> String {
    world.runs(name).await.remove("prod").unwrap_or_default()
}

/// Where the alias `prod` of the pipeline's only function points.
pub async fn alias(world: &World, name: &str) -> Option<String> {
    let aws = Aws(world);
    let function = aws.functions(name).await.remove(0);
    aws.aliases(&function).await.remove("prod")
}

/// The operation's message, once it has come to an end.
pub async fn ended(asked: &Asked) -> Message {
    eventually("the promotion ends", PATIENCE, async || {
        let messages = asked.messages().await;
        let last = messages.last().cloned().ok_or("it has no message".to_owned())?;
        match last.state() {
            Some(State::Succeeded | State::Failed) => Ok(last),
            state => Err(format!("{state:?}")),
        }
    })
    .await
}

/// Fails unless record and alias say whether prod moved from nothing to `r1`.
pub async fn agree(world: &World, name: &str, moved: bool) {
    assert_eq!(runs(world, name).await, if moved { "r1" } else { "nothing" });
    assert_eq!(alias(world, name).await.is_some(), moved, "{name}");
}
