//! A step that only holds a slot.

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, Progress, Step};

/// Does nothing: its slot is what matters.
pub(crate) struct HoldSlot;

#[async_trait]
impl Step<Sluice> for HoldSlot {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, _: &Context) -> Result<Progress, EngineError> {
        Progress::done(())
    }
}
