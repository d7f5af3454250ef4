//! Stored operations of every schema. Later versions of Sluice must read them and finish what an older one began.
//!
//! One file for each scenario, one JSON value a line: a state (*finished* or *half* way), then its items. *Finished* holds
//! the operation's head, journal and audit records; *half* holds everything that the pipeline keeps.
//!
//! `SLUICE_WRITE_FIXTURES=1 cargo test --workspace --lib fixtures` writes the missing files of the current schema and never
//! overwrites one: another version has to read what this one wrote. Before the first release there is no other version, and
//! a change of what steps record replaces the files: delete the folder first.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::harness::Shared;
use super::cases::{Case, Clean, clean};
use super::fixture::Fixture;
use super::scenarios::{SCENARIOS, Scenario};
use super::users::People;
use crate::operation::testing::{HEAD_SCHEMA, ROW_SCHEMA};
use crate::operation::{Head, Status};
use crate::ports::{Clock, Guard, Guards, Item, Key};
use crate::records::{Act, AuditRecord, RECORD_SCHEMA, from_item};
use crate::testing::{Moment, TestClock};

/// The folder that this version writes, and the newest schemas of rows, heads and records. A row of schema 2 follows the end of an
/// operation, and the operations of these files are not followed up.
const CURRENT: (&str, [u32; 3]) = ("schema-1", [2, 1, 1]);
/// All folders.
const ALL: [&str; 1] = [CURRENT.0];

/// The stored items of one operation at one moment.
struct StoredState {
    /// The time of day when they were written.
    time: Timestamp,
    /// How many calls had changed something in AWS.
    changes: usize,
    items: Vec<Item>,
    audit: Vec<Item>,
}

struct RecordedJournal {
    finished: StoredState,
    half: StoredState,
}

/// One line of a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    State { state: String, time: Timestamp, changes: usize },
    Stored(Stored),
}

#[derive(Serialize, Deserialize)]
struct Stored {
    partition: String,
    sort: String,
    schema: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    guards: BTreeMap<String, Value>,
    body: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

impl From<&Item> for Stored {
    fn from(item: &Item) -> Self {
        let guard = |guard: &Guard| match guard {
            Guard::Number(number) => Value::from(*number),
            Guard::Text(text) => Value::from(text.clone()),
        };
        Self {
            partition: item.key.partition.clone(),
            sort: item.key.sort.clone(),
            schema: item.schema,
            guards: item.guards.iter().map(|(name, is)| (name.clone(), guard(is))).collect(),
            body: item.body.clone(),
            due: item.due,
            expires: item.expires,
        }
    }
}

impl From<Stored> for Item {
    fn from(stored: Stored) -> Self {
        let guard = |value: Value| match value.as_u64() {
            Some(number) => Guard::Number(number),
            None => Guard::Text(value.as_str().expect("a guard").to_owned()),
        };
        Self {
            key: Key { partition: stored.partition, sort: stored.sort },
            schema: stored.schema,
            guards: stored.guards.into_iter().map(|(name, is)| (name, guard(is))).collect::<Guards>(),
            body: stored.body,
            due: stored.due,
            expires: stored.expires,
        }
    }
}

impl StoredState {
    fn lines(&self, state: &str) -> Vec<Line> {
        let head = Line::State { state: state.to_owned(), time: self.time, changes: self.changes };
        let items = self.items.iter().chain(&self.audit).map(|item| Line::Stored(item.into()));
        std::iter::once(head).chain(items).collect()
    }

    /// The head of its one operation.
    fn head(&self) -> Head {
        let heads: Vec<_> = self.items.iter().filter(|item| item.key.sort == "head").collect();
        assert_eq!(heads.len(), 1);
        Head::from_item(heads[0]).unwrap()
    }
}

impl RecordedJournal {
    fn text(&self) -> String {
        let lines = [self.finished.lines("finished"), self.half.lines("half")];
        lines.iter().flatten().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
    }

    fn parse(text: &str) -> Self {
        let mut states = BTreeMap::new();
        let mut current = None;
        for line in text.lines() {
            match serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")) {
                Line::State { state, time, changes } => {
                    let new = StoredState { time, changes, items: vec![], audit: vec![] };
                    current = Some(states.entry(state).or_insert(new));
                }
                Line::Stored(stored) => {
                    let (state, item) = (current.as_mut().expect("a state first"), Item::from(stored));
                    let list = if is_audit(&item) { &mut state.audit } else { &mut state.items };
                    list.push(item);
                }
            }
        }
        let mut state = |name| states.remove(name).unwrap_or_else(|| panic!("no state {name}"));
        Self { finished: state("finished"), half: state("half") }
    }
}

fn is_audit(item: &Item) -> bool {
    item.key.partition.contains("/audit/")
}

fn path(folder: &str, scenario: &Scenario) -> PathBuf {
    let name = format!("{}.jsonl", scenario.name.replace(' ', "-"));
    [env!("CARGO_MANIFEST_DIR"), "src/operation/tests/matrix/fixtures", folder, &name].iter().collect()
}

/// A run that stops after so many changes in AWS. An operation that changes nothing there stops before its end; the end of
/// a lock is far away.
fn until(clean: &Clean, changes: usize) -> Case {
    match changes.checked_sub(1).and_then(|last| clean.changes.get(last)) {
        Some(call) => Case::death_at_cloud(*call, Moment::After),
        None => Case::death_at_store(clean.store.saturating_sub(3).min(8), Moment::Before),
    }
}

