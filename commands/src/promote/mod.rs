//! `/promote`: a stage will run a release of an earlier stage, after its gates.

mod approval;
mod changes;
mod command;
mod commits;
mod decide;
mod look_at_changes;
mod messages;
mod operation;
mod outdated;
mod params;
mod refusals;
mod requests;

pub use self::changes::Changes;
pub use self::commits::Commits;
pub use self::operation::Promote;
pub(crate) use self::outdated::{node as void_outdated_node, void_outdated};
pub use self::params::*;
pub(crate) use self::requests::Request;
