//! Items as DynamoDB attributes, and back.
//!
//! Names are short because write units count them. The body is one JSON string: the store does not interpret it, and an
//! update of guards does not change it. A body that would cost more than one write unit is deflated; a journal repeats
//! itself and shrinks to a third. An item that does not decode is [`StoreError::Corrupt`], never a default.

use std::collections::HashMap;
use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sluice_commands::ports::{DueItem, Guard, Guards, Item, Key, StoreError};

/// The partition key.
pub(super) const PARTITION: &str = "pk";
/// The sort key.
pub(super) const SORT: &str = "sk";
/// The body, as compact JSON.
pub(super) const BODY: &str = "b";
/// The body, as deflated JSON, instead of [`BODY`].
pub(super) const DEFLATED: &str = "z";
/// Size in bytes at which a body is deflated: with key, names and guards the item would exceed 1 KB, one write unit.
const DEFLATE_FROM: usize = 800;
/// Limit for an inflated body in bytes. It is far above any real body and keeps a damaged one from filling the memory.
const MAX_INFLATED: u64 = 16 * 1024 * 1024;
/// The body's schema version.
pub(super) const SCHEMA: &str = "v";
/// The prefix of each guard's name.
pub(super) const GUARD_PREFIX: &str = "g_";
/// When the item expires, in whole seconds of the epoch, for DynamoDB's TTL.
pub(super) const EXPIRES: &str = "ttl";
/// The due index.
pub(super) const DUE_INDEX: &str = "due";
/// Partition key of the due index. Items without it are not in the index.
pub(super) const DUE_SHARD: &str = "ds";
/// Sort key of the due index, in nanoseconds of the epoch.
pub(super) const DUE_TIME: &str = "du";
/// The number of partitions of the due index. A changed due time is a delete and a put in the index, and one partition
/// accepts 1,000 write units a second, so four accept 2,000 changes a second: many times the need of one workspace. A
/// sweep costs half a read unit per partition, so more partitions would cost every idle replica money. Raising the number
/// later is safe: an item gets its new shard when it becomes due again. Lowering it is not safe.
pub(super) const DUE_SHARDS: u8 = 4;
/// DynamoDB's limit for one item in bytes, names included.
const MAX_BYTES: usize = 400 * 1024;

pub(super) type Attributes = HashMap<String, AttributeValue>;

/// Encodes a key as its two attributes.
pub(super) fn encode_key(key: &Key) -> Attributes {
    HashMap::from([
        (PARTITION.to_owned(), AttributeValue::S(key.partition.clone())),
        (SORT.to_owned(), AttributeValue::S(key.sort.clone())),
    ])
}

/// Encodes a whole item, or refuses it if it exceeds DynamoDB's limit.
pub(super) fn encode(item: Item) -> Result<Attributes, StoreError> {
    let mut attributes = encode_key(&item.key);
    attributes.insert(SCHEMA.to_owned(), AttributeValue::N(item.schema.to_string()));
    let json = item.body.to_string();
    // The limit applies to the plain body, so it does not depend on the content or on the backend.
    let plain = json.len();
    let (name, body) = encode_body(json);
    attributes.insert(name.to_owned(), body);
    for (name, guard) in &item.guards {
        attributes.insert(guard_name(name), encode_guard(guard));
    }
    if let Some(due) = item.due {
        attributes.insert(DUE_SHARD.to_owned(), due_shard(&item.key));
        attributes.insert(DUE_TIME.to_owned(), due_time(due));
    }
    if let Some(expires) = item.expires {
        attributes.insert(EXPIRES.to_owned(), AttributeValue::N(whole_seconds(expires).to_string()));
    }
    let others = attributes.iter().filter(|(attribute, _)| *attribute != name);
    let bytes: usize =
        others.map(|(name, value)| name.len() + size(value)).sum::<usize>() + name.len() + plain;
    if bytes > MAX_BYTES {
        let Key { partition, sort } = item.key;
        return Err(StoreError::TooLarge(format!(
            "item {partition} {sort} has {bytes} bytes, at most {MAX_BYTES} can be stored"
        )));
    }
    Ok(attributes)
}

