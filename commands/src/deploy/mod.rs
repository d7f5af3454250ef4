//! `/deploy`: a green build becomes a release on a stage.

mod command;
mod operation;

pub use self::operation::*;
