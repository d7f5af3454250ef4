//! Measures a large SQLite state file, for the figures of `docs/performance.md`.
//!
//! It fills a file with pipelines and history, and runs `/pipeline status orders` and `/pipeline history orders` on it and,
//! alternately, on a file with only `orders`. Then it runs commands that write. All commands go through the service that
//! handles Slack's deliveries; only Slack itself is missing. It fails if an accepted command has no record.
//!
//! ```text
//! cargo run -p sluice-state --example sqlite_load                       10,000 pipelines, 1,000,000 rows
//! cargo run -p sluice-state --example sqlite_load -- PIPELINES ROWS
//! ```
#![allow(clippy::print_stdout, reason = "it prints its measurements")]
#![allow(clippy::expect_used, reason = "any failure ends the measurement")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use sluice_commands::installation::{Input, Invocation};
use sluice_commands::operation::{Engine, Keys, Settings};
use sluice_commands::ports::{AuditItem, Guards, Item, Precondition, Store, Write};
use sluice_commands::records::{Act, AuditRecord, AuditSubject, to_item};
use sluice_commands::registry;
use sluice_commands::service::Service;
use sluice_commands::testing::samples::{CHANNEL, access, actor, orders};
use sluice_commands::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock, target, world};
use sluice_grammar::Names;
use sluice_model::{OperationId, PipelineName, ReleaseNumber};
use sluice_state::SqliteStore;

/// How many rows one pipeline gets at a time before the other pipelines get theirs.
const BURST: usize = 10;
/// How many pipelines share one transaction, which takes at most a hundred rows.
const PIPELINES_PER_TRANSACTION: usize = 10;
const AT_ONCE: usize = 64;
const READS: usize = 2_000;
const COMMANDS: usize = 2_000;
const STAGES: [(&str, u32); 2] = [("dev", 2), ("prod", 1)];

#[tokio::main]
async fn main() {
    let mut sizes = std::env::args().skip(1).map(|size| size.parse().expect("a number"));
    let (pipelines, rows) = (sizes.next().unwrap_or(10_000), sizes.next().unwrap_or(1_000_000));
    let program = std::env::current_exe().expect("this program");
    let folder = tempfile::tempdir_in(program.parent().expect("a folder")).expect("a folder");
    println!("- disk: {:.2} ms to write and sync 4 KB (median of 200)", sync_time(folder.path()));

    let (empty, full) =
        (Fixture::open(folder.path(), "empty.db").await, Fixture::open(folder.path(), "full.db").await);
    let per_pipeline = rows / pipelines;
    for fixture in [&empty, &full] {
        fixture.fill(&["orders".to_owned()], per_pipeline).await;
    }
    let start = Instant::now();
    let names: Vec<String> = (1..pipelines).map(|n| format!("service-{n:05}")).collect();
    full.fill(&names, per_pipeline).await;
    println!(
        "- file: {pipelines} pipelines with {per_pipeline} rows of history each, {:.0} MB, filled in {:.0} s",
        megabytes(&full.path),
        start.elapsed().as_secs_f64()
    );

    println!("\n| read | p50 empty | p50 full | ratio | p99 empty | p99 full |\n|---|---|---|---|---|---|");
    for (command, text) in [("status", "status"), ("history", "history")] {
        compare(&format!("`/pipeline {command} orders`"), &empty, &full, |_| format!("{text} orders")).await;
        // Another pipeline each time, so its pages are not cached.
        let other = |n: usize| format!("{text} {}", names[n * 7919 % names.len()]);
        compare(&format!("`/pipeline {command}` of any"), &empty, &full, other).await;
    }

    println!("\n| commands at once | accepted a second | p50 | p99 |\n|---|---|---|---|");
    for (round, at_once) in [1, 16, 64, 256].into_iter().enumerate() {
        let some = names.iter().skip(round * COMMANDS).take(COMMANDS);
        full.accept(&some.cloned().collect::<Vec<_>>(), round, at_once).await;
    }
    measure_whole_file(full, &folder.path().join("copy.db")).await;
}