/// Decodes the attributes that [`encode`] made.
pub(super) fn decode(mut attributes: Attributes) -> Result<Item, StoreError> {
    let key = decode_key(&mut attributes)?;
    let corrupt = |what: &str| StoreError::Corrupt(format!("item {} {}: {what}", key.partition, key.sort));
    let schema = number(attributes.remove(SCHEMA)).ok_or_else(|| corrupt("no schema version"))?;
    let body = decode_body(attributes.remove(BODY), attributes.remove(DEFLATED));
    let body = body.ok_or_else(|| corrupt("no body"))?;
    let body = serde_json::from_str(&body).map_err(|_| corrupt("the body is not JSON"))?;
    let due = match attributes.remove(DUE_TIME) {
        None => None,
        stored => Some(decode_due(stored).ok_or_else(|| corrupt("no due time"))?),
    };
    let expires = match attributes.remove(EXPIRES) {
        None => None,
        stored => {
            let second = number(stored).and_then(|second| Timestamp::from_second(second).ok());
            Some(second.ok_or_else(|| corrupt("no expiry"))?)
        }
    };
    let mut guards = Guards::new();
    for (name, value) in attributes {
        if let Some(name) = name.strip_prefix(GUARD_PREFIX) {
            guards.insert(
                name.to_owned(),
                decode_guard(value).ok_or_else(|| corrupt("a guard of no known type"))?,
            );
        }
    }
    Ok(Item { key, schema, guards, body, due, expires })
}

fn encode_body(json: String) -> (&'static str, AttributeValue) {
    if json.len() < DEFLATE_FROM {
        return (BODY, AttributeValue::S(json));
    }
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
    match deflated.write_all(json.as_bytes()).and_then(|()| deflated.finish()) {
        Ok(bytes) if bytes.len() < json.len() => (DEFLATED, AttributeValue::B(Blob::new(bytes))),
        // A body that does not shrink stays readable. Writing to a vector cannot fail.
        _ => (BODY, AttributeValue::S(json)),
    }
}

fn decode_body(plain: Option<AttributeValue>, deflated: Option<AttributeValue>) -> Option<String> {
    let Some(AttributeValue::B(bytes)) = deflated else { return text(plain) };
    let mut json = String::new();
    DeflateDecoder::new(bytes.as_ref()).take(MAX_INFLATED).read_to_string(&mut json).ok()?;
    Some(json)
}

/// Decodes an entry of the due index.
pub(super) fn decode_due_entry(mut attributes: Attributes) -> Result<DueItem, StoreError> {
    let key = decode_key(&mut attributes)?;
    let due = decode_due(attributes.remove(DUE_TIME));
    due.map(|due| DueItem { key, due })
        .ok_or_else(|| StoreError::Corrupt("a due entry without a time".into()))
}

pub(super) fn guard_name(name: &str) -> String {
    format!("{GUARD_PREFIX}{name}")
}

pub(super) fn encode_guard(guard: &Guard) -> AttributeValue {
    match guard {
        Guard::Number(number) => AttributeValue::N(number.to_string()),
        Guard::Text(text) => AttributeValue::S(text.clone()),
    }
}

pub(super) fn due_time(due: Timestamp) -> AttributeValue {
    AttributeValue::N(due.as_nanosecond().to_string())
}

/// The item's partition in the due index. It depends on the whole key, so one busy partition of the table is spread.
pub(super) fn due_shard(key: &Key) -> AttributeValue {
    let digest =
        Sha256::new().chain_update(&key.partition).chain_update([0]).chain_update(&key.sort).finalize();
    AttributeValue::N((digest[0] % DUE_SHARDS).to_string())
}

fn decode_key(attributes: &mut Attributes) -> Result<Key, StoreError> {
    match (text(attributes.remove(PARTITION)), text(attributes.remove(SORT))) {
        (Some(partition), Some(sort)) => Ok(Key { partition, sort }),
        _ => Err(StoreError::Corrupt("an item without its key".into())),
    }
}

fn decode_guard(value: AttributeValue) -> Option<Guard> {
    match value {
        AttributeValue::N(number) => number.parse().ok().map(Guard::Number),
        AttributeValue::S(text) => Some(Guard::Text(text)),
        _ => None,
    }
}

fn decode_due(value: Option<AttributeValue>) -> Option<Timestamp> {
    number(value).and_then(|nanosecond| Timestamp::from_nanosecond(nanosecond).ok())
}

