//! Attaches the contents that the journal refers to, before planning.
//!
//! Usually they are cached, because this process read them for the step that refers to them. After a claim
//! they are read again, with retries, while beats keep the lease.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Drive, Next};
use crate::content_cache::Loaded;
use crate::contents::Content;
use crate::engine::Driven;
use crate::error::EngineError;
use crate::hooks::Hooks;
use crate::retry;
use crate::state::OperationState;
use crate::step::Context;

/// The longest wait between two reads of a content.
const BACKOFF: Duration = Duration::from_secs(30);

impl<A: Hooks> Drive<'_, A> {
    /// The state with all pending entries and the contents it refers to. `Err`: something else must happen
    /// first.
    pub(super) async fn known(&mut self) -> Result<Result<OperationState, Next>, EngineError> {
        let mut op = self.projected()?;
        // The steps of a resolution only look at what exists and need no contents. Its message does.
        let is_needed = op.resolved.is_none();
        for content in self.definition.contents(&op, self.log.target())? {
            if op.has_content(content.digest()) {
                continue;
            }
            let read = match self.content(&*content, is_needed).await {
                Err(error) if !is_needed => {
                    tracing::warn!(operation = %op.id, %error, "people are notified without its steps");
                    continue;
                }
                read => read?,
            };
            match read {
                Ok(read) => {
                    self.log.attach(content.digest(), Arc::clone(&read));
                    op.attach(content.digest(), read);
                }
                Err(next) => return Ok(Err(next)),
            }
        }
        Ok(Ok(op))
    }

    async fn content(
        &mut self,
        content: &dyn Content<A>,
        is_needed: bool,
    ) -> Result<Result<Loaded, Next>, EngineError> {
        let world = Arc::clone(self.engine.world());
        if let Some(known) = world.contents.get(content.digest()) {
            return Ok(Ok(known));
        }
        let (operation, begun) = (self.log.head().id.clone(), Instant::now());
        let cx = &Context { world: Arc::clone(&world), operation, signals: vec![], begun };
        let mut pause = Duration::ZERO;
        let mut tries = 0;
        loop {
            let reading = async move {
                tokio::time::sleep(pause).await;
                content.read(cx).await
            };
            tokio::pin!(reading);
            let read = loop {
                let beat = self.shown + world.settings.lease / 3;
                tokio::select! {
                    biased;
                    read = &mut reading => break read,
                    () = self.engine.stopping() => return Ok(Err(Next::Outcome)),
                    () = tokio::time::sleep_until(beat) => {
                        if !self.log.beat(&*world.store).await && !self.received().await.unwrap_or(true) {
                            return Ok(Err(Next::Over(Driven::NotOurs)));
                        }
                        self.shown = Instant::now();
                    }
                }
            };
            match read {
                Ok(read) => {
                    world.contents.keep(content.digest(), Arc::clone(&read));
                    return Ok(Ok(read));
                }
                Err(error) if is_needed && error.can_retry() && begun.elapsed() < world.settings.patience => {
                    tracing::warn!(operation = %cx.operation, %error, "a content is read again");
                    pause = retry::delay(tries, BACKOFF);
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
