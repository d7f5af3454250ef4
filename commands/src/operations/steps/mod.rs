//! Steps that several operations are made of. Each does one mutation and can find its own traces.

mod alias;
mod api;
mod artifact;
mod function;
mod moves;
mod prepare;
mod recent;
mod record;
mod resolve;
mod role;
mod smoke;

pub(crate) use alias::*;
pub(crate) use api::*;
pub(crate) use artifact::*;
pub(crate) use function::*;
pub(crate) use moves::*;
pub(crate) use prepare::*;
pub(crate) use record::*;
pub(crate) use resolve::*;
pub(crate) use role::*;
pub(crate) use smoke::*;

use crate::operation::{Done, Observed, Refusal, Trouble};
use serde::Serialize;

/// Observed: done by us, with what a run would have left.
pub(crate) fn ours(output: impl Serialize) -> Result<Observed, Trouble> {
    let output = serde_json::to_value(output).map_err(|error| Trouble::Corrupt(error.to_string()))?;
    Ok(Observed::Ours(Done { output, writes: vec![] }))
}

/// Observed: somebody else's.
pub(crate) fn foreign(what: String) -> Observed {
    Observed::Foreign(foreign_refusal(&what))
}

/// What is told where somebody else's thing has the name that ours needs.
pub(crate) fn foreign_refusal(what: &str) -> Refusal {
    Refusal::new(
        "not-ours",
        format!("{what} exists, and Sluice did not make it for this pipeline."),
        "Sluice touches nothing of others: rename or remove it, or choose another name, then type the command again.",
    )
}
