//! The records of pipelines, and the rules that decide over them. Pure: records in, decisions out.

mod access;
mod audit;
mod drift;
mod gates;
mod grants;
mod lock;
mod membership;
mod pinned_roles;
mod pipeline_state;
mod policy;
mod records;
pub mod redact;
mod request;
mod smoke;
mod window;

pub use crate::rules::access::*;
pub use crate::records::audit::*;
pub use crate::rules::drift::*;
pub use crate::rules::gates::*;
pub use crate::rules::grants::*;
pub use crate::rules::lock::*;
pub use crate::rules::membership::*;
pub use crate::rules::pinned_roles::*;
pub use crate::records::pipeline_state::*;
pub use crate::rules::policy::*;
pub use crate::records::items::*;
pub use crate::records::role_request::*;
pub use crate::rules::smoke::*;
pub use crate::rules::window::*;
