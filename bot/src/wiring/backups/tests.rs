use parking_lot::Mutex;
use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::SignedDuration;
use sluice_commands::ports::{Archived, Item, Key, Precondition, Store, Write};
use sluice_model::{Class, PortResult};

use super::*;

#[derive(Default)]
struct Bucket(Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl Archive for Bucket {
    async fn keep(&self, _: &Target, _: &str, key: &str, file: &Path) -> PortResult<()> {
        self.0.lock().insert(key.into(), std::fs::read(file).unwrap());
        Ok(())
    }
    async fn list(&self, _: &Target, _: &str, prefix: &str) -> PortResult<Vec<Archived>> {
        let bucket = self.0.lock();
        let all = bucket.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(all.map(|(key, content)| Archived { key: key.clone(), bytes: content.len() as u64 }).collect())
    }
    async fn fetch(&self, _: &Target, _: &str, key: &str, file: &Path) -> PortResult<()> {
        let found = self.0.lock().get(key).cloned();
        let content =
            found.ok_or_else(|| PortError::new("s3:GetObject", Class::Absent, "NoSuchKey", "gone"))?;
        std::fs::write(file, content).unwrap();
        Ok(())
    }
    async fn discard(&self, _: &Target, _: &str, key: &str) -> PortResult<()> {
        self.0.lock().remove(key);
        Ok(())
    }
}

struct Fixture {
    folder: tempfile::TempDir,
    bucket: Arc<Bucket>,
    location: BackupLocation,
}

impl Fixture {
    async fn new(bucket: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = match bucket {
            true => BackupLocation::Bucket { bucket: "acme".into(), prefix: "sluice".into() },
            false => BackupLocation::Folder(folder.path().join("backups")),
        };
        let fixture = Self { folder, bucket: Arc::default(), location };
        SqliteStore::create(&fixture.state()).await.unwrap();
        fixture
    }
    fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }
    fn backups(&self) -> Backups {
        let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
        Backups::new(&self.state(), &self.location, Arc::clone(&self.bucket) as Arc<dyn Archive>, target)
    }
    fn plan(&self, keep: usize) -> BackupPlan {
        BackupPlan { location: self.location.clone(), every: Duration::from_secs(3600), keep }
    }
    async fn write(&self, sort: &str) {
        let store = SqliteStore::open(&self.state(), Arc::new(SystemClock), None).await.unwrap();
        let item = Item {
            key: key(sort),
            schema: 1,
            guards: Default::default(),
            body: serde_json::json!(sort),
            due: None,
            expires: None,
        };
        store.write(Write::Put { item, when: Precondition::Absent }).await.unwrap();
    }
    /// Deletes the state, with SQLite's other files.
    fn lose(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.folder.path().join(format!("state.db{suffix}")));
        }
    }
    async fn holds(&self, sort: &str) -> bool {
        let store = SqliteStore::open(&self.state(), Arc::new(SystemClock), None).await.unwrap();
        store.get(&key(sort)).await.unwrap().is_some()
    }
    /// Renames a backup as if it was made this many hours ago.
    fn age(&self, name: &str, hours: i64) -> String {
        let time = SystemClock.now() - SignedDuration::from_hours(hours);
        let older = time.strftime(NAME).to_string();
        match &self.location {
            BackupLocation::Folder(folder) => {
                std::fs::rename(folder.join(name), folder.join(&older)).unwrap()
            }
            BackupLocation::Bucket { .. } => {
                let mut bucket = self.bucket.0.lock();
                let content = bucket.remove(&format!("sluice/{name}")).unwrap();
                bucket.insert(format!("sluice/{older}"), content);
            }
        }
        older
    }
    fn damage(&self, name: &str) {
        match &self.location {
            BackupLocation::Folder(folder) => {
                let content = std::fs::read(folder.join(name)).unwrap();
                std::fs::write(folder.join(name), &content[..content.len() / 2]).unwrap();
            }
            BackupLocation::Bucket { .. } => {
                let mut bucket = self.bucket.0.lock();
                let content = bucket.get_mut(&format!("sluice/{name}")).unwrap();
                content.truncate(content.len() / 2);
            }
        }
    }
    /// Temporary files that a backup should have deleted.
    fn left_over(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).unwrap().flatten();
        let names = names.map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name.contains(".tmp")).collect()
    }
}

fn key(sort: &str) -> Key {
    Key { partition: "p".into(), sort: sort.into() }
}

#[test]
fn the_name_of_a_backup_is_its_time() {
    let time: Timestamp = "2026-11-27T03:30:18.007Z".parse().unwrap();
    let name = time.strftime(NAME).to_string();
    assert_eq!(name, "sluice-20261127T033018.007Z.db");
    assert_eq!(time_of(&name), Some(time));
    for other in ["sluice-20261127T033018.007Z.db.0123.tmp", "state.db", "sluice-yesterdayZ.db", ""] {
        assert_eq!(time_of(other), None, "{other}");
    }
}

