//! Items as rows, and back. A row that does not decode is [`StoreError::Corrupt`], never a default.
//!
//! Guards are one JSON object of numbers and texts. The store compares them by value, and any tool can show them.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde_json::{Map, Value};
use sluice_commands::ports::{DueItem, Guard, Guards, Item, Key, StoreError};

/// DynamoDB's limit for one item in bytes, which applies to every backend.
const MAX_BYTES: usize = 400 * 1024;

/// An item as its row's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) key: Key,
    pub(super) schema: i64,
    /// Nanoseconds of the epoch.
    pub(super) due: Option<i64>,
    /// Whole seconds of the epoch.
    pub(super) expires: Option<i64>,
    pub(super) guards: String,
    pub(super) body: String,
}

/// Encodes a whole item, or refuses it if it exceeds the limit of all backends.
pub(super) fn encode(item: Item) -> Result<Encoded, StoreError> {
    let due = item.due.map(due_time).transpose()?;
    let encoded = Encoded {
        schema: item.schema.into(),
        due,
        expires: item.expires.map(whole_seconds),
        guards: encode_guards(&item.guards),
        body: item.body.to_string(),
        key: item.key,
    };
    let Encoded { key: Key { partition, sort }, guards, body, .. } = &encoded;
    // Each number has at most eight bytes.
    let bytes = partition.len() + sort.len() + guards.len() + body.len() + 3 * 8;
    if bytes > MAX_BYTES {
        return Err(StoreError::TooLarge(format!(
            "item {partition} {sort} has {bytes} bytes, at most {MAX_BYTES} can be stored"
        )));
    }
    Ok(encoded)
}

/// Decodes a row of `pk, sk, v, du, ttl, g, b`.
pub(super) fn decode(row: &Row<'_>) -> Result<Item, StoreError> {
    let key = decode_key(row)?;
    let corrupt = |what: &str| StoreError::Corrupt(format!("item {} {}: {what}", key.partition, key.sort));
    let schema: i64 = column(row, 2)?;
    let due: Option<i64> = column(row, 3)?;
    let expires: Option<i64> = column(row, 4)?;
    let (guards, body): (String, String) = (column(row, 5)?, column(row, 6)?);
    let expires = expires.map(Timestamp::from_second).transpose();
    Ok(Item {
        schema: schema.try_into().map_err(|_| corrupt("no schema version"))?,
        guards: decode_guards(&guards).ok_or_else(|| corrupt("no guards"))?,
        body: serde_json::from_str(&body).map_err(|_| corrupt("the body is not JSON"))?,
        due: due.map(decode_due).transpose()?,
        expires: expires.map_err(|_| corrupt("no expiry"))?,
        key,
    })
}

/// Decodes an entry of the due index: a row of `pk, sk, du`.
pub(super) fn decode_due_entry(row: &Row<'_>) -> Result<DueItem, StoreError> {
    Ok(DueItem { key: decode_key(row)?, due: decode_due(column(row, 2)?)? })
}

/// A due time in nanoseconds of the epoch, between the years 1678 and 2261.
pub(super) fn due_time(due: Timestamp) -> Result<i64, StoreError> {
    due.as_nanosecond()
        .try_into()
        .map_err(|_| StoreError::Refused(format!("{due} is out of range for a due time")))
}

pub(super) fn encode_guards(guards: &Guards) -> String {
    let encode = |(name, guard): (&String, &Guard)| {
        let value = match guard {
            Guard::Number(number) => Value::from(*number),
            Guard::Text(text) => Value::from(text.as_str()),
        };
        (name.clone(), value)
    };
    Value::Object(guards.iter().map(encode).collect()).to_string()
}

pub(super) fn decode_guards(text: &str) -> Option<Guards> {
    let stored: Map<String, Value> = serde_json::from_str(text).ok()?;
    let decode = |(name, value): (String, Value)| {
        let guard = match value {
            Value::Number(number) => Guard::Number(number.as_u64()?),
            Value::String(text) => Guard::Text(text),
            _ => return None,
        };
        Some((name, guard))
    };
    stored.into_iter().map(decode).collect()
}

fn decode_key(row: &Row<'_>) -> Result<Key, StoreError> {
    Ok(Key { partition: column(row, 0)?, sort: column(row, 1)? })
}

fn decode_due(nanoseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_nanosecond(nanoseconds.into()).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn column<T: FromSql>(row: &Row<'_>, index: usize) -> Result<T, StoreError> {
    row.get(index).map_err(|error| super::errors::classify("a row", &error))
}

/// Rounds up, so no item is deleted early.
pub(super) fn whole_seconds(time: Timestamp) -> i64 {
    time.as_second() + i64::from(time.subsec_nanosecond() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_survive_the_round_trip_and_other_values_do_not_decode() {
        let guards = Guards::from([
            ("fence".into(), Guard::Number(u64::MAX)),
            ("owner".into(), Guard::Text("\u{0}\"é".into())),
        ]);
        assert_eq!(decode_guards(&encode_guards(&guards)), Some(guards));
        assert_eq!(decode_guards(&encode_guards(&Guards::new())), Some(Guards::new()));
        for broken in ["", "[]", "{\"a\":1.5}", "{\"a\":-1}", "{\"a\":null}", "{\"a\":true}"] {
            assert_eq!(decode_guards(broken), None, "{broken}");
        }
    }
}
