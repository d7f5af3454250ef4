//! The rules that decide over a pipeline's records: who may do what, and which gates are open. Pure: records in, decisions out.

mod access;
mod drift;
mod gates;
mod grants;
mod lock;
mod membership;
mod pinned_roles;
mod policy;
pub mod redact;
mod smoke;
mod window;

pub use self::access::*;
pub use self::drift::*;
pub use self::gates::*;
pub use self::grants::*;
pub use self::lock::*;
pub use self::membership::*;
pub use self::pinned_roles::*;
pub use self::policy::*;
pub use self::smoke::*;
pub use self::window::*;
