//! `/stage`: stages, their policies and their locks.

pub mod add;
pub(crate) mod command;
mod hold;
mod list;
pub mod lock;
pub mod set;
pub mod unlock;

pub use self::command::LOWER_BUTTON;
pub(crate) use self::list::*;
