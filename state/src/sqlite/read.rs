//! Reads, each of one moment: a few connections with a thread each, because SQLite waits for the disk where it stands.
//! A read that begins after a write was answered sees it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};
use sluice_commands::ports::{DueItem, Item, Key, Order, Page, Query, StoreError};
use tokio::sync::oneshot;

use super::errors::classify;
use super::item::{decode, decode_due_entry};
use super::request::check_key;

/// What one read of many takes.
const MAX_KEYS: usize = 100;

/// A question, with the way back for its answer inside.
type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the readers. They end when it is dropped.
#[derive(Debug)]
pub(super) struct Readers(Sender<Question>);

impl Readers {
    /// The way, and what each reader's thread runs with a connection of its own.
    pub(super) fn new() -> (Self, impl Fn(&Connection) + Clone + Send + 'static) {
        let (sender, receiver) = channel::<Question>();
        let receiver = Arc::new(Mutex::new(receiver));
        (Self(sender), move |connection: &Connection| {
            while let Some(question) = next(&receiver) {
                question(connection);
            }
        })
    }

    /// Asks the reader who is free first.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ended = || StoreError::Refused("the readers of the state have ended; start again".into());
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            // The caller may have gone.
            let _ = reply.send(question(connection));
        });
        self.0.send(question).map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// One reader waits at the channel, the others behind it.
fn next(questions: &Mutex<Receiver<Question>>) -> Option<Question> {
    questions.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
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
    // One transaction: all of them as they are at one moment.
    let moment = connection.unchecked_transaction().map_err(failed)?;
    let found = distinct.into_iter().filter_map(|key| get(&moment, key).transpose()).collect();
    moment.finish().map_err(failed)?;
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
        // Behind `after` is at its shortest continuation: the text with the smallest character at its end.
        Order::Ascending => ("ASC", after.map(|after| format!("{after}\0")), None),
        Order::Descending => ("DESC", None, after.map(str::to_owned)),
    };
    let from = from.unwrap_or_default().max(query.prefix.clone());
    // Both ends in the question: a range of the key and not a filter, whatever lies before and behind it.
    let to = match (end, to) {
        (Some(end), Some(to)) => Some(end.min(to)),
        (end, to) => end.or(to),
    };
    let mut items = Vec::new();
    let each = |row: &Row<'_>| {
        items.push(decode(row)?);
        // One more than asked for tells whether there is more.
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
    // Whatever is beyond what the index can hold is before or after all of it.
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

/// Goes from row to row until the end, or until `each` has enough. The statement is one moment.
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

/// The smallest text that is larger than every text with this prefix; none for a prefix that nothing is larger than.
/// Keys are compared by their bytes, and in UTF-8 these are in the order of the characters.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // There are no characters in the gap of the surrogates.
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
    fn the_successor_is_behind_all_that_begins_so_and_before_all_else() {
        assert_eq!(successor("row/").as_deref(), Some("row0"));
        assert_eq!(successor("é").as_deref(), Some("ê"));
        assert_eq!(successor("\u{d7ff}").as_deref(), Some("\u{e000}"), "over the surrogates");
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{10ffff}"), None);
        assert_eq!(successor(""), None);
    }
}
