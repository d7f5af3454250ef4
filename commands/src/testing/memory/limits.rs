//! What DynamoDB refuses, measured as its adapter measures it: a domain that fits into the memory store fits into the real
//! store too.

use std::collections::BTreeSet;

use crate::ports::{Guard, Item, Key, StoreError, Write};

const MAX_WRITES: usize = 100;
const MAX_READS: usize = 100;
const MAX_ITEM_BYTES: usize = 400 * 1024;
const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;
const MAX_PARTITION_BYTES: usize = 2048;
const MAX_SORT_BYTES: usize = 1024;

pub(super) fn refuse<T>(why: String) -> Result<T, StoreError> {
    Err(StoreError::Refused(why))
}

pub(super) fn check_reads(keys: &[Key]) -> Result<(), StoreError> {
    if keys.len() > MAX_READS {
        return refuse(format!("{} keys in one read, at most {MAX_READS}", keys.len()));
    }
    keys.iter().try_for_each(check_key)
}

pub(super) fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    if writes.is_empty() {
        return refuse("no writes in a transaction".into());
    }
    if writes.len() > MAX_WRITES {
        let why = format!("{} writes in one transaction, at most {MAX_WRITES} are possible", writes.len());
        return Err(StoreError::TooLarge(why));
    }
    let mut bytes = 0;
    let mut seen = BTreeSet::new();
    for write in writes {
        let key = match write {
            Write::Put { item, .. } => {
                bytes += check_size(item)?;
                &item.key
            }
            Write::Audit { item } => {
                check_size(&item.clone().into())?;
                &item.key
            }
            Write::Update { key, .. } | Write::Delete { key, .. } | Write::Check { key, .. } => key,
        };
        check_key(key)?;
        // An audit record and an item may have one key: they live apart.
        if !seen.insert((matches!(write, Write::Audit { .. }), key)) {
            return refuse(format!("{}/{} twice in one transaction", key.partition, key.sort));
        }
    }
    if bytes > MAX_TRANSACTION_BYTES {
        return Err(StoreError::TooLarge(format!("a transaction of {bytes} bytes")));
    }
    Ok(())
}

pub(super) fn check_key(key: &Key) -> Result<(), StoreError> {
    let fits = |text: &str, most: usize| (1..=most).contains(&text.len());
    if fits(&key.partition, MAX_PARTITION_BYTES) && fits(&key.sort, MAX_SORT_BYTES) {
        Ok(())
    } else {
        refuse(format!("a key that is empty or too long: {}/{}", key.partition, key.sort))
    }
}

/// The size of an item as DynamoDB counts it: names and values of all its attributes, the body not deflated.
fn check_size(item: &Item) -> Result<usize, StoreError> {
    // "g_" precedes a guard's name; numbers of ours have at most 21 digits.
    let guards: usize = item
        .guards
        .iter()
        .map(|(name, guard)| 2 + name.len() + if let Guard::Text(text) = guard { text.len() } else { 21 })
        .sum();
    // pk, sk, v and its number, b; ds and du with theirs; ttl and its second.
    let names = 2 + 2 + 2 + 1 + 2 + item.due.map_or(0, |_| 30) + item.expires.map_or(0, |_| 14);
    let bytes = names + item.body.to_string().len() + item.key.partition.len() + item.key.sort.len() + guards;
    if bytes > MAX_ITEM_BYTES {
        return Err(StoreError::TooLarge(format!(
            "{}/{} has {bytes} bytes",
            item.key.partition, item.key.sort
        )));
    }
    Ok(bytes)
}
