//! `kill -9` before and after every mutating call, and between every two calls of the store.
//!
//! Nobody picks the lucky point: the points of a command are enumerated from a recorded clean run of it. At each of
//! them the bot is killed, started again, and what AWS, the record and the message say is compared with that clean run.
//! Every point has work of its own to do (a fresh commit, or a release that is there again), in worlds that run side by
//! side.
//!
//! `cargo test` looks at a few points of each command, evenly spread. For the rest, by hand:
//!
//! ```text
//! SLUICE_E2E_CRASH=all cargo test --workspace --test e2e crash:: -- --nocapture --test-threads=1
//! ```
//!
//! A number asks for so many points of each command, and anything else for those whose words contain it
//! (`before lambda`, `UpdateAlias #1`). The points, and what led to a failure, are kept in `target/e2e/crash-*`.

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
