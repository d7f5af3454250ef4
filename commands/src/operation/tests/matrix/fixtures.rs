//! Journals as versions of Sluice wrote them, kept so that later ones can be held to read them and to carry on what an
//! older one began.
//!
//! `SLUICE_WRITE_FIXTURES=1 cargo test -p sluice-commands fixtures` writes those of this version that are missing, and
//! never one that is there. Before the first release there are no older versions to read: a change of what steps leave
//! replaces them.

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
use crate::operation::{Head, Status};
use crate::ports::{Clock, Guard, Item, Key};
use crate::testing::{Moment, TestClock};

/// The folder of what this version writes.
const CURRENT: &str = "schema-2";
/// All folders.
const ALL: [&str; 1] = [CURRENT];

/// One operation, as it stood at its end and half way.
#[derive(Serialize, Deserialize)]
struct RecordedJournal {
    /// Its tale.
    scenario: String,
    finished: StoredState,
    half: StoredState,
}

#[derive(Serialize, Deserialize)]
struct StoredState {
    /// The time of day when it was written.
    time: Timestamp,
    /// How many calls had changed something in AWS.
    changes: usize,
    items: Vec<Stored>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    partition: String,
    sort: String,
    schema: u32,
    guards: BTreeMap<String, Value>,
    body: Value,
    due: Option<Timestamp>,
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

impl Stored {
    fn item(&self) -> Item {
        let guard = |value: &Value| match value.as_u64() {
            Some(number) => Guard::Number(number),
            None => Guard::Text(value.as_str().expect("a guard").to_owned()),
        };
        Item {
            key: Key { partition: self.partition.clone(), sort: self.sort.clone() },
            schema: self.schema,
            guards: self.guards.iter().map(|(name, is)| (name.clone(), guard(is))).collect(),
            body: self.body.clone(),
            due: self.due,
            expires: self.expires,
        }
    }
}

fn path(folder: &str, scenario: &Scenario) -> PathBuf {
    let name = format!("{}.json", scenario.name.replace(' ', "-"));
    [env!("CARGO_MANIFEST_DIR"), "src/operation/tests/matrix/fixtures", folder, &name].iter().collect()
}

/// A run that stops behind so many changes in AWS; if there are none, before its end, which of a lock is far away.
fn until(clean: &Clean, changes: usize) -> Case {
    match changes.checked_sub(1).and_then(|last| clean.changes.get(last)) {
        Some(call) => Case::death_at_cloud(*call, Moment::After),
        None => Case::death_at_store(clean.store.saturating_sub(3).min(8), Moment::Before),
    }
}

/// Plays a tale until it stops there.
async fn stopped(scenario: &Scenario, fixture: &Fixture, case: &Case) -> Shared {
    let shared = case.set(fixture);
    let process = shared.process_with("first", case.death, |_| {});
    shared.first_life(&process, scenario, case).await;
    shared
}

/// What of a store belongs to one operation and its pipeline.
fn stand(shared: &Shared, fixture: &Fixture) -> StoredState {
    let new = shared.new_heads(fixture);
    let is_old = |item: &Item| {
        let of = crate::operation::Keys::operation_of(&item.key);
        of.is_some_and(|id| new.iter().all(|head| head.id != id))
    };
    let is_kept = |item: &Item| !is_old(item) && !item.key.partition.contains("/inbox/");
    StoredState {
        time: shared.clock.now(),
        changes: shared.fake_aws.effects().len(),
        items: shared.store.such(is_kept).iter().map(Stored::from).collect(),
    }
}

async fn written(scenario: &Scenario) -> RecordedJournal {
    let fixture = Fixture::of(scenario).await;
    let whole = fixture.open();
    whole.play(scenario, &Case::default()).await;
    let clean = clean(scenario, &fixture).await;
    let half = stopped(scenario, &fixture, &until(&clean, clean.changes.len().div_ceil(2))).await;
    RecordedJournal {
        scenario: scenario.name.to_owned(),
        finished: stand(&whole, &fixture),
        half: stand(&half, &fixture),
    }
}

fn read(folder: &str, scenario: &Scenario) -> RecordedJournal {
    let path = path(folder, scenario);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}: write it with SLUICE_WRITE_FIXTURES=1", path.display());
    });
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The one operation among stored items.
fn head(stand: &StoredState) -> Head {
    let heads: Vec<_> = stand.items.iter().map(Stored::item).filter(|item| item.key.sort == "head").collect();
    assert_eq!(heads.len(), 1);
    Head::from_item(&heads[0]).unwrap()
}

