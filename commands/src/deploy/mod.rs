//! `/deploy`: a green build becomes a release on a stage.

mod command;
mod messages;
mod operation;
mod params;
mod plan;

pub use self::operation::Deploy;
pub use self::params::Params;
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::plan::question;
