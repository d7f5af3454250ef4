//! What Sluice does and what it may do, told without Slack, without AWS and without a clock on the wall.
//!
//! It holds the pipeline's records and rules, the ports to AWS and Slack, the engine that completes an operation despite
//! crashes, and the operations. Everything outside the process is an `Arc<dyn Port>`; the time of day is
//! [`ports::Clock`]. The crates below it are `sluice-model`, `sluice-grammar` and `sluice-template`
//! (`docs/ARCHITECTURE.md`).

pub mod domain;
pub mod names;
pub mod operation;
pub mod operations;
pub mod ports;
pub mod resources;
pub mod scaffold;
pub mod service;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
