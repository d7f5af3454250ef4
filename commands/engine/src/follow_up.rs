//! The follow-up: a look at what an operation did, made once, some time after it succeeded.
//!
//! The operation has ended: it has no ticket, holds no slot, and nothing waits for it. Once its last update is delivered, its head
//! stays in the due index with the time of the look ([`Messages::settled`](crate::Messages::settled)), so nothing polls and any
//! replica finds it. The mark that the head gets with it says that everything before was delivered: the replica that claims the head then
//! looks, appends one row, and sends that row's reply alone. A process that dies before the row leaves everything as it was.
//! After the row, only the reply is missing.
//!
//! A look changes nothing and fails nothing. It is repeated while it fails, as long as a step would be
//! ([`Settings::patience`](crate::Settings::patience)), and then left out.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout};

use crate::application::Application;
use crate::engine::{Driven, Engine, Held};
use crate::error::EngineError;
use crate::head::{self, FOLLOW_UP, Head};
use crate::hooks::{Hooks, Report};
use crate::journal::Entry;
use crate::log::{Appended, Leave};
use crate::operation::BoundOperation;
use crate::ports::{DueChange, Guard, Precondition, StoreError, Update, Write, guards};
use crate::retry;
use crate::state::OperationState;
use crate::step::{Context, Done, Progress};
use crate::world::{Settings, World};
use sluice_model::Target;

/// How long to wait after a look that failed.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// When an operation is looked at; `None` if it was already, or is not at all. In whole seconds.
fn due<A: Application>(
    definition: &dyn BoundOperation<A>,
    op: &OperationState,
    target: &Target,
    settings: &Settings,
) -> Option<Timestamp> {
    let after = SignedDuration::try_from(settings.follow_up?).ok()?;
    let (ended, _) = op.ended.filter(|(_, succeeded)| *succeeded && op.followed_up.is_none())?;
    definition.follow_up(op, target)?;
    Timestamp::from_second(ended.checked_add(after).ok()?.as_second()).ok()
}

/// The update for the current state, with the time of the follow-up.
pub(crate) fn update<A: Hooks>(world: &World<A>, report: &Report<'_, A>) -> Update {
    let at = due(report.definition, report.op, &world.target, &world.settings);
    let update = A::update(report);
    Update { wakes: at.or(update.wakes), ..update }
}

impl<A: Hooks> Engine<A> {
    /// Looks at what an operation did, if it is time, and reports it.
    pub(crate) async fn follow_up(
        &self,
        definition: &dyn BoundOperation<A>,
        mut held: Held,
    ) -> Result<Driven, EngineError> {
        let (world, head) = (self.world(), held.log.head().clone());
        let now = world.clock.now();
        let at = due(definition, held.log.op(), &world.target, &world.settings);
        let (Some(at), Some(step)) = (at, definition.follow_up(held.log.op(), &world.target)) else {
            // It was switched off since.
            return self.leave_due(&head, DueChange::Never).await;
        };
        if now < at {
            return self.leave_due(&head, DueChange::At(at)).await;
        }
        let cx = Context {
            world: Arc::clone(world),
            operation: head.id.clone(),
            signals: vec![],
            begun: Instant::now(),
        };
        // Nothing beats meanwhile: the look must end before the lease.
        let most: Duration = world.settings.lease * 2 / 3;
        let looked = tokio::select! {
            looked = timeout(most, step.run(&cx)) => looked,
            () = self.stopping() => {
                self.leave_due(&head, DueChange::Keep).await?;
                return Ok(Driven::Released);
            }
        };
        let done = match looked {
            Ok(Ok(Progress::Done(done))) => done,
            failed => {
                let why = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "it took too long".to_owned(),
                };
                let patience = SignedDuration::try_from(world.settings.patience).unwrap_or_default();
                let is_over = now.duration_since(at) > patience;
                tracing::warn!(operation = %head.id, why, is_over, "it could not be looked at after its end");
                let again = now.checked_add(AGAIN).map_or(DueChange::Never, DueChange::At);
                return self.leave_due(&head, if is_over { DueChange::Never } else { again }).await;
            }
        };
        let Done { output, writes } = done;
        let leave =
            Leave { status: head.status, owned: true, due: DueChange::Keep, awaits: FOLLOW_UP.to_owned() };
        let entries = vec![Entry::FollowedUp { output }];
        match held.log.append(&*world.store, world.clock.now(), entries, leave, writes).await? {
            Appended::Recorded => {
                self.notify_last(definition, held.log.op().clone(), held.own_since).await;
                Ok(Driven::Ended)
            }
            Appended::Fenced => Ok(Driven::NotOurs),
            Appended::Refused(_) => self.leave_due(&head, DueChange::Keep).await,
        }
    }

    /// Releases an operation that ended, with that change of its due time.
    async fn leave_due(&self, head: &Head, due: DueChange) -> Result<Driven, EngineError> {
        let write = Write::Update {
            key: self.world().keys.head(&head.id),
            set: guards([(head::OWNER, Guard::Text(String::new()))]),
            due,
            when: Precondition::Equals(guards([(head::FENCE, Guard::Number(head.fence))])),
        };
        match retry::reading(|| self.world().store.write(write.clone())).await {
            Ok(()) => Ok(Driven::Ended),
            Err(StoreError::Lost(_)) => Ok(Driven::NotOurs),
            Err(error) => Err(error.into()),
        }
    }
}
