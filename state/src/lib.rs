//! The backends of the store port, [`Store`](sluice_commands::ports::Store), over databases.
//!
//! A backend only turns the port's few primitives into requests. It does not know heads, journals or stages, and it reads
//! only the clock that it receives. The suite in `conformance` (a feature) specifies the port, and every backend runs it.
//!
//! `docs/state.md` describes the guarantees of both backends, how they implement the primitives, and the costs.

#[cfg(feature = "conformance")]
pub mod conformance;
mod dynamodb;
mod sqlite;

pub use dynamodb::{Consumed, DynamoStore, TableStatus};
pub use sqlite::{FileError, SqliteLock, SqliteStore};
