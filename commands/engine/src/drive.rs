//! Driving one operation: take it over, run its driver, and park what cannot continue.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::acquire::Acquired;
use crate::application::Application;
use crate::driver::Drive;
use crate::engine::{Driven, Engine, Held, lock};
use crate::error::EngineError;
use crate::head::Head;
use crate::hooks::Hooks;
use crate::log::{self, Log};
use crate::operation::{OperationKind, refusal_of};
use crate::ports::StoreError;
use crate::{park, unattended};
use sluice_model::OperationId;

impl<A: Hooks> Engine<A> {
    /// Drives an operation as far as it goes. Call it once per operation at a time in a process. Dropping the
    /// future is like a crash: the next owner observes what was begun.
    pub async fn drive(&self, id: &OperationId) -> Driven {
        let nudge = Arc::new(Notify::new());
        lock(&self.nudges).insert(id.clone(), Arc::clone(&nudge));
        let _driven_here = DrivenHere { engine: self, id };
        let driven = self.drive_once(id, nudge).await.unwrap_or_else(|error| {
            tracing::error!(operation = %id, %error, "an operation could not be driven");
            Driven::Later
        });
        if !self.world.settings.notifies && matches!(driven, Driven::Ended | Driven::Waiting | Driven::Stuck)
        {
            unattended::leave_undelivered(&self.world, id).await;
        }
        driven
    }

    async fn drive_once(&self, id: &OperationId, nudge: Arc<Notify>) -> Result<Driven, EngineError> {
        let accepted = lock(&self.accepted).remove(id);
        let held = match accepted {
            Some(held) => held,
            None if self.is_stopping() => return Ok(Driven::Later),
            None => match self.acquire(id).await? {
                Acquired::Held(held) => *held,
                Acquired::No(driven) => return Ok(driven),
            },
        };
        let head = held.log.head().clone();
        let Some(definition) = self.registry.get(&head.spec.kind, head.spec.version) else {
            return self.give_up(&head, park::unknown_kind()).await;
        };
        let mut driven = self.drive_held(&definition, held, &nudge).await;
        if let Err(error) = &driven
            && error.is_corrupt()
        {
            // The read may have been wrong for a moment. Read once more before people are notified.
            tracing::warn!(operation = %id, %error, "an operation is read again");
            driven = match self.read_again(&head).await? {
                Acquired::Held(held) => self.drive_held(&definition, *held, &nudge).await,
                Acquired::No(driven) => return Ok(driven),
            };
        }
        match driven {
            // The store has the problem, not the operation.
            Err(
                error @ EngineError::Store(
                    StoreError::Again(_)
                    | StoreError::Unknown(_)
                    | StoreError::Lost(_)
                    | StoreError::Refused(_),
                ),
            ) => {
                log::forgive(&*self.world.store, &self.world.keys, &head).await;
                Err(error)
            }
            Err(error) => {
                tracing::error!(operation = %id, %error, "an operation cannot continue");
                self.give_up(&head, refusal_of(definition.if_too_large(), &error)).await
            }
            driven => driven,
        }
    }

    /// Drives what this process holds. Parameters that do not decode are corrupt.
    async fn drive_held(
        &self,
        kind: &Arc<dyn OperationKind<A>>,
        held: Held,
        nudge: &Arc<Notify>,
    ) -> Result<Driven, EngineError> {
        let bound = Arc::clone(kind).bind(held.log.op())?;
        Drive::new(self, bound, held, Arc::clone(nudge)).run().await
    }

    /// Reads the same operation again, if this process still owns it.
    async fn read_again(&self, head: &Head) -> Result<Acquired, EngineError> {
        let (store, keys) = (&*self.world.store, &self.world.keys);
        let Some(seen) = log::read_head(store, keys, &head.id).await? else {
            return Ok(Acquired::No(Driven::NotOurs));
        };
        let begun = Instant::now();
        let loaded = match log::load(store, keys, &head.id).await {
            Ok(Some(loaded)) if loaded.head.fence == head.fence => loaded,
            Ok(_) => return Ok(Acquired::No(Driven::NotOurs)),
            Err(error) if error.is_corrupt() => {
                tracing::error!(operation = %head.id, %error, "a journal cannot be read");
                return Ok(Acquired::No(self.give_up(head, error.refusal()).await?));
            }
            Err(error) => return Err(error),
        };
        let own_since = loaded.op.sequence + 1;
        // It is ours even if another suspect took the place meanwhile.
        let place = self.place_for(&loaded.head).unwrap_or_default();
        let log = Log::new(self.world.target.clone(), loaded.head, loaded.op, seen.woken_by, begun);
        let log = log.with_place(place);
        let held = Held { log, fresh: BTreeSet::new(), unread: loaded.unread, own_since };
        Ok(Acquired::Held(Box::new(held)))
    }
}

/// Marks an operation as driven by this process. The mark ends with the task, also when that panics or is
/// dropped.
struct DrivenHere<'a, A: Application> {
    engine: &'a Engine<A>,
    id: &'a OperationId,
}

impl<A: Application> Drop for DrivenHere<'_, A> {
    fn drop(&mut self) {
        lock(&self.engine.nudges).remove(self.id);
    }
}
