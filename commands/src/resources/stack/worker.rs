//! Work on templates, on a worker thread: they are untrusted, and may take long to read.

use super::messages;
use crate::application::World;
use crate::operation::EngineError;
use crate::ports::{NoResult, compute};
use sluice_model::{Class, PortError};

/// The result of that work. `call` names it in the log if the process stops meanwhile.
pub(super) async fn on_worker<T: Send + 'static>(
    world: &World,
    call: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, EngineError> {
    match compute(&*world.workers, work).await {
        Ok(result) => Ok(result),
        Err(NoResult::Panicked) => Err(EngineError::Refused(messages::unreadable())),
        Err(NoResult::Stopping) => {
            let error = PortError::new(call, Class::Transient, "Stopping", "the process is stopping");
            Err(EngineError::Port(error))
        }
    }
}
