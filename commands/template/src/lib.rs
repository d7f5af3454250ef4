//! Reads a packaged template: the subset of AWS SAM that Sluice deploys, documented in `docs/templates.md`.
//!
//! Pure and total: it calls no AWS API and no input causes a panic. It reports everything that is wrong at once, each error
//! with its resource, its line in `template.yaml` and what to do. A template outside the subset is refused here, before the
//! first call of a deploy, so a mistake in a file never leaves a deploy half done. The result is complete: every reference is
//! resolved for the stage, and every function's code is pinned to what the build recorded.

mod application;
mod budget;
mod code;
mod error;
mod events;
mod function;
mod intrinsics;
mod lines;
mod manifest;
mod names;
mod parameters;
pub mod plain;
mod policies;
mod read;
pub mod rights;
mod runtimes;
mod shape;
mod source_map;
#[cfg(test)]
mod tests;

pub use application::{AppFunction, AppRoute, Application, Deploying};
pub use budget::{LARGEST_FILE, MOST_FUNCTIONS};
pub use error::{TemplateCode, TemplateError};
pub use manifest::Manifest;
pub use names::{alias_arn, cut_with_hash, function_arn, function_name, function_stem};
pub use policies::POLICY_LIMIT;
pub use read::read;
pub use runtimes::{EndOfSupport, RUNTIMES_PAGE, end_of_support, runtimes_of};
pub use sluice_model::partition;
