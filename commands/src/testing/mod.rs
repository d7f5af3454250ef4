//! Ports for tests: stand-ins that keep a port's whole promise in memory and can be told to fail.
//!
//! Behind the feature `testing`, so that nothing of it is in the shipped binary. [`MemoryStore`] is held to the same
//! conformance suite as the real backend, so a test that passes on it says something about the real one; [`cloud`] is an
//! AWS in memory; the ports of [`UnreachableAws`] refuse everything.

pub mod fake_aws;
mod memory;
mod unreachable_aws;
mod recorders;
pub mod samples;

pub use fake_aws::{FakeAws, Moment, Faults};
pub use memory::{MemoryStore, StoreCall, StoreFault};
pub use unreachable_aws::{NONCE, UnreachableAws, target, world};
pub use recorders::{
    OnRuntime, RecordingNotifier, RecordingRunner, RecordingWakeups, TestClock, TestDirectory,
};
