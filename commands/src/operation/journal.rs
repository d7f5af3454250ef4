//! The journal: what happened to an operation, append-only, in rows of one or more entries.
//!
//! One row is one transaction. A row carries the token it was written with, so that a writer whose answer was lost can
//! tell its own row from somebody else's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::operation::keys::{Keys, ROW};
use crate::operation::slot::Slot;
use crate::operation::state::RecordedSignal;
use crate::operation::step::StepId;
use crate::ports::{Item, StoreError};
use sluice_model::{OperationId, Refusal};

/// The schema version of journal rows written by this version of Sluice. Every new kind of entry raises it: an older
/// replica then leaves such a journal to newer ones.
pub(crate) const ROW_SCHEMA: u32 = 1;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "e", rename_all = "kebab-case")]
pub enum Entry {
    /// The operation was accepted.
    Accepted {
        /// What was asked, as its definition reads it. Here and not in the head, which every append writes: an item
        /// costs by its size.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        params: Value,
    },
    /// A mutation is about to be made.
    Intent {
        /// Of which step.
        step: StepId,
    },
    /// A mutation whose intent was recorded left no trace: it may be run.
    Absent {
        /// Of which step.
        step: StepId,
    },
    /// A step ended well.
    Done {
        /// Which step.
        step: StepId,
        /// What later steps and messages need of it.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        /// How long it took, in milliseconds, as the process saw it that ran it. A row may hold several ends, so its own
        /// time does not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        took: Option<u64>,
    },
    /// A step ended badly, for good.
    Fault {
        /// Which step.
        step: StepId,
        /// Why.
        refusal: Refusal,
    },
    /// A slot was taken.
    Took {
        /// Which one.
        slot: Slot,
    },
    /// A slot was given back before the end.
    Released {
        /// Which one.
        slot: Slot,
    },
    /// A step began to wait for people.
    Waiting {
        /// Which step.
        step: StepId,
    },
    /// What somebody said was taken into account.
    Signal(RecordedSignal),
    /// A mutation is about to be taken back.
    UndoIntent {
        /// Of which step.
        step: StepId,
    },
    /// A mutation was taken back.
    UndoDone {
        /// Of which step.
        step: StepId,
        /// Why it was left instead: somebody changed it since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<String>,
    },
    /// A mutation could not be taken back.
    UndoFault {
        /// Of which step.
        step: StepId,
        /// Why.
        refusal: Refusal,
    },
    /// It cannot go on without people. Its slots stay marked with it, so that only a rollback passes.
    Stuck {
        /// Why.
        refusal: Refusal,
    },
    /// The operation ended.
    Ended {
        /// Well or badly.
        succeeded: bool,
    },
}

/// One transaction's entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number; the first is 1, and none is left out.
    pub sequence: u64,
    /// When it was written, by the writer's clock: for people, never for decisions.
    pub at: Timestamp,
    /// The transaction's token.
    pub token: String,
    /// What happened.
    pub entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    at: Timestamp,
    token: String,
    entries: Vec<Entry>,
}

impl Row {
    /// The item.
    pub fn to_item(&self, keys: &Keys, id: &OperationId) -> Result<Item, StoreError> {
        let body = Body { at: self.at, token: self.token.clone(), entries: self.entries.clone() };
        Ok(Item {
            key: keys.row(id, self.sequence),
            schema: ROW_SCHEMA,
            guards: Default::default(),
            body: serde_json::to_value(body).map_err(|e| StoreError::Corrupt(e.to_string()))?,
            due: None,
            expires: None,
        })
    }

    /// Reads an item back.
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
