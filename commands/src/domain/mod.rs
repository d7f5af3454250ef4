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

pub use access::*;
pub use audit::*;
pub use drift::*;
pub use gates::*;
pub use grants::*;
pub use lock::*;
pub use membership::*;
pub use pinned_roles::*;
pub use pipeline_state::*;
pub use policy::*;
pub use records::*;
pub use request::*;
pub use smoke::*;
pub use window::*;
