//! The harness of the end-to-end tests: worlds as `cargo sandbox --headless` makes them, people who type and click in them,
//! and the wires of Slack and AWS to look at. It uses no crate of the workspace and knows only what people and operators see.
//!
//! Guarantees: the programs under test are built before they run, so a test never meets an old one; every world and bot ends
//! with the test program; nothing waits for a fixed time, only for a condition with a deadline.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "test code: it panics where an expectation is broken, and its time is the real one"
)]

mod aws;
mod binaries;
mod bot;
pub mod chaos;
mod chat;
mod control;
pub mod corpus;
mod eventually;
pub mod fixture;
pub mod item;
mod load;
mod page;
mod repository;
mod rights;
mod stage_parts;
mod world;

pub use aws::Aws;
pub use binaries::{bot as bot_binary, target};
pub use bot::{Bot, free_address};
pub use chat::{Message, Reply, State, Submitted};
pub use control::{Call, Fault};
pub use eventually::{PATIENCE, eventually, eventually_every};
pub use load::{Load, Request};
pub use page::Page;
pub use repository::Repository;
pub use world::{Options, World};