#[tokio::test]
async fn the_newest_complete_backup_is_restored_only_where_the_state_is_missing() {
    for bucket in [false, true] {
        let fixture = Fixture::new(bucket).await;
        let backups = fixture.backups();
        assert_eq!(backups.names().await, Ok(vec![]));
        for (what, hours) in [("first", 3), ("second", 2), ("third", 1)] {
            fixture.write(what).await;
            let name = backups.make().await.unwrap();
            let name = fixture.age(name.rsplit('/').next().unwrap(), hours);
            if what == "third" {
                fixture.damage(&name);
            }
        }
        let there = backups.restore().await.unwrap_err();
        assert!(
            matches!(&there, StartupError::Permanent(message) if message.contains("already exists")),
            "{there:?}"
        );
        assert!(fixture.holds("third").await, "an existing state is not changed");

        std::fs::remove_file(fixture.state()).unwrap();
        let restored = backups.restore().await.unwrap().unwrap();
        assert!(restored.contains("sluice-"), "{restored}");
        assert!(fixture.holds("second").await && !fixture.holds("third").await, "the damaged one is skipped");

        std::fs::remove_file(fixture.state()).unwrap();
        backups.names().await.unwrap().iter().for_each(|name| fixture.damage(name));
        let none = backups.restore().await.unwrap_err();
        assert!(
            matches!(&none, StartupError::Permanent(message) if message.contains("all 3 backups")),
            "{none:?}"
        );
        assert!(!fixture.state().exists());
        assert_eq!(fixture.left_over(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn backups_are_made_and_deleted_by_the_plan() {
    for bucket in [false, true] {
        let fixture = Fixture::new(bucket).await;
        let (backups, plan) = (fixture.backups(), fixture.plan(3));
        for hours in [9, 8, 7] {
            let name = backups.make().await.unwrap();
            fixture.age(name.rsplit('/').next().unwrap(), hours);
        }
        let before = backups.names().await.unwrap();
        assert_eq!(backups.run_once(&plan).await, Ok(plan.every), "due; the next one is due in an hour");
        let after = backups.names().await.unwrap();
        assert_eq!((after.len(), &after[1..]), (3, &before[..2]), "the oldest is deleted");
        let wait = backups.run_once(&plan).await.unwrap();
        assert!(wait <= plan.every && wait > plan.every / 2, "not due again: {wait:?}");
        assert_eq!(backups.names().await.unwrap(), after, "no second backup");
        assert_eq!(fixture.left_over(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_failed_backup_deletes_nothing() {
    let fixture = Fixture::new(false).await;
    let (backups, plan) = (fixture.backups(), fixture.plan(1));
    let name = backups.make().await.unwrap();
    let name = fixture.age(name.rsplit('/').next().unwrap(), 5);
    std::fs::write(fixture.state(), b"damaged").unwrap();
    assert!(backups.run_once(&plan).await.is_err());
    assert_eq!(backups.names().await, Ok(vec![name]));
}

#[tokio::test]
async fn a_backup_with_a_time_in_the_future_counts_as_the_oldest() {
    for bucket in [false, true] {
        let fixture = Fixture::new(bucket).await;
        let (backups, plan) = (fixture.backups(), fixture.plan(2));
        let make = async |hours: i64| {
            let name = backups.make().await.unwrap();
            fixture.age(name.rsplit('/').next().unwrap(), hours)
        };
        let future = make(-24 * 365).await;
        fixture.write("since").await;
        assert_eq!(backups.run_once(&plan).await, Ok(plan.every), "due");
        let names = backups.names().await.unwrap();
        assert_eq!((names.len(), names.last()), (2, Some(&future)));
        assert!(backups.run_once(&plan).await.unwrap() <= plan.every, "not due again");
        assert_eq!(backups.names().await.unwrap(), names);

        fixture.lose();
        backups.restore().await.unwrap().unwrap();
        assert!(fixture.holds("since").await, "the one with the true time is restored");

        // As the oldest it is the first to be deleted.
        fixture.age(&names[0], 2);
        backups.run_once(&plan).await.unwrap();
        let names = backups.names().await.unwrap();
        assert!(names.len() == 2 && !names.contains(&future), "{names:?}");

        // If all are in the future, the reading clock is wrong, and they sort by their times.
        for (name, days) in [(&names[1], -4), (&names[0], -5)] {
            fixture.age(name, days * 24);
        }
        fixture.lose();
        backups.restore().await.unwrap().unwrap();
        assert!(fixture.holds("since").await);
    }
}