/// Measures reading all of it, as a start does, and copying it, as a backup does.
async fn measure_whole_file(fixture: Fixture, copy: &Path) {
    let path = fixture.path.clone();
    drop(fixture);
    let start = Instant::now();
    let clock = Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().expect("a time")));
    let store = SqliteStore::open(&path, clock, None).await.expect("an open store");
    let opened = start.elapsed().as_secs_f64();
    let start = Instant::now();
    SqliteStore::snapshot(store.path(), copy).await.expect("a copy");
    println!(
        "\n- opened with all checks in {opened:.1} s; copied, with the checks of the copy, in {:.1} s",
        start.elapsed().as_secs_f64()
    );
}

/// A store with the service over it, without a driver.
struct Fixture {
    path: PathBuf,
    store: Arc<SqliteStore>,
    service: Service,
}

impl Fixture {
    async fn open(folder: &Path, name: &str) -> Self {
        let path = folder.join(name);
        SqliteStore::create(&path).await.expect("a file");
        let clock = Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().expect("a time")));
        let store = Arc::new(SqliteStore::open(&path, clock.clone(), None).await.expect("a store"));
        let settings = Settings { drive: false, ..Settings::new("load") };
        let (notifier, runner) = (Arc::<RecordingNotifier>::default(), Arc::<RecordingRunner>::default());
        let world = world(settings, access(), Arc::clone(&store) as Arc<dyn Store>, clock, notifier, runner);
        let engine = Arc::new(Engine::new(Arc::new(world), registry()));
        Self { path, store, service: Service::new(engine, Names::default()) }
    }

    /// Creates pipelines and their history in chronological order.
    async fn fill(&self, names: &[String], rows: usize) {
        let store: &dyn Store = &*self.store;
        stream::iter(names)
            .for_each_concurrent(AT_ONCE, |name| async move {
                // The store in memory collects the records, so each pipeline needs one transaction.
                let records = MemoryStore::new();
                orders(&records, name, &STAGES).await;
                let put = |item| Write::Put { item, when: Precondition::Absent };
                let record =
                    |Item { key, schema, body, .. }| Write::Audit { item: AuditItem { key, schema, body } };
                let audit = records.audit().into_iter().map(record);
                let writes = records.items().into_iter().map(put).chain(audit).collect();
                store.transact(name, writes).await.expect("records");
            })
            .await;
        let bursts = (0..rows.div_ceil(BURST)).flat_map(|burst| {
            names
                .chunks(PIPELINES_PER_TRANSACTION)
                .enumerate()
                .map(move |(chunk, names)| (burst, chunk, names))
        });
        stream::iter(bursts)
            .for_each_concurrent(AT_ONCE, |(burst, chunk, names)| async move {
                let of = |name: &String| (0..BURST).map(|n| row(name, burst * BURST + n)).collect::<Vec<_>>();
                let writes = names.iter().flat_map(of).collect();
                let token = format!("{}/{burst}/{chunk}", names.len());
                store.transact(&token, writes).await.expect("rows");
            })
            .await;
    }

    /// Runs a command. Returns the time until its answer, and the answer.
    async fn run(&self, delivery: &str, command: &str, text: String) -> (Duration, String) {
        let invocation = Invocation {
            delivery: delivery.to_owned(),
            actor: actor("eve"),
            channel: Some(CHANNEL.parse().expect("a channel")),
            input: Input::Slash { command: command.to_owned(), text },
        };
        let start = Instant::now();
        let answer = self.service.handle(invocation).await.expect("an answer");
        (start.elapsed(), format!("{:?}", answer.card))
    }

    /// Runs commands, `at_once` at a time, and checks that each is recorded.
    async fn accept(&self, names: &[String], round: usize, at_once: usize) {
        let delivery = |n: usize| format!("T1:{round}.{n}");
        let start = Instant::now();
        let times: Vec<Duration> = stream::iter(names.iter().enumerate())
            .map(|(n, name)| async move {
                self.run(&delivery(n), "/stage", format!("add {name} staging")).await.0
            })
            .buffer_unordered(at_once)
            .collect()
            .await;
        let took = start.elapsed();
        let keys = Keys::new(&target());
        for n in 0..names.len() {
            let recorded = self.store.get(&keys.inbox(&delivery(n))).await.expect("a read");
            assert!(recorded.is_some(), "an accepted command has no record");
        }
        println!(
            "| {at_once} | {:.0} | {:.1} ms | {:.1} ms |",
            names.len() as f64 / took.as_secs_f64(),
            ms(percentile(&times, 50)),
            ms(percentile(&times, 99))
        );
    }
}

