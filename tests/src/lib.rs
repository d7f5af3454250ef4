//! The harness of the black-box tests: a world as `cargo sandbox --headless` makes it, people who type and click in it,
//! and the wires of Slack and AWS to look at. It knows no crate of the workspace, only what a user and an operator see.
//!
//! Guarantees: the binaries are built before they are run, so no test meets an old one; every world and bot ends with
//! the test program, however it ends; nothing waits for a time, only for a condition with a deadline.
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
mod eventually;
pub mod fixture;
pub mod item;
mod page;
mod repository;
mod rights;
mod world;

pub use aws::Aws;
pub use binaries::{bot as bot_binary, target};
pub use bot::{Bot, free_address};
pub use chat::{Asked, Message, Reply, State};
pub use control::{Call, Fault};
pub use eventually::{PATIENCE, eventually};
pub use page::Page;
pub use repository::Repository;
pub use world::{Options, World};
