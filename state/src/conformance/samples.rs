//! Keys, items and writes of the cases.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_commands::ports::{DueChange, Guard, Guards, Item, Key, Precondition, Store, StoreError, Write};

/// The longest lag of the due index.
pub(super) const MAX_LAG: Duration = Duration::from_secs(5);

pub(super) fn key(partition: &str, sort: &str) -> Key {
    Key { partition: format!("conformance/{partition}"), sort: sort.to_owned() }
}

pub(super) fn item(partition: &str, sort: &str) -> Item {
    Item {
        key: key(partition, sort),
        schema: 1,
        guards: Guards::new(),
        body: json!({"at": sort}),
        due: None,
        expires: None,
    }
}

pub(super) fn number(name: &str, value: u64) -> Guards {
    Guards::from([(name.to_owned(), Guard::Number(value))])
}

pub(super) fn text(name: &str, value: &str) -> Guards {
    Guards::from([(name.to_owned(), Guard::Text(value.to_owned()))])
}

pub(super) fn put(item: Item, when: Precondition) -> Write {
    Write::Put { item, when }
}

pub(super) fn update(key: Key, set: Guards, when: Precondition) -> Write {
    Write::Update { key, set, due: DueChange::Keep, when }
}

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time in the suite")
}

pub(super) async fn get(store: &dyn Store, key: &Key) -> Option<Item> {
    store.get(key).await.expect("the store reads")
}

pub(super) async fn body(store: &dyn Store, key: &Key) -> Option<Value> {
    get(store, key).await.map(|item| item.body)
}

/// Runs a transaction and retries it as every caller must.
pub(super) async fn transact_with_retries(
    store: &dyn Store,
    token: &str,
    writes: &[Write],
) -> Result<(), StoreError> {
    let attempts = async {
        loop {
            match store.transact(token, writes.to_vec()).await {
                Err(StoreError::Again(_) | StoreError::Unknown(_)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                answer => return answer,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), attempts).await.expect("the transaction ends")
}
