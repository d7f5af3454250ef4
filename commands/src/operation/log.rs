//! The one writer of an operation's journal.
//!
//! An append is one transaction: the next row if it is absent, the head if fence and sequence are still ours, and the
//! records that change with it. So a worker that lost its operation can write nothing, and a crash leaves either all of
//! an append or none of it. An append whose answer was lost is repeated with its token until its outcome is known.

mod claims;

pub(crate) use claims::{Seen, claim, forgive, read_head};

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::operation::contents::Loaded as LoadedContent;
use crate::operation::head::{self, Head, Status, WOKEN_BY, guards};
use crate::operation::journal::{Entry, ROW_SCHEMA, Row};
use crate::operation::keys::{HEAD, Keys, ROW, SIGNAL};
use crate::operation::retry;
use crate::operation::state::{OperationState, RecordedSignal};
use crate::operation::step::EngineError;
use crate::ports::{DueChange, Guard, Order, Precondition, Query, Store, StoreError, Write};
use sluice_model::{OperationId, Target};

/// Everything that is recorded of an operation: one query.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its head.
    pub head: Head,
    /// Its journal, folded.
    pub op: OperationState,
    /// What people said that the journal has not taken into account yet.
    pub unread: Vec<RecordedSignal>,
}

/// How often an operation is read again whose head and rows do not fit together.
const TORN: u32 = 3;

/// Reads an operation; `None` if there is none of that id.
///
/// A query is no snapshot: while a replica appends, it may show the head of before and the row of after. So what does
/// not fit together is read again before it is called corrupt. A row that cannot be decoded stays so, and is not.
pub async fn load(store: &dyn Store, keys: &Keys, id: &OperationId) -> Result<Option<Loaded>, EngineError> {
    let mut tries = 0;
    loop {
        let Some(loaded) = load_once(store, keys, id).await? else { return Ok(None) };
        let (rows, head) = (loaded.op.sequence, loaded.head.sequence);
        if rows == head {
            return Ok(Some(loaded));
        }
        if tries == TORN {
            return Err(EngineError::Corrupt(format!(
                "operation {id}: {rows} rows, but the head says {head}"
            )));
        }
        tokio::time::sleep(retry::delay(tries, Duration::from_secs(1))).await;
        tries += 1;
    }
}

async fn load_once(store: &dyn Store, keys: &Keys, id: &OperationId) -> Result<Option<Loaded>, EngineError> {
    let query = Query {
        partition: keys.operation_partition(id),
        prefix: String::new(),
        order: Order::Ascending,
        limit: None,
        after: None,
    };
    let page = retry::reading(|| store.query(query.clone())).await?;
    let Some(item) = page.items.iter().find(|item| item.key.sort == HEAD) else { return Ok(None) };
    let head = Head::from_item(item)?;
    let mut op = OperationState::new(id.clone(), head.spec.clone());
    for item in page.items.iter().filter(|item| item.key.sort.starts_with(ROW)) {
        if item.schema > ROW_SCHEMA {
            return Err(EngineError::Newer(format!("operation {id}: a row of schema {}", item.schema)));
        }
        op.fold(&Row::from_item(item)?)?;
    }
    let mut unread = vec![];
    for item in page.items.iter().filter(|item| item.key.sort.starts_with(SIGNAL)) {
        match crate::domain::from_item::<RecordedSignal>(item) {
            Ok(signal) if op.signals.contains(&signal) => {}
            Ok(signal) => unread.push(signal),
            // Said through a newer version of Sluice: left for a process that understands it.
            Err(error) => tracing::warn!(operation = %id, %error, "a signal is left alone"),
        }
    }
    unread.sort_by_key(|signal| signal.at);
    Ok(Some(Loaded { head, op, unread }))
}

/// What became of an append.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is recorded.
    Recorded,
    /// The head is not ours any more, or was touched: nothing was written.
    Fenced,
    /// A precondition of these records did not hold (indices into the writes given): nothing was written.
    Refused(Vec<usize>),
}

/// How an append leaves the head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leave {
    /// How the operation stands.
    pub(crate) status: Status,
    /// Whether it keeps its owner.
    pub(crate) owned: bool,
    /// What becomes of its due time.
    pub(crate) due: DueChange,
    /// The wait that it is in, if it is in one.
    pub(crate) awaits: String,
}

