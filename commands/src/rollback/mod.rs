//! `/rollback`: a stage returns to a release that ran there.

mod command;
mod operation;

pub use self::operation::*;
