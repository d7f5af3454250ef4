//! Shared by the tests of several crates. It depends on none of them, so each of them can use it.
#![allow(clippy::unwrap_used, reason = "for tests alone")]

pub mod docs;
pub mod fuzz;
