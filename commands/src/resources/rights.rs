//! The rights of the roles that Sluice creates: their policies, their trust policies, and the permissions
//! boundaries that limit all of them.
//!
//! The author of a template chooses the policy of a function's role. So the boundary of functions is a list
//! of allowed actions: reading and writing data. Actions that edit rights, start code with other rights, or
//! touch Sluice itself are denied in addition, so a boundary of the organisation cannot allow them. A build
//! runs code that somebody pushed; its boundary contains what [`build_policy`] needs and nothing else.

mod actions;
mod boundary;
mod immutable_role;
mod policies;
mod stack;

pub(crate) use boundary::NOT_SLUICE;
pub use boundary::{MANAGED_LIMIT, OwnResources, api_boundary, boundary, data_statements, is_denial};
pub use immutable_role::{INLINE_LIMIT, ImmutableRole};
pub use policies::{build_boundary, build_policy, function_policy};
pub use stack::{FixedNames, TooManyNames, stack_boundary};

#[cfg(test)]
mod tests;