#[test]
fn a_schema_that_is_raised_has_its_own_fixtures() {
    assert_eq!(CURRENT, format!("schema-{}", crate::operation::journal::ROW_SCHEMA));
}

#[tokio::test(start_paused = true)]
async fn journals_of_every_version_are_read_and_carried_to_their_end() {
    let mut read_in = BTreeMap::new();
    for scenario in SCENARIOS {
        let path = path(CURRENT, scenario);
        // What is kept is never written again: another version would have to read what this one wrote.
        if std::env::var_os("SLUICE_WRITE_FIXTURES").is_some() && !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = serde_json::to_string_pretty(&written(scenario).await).unwrap();
            std::fs::write(&path, text + "\n").unwrap();
        }
        let fixture = Fixture::of(scenario).await;
        let clean = clean(scenario, &fixture).await;
        for folder in ALL {
            // What came later has no journals of earlier schemas; what is kept is counted below.
            if folder != CURRENT && !self::path(folder, scenario).exists() {
                continue;
            }
            *read_in.entry(folder).or_insert(0) += 1;
            let context = format!("{folder}: {}", scenario.name);
            let recorded = read(folder, scenario);
            assert_eq!(recorded.scenario, scenario.name);
            folds(&recorded.finished, Status::Succeeded, &context).await;
            folds(&recorded.half, Status::Running, &context).await;
            carries_on(&recorded.half, scenario, &fixture, &clean, &context).await;
        }
    }
    assert_eq!(read_in, [(CURRENT, SCENARIOS.len())].into());
}

/// What was stored folds to what its head says.
async fn folds(stand: &StoredState, status: Status, context: &str) {
    let clock = Arc::new(TestClock::at(stand.time));
    let fixture = Fixture::with(
        stand.items.iter().map(Stored::item).collect(),
        crate::testing::FakeAws::new(clock.clone()),
        clock,
    );
    let (shared, head) = (fixture.open(), head(stand));
    let op = shared.op(&head.id).await;
    assert_eq!((op.sequence, op.status()), (head.sequence, status), "{context}");
    assert!(op.spec.params.is_object(), "{context}: its parameters are known");
}

/// The world as it was, and the store as it was left: this version carries on.
async fn carries_on(
    stand: &StoredState,
    scenario: &Scenario,
    fixture: &Fixture,
    clean: &Clean,
    context: &str,
) {
    let world = stopped(scenario, fixture, &until(clean, stand.changes)).await;
    assert_eq!(world.fake_aws.effects().len(), stand.changes, "{context}: this version does not come as far");
    let clock = Arc::new(TestClock::at(stand.time));
    let items = stand.items.iter().map(Stored::item).collect();
    let left = Fixture::with(items, world.fake_aws.copy(clock.clone()), clock);
    let shared = left.open();
    let process = shared.process("later");
    tokio::select! {
        biased;
        died = process.live_until(async || shared.has_ended(1)) => assert!(!died, "{context}"),
        () = process.decide(&shared, People::Prompt) => {}
    }
    let ended = shared.head(&head(stand).id).await;
    let context = format!("{context}: {:#?}", shared.journal(&ended.id));
    assert_eq!(ended.status, Status::Succeeded, "{context}");
    assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{context}");
    assert!(shared.is_settled(), "{context}");
}
