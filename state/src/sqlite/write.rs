//! Applies writes inside a transaction of the writer thread: all conditions first, then all changes. A lost transaction
//! therefore names every condition that failed.

use rusqlite::{Connection, OptionalExtension as _, params};
use sluice_commands::ports::{Guards, Key, Precondition, StoreError};

use super::errors::classify;
use super::item::{decode_guards, encode_guards};
use super::request::{Change, Due, Prepared, Token, are_equal};

/// How long tokens are kept at least, in seconds. The port guarantees ten minutes.
pub(super) const TOKEN_LIFETIME: i64 = 600;

/// Applies the writes of one caller, unless its token shows that they were already applied. After an error the caller
/// rolls back.
pub(super) fn apply(
    connection: &Connection,
    writes: &[Prepared],
    token: Option<&Token>,
    now: i64,
) -> Result<(), StoreError> {
    if let Some(token) = token {
        match find_token(connection, token, now)? {
            Some(digest) if digest == token.digest => return Ok(()),
            Some(_) => {
                let why = format!("token {} was used for other writes", token.text);
                return Err(StoreError::Refused(why));
            }
            None => {}
        }
    }
    let found = writes.iter().map(|write| read_guards(connection, write)).collect::<Result<Vec<_>, _>>()?;
    let lost: Vec<usize> = writes
        .iter()
        .zip(&found)
        .enumerate()
        .filter(|(_, (write, found))| !holds(write, found.as_ref()))
        .map(|(index, _)| index)
        .collect();
    if !lost.is_empty() {
        return Err(StoreError::Lost(lost));
    }
    for (write, found) in writes.iter().zip(found) {
        apply_one(connection, write, found).map_err(|error| classify("write", &error))?;
    }
    token.map_or(Ok(()), |token| store_token(connection, token, now))
}

/// Reads the guards of the item of a write. A write without a condition needs no read.
fn read_guards(connection: &Connection, write: &Prepared) -> Result<Option<Guards>, StoreError> {
    if write.when == Precondition::Any && !matches!(write.change, Change::Update { .. }) {
        return Ok(None);
    }
    let Key { partition, sort } = &write.key;
    let failed = |error| classify("read", &error);
    let sql = match write.change {
        Change::Audit(_) => "SELECT '{}' FROM audit WHERE pk = ?1 AND sk = ?2",
        _ => "SELECT g FROM items WHERE pk = ?1 AND sk = ?2",
    };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let stored: Option<String> =
        statement.query_row([partition, sort], |row| row.get(0)).optional().map_err(failed)?;
    let decode = |guards: String| {
        decode_guards(&guards)
            .ok_or_else(|| StoreError::Corrupt(format!("item {partition} {sort}: no guards")))
    };
    stored.map(decode).transpose()
}

fn holds(write: &Prepared, found: Option<&Guards>) -> bool {
    if matches!(write.change, Change::Update { .. }) && found.is_none() {
        return false;
    }
    match &write.when {
        Precondition::Any => true,
        Precondition::Absent => found.is_none(),
        Precondition::Present => found.is_some(),
        Precondition::Equals(wanted) => found.is_some_and(|found| are_equal(found, wanted)),
    }
}

fn apply_one(connection: &Connection, write: &Prepared, found: Option<Guards>) -> rusqlite::Result<()> {
    let Key { partition, sort } = &write.key;
    match &write.change {
        Change::Put(item) => {
            let mut statement = connection.prepare_cached(
                "INSERT OR REPLACE INTO items (pk, sk, v, du, ttl, g, b) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            let values =
                params![partition, sort, item.schema, item.due, item.expires, item.guards, item.body];
            statement.execute(values)?;
        }
        Change::Audit(item) => {
            let sql = "INSERT INTO audit (pk, sk, v, b) VALUES (?1, ?2, ?3, ?4)";
            connection.prepare_cached(sql)?.execute(params![partition, sort, item.schema, item.body])?;
        }
        Change::Update { set, due } => {
            let mut guards = found.unwrap_or_default();
            guards.extend(set.clone());
            let guards = encode_guards(&guards);
            // An unchanged due time is not in the statement, because SQLite would rewrite its index entry.
            match due {
                Due::Keep => connection
                    .prepare_cached("UPDATE items SET g = ?3 WHERE pk = ?1 AND sk = ?2")?
                    .execute(params![partition, sort, guards])?,
                Due::Set(due) => connection
                    .prepare_cached("UPDATE items SET g = ?3, du = ?4 WHERE pk = ?1 AND sk = ?2")?
                    .execute(params![partition, sort, guards, due])?,
            };
        }
        Change::Delete => {
            let mut statement = connection.prepare_cached("DELETE FROM items WHERE pk = ?1 AND sk = ?2")?;
            statement.execute([partition, sort])?;
        }
        Change::Check => {}
    }
    Ok(())
}

fn find_token(connection: &Connection, token: &Token, now: i64) -> Result<Option<[u8; 32]>, StoreError> {
    let failed = |error| classify("token", &error);
    let mut statement = connection
        .prepare_cached("SELECT digest FROM tokens WHERE token = ?1 AND at > ?2")
        .map_err(failed)?;
    statement
        .query_row(params![token.text, now - TOKEN_LIFETIME], |row| row.get(0))
        .optional()
        .map_err(failed)
}

fn store_token(connection: &Connection, token: &Token, now: i64) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO tokens (token, digest, at) VALUES (?1, ?2, ?3)";
    let kept = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params![token.text, token.digest, now]));
    kept.map(drop).map_err(|error| classify("token", &error))
}

/// Removes at most `most` expired items and at most `most` expired tokens. Returns whether more may be left.
pub(super) fn remove_expired(connection: &Connection, now: i64, most: u32) -> rusqlite::Result<bool> {
    let items = connection
        .prepare_cached(
            "DELETE FROM items WHERE (pk, sk) IN (SELECT pk, sk FROM items WHERE ttl <= ?1 ORDER BY ttl LIMIT ?2)",
        )?
        .execute(params![now, most])?;
    let tokens = connection
        .prepare_cached(
            "DELETE FROM tokens WHERE token IN (SELECT token FROM tokens WHERE at <= ?1 ORDER BY at LIMIT ?2)",
        )?
        .execute(params![now - TOKEN_LIFETIME, most])?;
    Ok(items.max(tokens) >= most as usize)
}