/// An operation that was carried for this long is not what stops processes: its claims count anew.
const SOUND: Duration = Duration::from_secs(60);

/// The writer.
pub(crate) struct Log {
    keys: Keys,
    target: Target,
    head: Head,
    op: OperationState,
    woken_by: String,
    shown: Instant,
    held_since: Instant,
    refusals: u32,
    /// The place of the process's one suspect, until its claims are counted anew.
    suspect: Option<OwnedSemaphorePermit>,
}

impl Log {
    /// A writer for an operation that this replica holds: `shown` is when it last began to write that it does.
    pub(crate) fn new(
        target: Target,
        head: Head,
        op: OperationState,
        woken_by: String,
        shown: Instant,
    ) -> Self {
        let keys = Keys::new(&target);
        Self { keys, target, head, op, woken_by, shown, held_since: shown, refusals: 0, suspect: None }
    }

    /// The same, of an operation that has this place if it is a suspect.
    pub(crate) fn with_place(self, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { suspect: place, ..self }
    }

    /// When we began the last write that showed that we hold it. Nobody claims it before a lease after that.
    pub(crate) fn shown(&self) -> Instant {
        self.shown
    }

    /// What is known.
    pub(crate) fn op(&self) -> &OperationState {
        &self.op
    }
    /// Attaches a content that the journal refers to.
    pub(crate) fn attach(&mut self, digest: &str, content: LoadedContent) {
        self.op.attach(digest, content);
    }
    /// The head as we last wrote it.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }
    /// The account and region.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Appends a row.
    pub(crate) async fn append(
        &mut self,
        store: &dyn Store,
        at: Timestamp,
        entries: Vec<Entry>,
        leave: Leave,
        writes: Vec<Write>,
    ) -> Result<Appended, EngineError> {
        let sequence = self.op.sequence + 1;
        // One token, one content: what is appended after a refusal is something else.
        let token = match self.refusals {
            0 => format!("{}-{sequence}-{}", self.head.id, self.head.fence),
            refusals => format!("{}-{sequence}-{}-{refusals}", self.head.id, self.head.fence),
        };
        let row = Row { sequence, at, token: token.clone(), entries };
        let mut next = self.op.clone();
        next.fold(&row)?;

        let beat = self.head.beat + 1;
        let owner = if leave.owned { self.head.owner.clone() } else { String::new() };
        // With the last ring that we heard: whatever somebody says is read before the next step.
        let held = guards([
            (head::FENCE, Guard::Number(self.head.fence)),
            (head::SEQUENCE, Guard::Number(self.head.sequence)),
            (WOKEN_BY, Guard::Text(self.woken_by.clone())),
        ]);
        let mut all = vec![
            Write::Put { item: row.to_item(&self.keys, &self.head.id)?, when: Precondition::Absent },
            Write::Update {
                key: self.keys.head(&self.head.id),
                set: guards([
                    (head::SEQUENCE, Guard::Number(sequence)),
                    (head::STATUS, Guard::Text(leave.status.as_str().into())),
                    (head::OWNER, Guard::Text(owner.clone())),
                    (head::BEAT, Guard::Number(beat)),
                    (head::AWAITS, Guard::Text(leave.awaits.clone())),
                    (head::CLAIMS, Guard::Number(0)),
                ]),
                due: leave.due,
                when: Precondition::Equals(held),
            },
        ];
        all.extend(writes);

        let begun = Instant::now();
        let outcome = self.commit(store, &token, sequence, all).await.inspect_err(|_| self.refusals += 1)?;
        if outcome != Appended::Recorded {
            self.refusals += 1;
        } else {
            self.shown = begun;
            self.op = next;
            self.head.sequence = sequence;
            self.head.status = leave.status;
            self.head.owner = owner;
            self.head.beat = beat;
            self.head.awaits = leave.awaits;
            self.head.claims = 0;
            self.suspect = None;
        }
        Ok(outcome)
    }

