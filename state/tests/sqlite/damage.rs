//! Damaged and foreign files are refused and not changed.

use rusqlite::Connection;
use serde_json::json;
use sluice_commands::ports::{Item, Store, Write};
use sluice_state::{FileError, SqliteStore};

use crate::{Fixture, clock, item, key, put};

#[tokio::test]
async fn foreign_files_are_refused_and_not_changed() {
    let fixture = Fixture::empty();
    let missing = SqliteStore::open(&fixture.path, clock(), None).await.expect_err("missing");
    assert_eq!(missing, FileError::Missing(fixture.path.clone()));
    assert!(!fixture.path.exists(), "a failed open creates no file");

    let database = |pragma: &str| {
        let path = fixture.file("foreign.db");
        let _ = std::fs::remove_file(&path);
        let connection = Connection::open(&path).expect("a database");
        connection.execute_batch(&format!("{pragma} CREATE TABLE t (a);")).expect("a table");
        drop(connection);
        std::fs::read(&path).expect("its bytes")
    };
    let ours = "PRAGMA application_id = 1397511491;";
    for (content, expected) in [
        (Vec::new(), "empty or truncated"),
        (vec![7; 40_000], "not an SQLite database"),
        (database(""), "a database of another program"),
        (database(&format!("{ours} PRAGMA user_version = 9;")), "schema version 9"),
        (database(&format!("{ours} PRAGMA user_version = 1;")), "damaged"),
    ] {
        std::fs::write(&fixture.path, &content).expect("a file");
        let refused = SqliteStore::open(&fixture.path, clock(), None).await.expect_err(expected);
        assert!(refused.to_string().contains(expected), "{refused}");
        assert!(refused.to_string().contains("was not changed"), "{refused}");
        assert!(matches!(SqliteStore::create(&fixture.path).await, Err(FileError::Exists(_))));
        assert_eq!(std::fs::read(&fixture.path).expect("its bytes"), content, "{expected}");
        std::fs::remove_file(&fixture.path).expect("removed");
    }
    assert_eq!(fixture.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn damaged_files_are_refused_at_the_start_and_not_changed() {
    let fixture = Fixture::with_state().await;
    let store = fixture.store().await;
    let writes: Vec<Write> =
        (0..100).map(|n| put(Item { body: json!("x".repeat(1_500)), ..item(&format!("{n:03}")) })).collect();
    store.transact("fill", writes).await.expect("a transaction");
    drop(store);
    let whole = std::fs::read(&fixture.path).expect("its bytes");
    let mut overwritten = whole.clone();
    let page = 8192;
    assert!(overwritten.len() > 12 * page, "several pages: {}", overwritten.len());
    overwritten[8 * page..9 * page].fill(0xa5);
    let half = whole[..whole.len() / 2].to_vec();
    let a_page_short = whole[..whole.len() - page].to_vec();
    for (what, content) in [
        ("a page overwritten", overwritten),
        ("truncated to half", half),
        ("truncated by a page", a_page_short),
    ] {
        std::fs::write(&fixture.path, &content).expect("a file");
        let refused = SqliteStore::open(&fixture.path, clock(), None).await.expect_err(what);
        assert!(matches!(refused, FileError::Damaged { .. }), "{what}: {refused:?}");
        assert_eq!(std::fs::read(&fixture.path).expect("its bytes"), content, "{what}");
        let copy = fixture.file("copy.db");
        assert!(
            SqliteStore::snapshot(&fixture.path, &copy).await.is_err(),
            "{what}: a damaged file is not copied"
        );
        assert!(!copy.exists() && fixture.leftovers().is_empty(), "{what}");
    }
    std::fs::write(&fixture.path, whole).expect("a file");
    assert_eq!(fixture.store().await.get(&key("007")).await.map(|item| item.is_some()), Ok(true));
}

#[tokio::test]
async fn a_log_without_its_file_is_not_applied_to_a_new_file() {
    let fixture = Fixture::empty();
    std::fs::write(fixture.file("state.db-wal"), b"the last commits").expect("a file");
    let refused = SqliteStore::create(&fixture.path).await.expect_err("a leftover log");
    assert!(refused.to_string().contains("state.db-wal"), "{refused}");
    let opened = SqliteStore::open(&fixture.path, clock(), None).await.expect_err("a leftover log");
    assert_eq!(opened, refused, "the same error as for create");
}

/// An operation missing from the due index would never resume, so a start must fail. `quick_check` does not detect this.
#[tokio::test]
async fn a_due_index_that_differs_from_its_table_is_found_at_the_start_and_in_a_copy() {
    let due = || Some("2026-11-27T05:00:00Z".parse().expect("a time"));
    let index = "CREATE INDEX due ON items (du) WHERE du IS NOT NULL";
    for (index_while_writing, what) in
        [("CREATE INDEX due ON items (du) WHERE du < 0", "lacks an entry"), (index, "has an extra entry")]
    {
        let fixture = Fixture::with_state().await;
        let schema = |sql: &str| {
            let connection = Connection::open(&fixture.path).expect("the file");
            connection.execute_batch("PRAGMA writable_schema = ON").expect("a writable schema");
            let changed = "UPDATE sqlite_schema SET sql = ?1 WHERE name = 'due'";
            assert_eq!(connection.execute(changed, [sql]).expect("written"), 1);
        };
        let rows = |sql: &str| {
            let connection = Connection::open(&fixture.path).expect("the file");
            connection.execute_batch(sql).expect("a row")
        };
        fixture.store().await.write(put(Item { due: due(), ..item("seen") })).await.expect("a put");
        schema(index_while_writing);
        match what {
            "lacks an entry" => rows("INSERT INTO items VALUES ('p', 'lost', 1, 7, NULL, '{}', '{}')"),
            // The index keeps an entry that the table no longer has.
            _ => {
                schema("CREATE INDEX due ON items (du) WHERE du < 0");
                rows("UPDATE items SET du = NULL WHERE sk = 'seen'");
            }
        }
        schema(index);
        let refused = SqliteStore::open(&fixture.path, clock(), None).await.expect_err(what);
        assert!(matches!(refused, FileError::Damaged { .. }), "{what}: {refused:?}");
        let copied = SqliteStore::snapshot(&fixture.path, &fixture.file("copy.db")).await;
        assert!(copied.is_err(), "{what}: {copied:?}");
    }
}
