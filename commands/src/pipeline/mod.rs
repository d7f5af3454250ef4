//! `/pipeline`: status, history, checks, roles and tidying.

mod check;
mod command;
mod history;
mod logs;
mod messages;
pub mod roles;
mod runtimes;
mod status;
pub mod tidy;

pub(crate) use self::roles::change_of;
