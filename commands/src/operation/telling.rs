//! What is known of an operation's messages, so that each is posted once, or, after an unknown outcome, once more.
//!
//! A message's item is put before it is posted and completed after. It stands beside the journal and not in it: telling
//! never waits for the writer of the journal, and never holds it up.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{from_item, to_item};
use crate::ids::OperationId;
use crate::operation::head::{self, Status, guards};
use crate::operation::keys::Keys;
use crate::ports::{DueChange, Guard, Precondition, Store, StoreError, Write};

/// What is known of a message that is about to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It was never posted: that it is about to be is recorded now.
    Fresh,
    /// It was posted: edit that one.
    Known {
        /// Slack's timestamp of it.
        ts: String,
    },
    /// Somebody was about to post it, and nobody knows whether they did: post it once more, marked as continued.
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Message {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ts: Option<String>,
}

/// The memory of messages.
#[derive(Clone)]
pub struct Messages {
    store: Arc<dyn Store>,
    keys: Keys,
}

impl Messages {
    /// Over that store.
    pub fn new(store: Arc<dyn Store>, keys: Keys) -> Self {
        Self { store, keys }
    }

    /// Before a message is posted. `what` names it within the operation: `message/C0GENERAL1`, `end/C0GENERAL1`.
    pub async fn begin(&self, operation: &OperationId, what: &str) -> Result<Begun, StoreError> {
        let key = self.keys.message(operation, what);
        let item = to_item(key.clone(), guards([]), &Message { ts: None })?;
        match self.store.write(Write::Put { item, when: Precondition::Absent }).await {
            Ok(()) => Ok(Begun::Fresh),
            Err(StoreError::Lost(_)) => match self.store.get(&key).await? {
                Some(item) => Ok(match from_item::<Message>(&item)?.ts {
                    Some(ts) => Begun::Known { ts },
                    None => Begun::Unknown,
                }),
                None => Err(StoreError::Again("a message's record came and went".into())),
            },
            Err(error) => Err(error),
        }
    }

    /// After it was posted.
    pub async fn posted(&self, operation: &OperationId, what: &str, ts: &str) -> Result<(), StoreError> {
        let key = self.keys.message(operation, what);
        let item = to_item(key, guards([]), &Message { ts: Some(ts.to_owned()) })?;
        self.store.write(Write::Put { item, when: Precondition::Any }).await
    }

    /// After the last news of an operation was told everywhere: nobody needs to look at it again.
    pub async fn settled(&self, operation: &OperationId) -> Result<(), StoreError> {
        // One write, without a look before it: an operation that is not final fits neither.
        for status in [Status::Succeeded, Status::Failed] {
            let write = Write::Update {
                key: self.keys.head(operation),
                set: guards([(head::OWNER, Guard::Text(String::new()))]),
                due: DueChange::Never,
                when: Precondition::Equals(guards([(head::STATUS, Guard::Text(status.as_str().into()))])),
            };
            match self.store.write(write).await {
                Err(StoreError::Lost(_)) => {}
                result => return result,
            }
        }
        Ok(())
    }
}
