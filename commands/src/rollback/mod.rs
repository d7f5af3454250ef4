//! `/rollback`: a stage returns to a release that ran there.

mod command;
mod messages;
mod operation;
mod params;

pub use self::operation::Rollback;
pub use self::params::Params;
