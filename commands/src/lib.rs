//! What Sluice does and what it may do, told without Slack, without AWS and without a clock on the wall.
//!
//! This crate is the bottom of the workspace (`docs/ARCHITECTURE.md`): it depends on no other crate of ours. It holds
//! the grammar of the commands, the domain's records and rules, the ports through which it sees the world, the engine
//! that carries an operation to its end through crashes, and the operations themselves. Everything that touches the
//! world comes in as an `Arc<dyn Port>`; time comes in through [`ports::Clock`].

pub mod domain;
pub mod operation;
pub mod operations;
pub mod ports;
pub mod scaffold;
pub mod service;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
