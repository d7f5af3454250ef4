//! Heads as they are seen from outside, and the claim of an operation: the one write that needs no journal.

use crate::operation::head::{self, Head, WOKEN_BY, guards};
use crate::operation::keys::Keys;
use crate::operation::retry;
use crate::ports::{DueChange, Guard, Precondition, Store, StoreError, Write};
use sluice_model::OperationId;

/// A head as it is read before it is claimed.
pub(crate) struct Seen {
    pub(crate) head: Head,
    /// The last ring.
    pub(crate) woken_by: String,
    /// Whether it is in the due index. Who waits and is not due was not spoken to since it went to sleep.
    pub(crate) is_due: bool,
}

/// Reads a head.
pub(crate) async fn read_head(
    store: &dyn Store,
    keys: &Keys,
    id: &OperationId,
) -> Result<Option<Seen>, StoreError> {
    let key = keys.head(id);
    let Some(item) = retry::reading(|| store.get(&key)).await? else { return Ok(None) };
    let (woken_by, is_due) = (head::text(&item.guards, WOKEN_BY), item.due.is_some());
    Ok(Some(Seen { head: Head::from_item(&item)?, woken_by, is_due }))
}

/// Claims an operation: raises its fence if nobody else did since it was read. Gives the claimed head. What is written
/// from then on is told by the claimant, or counts as untold, by whether it `tells`.
pub(crate) async fn claim(
    store: &dyn Store,
    keys: &Keys,
    head: &Head,
    replica: &str,
    notifies: bool,
) -> Result<Option<Head>, StoreError> {
    let mut claimed = head.clone();
    // To be told is not to be carried.
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
        // Whether it took hold is found out by reading: a claim of ours shows our name and that fence.
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

/// After trouble with the store that passes: the claim did not come to nothing because of the operation.
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
