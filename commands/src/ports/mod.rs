//! The ports: one small trait per external capability, held as `Arc<dyn _>`.
//!
//! No type of an SDK, of Slack or of a database appears here. Each AWS call takes its
//! [`Target`](sluice_model::Target). The documentation of a mutating call says why it is safe to repeat;
//! `docs/effects.md` has the table.

mod account;
mod archive;
mod builders;
mod directory;
mod function_config;
mod function_settings;
mod functions;
mod gateway;
mod identity;
mod layers;
mod logs;
mod metrics;
mod objects;
mod parameters;
mod probe;
mod repositories;
mod stacks;

pub use account::*;
pub use archive::*;
pub use builders::*;
pub use directory::*;
pub use function_config::*;
pub use function_settings::*;
pub use functions::*;
pub use gateway::*;
pub use identity::*;
pub use layers::*;
pub use logs::*;
pub use metrics::*;
pub use objects::*;
pub use parameters::*;
pub use probe::*;
pub use repositories::*;
pub use sluice_engine::ports::*;
pub use stacks::*;

use std::collections::BTreeMap;

/// Tags of a resource. Everything that Sluice creates has [`TAG_PIPELINE`], which marks it as ours.
pub type Tags = BTreeMap<String, String>;

/// The tag that names the pipeline a resource belongs to.
pub const TAG_PIPELINE: &str = "sluice:pipeline";
