//! `/build`: numbered builds of a commit. The folder is not `build`, because `.gitignore` files often exclude that name.

mod artifact;
mod command;
mod list;
mod log;
mod operation;
mod run;

pub use self::operation::*;
