//! From what a person typed to a [`Command`], and back.

mod command;

pub use command::*;