/// Plays a scenario until it stops there.
async fn stopped(scenario: &Scenario, fixture: &Fixture, case: &Case) -> Shared {
    let shared = case.set(fixture);
    let process = shared.process_with("first", case.death, |_| {});
    shared.first_run(&process, scenario, case).await;
    shared
}

/// The items of the new operation alone, and its audit records.
fn finished(shared: &Shared, fixture: &Fixture) -> StoredState {
    let id = &shared.new_heads(fixture)[0].id;
    let mut audit = shared.store.audit();
    audit.retain(|item| item.key.sort.contains(&format!("/{id}/")));
    StoredState {
        time: shared.clock.now(),
        changes: shared.fake_aws.effects().len(),
        items: shared
            .store
            .matching(|item| sluice_engine::Keys::operation_of(&item.key).as_ref() == Some(id)),
        audit,
    }
}

/// Everything that is needed to carry the new operation on: no earlier operation, no delivery.
fn half(shared: &Shared, fixture: &Fixture) -> StoredState {
    let old = fixture.known();
    let is_old =
        |item: &Item| sluice_engine::Keys::operation_of(&item.key).is_some_and(|id| old.contains(&id));
    let is_kept = |item: &Item| !is_old(item) && !item.key.partition.contains("/inbox/");
    StoredState {
        time: shared.clock.now(),
        changes: shared.fake_aws.effects().len(),
        items: shared.store.matching(is_kept),
        audit: vec![],
    }
}

async fn written(scenario: &Scenario) -> RecordedJournal {
    let fixture = Fixture::of(scenario).await;
    let whole = fixture.open();
    whole.play(scenario, &Case::default()).await;
    let clean = clean(scenario, &fixture).await;
    let stopped = stopped(scenario, &fixture, &until(&clean, clean.changes.len().div_ceil(2))).await;
    RecordedJournal { finished: finished(&whole, &fixture), half: half(&stopped, &fixture) }
}

fn read(folder: &str, scenario: &Scenario) -> RecordedJournal {
    let path = path(folder, scenario);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}: write it with SLUICE_WRITE_FIXTURES=1", path.display());
    });
    RecordedJournal::parse(&text)
}

#[test]
fn a_raised_schema_has_its_own_fixtures() {
    assert_eq!(CURRENT.1, [ROW_SCHEMA, HEAD_SCHEMA, RECORD_SCHEMA]);
}

#[tokio::test(start_paused = true)]
async fn this_version_reads_and_finishes_operations_of_every_schema() {
    let mut read_in = BTreeMap::new();
    for scenario in SCENARIOS {
        let path = path(CURRENT.0, scenario);
        if std::env::var_os("SLUICE_WRITE_FIXTURES").is_some() && !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, written(scenario).await.text()).unwrap();
        }
        let fixture = Fixture::of(scenario).await;
        let clean = clean(scenario, &fixture).await;
        for folder in ALL {
            // A scenario of a later version has no file of earlier schemas; the count below notices a lost one.
            if folder != CURRENT.0 && !self::path(folder, scenario).exists() {
                continue;
            }
            *read_in.entry(folder).or_insert(0) += 1;
            let context = format!("{folder}: {}", scenario.name);
            let recorded = read(folder, scenario);
            folds(&recorded.finished, scenario, Status::Succeeded, &context).await;
            folds(&recorded.half, scenario, Status::Running, &context).await;
            audit_is_read(&recorded.finished, &context);
            carries_on(&recorded.half, scenario, &fixture, &clean, &context).await;
        }
    }
    assert_eq!(read_in, [(CURRENT.0, SCENARIOS.len())].into());
}

/// The journal folds to what its head says.
async fn folds(stored: &StoredState, scenario: &Scenario, status: Status, context: &str) {
    let clock = Arc::new(TestClock::at(stored.time));
    let fake_aws = crate::testing::FakeAws::new(clock.clone());
    let shared = Fixture::with(stored.items.clone(), fake_aws, clock).open();
    let head = stored.head();
    let op = shared.op(&head.id).await;
    assert_eq!((op.sequence, op.status()), (head.sequence, status), "{context}");
    assert_eq!(op.spec.kind, scenario.kind, "{context}");
    assert!(op.spec.params.is_object(), "{context}: its parameters are known");
}

/// This version reads the audit records of an acceptance and an end.
fn audit_is_read(stored: &StoredState, context: &str) {
    let records = stored.audit.iter().map(|item| from_item::<AuditRecord>(item).unwrap());
    let acts: Vec<_> = records.map(|record| record.act).collect();
    for act in [Act::Asked, Act::Succeeded] {
        assert!(acts.contains(&act), "{context}: {acts:?}");
    }
}

/// The stored items in the world of that time: this version finishes the operation.
async fn carries_on(
    stored: &StoredState,
    scenario: &Scenario,
    fixture: &Fixture,
    clean: &Clean,
    context: &str,
) {
    let world = stopped(scenario, fixture, &until(clean, stored.changes)).await;
    assert_eq!(world.fake_aws.effects().len(), stored.changes, "{context}: this version does not get as far");
    let clock = Arc::new(TestClock::at(stored.time));
    let left = Fixture::with(stored.items.clone(), world.fake_aws.copy(clock.clone()), clock);
    let shared = left.open();
    let process = shared.process("later");
    tokio::select! {
        biased;
        died = process.run_until(async || shared.has_ended(1)) => assert!(!died, "{context}"),
        () = process.decide(&shared, People::Prompt) => {}
    }
    let ended = shared.head(&stored.head().id).await;
    let context = format!("{context}: {:#?}", shared.journal(&ended.id));
    assert_eq!(ended.status, Status::Succeeded, "{context}");
    assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{context}");
    assert!(shared.is_settled(), "{context}");
}
