//! Steps that several operations share. Those of AWS resources are in [`crate::resources`].

mod artifact;
mod drift;
mod messages;
mod moves;
mod parameters;
mod prepare;
mod record;
mod record_change;
mod resolve;
mod smoke;

pub(crate) use crate::steps::artifact::*;
pub(crate) use crate::steps::drift::*;
pub(crate) use crate::steps::messages::*;
pub(crate) use crate::steps::moves::*;
pub(crate) use crate::steps::parameters::*;
pub(crate) use crate::steps::prepare::*;
pub(crate) use crate::steps::record::*;
pub(crate) use crate::steps::record_change::*;
pub(crate) use crate::steps::resolve::*;
pub(crate) use crate::steps::smoke::*;

/// The hint if a version set needs more than a record can hold.
pub(crate) const TOO_MANY_FUNCTIONS: &str =
    "Deploy fewer functions at once, or make what they are set to smaller.";
