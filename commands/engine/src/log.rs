//! The one writer of an operation's journal.
//!
//! An append is one transaction: the next row if it is absent, the head if fence and sequence are still ours,
//! and the records that change with it. So an owner that lost its operation can write nothing, and a crash
//! leaves either all of an append or none of it. An append whose answer was lost is repeated with its token
//! until its outcome is known.

mod claims;

pub(crate) use claims::{Seen, claim, forgive, read_head};

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::codec::from_item;
use crate::content_cache::Loaded as LoadedContent;
use crate::error::EngineError;
use crate::head::{self, Head, WOKEN_BY};
use crate::journal::{Entry, ROW_SCHEMA, Row};
use crate::keys::{HEAD, Keys, ROW, SIGNAL};
use crate::ports::{DueChange, Guard, Order, Precondition, Query, Store, StoreError, Write, guards};
use crate::recorded_signal::RecordedSignal;
use crate::retry;
use crate::state::OperationState;
use crate::status::Status;
use sluice_model::{OperationId, Target};

/// Everything recorded about an operation: one query.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its head.
    pub head: Head,
    /// Its journal, folded.
    pub op: OperationState,
    /// Signals that the journal has not taken into account yet.
    pub unread: Vec<RecordedSignal>,
}

/// How often an operation is read again if its head and rows do not fit together.
const TORN: u32 = 3;

/// Reads an operation; `None` if it does not exist.
///
/// A query is not a snapshot: while a replica appends, it may return the old head and the new row. So a
/// mismatch is read again before it counts as corrupt. A row that cannot be decoded will not change and is
/// not read again.
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
        match from_item::<RecordedSignal>(item) {
            Ok(signal) if op.signals.contains(&signal) => {}
            Ok(signal) => unread.push(signal),
            // A newer version of Sluice wrote the signal: it is left for a process that understands it.
            Err(error) => tracing::warn!(operation = %id, %error, "a signal is left alone"),
        }
    }
    unread.sort_by_key(|signal| signal.at);
    Ok(Some(Loaded { head, op, unread }))
}

/// The result of an append.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is recorded.
    Recorded,
    /// The head changed: another replica claimed the operation, or a signal was sent. Nothing was written.
    Fenced,
    /// A precondition of these records failed (indices into the writes given). Nothing was written.
    Refused(Vec<usize>),
}

/// The head after an append.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leave {
    pub(crate) status: Status,
    /// Whether the owner stays.
    pub(crate) owned: bool,
    /// The change of its due time.
    pub(crate) due: DueChange,
    /// The current wait, or empty.
    pub(crate) awaits: String,
}

/// An operation that was driven for this long is not what stops processes: its claims are reset.
const SOUND: Duration = Duration::from_secs(60);

/// Appends to one operation's journal.
pub(crate) struct Log {
    keys: Keys,
    target: Target,
    head: Head,
    op: OperationState,
    woken_by: String,
    shown: Instant,
    held_since: Instant,
    refusals: u32,
    /// The place of the process's one suspect, until its claims are reset.
    suspect: Option<OwnedSemaphorePermit>,
}

impl Log {
    /// A writer for an operation that this replica owns. `shown` is when the last write that proves the
    /// ownership began.
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

    /// Keeps the place of a suspect.
    pub(crate) fn with_place(self, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { suspect: place, ..self }
    }

    /// When the last write that proves our ownership began. No replica claims the operation before a lease
    /// after that.
    pub(crate) fn shown(&self) -> Instant {
        self.shown
    }

    /// The recorded state.
    pub(crate) fn op(&self) -> &OperationState {
        &self.op
    }
    /// Attaches a content that the journal refers to.
    pub(crate) fn attach(&mut self, digest: &str, content: LoadedContent) {
        self.op.attach(digest, content);
    }
    /// The head as last written.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }
    /// The account and region.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Appends a row, with the records that change with it and the head. It retries until the outcome is
    /// known.
    pub(crate) async fn append(
        &mut self,
        store: &dyn Store,
        at: Timestamp,
        entries: Vec<Entry>,
        leave: Leave,
        writes: Vec<Write>,
    ) -> Result<Appended, EngineError> {
        let sequence = self.op.sequence + 1;
        // One token, one content: after a refusal, another content is appended.
        let token = match self.refusals {
            0 => format!("{}-{sequence}-{}", self.head.id, self.head.fence),
            refusals => format!("{}-{sequence}-{}-{refusals}", self.head.id, self.head.fence),
        };
        let row = Row { sequence, at, token: token.clone(), entries };
        let mut next = self.op.clone();
        next.fold(&row)?;

        let beat = self.head.beat + 1;
        let owner = if leave.owned { self.head.owner.clone() } else { String::new() };
        // The precondition includes the last signal mark that this process saw, so any signal is read before
        // the next step.
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
                    // After a lost answer our own success looks like a lost race. The row's token
                    // distinguishes them.
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

    /// Sends a beat. `false`: this process no longer owns the operation, or a signal was sent.
    pub(crate) async fn beat(&mut self, store: &dyn Store) -> bool {
        // Raised even if the answer is lost: a value written twice would look like silence.
        self.head.beat += 1;
        let begun = Instant::now();
        let mut set = guards([(head::BEAT, Guard::Number(self.head.beat))]);
        // A process that lives this long does not die from what it drives.
        if self.head.claims > 0 && self.held_since.elapsed() > SOUND {
            set.insert(head::CLAIMS.into(), Guard::Number(0));
            self.head.claims = 0;
        }
        let write = Write::Update {
            key: self.keys.head(&self.head.id),
            set,
            due: DueChange::Keep,
            // The precondition includes the last signal mark that this process saw, so a signal is noticed
            // while nothing is appended.
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

    /// Releases the operation, which stays due. The next replica that looks may claim it at once, and its
    /// claim raises the fence. `false`: this process no longer owned it.
    pub(crate) async fn release(&mut self, store: &dyn Store) -> Result<bool, StoreError> {
        if self.head.owner.is_empty() {
            return Ok(true);
        }
        let write = Write::Update {
            key: self.keys.head(&self.head.id),
            // The beat changes too: only a head that never had a driver has the first beat, and that means
            // that nothing of it can have been posted.
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

    /// Reads the signals that were sent since the last read. `None`: this process no longer owns the
    /// operation.
    pub(crate) async fn unread(
        &mut self,
        store: &dyn Store,
    ) -> Result<Option<Vec<RecordedSignal>>, EngineError> {
        // The signal mark is read before the signals. A signal between the two reads is seen, and its mark
        // causes one more read in vain.
        let Some(seen) = read_head(store, &self.keys, &self.head.id).await? else { return Ok(None) };
        let Some(loaded) = load(store, &self.keys, &self.head.id).await? else { return Ok(None) };
        if loaded.head.fence != self.head.fence || loaded.head.sequence != self.head.sequence {
            return Ok(None);
        }
        self.woken_by = seen.woken_by;
        Ok(Some(loaded.unread))
    }
}
