//! The SQLite store: the port's promises, and what becomes of them when files are damaged and processes die.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use rusqlite::Connection;
use serde_json::json;
use sluice_commands::ports::{AuditItem, Guard, Guards, Item, Key, Precondition, Store, StoreError, Write};
use sluice_commands::testing::TestClock;
use sluice_state::{FileError, SqliteLock, SqliteStore, conformance};
use tempfile::TempDir;

/// Set for the child of a test that is to be killed: the state's path.
const VICTIM: &str = "SLUICE_TEST_VICTIM";

fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at("2026-11-27T04:00:00Z".parse().expect("a time")))
}

struct Place {
    folder: TempDir,
    path: PathBuf,
}

impl Place {
    async fn with_state() -> Self {
        let place = Self::empty();
        SqliteStore::create(&place.path).await.expect("an empty state");
        place
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

    /// The names in the folder that no file of ours should have left.
    fn left_over(&self) -> Vec<String> {
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

#[tokio::test]
async fn the_suite_passes() {
    let place = Place::with_state().await;
    conformance::all(&place.store().await).await;
}

#[tokio::test]
async fn what_was_written_is_there_after_a_new_start() {
    let place = Place::with_state().await;
    place.store().await.write(put(item("a"))).await.expect("a put");
    assert!(!place.file("state.db-wal").exists(), "closed, the log is folded into the file");
    let store = place.store().await;
    assert_eq!(store.get(&key("a")).await, Ok(Some(item("a"))));
    assert_eq!(store.write(put(item("a"))).await, Err(StoreError::Lost(vec![0])));
}

#[tokio::test]
async fn folded_the_file_alone_is_the_whole_state_while_it_is_open() {
    let place = Place::with_state().await;
    let store = place.store().await;
    store.write(put(item("a"))).await.expect("a put");
    store.fold().await.expect("nobody is in the way");
    std::fs::copy(&place.path, place.file("copy.db")).expect("a copy");
    let copy = SqliteStore::open(&place.file("copy.db"), clock(), None).await.expect("the copy opens");
    assert_eq!(copy.get(&key("a")).await, Ok(Some(item("a"))));
    store.write(put(item("b"))).await.expect("it goes on");
    assert_eq!(store.get(&key("b")).await, Ok(Some(item("b"))));
}

#[tokio::test]
async fn nobody_else_can_read_the_files() {
    let place = Place::with_state().await;
    let mode = |name: &str| {
        let metadata = std::fs::metadata(place.file(name)).expect("the file is there");
        metadata.permissions().mode() & 0o777
    };
    let store = place.store().await;
    store.write(put(item("a"))).await.expect("a put");
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    drop(store);
    // As somebody's `cp` would have left it.
    std::fs::set_permissions(&place.path, PermissionsExt::from_mode(0o644)).expect("a mode");
    let lock = SqliteLock::take(&place.path).expect("the lock");
    let store = SqliteStore::open(&place.path, clock(), Some(lock)).await.expect("the state opens");
    store.write(put(item("b"))).await.expect("a put");
    SqliteStore::snapshot(&place.path, &place.file("copy.db")).await.expect("a copy");
    for name in ["state.db", "state.db-wal", "state.db-shm", "state.db-lock", "copy.db"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[tokio::test]
async fn one_process_serves_at_a_time() {
    let place = Place::with_state().await;
    let lock = SqliteLock::take(&place.path).expect("the lock");
    let store = SqliteStore::open(&place.path, clock(), Some(lock)).await.expect("the state opens");
    let held = SqliteLock::take(&place.path).expect_err("it is served");
    assert!(matches!(held, FileError::Held { .. }), "{held:?}");
    assert!(held.to_string().contains(&std::process::id().to_string()), "{held}");
    // What `init`, `check` and `backup` do needs no lock.
    store.write(put(item("a"))).await.expect("a put");
    let second = place.store().await;
    assert_eq!(second.get(&key("a")).await, Ok(Some(item("a"))));
    second.write(put(item("b"))).await.expect("another put");
    assert_eq!(store.get(&key("b")).await, Ok(Some(item("b"))));
    drop(store);
    SqliteLock::take(&place.path).expect("given back");
}

#[tokio::test]
async fn what_is_no_state_is_refused_and_left_as_it_is() {
    let place = Place::empty();
    let missing = SqliteStore::open(&place.path, clock(), None).await.expect_err("missing");
    assert_eq!(missing, FileError::Missing(place.path.clone()));
    assert!(!place.path.exists(), "looking makes nothing");

    let database = |pragma: &str| {
        let path = place.file("made.db");
        let _ = std::fs::remove_file(&path);
        let connection = Connection::open(&path).expect("a database");
        connection.execute_batch(&format!("{pragma} CREATE TABLE t (a);")).expect("a table");
        drop(connection);
        std::fs::read(&path).expect("its bytes")
    };
    let ours = "PRAGMA application_id = 1397511491;";
    for (content, wanted) in [
        (Vec::new(), "empty, or was cut off"),
        (vec![7; 40_000], "no SQLite database"),
        (database(""), "another program's database"),
        (database(&format!("{ours} PRAGMA user_version = 9;")), "schema version 9"),
        (database(&format!("{ours} PRAGMA user_version = 2;")), "damaged"),
    ] {
        std::fs::write(&place.path, &content).expect("a file");
        let refused = SqliteStore::open(&place.path, clock(), None).await.expect_err(wanted);
        assert!(refused.to_string().contains(wanted), "{refused}");
        assert!(refused.to_string().contains("left as it is"), "{refused}");
        assert!(matches!(SqliteStore::create(&place.path).await, Err(FileError::Exists(_))));
        assert_eq!(std::fs::read(&place.path).expect("its bytes"), content, "{wanted}");
        std::fs::remove_file(&place.path).expect("removed");
    }
    assert_eq!(place.left_over(), Vec::<String>::new());
}

#[tokio::test]
async fn damage_is_found_at_the_start_and_left_as_it_is() {
    let place = Place::with_state().await;
    let store = place.store().await;
    let writes: Vec<Write> =
        (0..100).map(|n| put(Item { body: json!("x".repeat(1_500)), ..item(&format!("{n:03}")) })).collect();
    store.transact("fill", writes).await.expect("a transaction");
    drop(store);
    let whole = std::fs::read(&place.path).expect("its bytes");
    let mut holed = whole.clone();
    let page = 8192;
    assert!(holed.len() > 12 * page, "several pages: {}", holed.len());
    holed[8 * page..9 * page].fill(0xa5);
    let cut = whole[..whole.len() / 2].to_vec();
    let a_page_short = whole[..whole.len() - page].to_vec();
    for (what, content) in
        [("a page overwritten", holed), ("cut in half", cut), ("cut by a page", a_page_short)]
    {
        std::fs::write(&place.path, &content).expect("a file");
        let refused = SqliteStore::open(&place.path, clock(), None).await.expect_err(what);
        assert!(matches!(refused, FileError::Damaged { .. }), "{what}: {refused:?}");
        assert_eq!(std::fs::read(&place.path).expect("its bytes"), content, "{what}");
        let copy = place.file("copy.db");
        assert!(SqliteStore::snapshot(&place.path, &copy).await.is_err(), "{what}: no copy of damage");
        assert!(!copy.exists() && place.left_over().is_empty(), "{what}");
    }
    std::fs::write(&place.path, whole).expect("a file");
    assert_eq!(place.store().await.get(&key("007")).await.map(|item| item.is_some()), Ok(true));
}

#[tokio::test]
async fn a_log_without_its_file_is_not_played_into_a_new_one() {
    let place = Place::empty();
    std::fs::write(place.file("state.db-wal"), b"what was committed last").expect("a file");
    let refused = SqliteStore::create(&place.path).await.expect_err("a log is left");
    assert!(refused.to_string().contains("state.db-wal"), "{refused}");
    let opened = SqliteStore::open(&place.path, clock(), None).await.expect_err("a log is left");
    assert_eq!(opened, refused, "not merely missing");
}

#[tokio::test]
async fn expired_items_and_tokens_go_after_a_while() {
    let place = Place::with_state().await;
    let clock = clock();
    let store = SqliteStore::open(&place.path, clock.clone(), None).await.expect("the state opens");
    let now = || sluice_commands::ports::Clock::now(&*clock);
    let after = |seconds: i64| Some(now() + jiff::SignedDuration::from_secs(seconds));
    let expiring = |n: usize| put(Item { expires: after(100), ..item(&format!("gone/{n:04}")) });
    for n in 0..12 {
        let writes = (n * 100..(n + 1) * 100).map(expiring).collect();
        store.transact(&format!("fill/{n}"), writes).await.expect("a transaction");
    }
    store.write(put(Item { expires: after(5_000), ..item("stays") })).await.expect("a put");
    let writes = || vec![put(item("once"))];
    store.transact("once", writes()).await.expect("a transaction");

    clock.set(after(595).expect("a time"));
    assert_eq!(store.transact("once", writes()).await, Ok(()), "within ten minutes it is known");
    clock.set(after(100).expect("a time"));
    assert_eq!(store.transact("once", writes()).await, Err(StoreError::Lost(vec![0])), "later it is not");
    // Some go with each write, until none is left.
    for n in 0..4 {
        store.write(put(item(&format!("later/{n}")))).await.expect("a put");
    }
    let rows = |sql: &str| -> i64 {
        let connection = Connection::open(&place.path).expect("the file");
        connection.query_row(sql, [], |row| row.get(0)).expect("a number")
    };
    assert_eq!(rows("SELECT count(*) FROM items WHERE sk LIKE 'gone/%'"), 0);
    assert_eq!(rows("SELECT count(*) FROM tokens"), 0);
    assert_eq!(store.get(&key("stays")).await.map(|item| item.is_some()), Ok(true));
}

/// A precondition that fails in the middle of many that wait takes nobody else with it.
#[tokio::test]
async fn one_that_loses_spoils_no_other() {
    let place = Place::with_state().await;
    let store = place.store().await;
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
        let wanted = if n % 3 == 0 { Err(StoreError::Lost(vec![2])) } else { Ok(()) };
        assert_eq!(answer, wanted, "{n}");
        for half in ["one", "two"] {
            let there = store.get(&key(&format!("{n}/{half}"))).await.expect("a read").is_some();
            assert_eq!(there, n % 3 != 0, "{n}/{half}");
        }
    }
}

/// Reads that every command makes must not walk over what they do not ask for, whatever the file holds.
#[tokio::test]
async fn every_read_finds_its_place_by_an_index() {
    let place = Place::with_state().await;
    let connection = Connection::open(&place.path).expect("the file");
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

/// Not through the port, nor with any other tool that opens the file as it is.
#[tokio::test]
async fn audit_records_are_neither_changed_nor_deleted_in_the_file() {
    let place = Place::with_state().await;
    let record = AuditItem { key: key("a"), schema: 1, body: json!("as it was") };
    place.store().await.write(Write::Audit { item: record.clone() }).await.expect("a record");
    let connection = Connection::open(&place.path).expect("the file");
    for sql in ["UPDATE audit SET b = '1'", "DELETE FROM audit"] {
        let refused = connection.execute(sql, []).expect_err(sql).to_string();
        assert!(refused.contains("audit records are never"), "{sql}: {refused}");
    }
    drop(connection);
    let copy = place.file("copy.db");
    SqliteStore::snapshot(&place.path, &copy).await.expect("a copy");
    let copy = SqliteStore::open(&copy, clock(), None).await.expect("the copy opens");
    let page = copy.audit_records(all_of_p()).await.expect("a query");
    assert_eq!(page.items, [record.into()], "and they are in the backup");
}

fn all_of_p() -> sluice_commands::ports::Query {
    sluice_commands::ports::Query {
        partition: "p".into(),
        prefix: String::new(),
        order: sluice_commands::ports::Order::Ascending,
        limit: None,
        after: None,
    }
}

/// An operation that is not in the index is never carried on: a start must say so. `quick_check` does not see it.
#[tokio::test]
async fn an_index_that_lacks_what_is_due_is_found_at_the_start_and_in_a_copy() {
    let due = || Some("2026-11-27T05:00:00Z".parse().expect("a time"));
    let index = "CREATE INDEX due ON items (du) WHERE du IS NOT NULL";
    for (kept_while_writing, what) in
        [("CREATE INDEX due ON items (du) WHERE du < 0", "lacks one"), (index, "has one too many")]
    {
        let place = Place::with_state().await;
        let schema = |sql: &str| {
            let connection = Connection::open(&place.path).expect("the file");
            connection.execute_batch("PRAGMA writable_schema = ON").expect("the schema can be written");
            let changed = "UPDATE sqlite_schema SET sql = ?1 WHERE name = 'due'";
            assert_eq!(connection.execute(changed, [sql]).expect("written"), 1);
        };
        let rows = |sql: &str| {
            let connection = Connection::open(&place.path).expect("the file");
            connection.execute_batch(sql).expect("a row")
        };
        place.store().await.write(put(Item { due: due(), ..item("seen") })).await.expect("a put");
        schema(kept_while_writing);
        match what {
            "lacks one" => rows("INSERT INTO items VALUES ('p', 'lost', 1, 7, NULL, '{}', '{}')"),
            // As if the index had kept what the table lost.
            _ => {
                schema("CREATE INDEX due ON items (du) WHERE du < 0");
                rows("UPDATE items SET du = NULL WHERE sk = 'seen'");
            }
        }
        schema(index);
        let refused = SqliteStore::open(&place.path, clock(), None).await.expect_err(what);
        assert!(matches!(refused, FileError::Damaged { .. }), "{what}: {refused:?}");
        let copied = SqliteStore::snapshot(&place.path, &place.file("copy.db")).await;
        assert!(copied.is_err(), "{what}: {copied:?}");
    }
}

/// A copy taken while two counters move together has them equal, and is a state that can be served elsewhere.
#[tokio::test]
async fn a_copy_under_load_is_one_moment_and_can_be_served() {
    let place = Place::with_state().await;
    let store = place.store().await;
    let start = |name: &str| put(Item { guards: number("count", 0), ..item(name) });
    store.transact("start", vec![start("left"), start("right")]).await.expect("the counters");
    let stop = AtomicBool::new(false);
    let load = async {
        let mut count = 0;
        while !stop.load(Ordering::SeqCst) {
            let step = |name: &str| Write::Update {
                key: key(name),
                set: number("count", count + 1),
                due: sluice_commands::ports::DueChange::Keep,
                when: Precondition::Equals(number("count", count)),
            };
            // What makes the file grow while it is copied.
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
            let copy = place.file(&format!("copy-{n}.db"));
            SqliteStore::snapshot(&place.path, &copy).await.expect("a copy");
            let opened = SqliteStore::open(&copy, clock(), None).await.expect("the copy opens");
            let (left, right) = (count(&opened, "left").await, count(&opened, "right").await);
            assert_eq!(left, right, "copy {n} is torn");
            let rows = opened
                .query(sluice_commands::ports::Query {
                    partition: "p".into(),
                    prefix: "row/".into(),
                    order: sluice_commands::ports::Order::Ascending,
                    limit: None,
                    after: None,
                })
                .await
                .expect("a query");
            assert_eq!(Some(rows.items.len() as u64), left, "copy {n} is torn");
            seen.push(left.unwrap_or_default());
        }
        stop.store(true, Ordering::SeqCst);
        seen
    };
    let (last, seen) = futures::future::join(load, copies).await;
    assert!(seen.windows(2).all(|pair| pair[0] <= pair[1]) && seen[7] > seen[0], "{seen:?} of {last}");

    let elsewhere = place.file("elsewhere.db");
    let first = place.file("copy-0.db");
    SqliteStore::restore(&first, &elsewhere).await.expect("in its place");
    let restored = SqliteStore::open(&elsewhere, clock(), None).await.expect("the state opens");
    assert_eq!(count(&restored, "left").await, Some(seen[0]));
    restored.write(put(item("goes on"))).await.expect("a put");
    assert!(matches!(SqliteStore::restore(&first, &elsewhere).await, Err(FileError::Exists(_))));
    assert!(matches!(SqliteStore::snapshot(&place.path, &first).await, Err(FileError::Exists(_))));
    assert_eq!(place.left_over(), Vec::<String>::new());
}

/// Not a test: what the next one kills. Counts up, one transaction a step, and says each number that was acknowledged.
#[tokio::test]
async fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let store = SqliteStore::open(Path::new(&path), clock(), None).await.expect("the state opens");
    for n in count(&store, "counter").await.expect("the counter").. {
        store.transact(&format!("step/{n}"), step(n)).await.expect("a step");
        println!("acknowledged {}", n + 1);
    }
}

fn step(n: u64) -> Vec<Write> {
    let count = Write::Update {
        key: key("counter"),
        set: number("count", n + 1),
        due: sluice_commands::ports::DueChange::Keep,
        when: Precondition::Equals(number("count", n)),
    };
    vec![count, put(item(&format!("row/{n:06}")))]
}

/// `kill -9` while it writes: what was acknowledged is there, nothing is there by half, and the step whose answer nobody
/// has seen can be asked for again under its token: it is done once, whether it had been committed or not.
#[tokio::test]
async fn a_process_that_dies_between_commit_and_answer_is_settled_by_the_token() {
    let place = Place::with_state().await;
    let start = Item { guards: number("count", 0), ..item("counter") };
    place.store().await.write(put(start)).await.expect("the counter");
    for round in 1..=6 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "victim", "--nocapture"])
            .env(VICTIM, &place.path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let number =
            |line: &str| line.trim().strip_prefix("acknowledged ").and_then(|n| n.parse::<u64>().ok());
        let (mut line, mut acknowledged, mut steps) = (String::new(), 0, 0);
        while steps < round * 7 {
            line.clear();
            assert!(lines.read_line(&mut line).expect("a line") > 0, "the child ended by itself");
            if let Some(n) = number(&line) {
                acknowledged = n;
                steps += 1;
            }
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        line.clear();
        lines.read_to_string(&mut line).expect("the rest");
        acknowledged = line.lines().filter_map(number).next_back().unwrap_or(acknowledged);

        let store = place.store().await;
        let counted = count(&store, "counter").await.expect("the counter");
        assert!(counted == acknowledged || counted == acknowledged + 1, "{counted} of {acknowledged}");
        let row = |n: u64| key(&format!("row/{n:06}"));
        let last = [counted - 1, counted].map(row);
        assert_eq!(store.get_many(&last).await.map(|rows| rows.len()), Ok(1), "nothing by half");
        // The one whose answer is not known.
        let unknown = acknowledged;
        assert_eq!(store.transact(&format!("step/{unknown}"), step(unknown)).await, Ok(()));
        assert_eq!(store.transact(&format!("step/{unknown}"), step(unknown)).await, Ok(()));
        assert_eq!(count(&store, "counter").await, Some(acknowledged + 1), "once");
    }
}
