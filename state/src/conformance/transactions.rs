//! Transactions are atomic, and happen once per token.

use futures::future::join_all;
use serde_json::json;
use sluice_commands::ports::{DueChange, Guard, Item, Precondition, Query, Store, StoreError, Write};

use super::samples::{body, get, item, key, number, put, transact_with_retries, update};

/// Every kind of write in one transaction. If preconditions fail, the error names exactly those, and nothing is written.
pub async fn transactions_are_all_or_nothing(store: &dyn Store) {
    let there = |sort: &str| Item { guards: number("fence", 1), ..item("all", sort) };
    for sort in ["update", "delete", "check"] {
        store.write(put(there(sort), Precondition::Any)).await.expect("a put");
    }
    let writes = |fence: u64| {
        let when = || Precondition::Equals(number("fence", fence));
        vec![
            put(there("put"), Precondition::Absent),
            update(key("all", "update"), number("fence", 2), when()),
            Write::Delete { key: key("all", "delete"), when: Precondition::Present },
            Write::Check { key: key("all", "check"), when: when() },
            Write::Check { key: key("all", "nothing"), when: Precondition::Any },
        ]
    };
    assert_eq!(store.transact("all/1", writes(9)).await, Err(StoreError::Lost(vec![1, 3])));
    assert_eq!(get(store, &key("all", "put")).await, None);
    assert_eq!(get(store, &key("all", "delete")).await, Some(there("delete")));
    assert_eq!(get(store, &key("all", "update")).await, Some(there("update")));

    assert_eq!(store.transact("all/2", writes(1)).await, Ok(()));
    assert_eq!(get(store, &key("all", "put")).await, Some(there("put")));
    assert_eq!(get(store, &key("all", "delete")).await, None);
    assert_eq!(get(store, &key("all", "check")).await, Some(there("check")));
    assert_eq!(get(store, &key("all", "nothing")).await, None);
    let updated = Item { guards: number("fence", 2), ..there("update") };
    assert_eq!(get(store, &key("all", "update")).await, Some(updated));

    let empty = Write::Update {
        key: key("all", "update"),
        set: Default::default(),
        due: DueChange::Keep,
        when: Precondition::Equals(number("fence", 9)),
    };
    assert_eq!(store.transact("all/3", vec![empty]).await, Err(StoreError::Lost(vec![0])));
}

/// The same token and writes succeed again and write nothing; with another token the conditions apply again. The token of
/// a lost transaction can be reused. Long tokens that differ only at the end are different.
pub async fn a_token_writes_once(store: &dyn Store) {
    let the_key = key("tokens", "one");
    let first = vec![put(item("tokens", "one"), Precondition::Absent)];
    let long = "a token that exceeds the limit of any database and differs only at the end: ";
    let (token, other) = (format!("{long}1"), format!("{long}2"));

    assert_eq!(store.transact(&token, first.clone()).await, Ok(()));
    assert_eq!(store.transact(&token, first.clone()).await, Ok(()), "a repeat succeeds");
    assert_eq!(store.transact(&other, first.clone()).await, Err(StoreError::Lost(vec![0])));

    let overwrite = Item { body: json!("later"), ..item("tokens", "one") };
    store.write(put(overwrite, Precondition::Any)).await.expect("a put");
    assert_eq!(store.transact(&token, first.clone()).await, Ok(()));
    assert_eq!(body(store, &the_key).await, Some(json!("later")), "the repeat wrote nothing");

    store.write(Write::Delete { key: the_key.clone(), when: Precondition::Any }).await.expect("a delete");
    assert_eq!(store.transact(&other, first).await, Ok(()), "a lost transaction does not use up its token");
    assert_eq!(body(store, &the_key).await, Some(json!({"at": "one"})));

    let different = vec![put(item("tokens", "two"), Precondition::Any)];
    assert!(matches!(store.transact(&token, different).await, Err(StoreError::Refused(_))));
    assert_eq!(get(store, &key("tokens", "two")).await, None);
}

/// Concurrent transactions with the same token all succeed and write once.
pub async fn racing_tokens_write_once(store: &dyn Store) {
    let the_key = key("racing", "counter");
    let start = Item { guards: number("count", 0), ..item("racing", "counter") };
    store.write(put(start, Precondition::Any)).await.expect("a put");
    let writes = vec![
        update(the_key.clone(), number("count", 1), Precondition::Equals(number("count", 0))),
        put(item("racing", "row"), Precondition::Absent),
    ];
    let answers = join_all((0..8).map(|_| transact_with_retries(store, "racing/1", &writes))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let count = get(store, &the_key).await.and_then(|item| item.guards.get("count").cloned());
    assert_eq!(count, Some(Guard::Number(1)));
}

/// A transaction can have a hundred writes, and the last can fail all of them.
pub async fn a_transaction_takes_a_hundred_writes(store: &dyn Store) {
    let row = |n: usize| put(item("hundred", &format!("{n:03}")), Precondition::Absent);
    let query = || Query {
        partition: key("hundred", "").partition,
        prefix: String::new(),
        order: sluice_commands::ports::Order::Ascending,
        limit: None,
        after: None,
    };
    let last = Write::Check { key: key("hundred", "other"), when: Precondition::Present };
    let lost = (0..99).map(row).chain([last]).collect();
    assert_eq!(store.transact("hundred/1", lost).await, Err(StoreError::Lost(vec![99])));
    assert_eq!(store.query(query()).await.expect("a query").items.len(), 0);

    assert_eq!(store.transact("hundred/2", (0..100).map(row).collect()).await, Ok(()));
    assert_eq!(store.query(query()).await.expect("a query").items.len(), 100);
}

/// No writes, more than a hundred, a repeated key or an empty key are refused, and nothing is written.
pub async fn invalid_transactions_are_refused(store: &dyn Store) {
    let row = |n: usize| put(item("unfit", &n.to_string()), Precondition::Any);
    let twice = vec![row(1), row(2), Write::Check { key: key("unfit", "1"), when: Precondition::Any }];
    let empty_key = vec![row(1), put(item("unfit", ""), Precondition::Any)];
    let too_many = store.transact("unfit/many", (0..101).map(row).collect()).await;
    assert!(matches!(too_many, Err(StoreError::TooLarge(_))), "{too_many:?}");
    for (n, writes) in [Vec::new(), twice, empty_key].into_iter().enumerate() {
        let answer = store.transact(&format!("unfit/{n}"), writes).await;
        assert!(matches!(answer, Err(StoreError::Refused(_))), "{n}: {answer:?}");
    }
    assert_eq!(get(store, &key("unfit", "1")).await, None);
}
