//! What every backend of the store port must do, as code. A backend's test makes an empty store and calls [`all`].
//!
//! The cases keep to partitions of their own and leave the due index empty, so they can run one after another on one
//! store; they panic where a promise is broken. They poll where the port allows a lag, and nowhere else.

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

pub use self::audit::{audit_records_live_apart, audit_records_stay_as_they_are};
pub use self::due::{due_index_follows_the_items, due_is_ordered_and_limited};
pub use self::items::{get_many_reads_what_exists, items_are_kept_whole, large_items_are_kept_or_refused};
pub use self::queries::{queries_continue_where_they_were_cut, queries_keep_to_prefix_and_order};
pub use self::races::{concurrent_increments_each_count_once, concurrent_puts_have_one_winner};
pub use self::transactions::{
    a_hundred_writes_fit_into_a_transaction, a_token_writes_once, racing_tokens_write_once,
    transactions_are_all_or_nothing, unfit_transactions_are_refused,
};
pub use self::writes::{
    deletes_keep_their_precondition, preconditions_decide_puts, updates_leave_the_body_alone,
};

/// The whole suite, one case after another.
pub async fn all(store: &dyn Store) {
    items_are_kept_whole(store).await;
    get_many_reads_what_exists(store).await;
    large_items_are_kept_or_refused(store).await;
    preconditions_decide_puts(store).await;
    updates_leave_the_body_alone(store).await;
    deletes_keep_their_precondition(store).await;
    transactions_are_all_or_nothing(store).await;
    a_token_writes_once(store).await;
    racing_tokens_write_once(store).await;
    a_hundred_writes_fit_into_a_transaction(store).await;
    unfit_transactions_are_refused(store).await;
    queries_keep_to_prefix_and_order(store).await;
    queries_continue_where_they_were_cut(store).await;
    audit_records_live_apart(store).await;
    audit_records_stay_as_they_are(store).await;
    due_index_follows_the_items(store).await;
    due_is_ordered_and_limited(store).await;
    concurrent_puts_have_one_winner(store).await;
    concurrent_increments_each_count_once(store).await;
}

/// How long the due index may lag.
const LAG: Duration = Duration::from_secs(5);

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

/// Does what it takes while the store asks for patience, as every caller of it must.
async fn patiently(store: &dyn Store, token: &str, writes: &[Write]) -> Result<(), StoreError> {
    let again = async {
        loop {
            match store.transact(token, writes.to_vec()).await {
                Err(StoreError::Again(_) | StoreError::Unknown(_)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                answer => return answer,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("the store comes to a decision")
}
