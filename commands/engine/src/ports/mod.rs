//! The ports of the engine: one small trait per external capability, held as `Arc<dyn _>`.

mod background;
mod clock;
mod notifier;
mod store;
mod wakeups;
mod workers;

pub use background::*;
pub use clock::*;
pub use notifier::*;
pub use store::*;
pub use wakeups::*;
pub use workers::*;
