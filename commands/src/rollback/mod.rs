//! `/rollback`: a stage returns to a release that ran there.

mod command;
mod messages;
mod operation;
mod params;

#[cfg(any(test, feature = "testing"))]
pub(crate) use self::messages::goes_first;
pub use self::operation::Rollback;
pub use self::params::Params;
