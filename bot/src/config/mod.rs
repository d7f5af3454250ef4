//! The configuration: flags win over the environment, the environment over `sluice.toml`, and that over the defaults
//! (DESIGN 10).
//!
//! A configuration that loads can work. All problems are found before anything starts and are reported together, each under
//! the name by which the person gave the setting. No problem contains the value of a secret.

mod file;
mod flags;
mod model;
mod network;
mod policy;
mod problem;
mod reading;
mod reload;
mod secret;
mod slack;
mod sources;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use flags::Flags;
pub(crate) use model::{Base, Config};
pub(crate) use policy::{PREFIX_RULE, is_prefix};
pub(crate) use problem::Problem;
pub(crate) use reload::Reload;
pub(crate) use secret::Secret;
pub(crate) use slack::{SlackAccess, is_loopback, is_loopback_http};
pub(crate) use sources::Sources;
pub(crate) use state::{BackupLocation, BackupPlan, State};
