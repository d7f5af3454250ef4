//! Processes that drive operations but cannot notify the channels: `sluice run`, when Slack is down.
//!
//! The operations they drove stay due and without an owner, so the next replica that can notify finds them at
//! once and delivers their updates. A head names the first undelivered row (`Head::undelivered_since`), so a
//! late update is not mistaken for one that may have been posted before.

use crate::application::Application;
use crate::ports::{Cause, DueChange, Guard, Hint, Precondition, StoreError, Write, guards};
use crate::world::World;
use crate::{head, log, retry};
use sluice_model::OperationId;

/// Leaves an operation that ended, waits or is stuck to a process that can notify. If this fails, another
/// replica finds it after the lease.
pub(crate) async fn leave_undelivered<A: Application>(world: &World<A>, id: &OperationId) {
    match try_leave(world, id).await {
        Ok(()) | Err(StoreError::Lost(_)) => {}
        Err(error) => tracing::warn!(operation = %id, %error, "its update is delivered one lease later"),
    }
}

async fn try_leave<A: Application>(world: &World<A>, id: &OperationId) -> Result<(), StoreError> {
    let Some(log::Seen { head, is_due, .. }) = log::read_head(&*world.store, &world.keys, id).await? else {
        return Ok(());
    };
    if head.owner != world.settings.replica || !is_due {
        return Ok(());
    }
    let write = Write::Update {
        key: world.keys.head(id),
        set: guards([(head::OWNER, Guard::Text(String::new()))]),
        due: DueChange::Keep,
        when: Precondition::Equals(guards([(head::FENCE, Guard::Number(head.fence))])),
    };
    retry::reading(|| world.store.write(write.clone())).await?;
    let cause = Cause::Released(head.fence);
    world.wakeups.wake(Hint { operation: id.clone(), sequence: head.sequence, cause });
    Ok(())
}
