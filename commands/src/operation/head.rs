//! The head of an operation: what it is, how it stands, and who carries it.
//!
//! What never changes is the item's body; what changes are its guards, so that a beat or a signal rewrites nothing and
//! preconditions compare exactly what they must.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::operation::keys::Keys;
use crate::ports::{Guard, Guards, Item, StoreError};
use sluice_model::{Actor, ChannelId, OperationId, PipelineName};

/// The schema version of head bodies written by this version of Sluice.
pub const HEAD_SCHEMA: u32 = 1;

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Somebody carries it, or should.
    Running,
    /// It waits for people; nobody carries it.
    Waiting,
    /// It failed or was cancelled, and takes back what it did.
    Unwinding,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed,
    /// It cannot go on by itself: this version does not know it, or its journal does not make sense.
    Stuck,
}

impl Status {
    /// Whether nothing more will happen to it.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Succeeded | Status::Failed)
    }
    /// Whether nobody carries it: it ended, or waits for people. It only has to be told.
    pub(crate) fn is_delivered_once(self) -> bool {
        self.is_final() || matches!(self, Status::Waiting | Status::Stuck)
    }
    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Waiting => "waiting",
            Status::Unwinding => "unwinding",
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Stuck => "stuck",
        }
    }
    fn parse(text: &str) -> Option<Self> {
        use Status::*;
        [Running, Waiting, Unwinding, Succeeded, Failed, Stuck]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// What an operation is; never changes after it was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationSpec {
    /// Which definition carries it.
    pub kind: String,
    /// The version of that definition.
    pub version: u32,
    /// What was asked, as that definition reads it. The journal's first row records it, not the head: every append writes
    /// the head, and an item costs by its size.
    #[serde(skip)]
    pub params: Value,
    /// Who asked.
    pub actor: Actor,
    /// The command as it was understood.
    pub command: String,
    /// Where it was typed.
    pub channel: ChannelId,
    /// The pipeline's home channel.
    pub home: ChannelId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// Its place in the pipeline's line.
    pub ticket: u64,
    /// When it was accepted.
    pub accepted: Timestamp,
}

impl OperationSpec {
    /// The channels to tell it in, each once: where it was asked for, then the home channel.
    pub fn channels(&self) -> Vec<ChannelId> {
        let mut channels = vec![self.channel.clone()];
        if self.home != self.channel {
            channels.push(self.home.clone());
        }
        channels
    }
}

/// An operation's head as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The operation.
    pub id: OperationId,
    /// What it is.
    pub spec: OperationSpec,
    /// How it stands.
    pub status: Status,
    /// The sequence of its last journal row.
    pub sequence: u64,
    /// The replica that carries it; empty if nobody does.
    pub owner: String,
    /// Changes while the owner lives.
    pub beat: u64,
    /// Raised by each claim: who holds an older one can write nothing.
    pub fence: u64,
    /// What waits for people, with the sequence at which it began to: `approval@7`, `stuck@9`.
    pub awaits: String,
    /// The first of the journal's last rows that were written where nothing can be told; 0: there are none. Nobody can
    /// have posted what those rows cause.
    pub undelivered_since: u64,
    /// How often it was claimed since something was last recorded of it.
    pub claims: u64,
}

pub(crate) const STATUS: &str = "status";
pub(crate) const SEQUENCE: &str = "seq";
pub(crate) const OWNER: &str = "owner";
pub(crate) const BEAT: &str = "beat";
pub(crate) const FENCE: &str = "fence";
pub(crate) const AWAITS: &str = "awaits";
/// Every signal changes it: an owner that goes to sleep must have seen the last one.
pub(crate) const WOKEN_BY: &str = "woken";
pub(crate) const UNDELIVERED_SINCE: &str = "undelivered";
pub(crate) const CLAIMS: &str = "claims";

/// Makes guards of pairs.
pub(crate) fn guards<const N: usize>(pairs: [(&str, Guard); N]) -> Guards {
    pairs.into_iter().map(|(name, guard)| (name.to_owned(), guard)).collect()
}

/// A number guard; zero if it is not there.
pub(crate) fn number(guards: &BTreeMap<String, Guard>, name: &str) -> u64 {
    match guards.get(name) {
        Some(Guard::Number(number)) => *number,
        _ => 0,
    }
}

/// A text guard; empty if it is not there.
pub(crate) fn text(guards: &BTreeMap<String, Guard>, name: &str) -> String {
    match guards.get(name) {
        Some(Guard::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

/// After so many claims without a row, an operation may be what stops the processes that carry it.
const SUSPECT: u64 = 2;

impl Head {
    /// Whether it may be what stops processes. A process carries one such operation at a time, so that only the claims
    /// of the one that does it go on rising.
    pub(crate) fn is_suspect(&self) -> bool {
        self.claims >= SUSPECT && !self.status.is_delivered_once()
    }

    /// The item, due from the time it was accepted; without the parameters, which are in the journal's first row.
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

    /// Reads an item back, as it is without its journal; what was never written by a Sluice is corrupt.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let id = Keys::operation_of(&item.key)
            .ok_or_else(|| StoreError::Corrupt(format!("{} is no operation", item.key.partition)))?;
        let corrupt = |what: String| StoreError::Corrupt(format!("head of {id}: {what}"));
        if item.schema > HEAD_SCHEMA {
            return Err(corrupt(format!("schema {} is newer than this Sluice", item.schema)));
        }
        let spec = serde_json::from_value(item.body.clone()).map_err(|e| corrupt(e.to_string()))?;
        let status = text(&item.guards, STATUS);
        let status = Status::parse(&status).ok_or_else(|| corrupt(format!("status `{status}`")))?;
        Ok(Self {
            spec,
            status,
            sequence: number(&item.guards, SEQUENCE),
            owner: text(&item.guards, OWNER),
            beat: number(&item.guards, BEAT),
            fence: number(&item.guards, FENCE),
            awaits: text(&item.guards, AWAITS),
            undelivered_since: number(&item.guards, UNDELIVERED_SINCE),
            claims: number(&item.guards, CLAIMS),
            id,
        })
    }
}
