//! Ports for tests: stand-ins that keep a port's whole promise in memory and can be told to fail.
//!
//! Behind the feature `testing`, so that nothing of it is in the shipped binary. [`MemoryStore`] is held to the same
//! conformance suite as the real backend, so a test that passes on it says something about the real one; [`cloud`] is an
//! AWS in memory; the ports of [`UnreachableAws`] refuse everything.

pub mod fake_aws;
mod memory;
mod recorders;
pub mod samples;
mod unreachable_aws;

pub use fake_aws::{FakeAws, Faults, Moment};
pub use memory::{MemoryStore, StoreCall, StoreFault};
pub use recorders::{
    OnRuntime, RecordingNotifier, RecordingRunner, RecordingWakeups, TestClock, TestDirectory,
};
pub use unreachable_aws::{NONCE, UnreachableAws, target, world};
