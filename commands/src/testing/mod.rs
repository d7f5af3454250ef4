//! Ports for tests: stand-ins that keep a port's whole promise in memory and can be told to fail.
//!
//! Behind the feature `testing`, so that nothing of it is in the shipped binary. [`MemoryStore`] is held to the same
//! conformance suite as the real backend, so a test that passes on it says something about the real one; [`cloud`] is an
//! AWS in memory; the ports of [`Nowhere`] refuse everything.

pub mod cloud;
mod memory;
mod nowhere;
mod recorders;
pub mod samples;

pub use cloud::{Cloud, Moment, Weather};
pub use memory::{MemoryStore, StoreCall, StoreFault};
pub use nowhere::{NONCE, Nowhere, target, world};
pub use recorders::{
    OnRuntime, RecordingHerald, RecordingRunner, RecordingWakeups, TestClock, TestDirectory,
};
