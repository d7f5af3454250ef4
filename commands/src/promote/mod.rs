//! `/promote`: a stage will run a release of an earlier stage, after its gates.

mod approval;
mod command;
mod decide;
mod diff;
mod messages;
mod operation;
mod outdated;
mod params;
mod refusals;
mod requests;

#[cfg(any(test, feature = "testing"))]
pub(crate) use self::diff::question;
pub use self::operation::Promote;
pub(crate) use self::outdated::{node as void_outdated_node, void_outdated};
pub use self::params::*;
pub(crate) use self::requests::Request;
