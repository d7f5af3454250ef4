//! Plain CloudFormation templates, as `sluice-package` leaves them: reading, evaluating, and where each resource belongs.
//!
//! It takes every resource type that a stack takes. [`crate::read`] makes an application of it, for which the parts that
//! belong to a stack are refused: stages have no stacks yet.
//!
//! Pure and total, as the whole crate: no call to AWS, no panic on any input, and the work is bounded by the same budget as
//! that of the other reader. The steps:
//!
//! 1. [`read`] checks the template's form and every reference in it: [`PlainTemplate`].
//! 2. [`ParameterValues::of`] gives each parameter its value for a stage.
//! 3. [`Evaluator`] evaluates expressions: known here, or deferred with what they need.
//! 4. [`PlainFunction::read`] reads the functions that Sluice changes itself.
//! 5. [`classify`] says where each resource belongs: to Sluice directly, to the stage's stack, or nowhere.
//! 6. [`rename`] and [`desired`] emit the template of the stage's stack, and [`grow`], [`wire`] and [`shed`] the passes that lead
//!    to it; [`resolve`] gives the values that were deferred.

mod attributes;
mod choices;
mod cidr;
mod classify;
mod conditions;
mod declaration;
mod evaluate;
mod expansion;
mod function;
mod function_properties;
mod function_reader;
mod lines_file;
mod parameter_types;
mod parameters;
mod partial;
mod read;
mod references;
mod references_check;
mod stack;
mod stage;
mod strings;
mod system;
mod system_answers;
mod system_name;
mod template;
#[cfg(test)]
mod tests;
mod truth;
mod variables;

pub use classify::{
    Attention, FixedName, Held, NameOrigin, Notice, Part, Placement, Resolution, Split, Why, classify,
    classify_all,
};
pub use evaluate::{Answer, Evaluator, Known};
pub use function::{CodeObject, Field, PlainCode, PlainFunction};
pub use parameters::ParameterValues;
pub use partial::{Attribute, Deferred, DynamicService, Fragment, Need, Partial};
pub use read::read;
pub use references::{Reference, References};
pub use stack::{
    ChangeAction, Clash, Confirmed, Delivery, Described, Desired, DirectValues, Emission, Forbidden, Kept,
    ParameterValue, PassError, PolicyAction, Question, Refused, Rename, Renamed, Replacement, Shed,
    StackResource, StackTemplate, StackValues, StageNames, approval_digest, assert_grow, assert_shed,
    assert_wire, back, clashes, desired, grow, is_as_approved, own_parameters, rename, resolve, shed, wire,
};
pub(crate) use stack::{resolved, secret};
pub use stage::{Stage, stack_name};
pub use system::system_names;
pub(crate) use system::{Uses, is_expression, pinned};
pub use system_answers::{SystemAnswer, SystemAnswers, SystemParameter, SystemParameters};
pub use template::{Output, PlainTemplate, Resource};

pub use crate::source_map::{Source, SourceMap};
