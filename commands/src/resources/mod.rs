//! The kinds of AWS resources in a release, one file or folder each, behind the trait `Resource`. The code that prepares a
//! release, moves a stage, compares it with its record and describes changes iterates over `all` kinds and names none of them.
//!
//! `docs/resources.md` lists the kinds. `CONTRIBUTING.md` shows how to add one.

mod alias;
mod api;
mod describe;
mod document;
mod function;
mod layer;
mod log_group;
mod messages;
mod own;
mod plan;
mod resource;
pub mod rights;
mod role;
mod seen;
mod setting;
pub(crate) mod stack;
mod survey;
#[cfg(test)]
mod tests;
mod watch;

#[cfg(any(test, feature = "testing"))]
pub(crate) use api::ApiLook;
#[cfg(test)]
pub(crate) use api::described;
pub(crate) use api::{ApiValues, created_apis, direct_values, left_serving, moved_apis, pinned_values};
pub use document::document;
#[cfg(any(test, feature = "testing"))]
pub(crate) use function::{FunctionLook, Latest, image_samples};
#[cfg(any(test, feature = "testing"))]
pub(crate) use plan::config_digest;

pub(crate) use alias::moved_functions;
pub(crate) use describe::{Change, Line};
pub(crate) use function::{Asleep, count_changed};
pub(crate) use layer::layer_arns;
pub(crate) use messages::{MOVED_OUTSIDE, foreign, foreign_refusal, implicit_api};
pub(crate) use own::ours;
pub(crate) use plan::Deployable;
pub(crate) use resource::{Around, Move, Part, Preparation, Prepared, Resource, ToPrepare};
#[cfg(test)]
pub(crate) use role::role_description;
pub(crate) use role::{role_nodes, same_json};
pub(crate) use seen::{ApiPlace, Seen, Surveyed};
pub(crate) use setting::{changed_settings, left_settings};
pub(crate) use survey::{asleep, look, look_now};
pub(crate) use watch::{RanBefore, Watch, began_to_move, is_in_doubt, mark, mover};

use crate::rules::{Drift, Recorded};

/// Every kind. In one part of a release, a kind may need the kinds before it in this list.
pub(crate) fn all() -> [&'static dyn Resource; 8] {
    [
        &layer::Layer,
        &role::Role,
        &function::Function,
        &alias::Alias,
        &setting::Setting,
        &api::StageApi,
        &log_group::LogGroup,
        &stack::Stack,
    ]
}

/// The differences between the record of a stage and what was seen of it.
pub(crate) fn drift(recorded: &Recorded, seen: &Seen) -> Drift {
    all().iter().fold(Drift::default(), |drift, kind| drift.and(kind.drift(recorded, seen)))
}
