//! The state file: restarts, checkpoints, permissions and the lock.

use std::os::unix::fs::PermissionsExt;

use sluice_commands::ports::{Store, StoreError};
use sluice_state::{FileError, SqliteLock, SqliteStore};

use crate::{Fixture, clock, item, key, put};

#[tokio::test]
async fn writes_survive_a_restart() {
    let fixture = Fixture::with_state().await;
    fixture.store().await.write(put(item("a"))).await.expect("a put");
    assert!(!fixture.file("state.db-wal").exists(), "closing the store checkpoints the log");
    let store = fixture.store().await;
    assert_eq!(store.get(&key("a")).await, Ok(Some(item("a"))));
    assert_eq!(store.write(put(item("a"))).await, Err(StoreError::Lost(vec![0])));
}

#[tokio::test]
async fn after_a_checkpoint_the_open_file_alone_is_the_whole_state() {
    let fixture = Fixture::with_state().await;
    let store = fixture.store().await;
    store.write(put(item("a"))).await.expect("a put");
    store.checkpoint().await.expect("a checkpoint");
    std::fs::copy(&fixture.path, fixture.file("copy.db")).expect("a copy");
    let copy = SqliteStore::open(&fixture.file("copy.db"), clock(), None).await.expect("the copy opens");
    assert_eq!(copy.get(&key("a")).await, Ok(Some(item("a"))));
    store.write(put(item("b"))).await.expect("a later put");
    assert_eq!(store.get(&key("b")).await, Ok(Some(item("b"))));
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let fixture = Fixture::with_state().await;
    let mode = |name: &str| {
        let metadata = std::fs::metadata(fixture.file(name)).expect("the file exists");
        metadata.permissions().mode() & 0o777
    };
    let store = fixture.store().await;
    store.write(put(item("a"))).await.expect("a put");
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    drop(store);
    // A mode as after `cp`.
    std::fs::set_permissions(&fixture.path, PermissionsExt::from_mode(0o644)).expect("a mode");
    let lock = SqliteLock::acquire(&fixture.path).expect("the lock");
    let store = SqliteStore::open(&fixture.path, clock(), Some(lock)).await.expect("the state opens");
    store.write(put(item("b"))).await.expect("a put");
    SqliteStore::snapshot(&fixture.path, &fixture.file("copy.db")).await.expect("a copy");
    for name in ["state.db", "state.db-wal", "state.db-shm", "state.db-lock", "copy.db"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[tokio::test]
async fn one_process_at_a_time_serves_a_file() {
    let fixture = Fixture::with_state().await;
    let lock = SqliteLock::acquire(&fixture.path).expect("the lock");
    let store = SqliteStore::open(&fixture.path, clock(), Some(lock)).await.expect("the state opens");
    let held = SqliteLock::acquire(&fixture.path).expect_err("another holder");
    assert!(matches!(held, FileError::Held { .. }), "{held:?}");
    assert!(held.to_string().contains(&std::process::id().to_string()), "{held}");
    // `init`, `check` and `backup` need no lock.
    store.write(put(item("a"))).await.expect("a put");
    let second = fixture.store().await;
    assert_eq!(second.get(&key("a")).await, Ok(Some(item("a"))));
    second.write(put(item("b"))).await.expect("another put");
    assert_eq!(store.get(&key("b")).await, Ok(Some(item("b"))));
    drop(store);
    SqliteLock::acquire(&fixture.path).expect("the released lock");
}
