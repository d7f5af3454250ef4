//! The templates of a stage's stack: what it has to contain, and the passes that lead there without taking anything from a
//! running version.
//!
//! Pure and total, and bounded as the rest of the crate. The steps:
//!
//! 1. [`rename`] gives a further stage of an account names of its own, before anything else reads the template.
//! 2. [`desired`] emits the stack's resources with everything that is known written into them, and an output for each value that
//!    functions, roles and APIs need from the stack.
//! 3. [`grow`], [`wire`] and [`shed`] lead from the template that is live to the desired one. Each gives a whole template;
//!    [`StackTemplate::read`] reads it again from `GetTemplate`.
//! 4. [`assert_grow`], [`assert_wire`] and [`assert_shed`] compare what a change set would do with what its pass may do, and
//!    [`approval_digest`] is what an approval is bound to.
//! 5. [`resolve`] gives a function's values once the stack's resources and outputs are known.
//!
//! The rule behind the passes: nothing that a running version, or one that a rollback may return to, refers to is removed before
//! that version can no longer run; and no trigger calls a version that was not built for it.

mod api_stages;
mod back;
mod body;
mod described;
mod desired;
mod direct;
mod error;
mod events;
mod finish;
mod function_names;
mod grow;
mod needs;
mod rename;
mod resolve;
mod shared;
mod shed;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod wire;

pub use back::back;
pub use described::{
    ChangeAction, Confirmed, Described, Forbidden, PolicyAction, Replacement, approval_digest, assert_grow,
    assert_shed, assert_wire, is_as_approved,
};
pub use desired::{Desired, desired};
pub use direct::DirectValues;
pub use error::PassError;
pub use grow::grow;
pub(crate) use needs::secret;
pub use rename::{Clash, Question, Refused, Rename, Renamed, StageNames, clashes, own_parameters, rename};
pub(crate) use resolve::resolved;
pub use resolve::{StackValues, resolve};
pub use shed::{Shed, shed};
pub use template::{Delivery, Emission, ParameterValue, StackResource, StackTemplate};
pub use wire::{Kept, wire};
