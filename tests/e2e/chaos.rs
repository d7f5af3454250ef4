//! The short form of `cargo run -p sluice-e2e --bin chaos`: the same people, weather, deaths and judgement, bounded for CI.

use std::time::Duration;

use sluice_e2e::chaos::{Plan, run};

#[tokio::test]
async fn a_short_chaos_comes_to_true_ends() {
    let verdict = run(Plan { working: Duration::from_secs(25), seed: 7, pipelines: 3 }).await;
    // Printed only if the test fails.
    verdict.print();
    assert!(verdict.is_good(), "see WRONG above; `chaos --minutes 0.42 --seed 7 --pipelines 3` is the same");
}
