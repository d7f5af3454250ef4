//! Heads as other replicas see them, and the claim: the one write of an operation that needs no journal.

use crate::head::{self, Head, WOKEN_BY};
use crate::keys::Keys;
use crate::ports::{DueChange, Guard, Precondition, Store, StoreError, Write, guards, text_guard};
use crate::retry;
use sluice_model::OperationId;

/// A head as read before a claim.
pub(crate) struct Seen {
    pub(crate) head: Head,
    /// The mark of the last signal.
    pub(crate) woken_by: String,
    /// Whether it is in the due index. A waiting operation that is not due received no signal since it went
    /// to sleep.
    pub(crate) is_due: bool,
}

/// Reads a head; `None` if there is none.
pub(crate) async fn read_head(
    store: &dyn Store,
    keys: &Keys,
    id: &OperationId,
) -> Result<Option<Seen>, StoreError> {
    let key = keys.head(id);
    let Some(item) = retry::reading(|| store.get(&key)).await? else { return Ok(None) };
    let (woken_by, is_due) = (text_guard(&item.guards, WOKEN_BY), item.due.is_some());
    Ok(Some(Seen { head: Head::from_item(&item)?, woken_by, is_due }))
}

/// Claims an operation: raises its fence unless another replica did so since the read. Returns the claimed
/// head. `notifies`: whether the claimant can notify; otherwise rows from now on count as undelivered.
pub(crate) async fn claim(
    store: &dyn Store,
    keys: &Keys,
    head: &Head,
    replica: &str,
    notifies: bool,
) -> Result<Option<Head>, StoreError> {
    let mut claimed = head.clone();
    // Delivering an update is not driving.
    claimed.claims = if head.status.is_delivered_once() { 0 } else { head.claims + 1 };
    claimed.fence += 1;
    claimed.beat += 1;
    claimed.owner = replica.to_owned();
    claimed.undelivered_since = match head.undelivered_since {
        _ if notifies => 0,
        0 => head.sequence + 1,
        since => since,
    };
    let mut set = guards([
        (head::FENCE, Guard::Number(claimed.fence)),
        (head::BEAT, Guard::Number(claimed.beat)),
        (head::OWNER, Guard::Text(replica.to_owned())),
        (head::CLAIMS, Guard::Number(claimed.claims)),
    ]);
    if claimed.undelivered_since != head.undelivered_since {
        set.insert(head::UNDELIVERED_SINCE.into(), Guard::Number(claimed.undelivered_since));
    }
    let write = Write::Update {
        key: keys.head(&head.id),
        set,
        due: DueChange::Keep,
        when: Precondition::Equals(guards([
            (head::FENCE, Guard::Number(head.fence)),
            (head::BEAT, Guard::Number(head.beat)),
        ])),
    };
    match store.write(write).await {
        Ok(()) => Ok(Some(claimed)),
        Err(StoreError::Lost(_)) => Ok(None),
        // A read shows whether the claim took effect: then the head has our name and that fence.
        Err(StoreError::Unknown(error)) => {
            let item = store.get(&keys.head(&head.id)).await?;
            let ours = item
                .map(|item| Head::from_item(&item))
                .transpose()?
                .filter(|found| found.fence == claimed.fence && found.owner == claimed.owner);
            tracing::warn!(operation = %head.id, error, ours = ours.is_some(), "a claim's answer was lost");
            Ok(ours)
        }
        Err(error) => Err(error),
    }
}

/// Undoes the count of a claim after a store failure that passes. The operation did not cause it.
pub(crate) async fn forgive(store: &dyn Store, keys: &Keys, head: &Head) {
    let write = Write::Update {
        key: keys.head(&head.id),
        set: guards([(head::CLAIMS, Guard::Number(0))]),
        due: DueChange::Keep,
        when: Precondition::Equals(guards([(head::FENCE, Guard::Number(head.fence))])),
    };
    match store.write(write).await {
        Ok(()) | Err(StoreError::Lost(_)) => {}
        Err(error) => tracing::warn!(operation = %head.id, %error, "its claims are not counted anew"),
    }
}
