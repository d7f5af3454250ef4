//! `/pipeline who`, `grant` and `revoke`: the roles for all pipelines and for one.

mod command;
mod list;
mod messages;
mod operation;

pub(crate) use self::command::{change_of, plan};
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::messages::kept_by;
pub use self::operation::ChangeRole;
