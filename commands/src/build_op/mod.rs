//! `/build`: numbered builds of a commit. The folder is not `build`, because `.gitignore` files often exclude that name.

mod artifact;
mod command;
mod list;
mod log;
mod messages;
mod operation;
mod params;
mod run;

pub use self::operation::BuildOperation;
pub use self::params::{OPERATION_VARIABLE, Params};
