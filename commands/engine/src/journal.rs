//! The journal: the history of an operation, append-only, in rows of one or more entries.
//!
//! One row is one transaction. A row contains the token it was written with, so a writer whose answer was
//! lost can recognise its own row.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::keys::{Keys, ROW};
use crate::ports::{Item, StoreError};
use crate::recorded_signal::RecordedSignal;
use crate::slot::Slot;
use crate::step_id::StepId;
use sluice_model::{OperationId, Refusal};

/// The newest schema version of journal rows that this version of Sluice writes and reads. Every new kind of entry raises it, and
/// a row has the version of the newest kind of entry in it: an older replica leaves only such a journal to newer ones.
pub(crate) const ROW_SCHEMA: u32 = 2;

/// One event of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "e", rename_all = "kebab-case")]
pub enum Entry {
    /// The operation was accepted.
    Accepted {
        /// The parameters, in the shape that the definition decodes. They are here and not in the head
        /// because every append writes the head, and an item costs by its size.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        params: Value,
    },
    /// A mutation is about to be made.
    Intent {
        /// The step.
        step: StepId,
    },
    /// A mutation with a recorded intent was not made: an observation found no trace of it, or its process
    /// never ran it. It may run.
    Absent {
        /// The step.
        step: StepId,
    },
    /// A step ended with success.
    Done {
        /// The step.
        step: StepId,
        /// The result that later steps and messages need.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        /// How long it took, in milliseconds, measured by the process that ran it. A row may hold several
        /// ends, so the row's time is not enough.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        took: Option<u64>,
    },
    /// A step failed and is not retried.
    Fault {
        /// The step.
        step: StepId,
        /// Why.
        refusal: Refusal,
    },
    /// A slot was taken.
    Took {
        /// The slot.
        slot: Slot,
    },
    /// A slot was released before the end.
    Released {
        /// The slot.
        slot: Slot,
    },
    /// A step began to wait for people.
    Waiting {
        /// The step.
        step: StepId,
    },
    /// A signal was taken into account.
    Signal(RecordedSignal),
    /// A mutation is about to be undone.
    UndoIntent {
        /// The step.
        step: StepId,
    },
    /// A mutation was undone.
    UndoDone {
        /// The step.
        step: StepId,
        /// Why it was left as it is instead: somebody changed it since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<String>,
    },
    /// A mutation could not be undone.
    UndoFault {
        /// The step.
        step: StepId,
        /// Why.
        refusal: Refusal,
    },
    /// It needs a person. Its slots stay marked with it, so only an operation that goes first passes it.
    Stuck {
        /// Why.
        refusal: Refusal,
    },
    /// The operation ended.
    Ended {
        /// Whether with success.
        succeeded: bool,
    },
    /// What it did was looked at some time after its end. Only this entry comes after the end.
    FollowedUp {
        /// What was seen.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
    },
}

impl Entry {
    /// The schema version that has this kind of entry.
    fn schema(&self) -> u32 {
        match self {
            Entry::FollowedUp { .. } => 2,
            _ => 1,
        }
    }
}

/// One transaction's entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number. The first is 1, and there are no gaps.
    pub sequence: u64,
    /// When it was written, by the writer's clock. It is for people, never for decisions.
    pub at: Timestamp,
    /// The transaction's token.
    pub token: String,
    /// The events, in order.
    pub entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    at: Timestamp,
    token: String,
    entries: Vec<Entry>,
}

impl Row {
    /// The item in the operation's partition.
    pub fn to_item(&self, keys: &Keys, id: &OperationId) -> Result<Item, StoreError> {
        let body = Body { at: self.at, token: self.token.clone(), entries: self.entries.clone() };
        Ok(Item {
            key: keys.row(id, self.sequence),
            schema: self.entries.iter().map(Entry::schema).max().unwrap_or(1),
            guards: Default::default(),
            body: serde_json::to_value(body).map_err(|e| StoreError::Corrupt(e.to_string()))?,
            due: None,
            expires: None,
        })
    }

    /// Reads a row from its item. An item that Sluice did not write is corrupt.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let corrupt =
            |what: String| StoreError::Corrupt(format!("{}/{}: {what}", item.key.partition, item.key.sort));
        let sequence = item.key.sort.strip_prefix(ROW).and_then(|n| n.parse().ok());
        let body: Body = serde_json::from_value(item.body.clone()).map_err(|e| corrupt(e.to_string()))?;
        Ok(Self {
            sequence: sequence.ok_or_else(|| corrupt("no row".into()))?,
            at: body.at,
            token: body.token,
            entries: body.entries,
        })
    }
}
