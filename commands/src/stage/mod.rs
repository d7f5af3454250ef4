//! `/stage`: stages, their policies and their locks.

pub mod add;
mod command;
mod hold;
mod list;
pub mod lock;
mod messages;
mod params;
pub mod remove;
mod secrets;
pub mod set;
pub mod unlock;

pub(crate) use self::messages::{locked, runs};
