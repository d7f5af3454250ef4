//! The records of pipelines in the store, and the state of one pipeline as a query returns it.

mod audit;
mod build;
mod codec;
mod drift;
mod grants;
mod keys;
mod lock;
mod pipeline;
mod pipeline_state;
mod policy;
mod refusals;
mod release;
mod role_request;
mod slots;
mod smoke;
mod stage;
mod window;

pub use self::audit::*;
pub use self::build::*;
pub use self::codec::*;
pub use self::drift::*;
pub use self::grants::*;
pub use self::keys::*;
pub use self::lock::*;
pub use self::pipeline::*;
pub use self::pipeline_state::*;
pub use self::policy::*;
pub(crate) use self::refusals::*;
pub use self::release::*;
pub use self::role_request::*;
pub use self::slots::*;
pub use self::smoke::*;
pub use self::stage::*;
pub use self::window::*;
pub use sluice_engine::{Act, RECORD_SCHEMA, TICKETS, from_item, to_item};
