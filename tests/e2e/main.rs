//! The end-to-end tests: the `sluice` binary over the wire of Slack and AWS, a module for each story. They are one program, which
//! links once and builds the binaries under test once.
//!
//! `cargo test --workspace --test e2e gates::` runs one story. Tests of one module may share a world
//! ([`World::shared`](sluice_e2e::World::shared)); tests of different modules never do.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "test code: it panics where an expectation is broken, and its time is the real one"
)]

mod access_requests;
mod apis;
mod buttons;
mod chaos;
mod crash;
mod drift;
mod first_minutes;
mod gates;
mod groups;
mod happy_path;
mod idempotency;
mod images;
mod ingress_security;
mod multi_user;
mod page;
mod policy;
mod races;
mod removal;
mod replicas;
mod rights;
mod roles;
mod secrets;
mod smoke;
mod socket;
mod sqlite;
mod stacks;
mod startup;
mod strict;
mod system_parameters;
mod templates;
mod terminal;
mod traffic;
mod unwind;
