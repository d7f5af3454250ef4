//! Writes inside a transaction of the writer: first every condition, then every change, so that a lost transaction names
//! all that it lost by.

use rusqlite::{Connection, OptionalExtension as _, params};
use sluice_commands::ports::{Guards, Key, Precondition, StoreError};

use super::errors::classify;
use super::item::{decode_guards, encode_guards};
use super::request::{Act, Due, Prepared, Token, are_equal};

/// For so long a token is known at least, in seconds: the port promises ten minutes.
pub(super) const TOKEN_LIFE: i64 = 600;

/// Carries out the writes of one caller, unless its token says that they were carried out already. After an error the
/// caller rolls back.
pub(super) fn carry_out(
    connection: &Connection,
    writes: &[Prepared],
    token: Option<&Token>,
    now: i64,
) -> Result<(), StoreError> {
    if let Some(token) = token {
        match known(connection, token, now)? {
            Some(digest) if digest == token.digest => return Ok(()),
            Some(_) => {
                let why = format!("token {} was used for other writes", token.text);
                return Err(StoreError::Refused(why));
            }
            None => {}
        }
    }
    let found = writes.iter().map(|write| look(connection, write)).collect::<Result<Vec<_>, _>>()?;
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
        change(connection, write, found).map_err(|error| classify("write", &error))?;
    }
    token.map_or(Ok(()), |token| remember(connection, token, now))
}

/// The guards of the item that a write is about. A write without a condition does not look.
fn look(connection: &Connection, write: &Prepared) -> Result<Option<Guards>, StoreError> {
    if write.when == Precondition::Any && !matches!(write.act, Act::Update { .. }) {
        return Ok(None);
    }
    let Key { partition, sort } = &write.key;
    let failed = |error| classify("look", &error);
    let sql = match write.act {
        Act::Audit(_) => "SELECT '{}' FROM audit WHERE pk = ?1 AND sk = ?2",
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
    if matches!(write.act, Act::Update { .. }) && found.is_none() {
        return false;
    }
    match &write.when {
        Precondition::Any => true,
        Precondition::Absent => found.is_none(),
        Precondition::Present => found.is_some(),
        Precondition::Equals(wanted) => found.is_some_and(|found| are_equal(found, wanted)),
    }
}

fn change(connection: &Connection, write: &Prepared, found: Option<Guards>) -> rusqlite::Result<()> {
    let Key { partition, sort } = &write.key;
    match &write.act {
        Act::Put(item) => {
            let mut statement = connection.prepare_cached(
                "INSERT OR REPLACE INTO items (pk, sk, v, du, ttl, g, b) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            let values =
                params![partition, sort, item.schema, item.due, item.expires, item.guards, item.body];
            statement.execute(values)?;
        }
        Act::Audit(item) => {
            let sql = "INSERT INTO audit (pk, sk, v, b) VALUES (?1, ?2, ?3, ?4)";
            connection.prepare_cached(sql)?.execute(params![partition, sort, item.schema, item.body])?;
        }
        Act::Update { set, due } => {
            let mut guards = found.unwrap_or_default();
            guards.extend(set.clone());
            let guards = encode_guards(&guards);
            // A due time that is kept is not named: naming it would move it within its index.
            match due {
                Due::Keep => connection
                    .prepare_cached("UPDATE items SET g = ?3 WHERE pk = ?1 AND sk = ?2")?
                    .execute(params![partition, sort, guards])?,
                Due::Set(due) => connection
                    .prepare_cached("UPDATE items SET g = ?3, du = ?4 WHERE pk = ?1 AND sk = ?2")?
                    .execute(params![partition, sort, guards, due])?,
            };
        }
        Act::Delete => {
            let mut statement = connection.prepare_cached("DELETE FROM items WHERE pk = ?1 AND sk = ?2")?;
            statement.execute([partition, sort])?;
        }
        Act::Check => {}
    }
    Ok(())
}

fn known(connection: &Connection, token: &Token, now: i64) -> Result<Option<[u8; 32]>, StoreError> {
    let failed = |error| classify("token", &error);
    let mut statement = connection
        .prepare_cached("SELECT digest FROM tokens WHERE token = ?1 AND at > ?2")
        .map_err(failed)?;
    statement.query_row(params![token.text, now - TOKEN_LIFE], |row| row.get(0)).optional().map_err(failed)
}

fn remember(connection: &Connection, token: &Token, now: i64) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO tokens (token, digest, at) VALUES (?1, ?2, ?3)";
    let kept = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params![token.text, token.digest, now]));
    kept.map(drop).map_err(|error| classify("token", &error))
}

/// Removes at most `most` items that have expired, and as many tokens that nobody may use any more; whether it may have
/// left some.
pub(super) fn tidy(connection: &Connection, now: i64, most: u32) -> rusqlite::Result<bool> {
    let items = connection
        .prepare_cached(
            "DELETE FROM items WHERE (pk, sk) IN (SELECT pk, sk FROM items WHERE ttl <= ?1 ORDER BY ttl LIMIT ?2)",
        )?
        .execute(params![now, most])?;
    let tokens = connection
        .prepare_cached(
            "DELETE FROM tokens WHERE token IN (SELECT token FROM tokens WHERE at <= ?1 ORDER BY at LIMIT ?2)",
        )?
        .execute(params![now - TOKEN_LIFE, most])?;
    Ok(items.max(tokens) >= most as usize)
}
