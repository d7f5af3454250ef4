//! What is known of an operation's messages, so that each is posted once, or, after an unknown outcome, once more.
//!
//! That a message is about to be posted follows from the journal: the row that causes it was written before. Where it is,
//! is put beside the journal once it is posted, and not in it: telling never waits for the writer of the journal, and
//! never holds it up. So a message that is not known here and whose cause another process wrote may have been posted by
//! it or not: whoever goes on posts it once more, marked as continued.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{from_item, to_item};
use crate::ids::OperationId;
use crate::operation::head::{self, guards};
use crate::operation::keys::Keys;
use crate::ports::{DueChange, Guard, News, Precondition, Store, StoreError, Write};

/// A message that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Slack's timestamp of it.
    pub ts: String,
    /// Whether it is marked as continued: an earlier one may stand above. The mark stays, whoever edits it.
    pub continued: bool,
}

#[derive(Serialize, Deserialize)]
struct Message {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ts: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    continued: bool,
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

    /// Where a message is, if that is known. `what` names it within the operation: `message/C0GENERAL1`,
    /// `end/C0GENERAL1`.
    pub async fn find(&self, operation: &OperationId, what: &str) -> Result<Option<Posted>, StoreError> {
        let item = self.store.get(&self.keys.message(operation, what)).await?;
        let message = item.map(|item| from_item::<Message>(&item)).transpose()?;
        Ok(message.and_then(|Message { ts, continued }| Some(Posted { ts: ts?, continued })))
    }

    /// After it was posted.
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

    /// After the last news of an operation was told everywhere: nobody needs to look at it again, or before it
    /// wakes or somebody speaks. Whoever did so meanwhile changed its status, and whoever went on its sequence: then nothing is written.
    pub async fn settled(&self, news: &News) -> Result<(), StoreError> {
        let write = Write::Update {
            key: self.keys.head(&news.operation),
            set: guards([(head::OWNER, Guard::Text(String::new()))]),
            due: news.wakes.map_or(DueChange::Never, DueChange::At),
            when: Precondition::Equals(guards([
                (head::STATUS, Guard::Text(news.status.as_str().into())),
                (head::SEQUENCE, Guard::Number(news.sequence)),
            ])),
        };
        match self.store.write(write).await {
            Err(StoreError::Lost(_)) => Ok(()),
            result => result,
        }
    }
}
