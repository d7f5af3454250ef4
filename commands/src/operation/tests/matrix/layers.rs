//! Layers of the template: published once for all stages, and before the functions that use them.

use super::super::harness::{Process, Shared};
use super::fixture::Fixture;
use super::gates::ends;
use super::scenarios::Act;
use crate::operation::Status;
use crate::operation::effects::{PUBLISH_LAYER_VERSION, UPDATE_CONFIG};
use crate::testing::target;

const HELLO: &[&str] = &["Hello"];

/// Pushes `Hello` with a layer and builds it.
async fn build(shared: &Shared, process: &Process, code: &'static str, content: &'static str) {
    let push = Act::Layers(HELLO, code, ("Tools", content));
    shared.act(process, &push, &format!("push {code} {content}")).await;
    ends(shared, process, "ann", "/build orders", Status::Succeeded).await;
}

/// How many times a line makes each of two calls: to publish a layer, and to configure a function.
async fn calls(shared: &Shared, process: &Process, line: &str) -> (usize, usize) {
    let since = shared.fake_aws.count();
    ends(shared, process, "ann", line, Status::Succeeded).await;
    let calls = shared.fake_aws.calls();
    let count = |call: &str| calls.iter().skip(since).filter(|called| called.call == call).count();
    (count(PUBLISH_LAYER_VERSION.call), count(UPDATE_CONFIG.call))
}

/// The layers of the version that a stage runs.
fn layers(shared: &Shared, stage: &str) -> Vec<String> {
    let function = format!("sluice-orders-{stage}-Hello");
    let version = shared.fake_aws.serving().aliases[&format!("{function}:{stage}")].clone();
    shared.fake_aws.layers_of(&function, &version).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_published_once_and_each_version_names_it() {
    let shared = Fixture::empty().await.open();
    let process = shared.process("one");
    ends(&shared, &process, "ann", "/repo create orders", Status::Succeeded).await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    let arn = |version: u32| [target().arn("lambda", &format!("layer:sluice-orders-Tools:{version}"))];

    build(&shared, &process, "one", "tools").await;
    assert_eq!(calls(&shared, &process, "/deploy orders").await, (1, 0));
    assert_eq!(layers(&shared, "dev"), arn(1));
    shared.act(&process, &Act::Types("ann", "/promote orders prod"), "promote").await;
    assert_eq!(layers(&shared, "prod"), arn(1), "the stages share the layer");

    build(&shared, &process, "two", "tools").await;
    assert_eq!(calls(&shared, &process, "/deploy orders").await, (0, 0), "other code, the same layer");
    build(&shared, &process, "two", "more tools").await;
    assert_eq!(calls(&shared, &process, "/deploy orders").await, (1, 1), "the same code, another layer");
    assert_eq!(layers(&shared, "dev"), arn(2));
    assert_eq!(calls(&shared, &process, "/rollback orders dev").await, (0, 0));
    assert_eq!(layers(&shared, "dev"), arn(1));
    assert_eq!(layers(&shared, "prod"), arn(1));
}
