//! The head of an operation: its spec, its status and its owner.
//!
//! The immutable part is the item's body; the changing part is its guards. So a beat or a signal rewrites no
//! body, and preconditions compare exactly what they must.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::keys::Keys;
use crate::ports::{Guard, Item, StoreError, guards, number_guard, text_guard};
use crate::status::Status;
use sluice_model::{Actor, ChannelId, OperationId, PipelineName};

/// The schema version of head bodies written by this version of Sluice.
pub(crate) const HEAD_SCHEMA: u32 = 1;

/// The spec of an operation; never changes after acceptance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationSpec {
    /// The kind, which selects the definition.
    pub kind: String,
    /// The version of that definition.
    pub version: u32,
    /// The parameters, in the shape that the definition decodes. The journal's first row records them, not the
    /// head: every append writes the head, and an item costs by its size.
    #[serde(skip)]
    pub params: Value,
    /// The person who requested it.
    pub actor: Actor,
    /// The command as parsed.
    pub command: String,
    /// The channel where it was requested.
    pub channel: ChannelId,
    /// The pipeline's home channel.
    pub home: ChannelId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// Its place in the pipeline's queue.
    pub ticket: u64,
    /// When it was accepted.
    pub accepted: Timestamp,
}

impl OperationSpec {
    /// The channels for its messages, each once: where it was requested, then the home channel.
    pub fn channels(&self) -> Vec<ChannelId> {
        let mut channels = vec![self.channel.clone()];
        if self.home != self.channel {
            channels.push(self.home.clone());
        }
        channels
    }
}

/// An operation's head as read from the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The operation.
    pub id: OperationId,
    /// The spec.
    pub spec: OperationSpec,
    /// The status.
    pub status: Status,
    /// The sequence of its last journal row.
    pub sequence: u64,
    /// The replica that owns it; empty without an owner.
    pub owner: String,
    /// Changes while the owner lives.
    pub beat: u64,
    /// Raised by each claim. An owner with an older fence can write nothing.
    pub fence: u64,
    /// The step that waits for people, with the sequence at which the wait began: `approval@7`, `stuck@9`. After the end,
    /// `follow-up` if everything is delivered and only the follow-up is due.
    pub awaits: String,
    /// The first of the journal's latest rows that were written by a process that cannot notify; 0: there are
    /// none. No replica can have posted the messages of those rows.
    pub undelivered_since: u64,
    /// How often it was claimed since its last recorded row.
    pub claims: u64,
}

pub(crate) const STATUS: &str = "status";
pub(crate) const SEQUENCE: &str = "seq";
pub(crate) const OWNER: &str = "owner";
pub(crate) const BEAT: &str = "beat";
pub(crate) const FENCE: &str = "fence";
pub(crate) const AWAITS: &str = "awaits";
/// The value of [`AWAITS`] once only the follow-up is due.
pub(crate) const FOLLOW_UP: &str = "follow-up";
/// Every signal changes it: an owner that goes to sleep must have seen the last one.
pub(crate) const WOKEN_BY: &str = "woken";
pub(crate) const UNDELIVERED_SINCE: &str = "undelivered";
pub(crate) const CLAIMS: &str = "claims";

/// After this many claims without a row, the operation may be what stops the processes that drive it.
const SUSPECT: u64 = 2;

impl Head {
    /// Whether it may be what stops processes. A process drives one such operation at a time, so only the
    /// claims of the guilty one go on rising.
    pub(crate) fn is_suspect(&self) -> bool {
        self.claims >= SUSPECT && !self.status.is_delivered_once()
    }

    /// The item, due from the time of acceptance, without the parameters, which are in the journal's first
    /// row.
    pub fn to_item(&self, keys: &Keys) -> Result<Item, StoreError> {
        let body = serde_json::to_value(&self.spec).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let mut guards = guards([
            (STATUS, Guard::Text(self.status.as_str().into())),
            (SEQUENCE, Guard::Number(self.sequence)),
            (OWNER, Guard::Text(self.owner.clone())),
            (BEAT, Guard::Number(self.beat)),
            (FENCE, Guard::Number(self.fence)),
            (AWAITS, Guard::Text(self.awaits.clone())),
            (WOKEN_BY, Guard::Text(String::new())),
        ]);
        if self.undelivered_since > 0 {
            guards.insert(UNDELIVERED_SINCE.into(), Guard::Number(self.undelivered_since));
        }
        Ok(Item {
            key: keys.head(&self.id),
            schema: HEAD_SCHEMA,
            guards,
            body,
            due: Some(self.spec.accepted),
            expires: None,
        })
    }

    /// Reads the head from an item, without its journal. An item that Sluice did not write is corrupt.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let id = Keys::operation_of(&item.key)
            .ok_or_else(|| StoreError::Corrupt(format!("{} is no operation", item.key.partition)))?;
        let corrupt = |what: String| StoreError::Corrupt(format!("head of {id}: {what}"));
        if item.schema > HEAD_SCHEMA {
            return Err(corrupt(format!("schema {} is newer than this Sluice", item.schema)));
        }
        let spec = serde_json::from_value(item.body.clone()).map_err(|e| corrupt(e.to_string()))?;
        let status = text_guard(&item.guards, STATUS);
        let status = Status::parse(&status).ok_or_else(|| corrupt(format!("status `{status}`")))?;
        Ok(Self {
            spec,
            status,
            sequence: number_guard(&item.guards, SEQUENCE),
            owner: text_guard(&item.guards, OWNER),
            beat: number_guard(&item.guards, BEAT),
            fence: number_guard(&item.guards, FENCE),
            awaits: text_guard(&item.guards, AWAITS),
            undelivered_since: number_guard(&item.guards, UNDELIVERED_SINCE),
            claims: number_guard(&item.guards, CLAIMS),
            id,
        })
    }
}
