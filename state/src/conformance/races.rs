//! Concurrent writers: of those that read the same state, one wins.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use sluice_commands::ports::{Guard, Item, Precondition, Store, StoreError};

use super::samples::{body, get, item, key, number, put, transact_with_retries, update};

const WRITERS: u64 = 32;

/// Of many puts that require an absent key, exactly one succeeds, and its item is stored.
pub async fn concurrent_puts_have_one_winner(store: &dyn Store) {
    let mine = |n: u64| put(Item { body: json!(n), ..item("winner", "one") }, Precondition::Absent);
    let answers = join_all((0..WRITERS).map(|n| async move {
        loop {
            match store.write(mine(n)).await {
                Err(StoreError::Again(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                answer => return answer,
            }
        }
    }))
    .await;
    let winners: Vec<usize> = (0..answers.len()).filter(|&n| answers[n].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    assert_eq!(body(store, &key("winner", "one")).await, Some(json!(winners[0])));
}

/// Many writers increment a counter on the condition that it has not changed. Each succeeds after some retries, and each
/// increment counts once.
pub async fn concurrent_increments_all_count(store: &dyn Store) {
    let the_key = key("count", "one");
    let start = Item { guards: number("count", 0), ..item("count", "one") };
    store.write(put(start, Precondition::Any)).await.expect("a put");
    let increment = |writer: u64| {
        let the_key = &the_key;
        async move {
            for attempt in 0.. {
                let item = get(store, the_key).await.expect("the counter");
                let Some(&Guard::Number(count)) = item.guards.get("count") else { panic!("{item:?}") };
                let seen = Precondition::Equals(number("count", count));
                let writes = [
                    update(the_key.clone(), number("count", count + 1), seen),
                    put(super::samples::item("count", &format!("by/{writer}")), Precondition::Absent),
                ];
                match transact_with_retries(store, &format!("count/{writer}/{attempt}"), &writes).await {
                    Ok(()) => return count + 1,
                    Err(StoreError::Lost(lost)) => assert_eq!(lost, [0], "only the counter can fail"),
                    Err(error) => panic!("{error}"),
                }
            }
            unreachable!("the attempts do not end")
        }
    };
    let mut reached = join_all((0..WRITERS).map(increment)).await;
    reached.sort_unstable();
    assert_eq!(reached, (1..=WRITERS).collect::<Vec<_>>());
    let last = get(store, &the_key).await.and_then(|item| item.guards.get("count").cloned());
    assert_eq!(last, Some(Guard::Number(WRITERS)));
}
