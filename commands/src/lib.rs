//! What Sluice does and what it may do, without Slack, AWS or a wall clock.
//!
//! It holds the pipeline's records and rules, the ports to AWS and Slack, and the operations, which the engine completes
//! despite crashes. Everything outside the process is an `Arc<dyn Port>`; the time of day is
//! [`ports::Clock`]. The crates below it are `sluice-model`, `sluice-grammar`, `sluice-engine` and `sluice-template`
//! (`docs/ARCHITECTURE.md`).

#[cfg(test)]
mod alphabets;
pub mod application;
pub mod build_op;
pub(crate) mod comparison;
pub mod deploy;
pub mod installation;
pub mod names;
pub mod operation;
pub mod packager;
pub mod pipeline;
pub mod ports;
pub mod promote;
pub mod records;
mod registry;
pub mod repo;
pub mod resources;
pub mod rollback;
pub mod rules;
pub mod scaffold;
pub mod secret;
pub mod service;
pub mod setup;
pub mod stage;
pub(crate) mod steps;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use registry::registry;
/// For `sluice template check`: the bot depends on the crates below this one only through it.
pub use sluice_template as template;
