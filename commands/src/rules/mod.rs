//! The rules that decide over a pipeline's records: who may do what, and which gates are open. Pure: records in, decisions out.

mod access;
mod drift;
mod gates;
mod grants;
mod lock;
mod membership;
mod messages;
mod pinned_roles;
mod policy;
pub mod redact;
mod refusals;
mod role_change;
mod settings;
mod snapshot;

pub use self::access::*;
pub use self::drift::*;
pub use self::gates::*;
pub use self::grants::*;
pub use self::membership::*;
pub use self::messages::{minute, parameters_changed, parameters_text, span};
pub use self::pinned_roles::*;
pub(crate) use self::refusals::no_roles;
pub use self::refusals::{DEACTIVATED, GROUP_UNKNOWN, for_whom};
pub use self::role_change::*;
pub use self::settings::*;
pub use self::snapshot::*;
pub use crate::ports::Unknown;
pub use crate::records::{
    Drift, Freeze, Grant, Grants, Lock, Moved, ObservedDrift, Order, Parameters, Policy, Smoke, Window,
};
pub use sluice_model::{Subjects, plain};
