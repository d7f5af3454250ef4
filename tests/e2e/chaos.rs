//! A short `cargo run -p sluice-e2e --bin chaos`: the same users, faults, kills and checks, for seconds.

use std::time::Duration;

use sluice_e2e::chaos::{Plan, run};

#[tokio::test]
async fn every_operation_ends_once_under_random_faults_and_kills() {
    let verdict = run(Plan { working: Duration::from_secs(25), seed: 7, pipelines: 3 }).await;
    // Shown only if the test fails.
    verdict.print();
    assert!(verdict.is_good(), "see WRONG above; `chaos --minutes 0.42 --seed 7 --pipelines 3` is the same");
}
