//! What the tests of several crates share. It depends on none of them, so that each of them can use it.
#![allow(clippy::unwrap_used, reason = "for tests alone")]

pub mod docs;
pub mod fuzz;
