//! Plain CloudFormation templates, as `sluice-package` leaves them: reading, evaluating, and where each resource belongs.
//!
//! **Deploys do not use this part yet.** They read SAM templates with [`crate::read`]. This part is the rest of "any
//! serverless application": it takes every resource type that a stack takes, and is used once deploys have stacks.
//!
//! Pure and total, as the whole crate: no call to AWS, no panic on any input, and the work is bounded by the same budget as
//! that of the other reader. The steps:
//!
//! 1. [`read`] checks the template's form and every reference in it: [`PlainTemplate`].

mod attributes;
mod conditions;
mod declaration;
mod lines_file;
mod parameter_types;
mod partial;
mod read;
mod references;
mod template;

pub use partial::{Attribute, Deferred, DynamicService, Fragment, Need, Partial};
pub use read::read;
pub use references::{Reference, References};
pub use template::{Output, PlainTemplate, Resource};

pub use crate::source_map::{Source, SourceMap};
