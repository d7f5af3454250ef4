//! Taking over an operation: claim first, then read. Operations that cannot be read or that only need an
//! announcement are handled here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use crate::engine::{Driven, Engine, Held, lock};
use crate::error::EngineError;
use crate::follow_up;
use crate::head::{FOLLOW_UP, Head};
use crate::hooks::{Hooks, Report};
use crate::log::{self, Log};
use crate::operation::BoundOperation;
use crate::park;
use crate::recorded_signal::SignalKind;
use crate::state::OperationState;
use crate::status::Status;
use crate::step::Context;
use crate::world::Settings;
use sluice_model::OperationId;

/// The result of an attempt to take an operation over.
pub(crate) enum Acquired {
    /// This process owns it.
    Held(Box<Held>),
    /// It is not to be driven here.
    No(Driven),
}

impl<A: Hooks> Engine<A> {
    /// Claims first and reads then. After a claim no other replica appends, so the read is consistent.
    pub(crate) async fn acquire(&self, id: &OperationId) -> Result<Acquired, EngineError> {
        let (store, keys) = (&*self.world.store, &self.world.keys);
        let Some(log::Seen { head, woken_by, is_due }) = log::read_head(store, keys, id).await? else {
            return Ok(Acquired::No(Driven::NotOurs));
        };
        if head.status.is_delivered_once() && (!is_due || !self.world.settings.notifies) {
            // Nothing was sent to it since its wait, failure or end was announced; or it needs only an
            // announcement, by another replica.
            return Ok(Acquired::No(match head.status {
                Status::Waiting => Driven::Waiting,
                Status::Stuck => Driven::Stuck,
                _ => Driven::Ended,
            }));
        }
        if !self.is_free(&head) || self.is_left_to_others(&head) {
            return Ok(Acquired::No(Driven::NotOurs));
        }
        let place = match self.place_for(&head) {
            Ok(place) => place,
            Err(driven) => return Ok(Acquired::No(driven)),
        };
        // A replica that drives nothing accepted it. Nothing about it was posted, so every message is ours to
        // post.
        let is_untouched = head.owner.is_empty() && (head.fence, head.beat) == (1, 1);
        let undelivered_since = head.undelivered_since;
        let begun = Instant::now();
        let Settings { replica, notifies, .. } = &self.world.settings;
        let claimed = log::claim(store, keys, &head, replica, *notifies).await?;
        let Some(head) = claimed else { return Ok(Acquired::No(Driven::NotOurs)) };
        lock(&self.seen).remove(id);
        let loaded = match log::load(store, keys, id).await {
            Ok(Some(loaded)) if loaded.head.fence == head.fence => loaded,
            Ok(_) => return Ok(Acquired::No(Driven::NotOurs)),
            Err(EngineError::Newer(what)) if self.seems_strange(id) => {
                tracing::warn!(operation = %id, what, "left to a newer version of Sluice");
                self.release_claim(&head).await?;
                return Ok(Acquired::No(Driven::NotOurs));
            }
            Err(error) if error.is_corrupt() && head.status.is_delivered_once() => {
                // The operation ended, but the replica that had to announce it died.
                return Ok(Acquired::No(self.notify_unread(&head, &error)));
            }
            Err(error) if error.is_corrupt() => {
                tracing::error!(operation = %id, %error, "a journal cannot be read");
                return Ok(Acquired::No(self.give_up(&head, error.refusal()).await?));
            }
            Err(error) => {
                log::forgive(store, keys, &head).await;
                return Err(error);
            }
        };
        if head.claims > park::CLAIMS {
            return Ok(Acquired::No(self.give_up(&head, park::fruitless()).await?));
        }
        let own_since = match undelivered_since {
            0 if is_untouched => 1,
            0 => loaded.op.sequence + 1,
            since => since,
        };
        let is_stuck = loaded.op.stuck.is_some()
            && !loaded
                .unread
                .iter()
                .any(|signal| matches!(signal.kind, SignalKind::Retry | SignalKind::Resolve));
        // Without one (unknown here, or parameters that do not decode) it is parked when it is driven.
        let kind = self.registry.get(&head.spec.kind, head.spec.version);
        let bound = kind.map(|kind| kind.bind(&loaded.op));
        let wakes = bound.as_ref().and_then(|bound| bound.as_ref().ok()?.summary(&loaded.op).wakes);
        let is_awake = wakes.is_some_and(|wakes| wakes <= self.world.clock.now());
        let is_asleep = head.status == Status::Waiting && loaded.unread.is_empty() && !is_awake;
        if head.status.is_final()
            && head.awaits == FOLLOW_UP
            && loaded.op.followed_up.is_none()
            && let Some(Ok(bound)) = &bound
        {
            let log = Log::new(self.world.target.clone(), head, loaded.op, woken_by, begun);
            let held = Held { log, fresh: BTreeSet::new(), unread: vec![], own_since };
            return Ok(Acquired::No(self.follow_up(&**bound, held).await?));
        }
        if head.status.is_final() || is_stuck || is_asleep {
            // Only its last update may be missing: the owner died between recording and announcing it.
            match bound {
                Some(Ok(bound)) => self.notify_last(&*bound, loaded.op, own_since).await,
                Some(Err(error)) => drop(self.notify_unread(&head, &error)),
                None => {}
            }
            return Ok(Acquired::No(match head.status {
                Status::Waiting => Driven::Waiting,
                _ if is_stuck => Driven::Stuck,
                _ => Driven::Ended,
            }));
        }
        let log = Log::new(self.world.target.clone(), head, loaded.op, woken_by, begun).with_place(place);
        let held = Held { log, fresh: BTreeSet::new(), unread: loaded.unread, own_since };
        Ok(Acquired::Held(Box::new(held)))
    }