/// Runs reads on both alternately, so other load on the machine affects both equally.
async fn compare(what: &str, empty: &Fixture, full: &Fixture, text: impl Fn(usize) -> String) {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for n in 0..READS + READS / 10 {
        let (one, answer) = empty
            .run("-", "/pipeline", format!("{} orders", text(n).split(' ').next().unwrap_or_default()))
            .await;
        let (other, other_answer) = full.run("-", "/pipeline", text(n)).await;
        assert!(
            answer.len() > 500 && other_answer.len() > 500,
            "both answers have content: {answer}\n{other_answer}"
        );
        // The first tenth warms up.
        if n >= READS / 10 {
            small.push(one);
            large.push(other);
        }
    }
    let of = |times: &[Duration], share| ms(percentile(times, share));
    println!(
        "| {what} | {:.2} ms | {:.2} ms | {:.2} | {:.2} ms | {:.2} ms |",
        of(&small, 50),
        of(&large, 50),
        of(&large, 50) / of(&small, 50),
        of(&small, 99),
        of(&large, 99)
    );
}

fn row(name: &str, n: usize) -> Write {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    let at = begin + SignedDuration::from_secs(n as i64 * 600);
    let pipeline: PipelineName = name.parse().expect("a name");
    let time = at.as_millisecond().unsigned_abs();
    let operation = OperationId::new(ulid::Ulid::from_parts(time, n as u128).to_string()).expect("an id");
    let record = AuditRecord {
        at,
        act: if n.is_multiple_of(2) { Act::Asked } else { Act::Succeeded },
        actor: actor("ann"),
        channel: Some(CHANNEL.parse().expect("a channel")),
        pipeline: Some(pipeline.clone()),
        operation: operation.clone(),
        kind: "deploy".into(),
        command: format!("/deploy {name} #{n}"),
        rule: "operators".into(),
        outcome: "succeeded".into(),
        about: AuditSubject {
            stage: "dev".parse().ok(),
            before: Some(ReleaseNumber(1)),
            after: Some(ReleaseNumber(2)),
            approvers: vec![actor("ben")],
            versions: [(format!("sluice-{name}-Hello"), "12".to_owned())].into(),
            ..AuditSubject::default()
        },
    };
    let key = Keys::new(&target()).audit(&pipeline, at, operation.as_str());
    let Item { key, schema, body, .. } = to_item(key, Guards::new(), &record).expect("an item");
    Write::Audit { item: AuditItem { key, schema, body } }
}

fn percentile(times: &[Duration], share: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() - 1) * share / 100]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn megabytes(path: &Path) -> f64 {
    std::fs::metadata(path).map_or(0.0, |metadata| metadata.len() as f64 / 1e6)
}

/// The median time of the smallest durable write, in milliseconds.
fn sync_time(folder: &Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("sync")).expect("a file");
    let times: Vec<Duration> = (0..200)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).expect("a sync");
            start.elapsed()
        })
        .collect();
    ms(percentile(&times, 50))
}
