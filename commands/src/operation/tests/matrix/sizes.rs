//! The largest release that Sluice accepts: three hundred functions with as many variables as Lambda allows, in a store
//! with the limits of the real one. It fits because the journal only refers to the artifact; a process that takes an
//! operation over reads the artifact again.

use std::time::Duration;

use super::super::harness::{Death, Process, Shared};
use super::fixture::Fixture;
use super::users::People;
use crate::operation::{Head, Status};
use crate::ports::Item;
use crate::testing::Moment;
use crate::testing::fake_aws::App;

/// Names of so many functions.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("F{number:03}")).collect()
}

/// So many functions with 3.9 KB of variables each; the first thirty have routes.
fn large(count: usize, code: &str) -> App {
    let names = names(count);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut app = App::of(&names, code);
    app.bulk = 3_900;
    app.routed.truncate(30);
    app
}

/// A person types a line, and this process runs its operation to the end; promotions are approved.
async fn types(shared: &Shared, process: &Process, who: &str, line: &str) -> Head {
    let known = shared.heads().len();
    let answer = process.types(line, who, line).await;
    assert!(shared.heads().len() > known, "{line}: {answer:?}");
    assert!(!shared.run_until_over(process, People::Prompt, known + 1).await, "{line}");
    shared.heads().into_iter().max_by_key(|head| head.spec.ticket).expect("an operation")
}

async fn built(count: usize) -> (Shared, Process) {
    let shared = Fixture::empty().await.open();
    let process = shared.process("before");
    types(&shared, &process, "ann", "/repo create orders").await;
    shared.fake_aws.push("orders", "A large change", large(count, "one")).expect("a repository");
    let build = types(&shared, &process, "ann", "/build orders").await;
    assert_eq!(build.status, Status::Succeeded, "{:#?}", shared.journal(&build.id));
    (shared, process)
}

/// The largest item of any journal.
fn largest_row(shared: &Shared) -> usize {
    let rows = shared.store.matching(|item: &Item| item.key.sort.starts_with("row/"));
    rows.iter().map(|item| item.body.to_string().len()).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn a_release_of_three_hundred_functions_fits() {
    // In a debug build all of it takes minutes.
    let (shared, process) = built(if super::is_whole() { 300 } else { 40 }).await;
    let deploy = types(&shared, &process, "ann", "/deploy orders").await;
    assert_eq!(deploy.status, Status::Succeeded, "{:#?}", shared.journal(&deploy.id));
    types(&shared, &process, "ada", "/stage add orders prod").await;
    let promotion = types(&shared, &process, "ann", "/promote orders prod").await;
    assert_eq!(promotion.status, Status::Succeeded, "{:#?}", shared.journal(&promotion.id));
    assert!(largest_row(&shared) < 400 * 1024, "{}", largest_row(&shared));
    assert_eq!(shared.disagreements().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_takeover_reads_the_artifact_again() {
    for (at, lost) in [(4, false), (10, false), (10, true)] {
        let (shared, before) = built(6).await;
        drop(before);
        let death = Death { change: Some((at, Moment::After)), ..Death::default() };
        let first = shared.process_with("first", death, |_| {});
        first.types("deploy", "ann", "/deploy orders").await;
        first.run_until(async || false).await;
        drop(first);
        tokio::time::sleep(Duration::from_secs(60)).await;
        if lost {
            // An operation whose artifact is gone cannot continue, and its message says so.
            shared.fake_aws.loses_objects("");
        }
        let second = shared.process("second");
        second.run_until(async || shared.is_settled()).await;
        let head = shared.heads().into_iter().max_by_key(|head| head.spec.ticket).expect("a deploy");
        let wanted = if lost { Status::Stuck } else { Status::Succeeded };
        assert_eq!(head.status, wanted, "{:#?}", shared.journal(&head.id));
    }
}
