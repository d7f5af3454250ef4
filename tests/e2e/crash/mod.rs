//! `kill -9` before and after every mutating call, and between every two calls of the store.
//!
//! The points of a command are those of a recorded clean run. At each point the bot is killed and started again, and AWS, the
//! record and the message are compared with the clean run. Each point has work of its own (a new commit, or a release that
//! is promoted again), in worlds that run side by side.
//!
//! `cargo test` takes a few points of each command, evenly spread. To run all of them:
//!
//! ```text
//! SLUICE_E2E_CRASH=all cargo test --workspace --test e2e crash:: -- --nocapture --test-threads=1
//! ```
//!
//! A number takes that many points of each command, and any other value those whose label contains it (`before lambda`,
//! `UpdateAlias #1`). The points, and the calls before a failure, are in `target/e2e/crash-*`.

mod points;
mod scenario;
mod site;

use scenario::Kind;

#[tokio::test]
async fn build_survives_kill_9_at_every_point() {
    points::all(Kind::Build).await;
}

#[tokio::test]
async fn deploy_survives_kill_9_at_every_point() {
    points::all(Kind::Deploy).await;
}

#[tokio::test]
async fn promote_survives_kill_9_at_every_point() {
    points::all(Kind::Promote).await;
}

#[tokio::test]
async fn rollback_survives_kill_9_at_every_point() {
    points::all(Kind::Rollback).await;
}
