//! The due index. It may lag, so these cases poll it with a timeout.

use std::time::Duration;

use jiff::Timestamp;
use sluice_commands::ports::{DueChange, DueItem, Guards, Item, Key, Precondition, Store, Write};

use super::samples::{MAX_LAG, get, item, key, put, time};

async fn expect_due(store: &dyn Store, until: Timestamp, limit: u32, expected: &[DueItem]) {
    let mut found = Vec::new();
    let poll = async {
        loop {
            found = store.due(until, limit).await.expect("the due index");
            if found == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(MAX_LAG, poll).await.is_err() {
        assert_eq!(found, expected);
    }
}

fn entry(key: &Key, due: Timestamp) -> DueItem {
    DueItem { key: key.clone(), due }
}

fn change(key: &Key, due: DueChange) -> Write {
    Write::Update { key: key.clone(), set: Guards::new(), due, when: Precondition::Present }
}

/// Puts and updates add an item to the index and change its time, an update of guards keeps it, and updates, puts and
/// deletes remove it. The time is exact.
pub async fn due_index_follows_the_items(store: &dyn Store) {
    let (one, two) = (time("2001-01-01T00:00:00.000000001Z"), time("2001-01-01T00:00:00.000000002Z"));
    let the_key = key("due", "one");
    let with = |due| put(Item { due, ..item("due", "one") }, Precondition::Any);
    let write = async |write| store.write(write).await.expect("a write");

    write(with(Some(one))).await;
    expect_due(store, one, 9, &[entry(&the_key, one)]).await;
    write(change(&the_key, DueChange::At(two))).await;
    expect_due(store, two, 9, &[entry(&the_key, two)]).await;
    expect_due(store, one, 9, &[]).await;
    let keep = super::samples::update(the_key.clone(), super::samples::number("fence", 1), Precondition::Any);
    write(keep).await;
    expect_due(store, two, 9, &[entry(&the_key, two)]).await;
    assert_eq!(get(store, &the_key).await.and_then(|item| item.due), Some(two));

    write(change(&the_key, DueChange::Never)).await;
    expect_due(store, two, 9, &[]).await;
    assert_eq!(get(store, &the_key).await.and_then(|item| item.due), None);
    let again = change(&the_key, DueChange::At(one));
    store.transact("due/again", vec![again]).await.expect("a transaction");
    expect_due(store, two, 9, &[entry(&the_key, one)]).await;
    write(with(None)).await;
    expect_due(store, two, 9, &[]).await;

    write(with(Some(one))).await;
    expect_due(store, two, 9, &[entry(&the_key, one)]).await;
    write(Write::Delete { key: the_key.clone(), when: Precondition::Any }).await;
    expect_due(store, two, 9, &[]).await;
}

/// Items are in the order of their due times across partitions, within the limit, and due.
pub async fn due_is_ordered_and_limited(store: &dyn Store) {
    let at = |n: usize| time(&format!("2002-01-01T00:00:{n:02}Z"));
    // Items with adjacent due times have distant keys, and vice versa.
    let key_of = |n: usize| key(&format!("due/{}", n * 7 % 20), &format!("row/{}", n * 11 % 20));
    for n in 0..20 {
        let due = Item { key: key_of(n), due: Some(at(n)), ..item("due", "row") };
        store.write(put(due, Precondition::Any)).await.expect("a put");
    }
    let entries: Vec<DueItem> = (0..20).map(|n| entry(&key_of(n), at(n))).collect();
    expect_due(store, at(19), 100, &entries).await;
    expect_due(store, at(19), 7, &entries[..7]).await;
    expect_due(store, at(9), 100, &entries[..10]).await;
    expect_due(store, at(19), 0, &[]).await;
    for n in 0..20 {
        store.write(change(&key_of(n), DueChange::Never)).await.expect("an update");
    }
    expect_due(store, at(19), 100, &[]).await;
}
