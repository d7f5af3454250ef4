//! Functions whose code is a container image.

use super::super::harness::{Process, Shared};
use super::fixture::Fixture;
use super::gates::{ends, fails_with};
use super::scenarios::Act;
use crate::operation::Status;
use crate::operation::effects::{CREATE_FUNCTION, MOVE_ALIAS, UPDATE_CODE, UPDATE_CONFIG};
use crate::testing::fake_aws::App;

/// `World` is an image.
const TWO: &[&str] = &["Hello", "World"];
/// The calls that change a function.
const CHANGES: [&str; 4] = [CREATE_FUNCTION.call, UPDATE_CODE.call, UPDATE_CONFIG.call, MOVE_ALIAS.call];

async fn build(shared: &Shared, process: &Process, code: &'static str) {
    shared.act(process, &Act::Images(TWO, code), &format!("push {code}")).await;
    ends(shared, process, "ann", "/build orders", Status::Succeeded).await;
}

async fn world() -> (Shared, Process) {
    let shared = Fixture::empty().await.open();
    let process = shared.process("one");
    ends(&shared, &process, "ann", "/repo create orders", Status::Succeeded).await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    build(&shared, &process, "one").await;
    (shared, process)
}

/// The code that the alias of `World` runs.
fn runs(shared: &Shared, stage: &str) -> String {
    let function = format!("sluice-orders-{stage}-World");
    let version = shared.fake_aws.serving().aliases[&format!("{function}:{stage}")].clone();
    shared.fake_aws.version_of(&function, &version).unwrap()
}

fn changes(shared: &Shared, since: usize) -> usize {
    let calls = shared.fake_aws.calls();
    calls.iter().skip(since).filter(|called| CHANGES.contains(&called.call)).count()
}

#[tokio::test(start_paused = true)]
async fn an_image_is_deployed_promoted_and_rolled_back() {
    let (shared, process) = world().await;
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    let first = runs(&shared, "dev");
    assert!(first.split(' ').next().is_some_and(|digest| digest.len() == 64), "{first}");
    shared.act(&process, &Act::Types("ann", "/promote orders prod"), "promote").await;
    let of =
        |shared: &Shared, stage: &str| runs(shared, stage).split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(of(&shared, "prod"), of(&shared, "dev"), "one release is one image");

    build(&shared, &process, "two").await;
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    assert_ne!(runs(&shared, "dev"), first);
    ends(&shared, &process, "ann", "/rollback orders dev", Status::Succeeded).await;
    assert_eq!(runs(&shared, "dev"), first);
}

/// Lambda would refuse it after other functions were changed.
#[tokio::test(start_paused = true)]
async fn a_function_is_not_converted_and_nothing_is_changed() {
    let (shared, process) = world().await;
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    for app in [App::of(TWO, "two"), App::of(TWO, "three").image("Hello").image("World")] {
        assert!(shared.fake_aws.push("orders", "Another package", app).is_some());
        ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
        let since = shared.fake_aws.count();
        let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
        assert_eq!(fails_with(&shared, &head).await, "other-package");
        assert_eq!(changes(&shared, since), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_lambda_may_not_read_is_refused_with_the_policy_and_deployed_once_it_may() {
    let (shared, process) = world().await;
    shared.fake_aws.denies_images(true);
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "image-unreadable");
    shared.fake_aws.denies_images(false);
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    shared.fake_aws.denies_images(true);
    build(&shared, &process, "two").await;
    let before = runs(&shared, "dev");
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "image-unreadable");
    assert_eq!(runs(&shared, "dev"), before);
}
