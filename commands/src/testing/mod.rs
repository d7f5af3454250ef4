//! Ports for tests: stand-ins that keep a port's whole promise in memory and can be told to fail.
//!
//! Behind the feature `testing`, so that nothing of it is in the shipped binary. A stand-in is held to the same
//! conformance suite as the real backend, so a test that passes on it says something about the real one.

mod memory;

pub use memory::{MemoryStore, StoreCall, StoreFault};
