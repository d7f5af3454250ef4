//! The records of pipelines in the store, and the state of one pipeline as a query returns it.

mod audit;
mod items;
mod pipeline_state;
mod role_request;

pub use self::audit::*;
pub use self::items::*;
pub use self::pipeline_state::*;
pub use self::role_request::*;
