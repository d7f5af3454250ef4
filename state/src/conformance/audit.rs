//! Audit records can be added and read, and nothing else.

use serde_json::json;
use sluice_commands::ports::{
    AuditItem, DueChange, Guards, Item, Order, Page, Precondition, Query, Store, StoreError, Write,
};

use super::samples::{body, get, item, key, put};

fn record(partition: &str, sort: &str, text: &str) -> AuditItem {
    AuditItem { key: key(partition, sort), schema: 1, body: json!(text) }
}

fn add(item: AuditItem) -> Write {
    Write::Audit { item }
}

fn query(partition: &str) -> Query {
    let partition = key(partition, "").partition;
    Query { partition, prefix: String::new(), order: Order::Ascending, limit: None, after: None }
}

async fn records(store: &dyn Store, partition: &str) -> Vec<(String, serde_json::Value)> {
    let page = store.audit_records(query(partition)).await.expect("a query");
    page.items.into_iter().map(|item| (item.key.sort, item.body)).collect()
}

/// An item and an audit record can have the same key, also in one transaction. Reads of one do not return the other.
pub async fn audit_records_are_separate_from_items(store: &dyn Store) {
    let writes = vec![
        put(item("apart", "one"), Precondition::Absent),
        add(record("apart", "one", "requested")),
        put(item("apart", "two"), Precondition::Absent),
        add(record("apart", "three", "x".repeat(2_000).as_str())),
    ];
    assert_eq!(store.transact("apart/1", writes.clone()).await, Ok(()));
    assert_eq!(store.transact("apart/1", writes).await, Ok(()), "the same token");
    let found = store.audit_records(query("apart")).await.expect("a query");
    let expected = [record("apart", "one", "requested"), record("apart", "three", &"x".repeat(2_000))];
    assert_eq!(found, Page { items: expected.map(Item::from).into(), more: None });
    assert_eq!(get(store, &key("apart", "three")).await, None);
    let items = store.query(query("apart")).await.expect("a query").items;
    let sorts: Vec<_> = items.iter().map(|item| item.key.sort.as_str()).collect();
    assert_eq!(sorts, ["one", "two"]);

    let newest = Query { order: Order::Descending, limit: Some(1), ..query("apart") };
    let page = store.audit_records(newest).await.expect("a query");
    assert_eq!((page.items.len(), page.more.as_deref()), (1, Some("three")));
    let older = Query { order: Order::Descending, after: page.more, ..query("apart") };
    assert_eq!(store.audit_records(older).await.expect("a query").items.len(), 1);
}

/// A record is written once. An existing record fails the whole transaction, and so does a failed condition on an item.
/// No other write of the port affects a record.
pub async fn audit_records_never_change(store: &dyn Store) {
    let is_unchanged = async || {
        assert_eq!(records(store, "stays").await, [("one".to_owned(), json!("as it was"))]);
    };
    assert_eq!(store.write(add(record("stays", "one", "as it was"))).await, Ok(()));
    assert_eq!(store.write(add(record("stays", "one", "changed"))).await, Err(StoreError::Lost(vec![0])));
    let writes = vec![put(item("stays", "other"), Precondition::Any), add(record("stays", "one", "changed"))];
    assert_eq!(store.transact("stays/1", writes).await, Err(StoreError::Lost(vec![1])));
    assert_eq!(get(store, &key("stays", "other")).await, None, "all or nothing");
    let writes = vec![add(record("stays", "two", "new")), put(item("stays", "x"), Precondition::Present)];
    assert_eq!(store.transact("stays/2", writes).await, Err(StoreError::Lost(vec![1])));
    is_unchanged().await;

    let the_key = || key("stays", "one");
    let changed = Item { body: json!("changed"), ..item("stays", "one") };
    let update = |due| Write::Update { key: the_key(), set: Guards::new(), due, when: Precondition::Any };
    for write in [
        Write::Delete { key: the_key(), when: Precondition::Any },
        put(changed, Precondition::Absent),
        update(DueChange::At(super::samples::time("2100-01-01T00:00:00Z"))),
        update(DueChange::Never),
        Write::Delete { key: the_key(), when: Precondition::Present },
    ] {
        assert_eq!(store.write(write.clone()).await, Ok(()), "{write:?}");
        is_unchanged().await;
    }
    assert_eq!(body(store, &the_key()).await, None);
    let twice = vec![add(record("stays", "two", "a")), add(record("stays", "two", "b"))];
    assert!(matches!(store.transact("stays/3", twice).await, Err(StoreError::Refused(_))));
    is_unchanged().await;
}