    /// Sends the last update of an operation that has no driver.
    pub(crate) async fn notify_last(
        &self,
        definition: &dyn BoundOperation<A>,
        mut op: OperationState,
        own_since: u64,
    ) {
        let (target, notes) = (&self.world.target, BTreeMap::new());
        let cx = Context {
            world: Arc::clone(&self.world),
            operation: op.id.clone(),
            signals: vec![],
            begun: Instant::now(),
        };
        for content in definition.contents(&op, target).unwrap_or_default() {
            let read = match self.world.contents.get(content.digest()) {
                Some(known) => Ok(known),
                None => content.read(&cx).await,
            };
            match read {
                Ok(read) => op.attach(content.digest(), read),
                Err(error) => {
                    tracing::warn!(operation = %op.id, %error, "people are notified without its steps")
                }
            }
        }
        let nodes = definition.nodes(&op, target).unwrap_or_default();
        let report = Report { definition, op: &op, nodes: &nodes, notes: &notes, own_since };
        self.world.notifier.notify(follow_up::update(&self.world, &report));
    }

    /// Sends the last update of an operation whose journal cannot be read.
    fn notify_unread(&self, head: &Head, error: &EngineError) -> Driven {
        match head.status {
            Status::Stuck => {
                self.world.notifier.notify(A::update_of_parked(head, self.is_urgent(head), &error.refusal()));
                Driven::Stuck
            }
            Status::Waiting => Driven::Waiting,
            _ => {
                self.world.notifier.notify(A::update_of_forced(head, None, None));
                Driven::Ended
            }
        }
    }

    /// Releases an unused claim.
    async fn release_claim(&self, head: &Head) -> Result<(), EngineError> {
        let world = &self.world;
        let mut log = Log::new(
            world.target.clone(),
            head.clone(),
            OperationState::new(head.id.clone(), head.spec.clone()),
            String::new(),
            Instant::now(),
        );
        log.release(&*world.store).await?;
        Ok(())
    }
}
