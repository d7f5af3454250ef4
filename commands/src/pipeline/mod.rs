//! `/pipeline`: status, history, checks, roles and tidying.

pub mod change_role;
mod check;
mod command;
mod history;
mod role_command;
pub(crate) mod role_messages;
mod roles;
mod runtimes;
mod status;
pub mod tidy;

pub(crate) use self::history::Wanted;
pub(crate) use self::role_command::change_of;
