//! `/rollback`: a stage returns to a release that ran there.

mod command;
mod messages;
mod operation;
mod params;

pub(crate) use self::messages::goes_first;
pub use self::operation::Rollback;
pub use self::params::Params;
