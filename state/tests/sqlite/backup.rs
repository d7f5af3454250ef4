//! Backups under load, and restoring them.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use sluice_commands::ports::{DueChange, Item, Precondition, Store, Write};
use sluice_state::{FileError, SqliteStore};

use crate::{Fixture, clock, count, item, key, number, put, query};

/// A copy taken while transactions change two counters together has them equal, and another process can serve it.
#[tokio::test]
async fn a_copy_under_load_is_consistent_and_can_be_served() {
    let fixture = Fixture::with_state().await;
    let store = fixture.store().await;
    let start = |name: &str| put(Item { guards: number("count", 0), ..item(name) });
    store.transact("start", vec![start("left"), start("right")]).await.expect("the counters");
    let stop = AtomicBool::new(false);
    let load = async {
        let mut count = 0;
        while !stop.load(Ordering::SeqCst) {
            let step = |name: &str| Write::Update {
                key: key(name),
                set: number("count", count + 1),
                due: DueChange::Keep,
                when: Precondition::Equals(number("count", count)),
            };
            // The file grows during the copy.
            let row = put(Item { body: json!("x".repeat(3_000)), ..item(&format!("row/{count:06}")) });
            let writes = vec![step("left"), row, step("right")];
            store.transact(&format!("step/{count}"), writes).await.expect("a step");
            count += 1;
        }
        count
    };
    let copies = async {
        let mut seen = Vec::new();
        for n in 0..8 {
            let copy = fixture.file(&format!("copy-{n}.db"));
            SqliteStore::snapshot(&fixture.path, &copy).await.expect("a copy");
            let opened = SqliteStore::open(&copy, clock(), None).await.expect("the copy opens");
            let (left, right) = (count(&opened, "left").await, count(&opened, "right").await);
            assert_eq!(left, right, "copy {n} has part of a transaction");
            let rows = opened.query(query("row/")).await.expect("a query");
            assert_eq!(Some(rows.items.len() as u64), left, "copy {n} has part of a transaction");
            seen.push(left.unwrap_or_default());
        }
        stop.store(true, Ordering::SeqCst);
        seen
    };
    let (last, seen) = futures::future::join(load, copies).await;
    assert!(seen.windows(2).all(|pair| pair[0] <= pair[1]) && seen[7] > seen[0], "{seen:?} of {last}");

    let elsewhere = fixture.file("elsewhere.db");
    let first = fixture.file("copy-0.db");
    SqliteStore::restore(&first, &elsewhere).await.expect("the restored file");
    let restored = SqliteStore::open(&elsewhere, clock(), None).await.expect("the state opens");
    assert_eq!(count(&restored, "left").await, Some(seen[0]));
    restored.write(put(item("later"))).await.expect("a put");
    assert!(matches!(SqliteStore::restore(&first, &elsewhere).await, Err(FileError::Exists(_))));
    assert!(matches!(SqliteStore::snapshot(&fixture.path, &first).await, Err(FileError::Exists(_))));
    assert_eq!(fixture.leftovers(), Vec::<String>::new());
}
