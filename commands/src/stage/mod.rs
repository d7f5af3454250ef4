//! `/stage`: stages, their policies and their locks.

pub mod add;
pub(crate) mod command;
mod hold;
mod list;
pub mod lock;
mod params;
pub mod set;
pub mod unlock;

pub(crate) use self::list::*;
