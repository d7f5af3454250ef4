//! `/deploy`: a green build becomes a release on a stage.

mod command;
mod messages;
mod operation;
mod params;

pub use self::operation::Deploy;
pub use self::params::Params;
