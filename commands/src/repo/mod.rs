//! `/repo`: pipelines and their repositories.

mod command;
mod look;
mod messages;
mod operation;
mod params;
mod repository;

pub(crate) use self::messages::{no_pipelines, pipelines_title};
pub use self::operation::RepoCreate;
pub(crate) use self::params::PIPELINES;
pub use self::params::{FIRST_COMMIT_SUBJECT, FIRST_STAGE, Params};
#[cfg(test)]
pub(crate) use self::params::{project_description, repository_description};
