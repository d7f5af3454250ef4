//! Rows: expiry, batches, query plans and audit records.

use futures::future::join_all;
use rusqlite::Connection;
use serde_json::json;
use sluice_commands::ports::{AuditItem, Clock, Item, Store, StoreError, Write};
use sluice_state::SqliteStore;

use crate::{Fixture, clock, item, key, put, query};

#[tokio::test]
async fn expired_items_and_tokens_are_removed() {
    let fixture = Fixture::with_state().await;
    let clock = clock();
    let store = SqliteStore::open(&fixture.path, clock.clone(), None).await.expect("the state opens");
    let now = || clock.now();
    let after = |seconds: i64| Some(now() + jiff::SignedDuration::from_secs(seconds));
    let expiring = |n: usize| put(Item { expires: after(100), ..item(&format!("expiring/{n:04}")) });
    for n in 0..12 {
        let writes = (n * 100..(n + 1) * 100).map(expiring).collect();
        store.transact(&format!("fill/{n}"), writes).await.expect("a transaction");
    }
    store.write(put(Item { expires: after(5_000), ..item("lasting") })).await.expect("a put");
    let writes = || vec![put(item("once"))];
    store.transact("once", writes()).await.expect("a transaction");

    clock.set(after(595).expect("a time"));
    assert_eq!(store.transact("once", writes()).await, Ok(()), "the token is known for ten minutes");
    clock.set(after(100).expect("a time"));
    assert_eq!(
        store.transact("once", writes()).await,
        Err(StoreError::Lost(vec![0])),
        "the token has expired"
    );
    // Each write removes some.
    for n in 0..4 {
        store.write(put(item(&format!("later/{n}")))).await.expect("a put");
    }
    let rows = |sql: &str| -> i64 {
        let connection = Connection::open(&fixture.path).expect("the file");
        connection.query_row(sql, [], |row| row.get(0)).expect("a number")
    };
    assert_eq!(rows("SELECT count(*) FROM items WHERE sk LIKE 'expiring/%'"), 0);
    assert_eq!(rows("SELECT count(*) FROM tokens"), 0);
    assert_eq!(store.get(&key("lasting")).await.map(|item| item.is_some()), Ok(true));
}

/// A failed precondition in a batch does not affect the other callers.
#[tokio::test]
async fn a_lost_transaction_does_not_affect_others() {
    let fixture = Fixture::with_state().await;
    let store = fixture.store().await;
    store.write(put(item("taken"))).await.expect("a put");
    let answers = join_all((0..60).map(|n| {
        let mut writes = vec![put(item(&format!("{n}/one"))), put(item(&format!("{n}/two")))];
        if n % 3 == 0 {
            writes.push(put(item("taken")));
        }
        let store = &store;
        async move { store.transact(&n.to_string(), writes).await }
    }))
    .await;
    for (n, answer) in answers.into_iter().enumerate() {
        let expected = if n % 3 == 0 { Err(StoreError::Lost(vec![2])) } else { Ok(()) };
        assert_eq!(answer, expected, "{n}");
        for half in ["one", "two"] {
            let exists = store.get(&key(&format!("{n}/{half}"))).await.expect("a read").is_some();
            assert_eq!(exists, n % 3 != 0, "{n}/{half}");
        }
    }
}

/// Frequent reads must not scan rows that they do not return.
#[tokio::test]
async fn every_read_uses_an_index() {
    let fixture = Fixture::with_state().await;
    let connection = Connection::open(&fixture.path).expect("the file");
    for sql in [
        "SELECT g FROM items WHERE pk = 'p' AND sk = 's'",
        "SELECT pk, sk, v, du, ttl, g, b FROM items WHERE pk = 'p' AND sk >= 'a' AND sk < 'b' ORDER BY sk DESC",
        "SELECT pk, sk, v, du, ttl, g, b FROM items WHERE pk = 'p' AND sk >= 'a' ORDER BY sk ASC",
        "SELECT pk, sk, v, NULL, NULL, '{}', b FROM audit WHERE pk = 'p' AND sk >= 'a' AND sk < 'b' ORDER BY sk DESC",
        "SELECT pk, sk, du FROM items WHERE du IS NOT NULL AND du <= 7 ORDER BY du, pk, sk LIMIT 9",
        "SELECT pk, sk FROM items WHERE ttl <= 7 ORDER BY ttl LIMIT 9",
        "SELECT token FROM tokens WHERE at <= 7 ORDER BY at LIMIT 9",
    ] {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a statement");
        let steps = statement.query_map([], |row| row.get::<_, String>(3)).expect("a plan");
        let steps: Vec<String> = steps.map(|step| step.expect("a step")).collect();
        assert!(steps.len() == 1 && steps[0].starts_with("SEARCH"), "{sql}\n{steps:?}");
    }
}

/// The triggers also apply to other programs that open the file.
#[tokio::test]
async fn audit_records_cannot_be_changed_or_deleted_in_the_file() {
    let fixture = Fixture::with_state().await;
    let record = AuditItem { key: key("a"), schema: 1, body: json!("as it was") };
    fixture.store().await.write(Write::Audit { item: record.clone() }).await.expect("a record");
    let connection = Connection::open(&fixture.path).expect("the file");
    for sql in ["UPDATE audit SET b = '1'", "DELETE FROM audit"] {
        let refused = connection.execute(sql, []).expect_err(sql).to_string();
        assert!(refused.contains("audit records are never"), "{sql}: {refused}");
    }
    drop(connection);
    let copy = fixture.file("copy.db");
    SqliteStore::snapshot(&fixture.path, &copy).await.expect("a copy");
    let copy = SqliteStore::open(&copy, clock(), None).await.expect("the copy opens");
    let page = copy.audit_records(query("")).await.expect("a query");
    assert_eq!(page.items, [record.into()], "the backup has them");
}
