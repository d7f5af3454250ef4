//! Ports for tests: they keep a port's whole promise in memory, and tests can make them fail.
//!
//! The feature `testing` keeps them out of the shipped binary. [`MemoryStore`] passes the same conformance suite as the real
//! backends. [`FakeAws`] is an AWS account in memory. [`world`] puts both together, with an AWS that refuses every call.

pub mod fake_aws;
mod memory;
mod recorders;
pub mod samples;
mod world;

pub use fake_aws::{FakeAws, Faults, Moment};
pub use memory::{MemoryStore, StoreCall, StoreFault};
pub use recorders::{
    OnRuntime, RecordingNotifier, RecordingRunner, RecordingWakeups, TestClock, TestDirectory,
};
pub use world::{NONCE, target, world};
