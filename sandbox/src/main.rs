//! `cargo sandbox`: a local world to try Sluice in and to test it against. See `sandbox/README.md`.
#![allow(
    clippy::disallowed_methods,
    reason = "a world for trials: it spawns its servers where they are made, and time is the real one"
)]
#![allow(unreachable_pub, reason = "a binary: `pub` means for the other modules")]

mod aws;
mod calls;
mod cli;
mod processes;
mod setup;

fn main() {}
