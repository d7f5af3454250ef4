//! AWS through `sluice-aws-adapter` and the state through `sluice-state`. No other module of this crate names their types.

mod account_check;
mod assembly;
mod audit;
mod aws_backend;
mod back_up;
mod backups;
mod boundaries;
mod bucket;
mod check;
mod cli_runner;
mod errors;
mod init;
mod packager;
mod policy;
mod priority_store;
mod probe;
mod secret;
mod state;
mod tidying;

pub(crate) use aws_backend::Account;
pub(crate) use back_up::back_up;
pub(crate) use policy::{PolicyDocument, PolicyFor, policies};