fn text(value: Option<AttributeValue>) -> Option<String> {
    match value {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    }
}

fn number<T: std::str::FromStr>(value: Option<AttributeValue>) -> Option<T> {
    match value {
        Some(AttributeValue::N(number)) => number.parse().ok(),
        _ => None,
    }
}

/// Rounds up, so no item is deleted early.
fn whole_seconds(time: Timestamp) -> i64 {
    time.as_second() + i64::from(time.subsec_nanosecond() > 0)
}

/// An upper bound of a value's size as DynamoDB counts it, in bytes.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        // One byte for two digits, and one or two bytes for sign and exponent.
        AttributeValue::N(number) => number.len().div_ceil(2) + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item() -> Item {
        Item {
            key: Key { partition: "1/eu/pipeline/orders".into(), sort: "stage/prod".into() },
            schema: 3,
            guards: Guards::from([
                ("fence".into(), Guard::Number(u64::MAX)),
                ("owner".into(), Guard::Text("é".into())),
            ]),
            body: json!({"z": 1, "a": [null, "\u{1f30a}"]}),
            due: Some("2026-11-21T04:00:00.123456789Z".parse().expect("a time")),
            expires: Some("2026-11-22T04:00:00Z".parse().expect("a time")),
        }
    }

    #[test]
    fn an_item_survives_the_round_trip() {
        assert_eq!(decode(encode(item()).expect("encodes")), Ok(item()));
        let bare = Item { guards: Guards::new(), body: json!(null), due: None, expires: None, ..item() };
        assert_eq!(decode(encode(bare.clone()).expect("encodes")), Ok(bare));
    }

    #[test]
    fn a_large_body_is_deflated_and_a_plain_large_body_is_still_read() {
        let words: Vec<_> = (0..100).map(|n| json!({"e": "done", "step": format!("alias:f{n}")})).collect();
        let large = Item { body: json!(words), ..item() };
        let json = large.body.to_string();
        let mut stored = encode(large.clone()).expect("encodes");
        assert!(json.len() > 2048 && size(&stored[DEFLATED]) < 512, "{:?}", stored[DEFLATED]);
        assert_eq!(decode(stored.clone()), Ok(large.clone()));
        stored.insert(DEFLATED.into(), AttributeValue::B(Blob::new(json.clone())));
        assert!(matches!(decode(stored.clone()), Err(StoreError::Corrupt(_))), "not deflated JSON");
        stored.remove(DEFLATED);
        stored.insert(BODY.into(), AttributeValue::S(json));
        assert_eq!(decode(stored), Ok(large), "as earlier versions wrote it");
    }

    #[test]
    fn expiry_is_rounded_up_to_the_second() {
        let odd = Item { expires: Some("2026-11-22T04:00:00.000000001Z".parse().expect("a time")), ..item() };
        let stored = encode(odd).expect("encodes");
        assert_eq!(stored[EXPIRES], AttributeValue::N("1795320001".into()));
    }

    #[test]
    fn unknown_attributes_are_corrupt() {
        for broken in [
            (BODY, AttributeValue::S("{".into())),
            (BODY, AttributeValue::N("1".into())),
            (SCHEMA, AttributeValue::N("-1".into())),
            (DUE_TIME, AttributeValue::S("soon".into())),
            (EXPIRES, AttributeValue::Bool(true)),
            ("g_fence", AttributeValue::N("1.5".into())),
            (SORT, AttributeValue::N("1".into())),
        ] {
            let mut stored = encode(item()).expect("encodes");
            stored.insert(broken.0.to_owned(), broken.1.clone());
            assert!(matches!(decode(stored), Err(StoreError::Corrupt(_))), "{broken:?}");
        }
    }

    #[test]
    fn shards_are_used_evenly_and_stay_the_same() {
        let mut counts = HashMap::new();
        for n in 0..400 {
            let key = Key { partition: "one".into(), sort: n.to_string() };
            let AttributeValue::N(shard) = due_shard(&key) else { panic!("a number") };
            *counts.entry(shard).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), usize::from(DUE_SHARDS));
        assert!(counts.values().all(|&count| count > 50), "{counts:?}");
        // Stored items depend on this value: it must never change.
        assert_eq!(due_shard(&item().key), AttributeValue::N("0".into()));
    }
}