    async fn commit(
        &self,
        store: &dyn Store,
        token: &str,
        sequence: u64,
        writes: Vec<Write>,
    ) -> Result<Appended, EngineError> {
        let mut unsure = false;
        let mut tries = 0;
        loop {
            match store.transact(token, writes.clone()).await {
                Ok(()) => return Ok(Appended::Recorded),
                Err(StoreError::Lost(lost)) => {
                    // After a lost answer our own success looks like a lost race: the row's token tells them apart.
                    if unsure && self.is_ours(store, token, sequence).await? {
                        return Ok(Appended::Recorded);
                    }
                    let records: Vec<_> = lost.iter().filter_map(|index| index.checked_sub(2)).collect();
                    return Ok(if records.len() == lost.len() && !lost.is_empty() {
                        Appended::Refused(records)
                    } else {
                        Appended::Fenced
                    });
                }
                Err(error @ (StoreError::Corrupt(_) | StoreError::Refused(_) | StoreError::TooLarge(_))) => {
                    return Err(error.into());
                }
                Err(error) => {
                    unsure |= matches!(error, StoreError::Unknown(_));
                    tracing::warn!(operation = %self.head.id, sequence, %error, "append is tried again");
                    tokio::time::sleep(retry::delay(tries, Duration::from_secs(5))).await;
                    tries += 1;
                }
            }
        }
    }

    async fn is_ours(&self, store: &dyn Store, token: &str, sequence: u64) -> Result<bool, EngineError> {
        let key = self.keys.row(&self.head.id, sequence);
        let row = retry::reading(|| store.get(&key)).await?;
        Ok(row.map(|item| Row::from_item(&item)).transpose()?.is_some_and(|row| row.token == token))
    }

    /// Shows that the owner lives. `false`: the operation is not ours any more, or somebody rang.
    pub(crate) async fn beat(&mut self, store: &dyn Store) -> bool {
        // Raised even if the answer is lost: a value written twice would look like silence.
        self.head.beat += 1;
        let begun = Instant::now();
        let mut set = guards([(head::BEAT, Guard::Number(self.head.beat))]);
        // Who lives that long does not die of what it carries.
        if self.head.claims > 0 && self.held_since.elapsed() > SOUND {
            set.insert(head::CLAIMS.into(), Guard::Number(0));
            self.head.claims = 0;
        }
        let write = Write::Update {
            key: self.keys.head(&self.head.id),
            set,
            due: DueChange::Keep,
            // With the last ring that we heard, so that somebody who speaks is heard while nothing is appended.
            when: Precondition::Equals(guards([
                (head::FENCE, Guard::Number(self.head.fence)),
                (WOKEN_BY, Guard::Text(self.woken_by.clone())),
            ])),
        };
        match store.write(write).await {
            Ok(()) => {
                self.shown = begun;
                self.suspect.take_if(|_| self.head.claims == 0);
            }
            Err(StoreError::Lost(_)) => return false,
            Err(error) => tracing::warn!(operation = %self.head.id, %error, "beat failed"),
        }
        true
    }

    /// Lets go of the operation, which stays due: the next replica that looks may claim it at once, and raises the fence then.
    /// `false`: it was not ours any more.
    pub(crate) async fn release(&mut self, store: &dyn Store) -> Result<bool, StoreError> {
        if self.head.owner.is_empty() {
            return Ok(true);
        }
        let write = Write::Update {
            key: self.keys.head(&self.head.id),
            // The beat too: a head that nobody ever held has the first one, and nothing of it can have been told.
            set: guards([
                (head::OWNER, Guard::Text(String::new())),
                (head::BEAT, Guard::Number(self.head.beat + 1)),
                (head::CLAIMS, Guard::Number(0)),
            ]),
            due: DueChange::Keep,
            when: Precondition::Equals(guards([(head::FENCE, Guard::Number(self.head.fence))])),
        };
        match retry::reading(|| store.write(write.clone())).await {
            Ok(()) => {
                self.head.owner.clear();
                self.head.beat += 1;
            }
            Err(StoreError::Lost(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Reads what people said since, after somebody rang. `None`: the operation is not ours any more.
    pub(crate) async fn unread(
        &mut self,
        store: &dyn Store,
    ) -> Result<Option<Vec<RecordedSignal>>, EngineError> {
        // The ring is read before the signals: one that comes between is seen as a signal, and rings once more in vain.
        let Some(seen) = read_head(store, &self.keys, &self.head.id).await? else { return Ok(None) };
        let Some(loaded) = load(store, &self.keys, &self.head.id).await? else { return Ok(None) };
        if loaded.head.fence != self.head.fence || loaded.head.sequence != self.head.sequence {
            return Ok(None);
        }
        self.woken_by = seen.woken_by;
        Ok(Some(loaded.unread))
    }
}
