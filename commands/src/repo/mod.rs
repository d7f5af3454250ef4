//! `/repo`: pipelines and their repositories.

mod command;
mod look;
mod operation;
mod repository;

pub(crate) use self::command::*;
pub use self::operation::*;
