//! The durable memory: [`Store`](sluice_commands::ports::Store) over a database.
//!
//! A backend turns the port's few primitives into requests and nothing else: it does not know what a head, a journal
//! or a stage is, and it reads no clock but the one that it is given. What the port promises is written down once, as the
//! suite in `conformance` (behind the feature of that name), and every backend runs it.
//!
//! `docs/state.md` tells what both backends guarantee, how the primitives map to them, and what each costs.

#[cfg(feature = "conformance")]
pub mod conformance;
mod dynamodb;
mod sqlite;

pub use dynamodb::{Consumed, DynamoStore, TableStatus};
pub use sqlite::{FileError, SqliteLock, SqliteStore};
