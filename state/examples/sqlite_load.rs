//! What the state in a file costs when it is large: the figures of `docs/performance.md`.
//!
//! It fills a file with pipelines and history, asks `/pipeline status orders` and `/pipeline history orders` of it and, in
//! turn, of one that holds nothing but `orders`, and then has commands accepted. All through the service that Slack's
//! deliveries reach, with nothing left out but Slack itself. Every accepted command must have left its record, or it fails.
//!
//! ```text
//! cargo run -p sluice-state --example sqlite_load                       10,000 pipelines, 1,000,000 rows
//! cargo run -p sluice-state --example sqlite_load -- PIPELINES ROWS
//! ```
#![allow(clippy::print_stdout, reason = "it prints what it measured")]
#![allow(clippy::expect_used, reason = "whatever goes wrong ends the measurement")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use sluice_commands::domain::{Act, AuditRecord, AuditSubject, to_item};
use sluice_commands::operation::{Engine, Keys, Settings};
use sluice_commands::operations;
use sluice_commands::ports::{AuditItem, Guards, Item, Precondition, Store, Write};
use sluice_commands::service::{Input, Invocation, Service};
use sluice_commands::testing::samples::{CHANNEL, access, actor, orders};
use sluice_commands::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock, target, world};
use sluice_grammar::Names;
use sluice_model::{OperationId, PipelineName, ReleaseNumber};
use sluice_state::SqliteStore;

/// Rows of one pipeline that come together, as a morning's work does, before the other pipelines have theirs.
const BURST: usize = 10;
/// Pipelines whose rows share one transaction: a hundred rows are the most it takes.
const TOGETHER: usize = 10;
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
        (Office::open(folder.path(), "empty.db").await, Office::open(folder.path(), "full.db").await);
    let per_pipeline = rows / pipelines;
    for office in [&empty, &full] {
        office.fill(&["orders".to_owned()], per_pipeline).await;
    }
    let began = Instant::now();
    let names: Vec<String> = (1..pipelines).map(|n| format!("service-{n:05}")).collect();
    full.fill(&names, per_pipeline).await;
    println!(
        "- file: {pipelines} pipelines with {per_pipeline} rows of history each, {:.0} MB, filled in {:.0} s",
        megabytes(&full.path),
        began.elapsed().as_secs_f64()
    );

    println!("\n| read | p50 empty | p50 full | ratio | p99 empty | p99 full |\n|---|---|---|---|---|---|");
    for (command, text) in [("status", "status"), ("history", "history")] {
        compare(&format!("`/pipeline {command} orders`"), &empty, &full, |_| format!("{text} orders")).await;
        // Not the one whose pages are at hand: another at each question.
        let other = |n: usize| format!("{text} {}", names[n * 7919 % names.len()]);
        compare(&format!("`/pipeline {command}` of any"), &empty, &full, other).await;
    }

    println!("\n| commands at once | accepted a second | p50 | p99 |\n|---|---|---|---|");
    for (round, at_once) in [1, 16, 64, 256].into_iter().enumerate() {
        let some = names.iter().skip(round * COMMANDS).take(COMMANDS);
        full.accept(&some.cloned().collect::<Vec<_>>(), round, at_once).await;
    }
    whole(full, &folder.path().join("copy.db")).await;
}

/// What it takes to read all of it, as a start does, and to copy it, as a backup does.
async fn whole(office: Office, copy: &Path) {
    let path = office.path.clone();
    drop(office);
    let began = Instant::now();
    let clock = Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().expect("a time")));
    let store = SqliteStore::open(&path, clock, None).await.expect("it opens");
    let opened = began.elapsed().as_secs_f64();
    let began = Instant::now();
    SqliteStore::snapshot(store.path(), copy).await.expect("a copy");
    println!(
        "\n- opened, with the look at all of it, in {opened:.1} s; copied, and the copy looked at, in {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

/// A store with the service over it, and nobody who drives.
struct Office {
    path: PathBuf,
    store: Arc<SqliteStore>,
    service: Service,
}

impl Office {
    async fn open(folder: &Path, name: &str) -> Self {
        let path = folder.join(name);
        SqliteStore::create(&path).await.expect("a file");
        let clock = Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().expect("a time")));
        let store = Arc::new(SqliteStore::open(&path, clock.clone(), None).await.expect("a store"));
        let settings = Settings { drive: false, ..Settings::new("load") };
        let (notifier, runner) = (Arc::<RecordingNotifier>::default(), Arc::<RecordingRunner>::default());
        let world = world(settings, access(), Arc::clone(&store) as Arc<dyn Store>, clock, notifier, runner);
        let engine = Arc::new(Engine::new(Arc::new(world), operations::registry()));
        Self { path, store, service: Service::new(engine, Names::default()) }
    }

    /// Makes pipelines, and their history in the order of time.
    async fn fill(&self, names: &[String], rows: usize) {
        let store: &dyn Store = &*self.store;
        stream::iter(names)
            .for_each_concurrent(AT_ONCE, |name| async move {
                // By way of memory: one transaction for each pipeline instead of one for each record.
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
            names.chunks(TOGETHER).enumerate().map(move |(chunk, names)| (burst, chunk, names))
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

    /// Somebody types `/pipeline …` or another command; how long until it is answered.
    async fn types(&self, delivery: &str, command: &str, text: String) -> (Duration, String) {
        let invocation = Invocation {
            delivery: delivery.to_owned(),
            actor: actor("eve"),
            channel: Some(CHANNEL.parse().expect("a channel")),
            said: Input::Slash { command: command.to_owned(), text },
        };
        let began = Instant::now();
        let answer = self.service.handle(invocation).await.expect("an answer");
        (began.elapsed(), format!("{:?}", answer.card))
    }

    /// Has commands accepted, so many at once, and insists that each is recorded.
    async fn accept(&self, names: &[String], round: usize, at_once: usize) {
        let delivery = |n: usize| format!("T1:{round}.{n}");
        let began = Instant::now();
        let times: Vec<Duration> = stream::iter(names.iter().enumerate())
            .map(|(n, name)| async move {
                self.types(&delivery(n), "/stage", format!("add {name} staging")).await.0
            })
            .buffer_unordered(at_once)
            .collect()
            .await;
        let took = began.elapsed();
        let keys = Keys::new(&target());
        for n in 0..names.len() {
            let recorded = self.store.get(&keys.inbox(&delivery(n))).await.expect("a read");
            assert!(recorded.is_some(), "an accepted command left no record");
        }
        println!(
            "| {at_once} | {:.0} | {:.1} ms | {:.1} ms |",
            names.len() as f64 / took.as_secs_f64(),
            ms(percentile(&times, 50)),
            ms(percentile(&times, 99))
        );
    }
}

/// Asks both in turn, so that whatever else the machine does falls on both alike.
async fn compare(what: &str, empty: &Office, full: &Office, text: impl Fn(usize) -> String) {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for n in 0..READS + READS / 10 {
        let (one, said) = empty
            .types("-", "/pipeline", format!("{} orders", text(n).split(' ').next().unwrap_or_default()))
            .await;
        let (other, also) = full.types("-", "/pipeline", text(n)).await;
        assert!(said.len() > 500 && also.len() > 500, "both have something to tell: {said}\n{also}");
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

/// What the disk takes for the least that can be durable, in milliseconds.
fn sync_time(folder: &Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("sync")).expect("a file");
    let times: Vec<Duration> = (0..200)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).expect("a sync");
            began.elapsed()
        })
        .collect();
    ms(percentile(&times, 50))
}
