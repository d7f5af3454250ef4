//! The conformance suite of the store port. A backend's test creates an empty store and calls [`all`].
//!
//! Each case uses its own partitions and leaves the due index empty, so all of them can run in sequence on one store. A
//! case panics where the backend violates the port, and polls only where the port allows a lag.

mod audit;
mod due;
mod items;
mod queries;
mod races;
mod transactions;
mod writes;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_commands::ports::{DueChange, Guard, Guards, Item, Key, Precondition, Store, StoreError, Write};

pub use self::audit::{audit_records_are_separate_from_items, audit_records_never_change};
pub use self::due::{due_index_follows_the_items, due_is_ordered_and_limited};
pub use self::items::{
    get_many_omits_absent_keys, items_survive_the_round_trip, too_large_items_are_refused,
};
pub use self::queries::{queries_continue_after_the_limit, queries_respect_prefix_and_order};
pub use self::races::{concurrent_increments_all_count, concurrent_puts_have_one_winner};
pub use self::transactions::{
    a_token_writes_once, a_transaction_takes_a_hundred_writes, invalid_transactions_are_refused,
    racing_tokens_write_once, transactions_are_all_or_nothing,
};
pub use self::writes::{deletes_respect_preconditions, puts_respect_preconditions, updates_keep_the_body};

/// Runs all cases in sequence.
pub async fn all(store: &dyn Store) {
    items_survive_the_round_trip(store).await;
    get_many_omits_absent_keys(store).await;
    too_large_items_are_refused(store).await;
    puts_respect_preconditions(store).await;
    updates_keep_the_body(store).await;
    deletes_respect_preconditions(store).await;
    transactions_are_all_or_nothing(store).await;
    a_token_writes_once(store).await;
    racing_tokens_write_once(store).await;
    a_transaction_takes_a_hundred_writes(store).await;
    invalid_transactions_are_refused(store).await;
    queries_respect_prefix_and_order(store).await;
    queries_continue_after_the_limit(store).await;
    audit_records_are_separate_from_items(store).await;
    audit_records_never_change(store).await;
    due_index_follows_the_items(store).await;
    due_is_ordered_and_limited(store).await;
    concurrent_puts_have_one_winner(store).await;
    concurrent_increments_all_count(store).await;
}

/// The longest lag of the due index.
const MAX_LAG: Duration = Duration::from_secs(5);

fn key(partition: &str, sort: &str) -> Key {
    Key { partition: format!("conformance/{partition}"), sort: sort.to_owned() }
}

fn item(partition: &str, sort: &str) -> Item {
    Item {
        key: key(partition, sort),
        schema: 1,
        guards: Guards::new(),
        body: json!({"at": sort}),
        due: None,
        expires: None,
    }
}

fn number(name: &str, value: u64) -> Guards {
    Guards::from([(name.to_owned(), Guard::Number(value))])
}

fn text(name: &str, value: &str) -> Guards {
    Guards::from([(name.to_owned(), Guard::Text(value.to_owned()))])
}

fn put(item: Item, when: Precondition) -> Write {
    Write::Put { item, when }
}

fn update(key: Key, set: Guards, when: Precondition) -> Write {
    Write::Update { key, set, due: DueChange::Keep, when }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time in the suite")
}

async fn get(store: &dyn Store, key: &Key) -> Option<Item> {
    store.get(key).await.expect("the store reads")
}

async fn body(store: &dyn Store, key: &Key) -> Option<Value> {
    get(store, key).await.map(|item| item.body)
}

/// Runs a transaction and retries it as every caller must.
async fn transact_with_retries(store: &dyn Store, token: &str, writes: &[Write]) -> Result<(), StoreError> {
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
