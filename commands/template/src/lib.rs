//! Reads the plain template of a build: which resources of it Sluice creates itself, and everything about them for one stage.
//!
//! Pure and total: it calls no AWS API and no input causes a panic. It reports everything that is wrong at once, each error
//! with its resource, the line of that in the author's file and what to do. What Sluice does not deploy is refused here, before the
//! first call of a deploy, and never leaves a deploy half done. The result is complete: every reference is
//! resolved for the stage, and every function's code is pinned to what the build recorded.

mod application;
mod budget;
mod error;
mod manifest;
mod names;
pub mod plain;
pub mod rights;
mod runtimes;
mod shape;
mod source_map;
#[cfg(test)]
mod tests;

pub use application::{
    AppApi, AppFunction, AppLayer, AppLayerRef, AppRights, AppRoute, AppStack, Application, Deploying,
    Images, KnownValues, POLICY_LIMIT, Waiting, errors_of_apis, read, unread, version_variable,
};
pub use budget::{LARGEST_FILE, MOST_FUNCTIONS};
pub use error::{TemplateCode, TemplateError};
pub use manifest::Manifest;
pub use names::{alias_arn, cut_with_hash, foreign_repositories, function_arn, function_name, function_stem};
pub use runtimes::{EndOfSupport, RUNTIMES_PAGE, end_of_support, runtimes_of};
pub use sluice_model::partition;
