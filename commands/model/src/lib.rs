//! The words that all of Sluice shares: identifiers, people and their roles, cards and answers, refusals, errors of ports.
//!
//! A leaf: it depends on no other crate of ours, does no I/O and waits for nothing.

mod actor;
mod answer;
mod api_kind;
mod api_stage_settings;
mod arn;
mod card;
mod click;
mod code;
mod ids;
mod port_error;
mod refusal;
mod role;
mod subjects;

pub use actor::*;
pub use answer::*;
pub use api_kind::*;
pub use api_stage_settings::*;
pub use arn::*;
pub use card::*;
pub use click::*;
pub use code::*;
pub use ids::*;
pub use port_error::*;
pub use refusal::*;
pub use role::*;
pub use subjects::*;

/// How the key of a stage's setting begins that is a parameter of the template: `param.LogLevel`.
pub const PARAMETER: &str = "param.";
