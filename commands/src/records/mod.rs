//! The records of pipelines in the store, and the state of one pipeline as a query returns it.

mod audit;
mod build;
mod codec;
mod pipeline;
mod pipeline_state;
mod release;
mod role_request;
mod stage;

pub use self::audit::*;
pub use self::build::*;
pub use self::codec::*;
pub use self::pipeline::*;
pub use self::pipeline_state::*;
pub use self::release::*;
pub use self::role_request::*;
pub use self::stage::*;
