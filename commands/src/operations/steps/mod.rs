//! Steps that several operations share. Those of AWS resources are in [`crate::resources`].

mod artifact;
mod drift;
mod moves;
mod parameters;
mod prepare;
mod record;
mod resolve;
mod smoke;

pub(crate) use artifact::*;
pub(crate) use drift::*;
pub(crate) use moves::*;
pub(crate) use parameters::*;
pub(crate) use prepare::*;
pub(crate) use record::*;
pub(crate) use resolve::*;
pub(crate) use smoke::*;

/// The hint if a version set needs more than a record can hold.
pub(crate) const TOO_MANY_FUNCTIONS: &str =
    "Deploy fewer functions at once, or make what they are set to smaller.";
