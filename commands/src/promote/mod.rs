//! `/promote`: a stage runs a release of an earlier stage, after its gates.

mod approval;
mod changes;
mod command;
mod commits;
mod decide;
mod messages;
mod operation;
mod outdated;
mod params;
mod requests;

pub use self::changes::Changes;
pub(crate) use self::command::Overrides;
pub use self::commits::Commits;
pub use self::operation::Promote;
pub(crate) use self::outdated::{node as void_outdated_node, outdated, void_outdated};
pub use self::params::*;
pub(crate) use self::requests::{Meant, Request, subject};
