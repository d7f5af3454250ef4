//! The record of an operation's messages, so each is posted once, or once more after an unknown outcome.
//!
//! The journal row that causes a message is written before the message is posted. Its place in Slack is
//! recorded afterwards and outside the journal, so posting never waits for the writer of the journal and
//! never delays it. If a message has no record here and another process wrote its cause, that process may
//! have posted it or not. Then the process that continues posts it once more, marked as continued.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codec::{from_item, to_item};
use crate::keys::Keys;
use crate::ports::{DueChange, Guard, Precondition, Store, StoreError, Update, Write, guards};
use crate::{head, log};
use sluice_model::OperationId;

/// A message that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Slack's timestamp of it.
    pub ts: String,
    /// Whether it is marked as continued: an earlier copy may be above. The mark stays when another process
    /// edits it.
    pub continued: bool,
}

#[derive(Serialize, Deserialize)]
struct Message {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ts: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    continued: bool,
}

/// The record of messages.
#[derive(Clone)]
pub struct Messages {
    store: Arc<dyn Store>,
    keys: Keys,
    replica: String,
}

impl Messages {
    /// A record in `store` for the messages of `replica`.
    pub fn new(store: Arc<dyn Store>, keys: &Keys, replica: String) -> Self {
        Self { store, keys: keys.clone(), replica }
    }

    /// The place of a message, if it is known. `what` names it within the operation: `message/C0GENERAL1`,
    /// `end/C0GENERAL1`.
    pub async fn find(&self, operation: &OperationId, what: &str) -> Result<Option<Posted>, StoreError> {
        let item = self.store.get(&self.keys.message(operation, what)).await?;
        let message = item.map(|item| from_item::<Message>(&item)).transpose()?;
        Ok(message.and_then(|Message { ts, continued }| Some(Posted { ts: ts?, continued })))
    }

    /// Records a posted message.
    pub async fn posted(
        &self,
        operation: &OperationId,
        what: &str,
        posted: &Posted,
    ) -> Result<(), StoreError> {
        let key = self.keys.message(operation, what);
        let message = Message { ts: Some(posted.ts.clone()), continued: posted.continued };
        let item = to_item(key, guards([]), &message)?;
        self.store.write(Write::Put { item, when: Precondition::Any }).await
    }

    /// The newest row of the operation's journal; 0 if it has none.
    pub async fn newest_row(&self, operation: &OperationId) -> Result<u64, StoreError> {
        let seen = log::read_head(&*self.store, &self.keys, operation).await?;
        Ok(seen.map_or(0, |seen| seen.head.sequence))
    }

    /// Removes an operation from the due index after its last update was delivered everywhere, until it wakes,
    /// is followed up or receives a signal. If its status or sequence changed meanwhile, nothing is written.
    pub async fn settled(&self, update: &Update) -> Result<(), StoreError> {
        let mut set = guards([(head::OWNER, Guard::Text(String::new()))]);
        if update.status.is_final() && update.wakes.is_some() {
            // From now on, being due means that only the follow-up is missing.
            set.insert(head::AWAITS.into(), Guard::Text(head::FOLLOW_UP.into()));
        }
        let write = Write::Update {
            key: self.keys.head(&update.operation),
            set,
            due: update.wakes.map_or(DueChange::Never, DueChange::At),
            when: Precondition::Equals(guards([
                (head::STATUS, Guard::Text(update.status.as_str().into())),
                (head::SEQUENCE, Guard::Number(update.sequence)),
            ])),
        };
        match self.store.write(write).await {
            Err(StoreError::Lost(_)) => Ok(()),
            result => result,
        }
    }

    /// Leaves an update that this process has no time to deliver. The operation loses its owner and stays
    /// due, so another replica delivers it without waiting for the lease. No message was posted for the
    /// journal's rows from `undelivered_since` on.
    pub async fn left(&self, update: &Update, undelivered_since: u64) -> Result<(), StoreError> {
        let Some(log::Seen { head, is_due, .. }) =
            log::read_head(&*self.store, &self.keys, &update.operation).await?
        else {
            return Ok(());
        };
        // A running operation is released by its driver.
        let is_let_go = head.owner.is_empty();
        let is_ours = head.owner == self.replica && head.status.is_delivered_once();
        let is_newest = head.sequence == update.sequence && head.status == update.status;
        if !is_due || !is_newest || !(is_let_go || is_ours) {
            return Ok(());
        }
        let mut set = guards([(head::OWNER, Guard::Text(String::new()))]);
        if undelivered_since <= head.sequence {
            set.insert(head::UNDELIVERED_SINCE.into(), Guard::Number(undelivered_since));
        }
        let write = Write::Update {
            key: self.keys.head(&update.operation),
            set,
            due: DueChange::Keep,
            when: Precondition::Equals(guards([
                (head::FENCE, Guard::Number(head.fence)),
                (head::SEQUENCE, Guard::Number(head.sequence)),
                (head::STATUS, Guard::Text(head.status.as_str().into())),
            ])),
        };
        match self.store.write(write).await {
            Err(StoreError::Lost(_)) => Ok(()),
            result => result,
        }
    }
}
