//! The SQLite store: conformance, and its behaviour with damaged files and killed processes.

mod backup;
mod crash;
mod damage;
mod files;
mod rows;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use sluice_commands::ports::{Guard, Guards, Item, Key, Order, Precondition, Query, Store, Write};
use sluice_commands::testing::TestClock;
use sluice_state::{SqliteStore, conformance};
use tempfile::TempDir;

fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at("2026-11-27T04:00:00Z".parse().expect("a time")))
}

/// A folder with a state file.
struct Fixture {
    folder: TempDir,
    path: PathBuf,
}

impl Fixture {
    async fn with_state() -> Self {
        let fixture = Self::empty();
        SqliteStore::create(&fixture.path).await.expect("an empty state");
        fixture
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        Self { folder, path }
    }

    async fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path, clock(), None).await.expect("the state opens")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The temporary files in the folder, of which none should be left.
    fn leftovers(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).expect("the folder").flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.contains(".tmp")).collect()
    }
}

fn key(sort: &str) -> Key {
    Key { partition: "p".into(), sort: sort.into() }
}

fn number(name: &str, value: u64) -> Guards {
    Guards::from([(name.to_owned(), Guard::Number(value))])
}

fn item(sort: &str) -> Item {
    Item {
        key: key(sort),
        schema: 1,
        guards: Guards::new(),
        body: json!({"at": sort}),
        due: None,
        expires: None,
    }
}

fn put(item: Item) -> Write {
    Write::Put { item, when: Precondition::Absent }
}

async fn count(store: &SqliteStore, sort: &str) -> Option<u64> {
    let item = store.get(&key(sort)).await.expect("a read")?;
    match item.guards.get("count") {
        Some(Guard::Number(count)) => Some(*count),
        other => panic!("{other:?}"),
    }
}

/// All items of the partition whose sort keys have this prefix.
fn query(prefix: &str) -> Query {
    Query { partition: "p".into(), prefix: prefix.into(), order: Order::Ascending, limit: None, after: None }
}

#[tokio::test]
async fn the_conformance_suite_passes() {
    let fixture = Fixture::with_state().await;
    conformance::all(&fixture.store().await).await;
}
