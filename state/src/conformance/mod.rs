//! The conformance suite of the store port. A backend's test creates an empty store and calls [`all`].
//!
//! Each case uses its own partitions and leaves the due index empty, so all of them can run in sequence on one store. A
//! case panics where the backend violates the port, and polls only where the port allows a lag.

mod audit;
mod due;
mod items;
mod queries;
mod races;
mod samples;
mod transactions;
mod writes;

use sluice_commands::ports::Store;

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
