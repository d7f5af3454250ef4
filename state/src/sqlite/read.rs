//! Reads, each on a snapshot. A few connections have one thread each, because SQLite blocks while it waits for the disk.
//! A read that begins after a write was acknowledged includes it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use jiff::Timestamp;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};
use sluice_commands::ports::{DueItem, Item, Key, Order, Page, Query, StoreError};
use tokio::sync::oneshot;

use super::errors::classify;
use super::item::{decode, decode_due_entry};
use super::request::check_key;

/// The limit for one read of many keys.
const MAX_KEYS: usize = 100;

/// A read that sends its result to its caller.
type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The queue of the reader threads, which end when it is dropped.
#[derive(Debug)]
pub(super) struct Readers(Sender<Job>);

impl Readers {
    /// The queue, and the function that each reader thread runs with its own connection.
    pub(super) fn new() -> (Self, impl Fn(&Connection) + Clone + Send + 'static) {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        (Self(sender), move |connection: &Connection| {
            while let Some(job) = next(&receiver) {
                job(connection);
            }
        })
    }

    /// Runs a read on the first free reader.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ended = || StoreError::Refused("the reader threads have ended; restart the process".into());
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // The caller may have stopped waiting.
            let _ = reply.send(read(connection));
        });
        self.0.send(job).map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// One reader waits for the channel, the others for the mutex.
fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().recv().ok()
}

const COLUMNS: &str = "SELECT pk, sk, v, du, ttl, g, b FROM items";
/// An audit record in the same columns.
const AUDIT_COLUMNS: &str = "SELECT pk, sk, v, NULL, NULL, '{}', b FROM audit";

pub(super) fn get(connection: &Connection, key: &Key) -> Result<Option<Item>, StoreError> {
    check_key(key)?;
    let failed = |error| classify("get", &error);
    let sql = format!("{COLUMNS} WHERE pk = ?1 AND sk = ?2");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_row([&key.partition, &key.sort], |row| Ok(decode(row)));
    found.optional().map_err(failed)?.transpose()
}

pub(super) fn get_many(connection: &Connection, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
    if keys.len() > MAX_KEYS {
        return Err(StoreError::Refused(format!("{} keys in one read, at most {MAX_KEYS}", keys.len())));
    }
    let failed = |error| classify("get_many", &error);
    let distinct: BTreeSet<&Key> = keys.iter().collect();
    // One transaction, so all items are from one snapshot.
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    let found = distinct.into_iter().filter_map(|key| get(&snapshot, key).transpose()).collect();
    snapshot.finish().map_err(failed)?;
    found
}

pub(super) fn query(connection: &Connection, query: &Query) -> Result<Page, StoreError> {
    range(connection, COLUMNS, query)
}

pub(super) fn audit_records(connection: &Connection, query: &Query) -> Result<Page, StoreError> {
    range(connection, AUDIT_COLUMNS, query)
}

fn range(connection: &Connection, columns: &str, query: &Query) -> Result<Page, StoreError> {
    let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
    if limit == 0 {
        return Ok(Page::default());
    }
    let end = successor(&query.prefix);
    let after = query.after.as_deref();
    let (direction, from, to) = match query.order {
        // The next possible key after `after` is `after` with the smallest character appended.
        Order::Ascending => ("ASC", after.map(|after| format!("{after}\0")), None),
        Order::Descending => ("DESC", None, after.map(str::to_owned)),
    };
    let from = from.unwrap_or_default().max(query.prefix.clone());
    // Both ends are in the statement, so SQLite reads a range of the key instead of filtering rows.
    let to = match (end, to) {
        (Some(end), Some(to)) => Some(end.min(to)),
        (end, to) => end.or(to),
    };
    let mut items = Vec::new();
    let each = |row: &Row<'_>| {
        items.push(decode(row)?);
        // One extra item shows that there are more.
        Ok(if items.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    let upper = if to.is_some() { "AND sk < ?3" } else { "" };
    let sql = format!("{columns} WHERE pk = ?1 AND sk >= ?2 {upper} ORDER BY sk {direction}");
    match to {
        Some(to) => walk(connection, "query", &sql, params![query.partition, from, to], each)?,
        None => walk(connection, "query", &sql, params![query.partition, from], each)?,
    }
    let cut = items.len() > limit;
    items.truncate(limit);
    let more = items.last().filter(|_| cut).map(|last| last.key.sort.clone());
    Ok(Page { items, more })
}

pub(super) fn due(connection: &Connection, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
    // A time outside the range of the index is before or after all of its entries.
    let until = i64::try_from(until.as_nanosecond()).unwrap_or(if until < Timestamp::UNIX_EPOCH {
        i64::MIN
    } else {
        i64::MAX
    });
    let mut found = Vec::new();
    let sql = "SELECT pk, sk, du FROM items WHERE du IS NOT NULL AND du <= ?1 ORDER BY du, pk, sk LIMIT ?2";
    walk(connection, "due", sql, params![until, limit], |row| {
        found.push(decode_due_entry(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Calls `each` for each row until the end, or until it breaks. One statement reads one snapshot.
fn walk(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    parameters: impl Params,
    mut each: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let failed = |error| classify(what, &error);
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(parameters).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        if each(row)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The smallest text that is larger than every text with this prefix, if there is one. SQLite compares keys by their
/// bytes, and UTF-8 bytes have the order of the characters.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // Surrogates are no characters.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_follows_every_text_with_the_prefix() {
        assert_eq!(successor("row/").as_deref(), Some("row0"));
        assert_eq!(successor("é").as_deref(), Some("ê"));
        assert_eq!(successor("\u{d7ff}").as_deref(), Some("\u{e000}"), "over the surrogates");
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{10ffff}"), None);
        assert_eq!(successor(""), None);
    }
}
