use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::SignedDuration;
use sluice_commands::ports::{Archived, Item, Key, Precondition, Store, Write};
use sluice_model::{Class, PortResult};

use super::*;

/// A bucket in memory.
#[derive(Default)]
struct Bucket(Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl Archive for Bucket {
    async fn keep(&self, _: &Target, _: &str, key: &str, file: &Path) -> PortResult<()> {
        self.0.lock().unwrap().insert(key.into(), std::fs::read(file).unwrap());
        Ok(())
    }
    async fn list(&self, _: &Target, _: &str, prefix: &str) -> PortResult<Vec<Archived>> {
        let bucket = self.0.lock().unwrap();
        let all = bucket.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(all.map(|(key, content)| Archived { key: key.clone(), bytes: content.len() as u64 }).collect())
    }
    async fn fetch(&self, _: &Target, _: &str, key: &str, file: &Path) -> PortResult<()> {
        let found = self.0.lock().unwrap().get(key).cloned();
        let content =
            found.ok_or_else(|| PortError::new("s3:GetObject", Class::Absent, "NoSuchKey", "gone"))?;
        std::fs::write(file, content).unwrap();
        Ok(())
    }
    async fn discard(&self, _: &Target, _: &str, key: &str) -> PortResult<()> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}

struct Scene {
    folder: tempfile::TempDir,
    bucket: Arc<Bucket>,
    place: Place,
}

impl Scene {
    async fn new(bucket: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = match bucket {
            true => Place::Bucket { bucket: "acme".into(), prefix: "sluice".into() },
            false => Place::Folder(folder.path().join("backups")),
        };
        let scene = Self { folder, bucket: Arc::default(), place };
        SqliteStore::create(&scene.state()).await.unwrap();
        scene
    }
    fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }
    fn backups(&self) -> Backups {
        let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
        Backups::new(&self.state(), &self.place, Arc::clone(&self.bucket) as Arc<dyn Archive>, target)
    }
    fn plan(&self, keep: usize) -> BackupPlan {
        BackupPlan { place: self.place.clone(), every: Duration::from_secs(3600), keep }
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
    /// The state is gone, with whatever SQLite kept beside it.
    fn lose(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.folder.path().join(format!("state.db{suffix}")));
        }
    }
    async fn holds(&self, sort: &str) -> bool {
        let store = SqliteStore::open(&self.state(), Arc::new(SystemClock), None).await.unwrap();
        store.get(&key(sort)).await.unwrap().is_some()
    }
    /// Gives a backup the name of one that was taken so many hours before now.
    fn age(&self, name: &str, hours: i64) -> String {
        let time = SystemClock.now() - SignedDuration::from_hours(hours);
        let older = time.strftime(NAME).to_string();
        match &self.place {
            Place::Folder(folder) => std::fs::rename(folder.join(name), folder.join(&older)).unwrap(),
            Place::Bucket { .. } => {
                let mut bucket = self.bucket.0.lock().unwrap();
                let content = bucket.remove(&format!("sluice/{name}")).unwrap();
                bucket.insert(format!("sluice/{older}"), content);
            }
        }
        older
    }
    fn damage(&self, name: &str) {
        match &self.place {
            Place::Folder(folder) => {
                let content = std::fs::read(folder.join(name)).unwrap();
                std::fs::write(folder.join(name), &content[..content.len() / 2]).unwrap();
            }
            Place::Bucket { .. } => {
                let mut bucket = self.bucket.0.lock().unwrap();
                let content = bucket.get_mut(&format!("sluice/{name}")).unwrap();
                content.truncate(content.len() / 2);
            }
        }
    }
    /// What no backup should leave beside the state.
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
fn a_name_is_a_time_and_other_names_are_none() {
    let time: Timestamp = "2026-11-27T03:30:18.007Z".parse().unwrap();
    let name = time.strftime(NAME).to_string();
    assert_eq!(name, "sluice-20261127T033018.007Z.db");
    assert_eq!(taken(&name), Some(time));
    for other in ["sluice-20261127T033018.007Z.db.0123.tmp", "state.db", "sluice-yesterdayZ.db", ""] {
        assert_eq!(taken(other), None, "{other}");
    }
}

#[tokio::test]
async fn the_newest_whole_backup_is_restored_and_only_where_nothing_is() {
    for bucket in [false, true] {
        let scene = Scene::new(bucket).await;
        let backups = scene.backups();
        assert_eq!(backups.names().await, Ok(vec![]));
        for (what, hours) in [("first", 3), ("second", 2), ("third", 1)] {
            scene.write(what).await;
            let name = backups.make().await.unwrap();
            let name = scene.age(name.rsplit('/').next().unwrap(), hours);
            if what == "third" {
                scene.damage(&name);
            }
        }
        let there = backups.restore().await.unwrap_err();
        assert!(
            matches!(&there, Obstacle::Refused(words) if words.contains("is there already")),
            "{there:?}"
        );
        assert!(scene.holds("third").await, "what is there stays");

        std::fs::remove_file(scene.state()).unwrap();
        let restored = backups.restore().await.unwrap().unwrap();
        assert!(restored.contains("sluice-"), "{restored}");
        assert!(scene.holds("second").await && !scene.holds("third").await, "the damaged one is left out");

        std::fs::remove_file(scene.state()).unwrap();
        backups.names().await.unwrap().iter().for_each(|name| scene.damage(name));
        let none = backups.restore().await.unwrap_err();
        assert!(matches!(&none, Obstacle::Refused(words) if words.contains("none of the 3")), "{none:?}");
        assert!(!scene.state().exists());
        assert_eq!(scene.left_over(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn backups_come_at_their_time_and_no_more_are_kept_than_told() {
    for bucket in [false, true] {
        let scene = Scene::new(bucket).await;
        let (backups, plan) = (scene.backups(), scene.plan(3));
        for hours in [9, 8, 7] {
            let name = backups.make().await.unwrap();
            scene.age(name.rsplit('/').next().unwrap(), hours);
        }
        let before = backups.names().await.unwrap();
        assert_eq!(backups.keep_up(&plan).await, Ok(plan.every), "it was due, and the next is in an hour");
        let after = backups.names().await.unwrap();
        assert_eq!((after.len(), &after[1..]), (3, &before[..2]), "the oldest went");
        let wait = backups.keep_up(&plan).await.unwrap();
        assert!(wait <= plan.every && wait > plan.every / 2, "not due again: {wait:?}");
        assert_eq!(backups.names().await.unwrap(), after, "and not made");
        assert_eq!(scene.left_over(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_backup_that_fails_leaves_the_others_alone() {
    let scene = Scene::new(false).await;
    let (backups, plan) = (scene.backups(), scene.plan(1));
    let name = backups.make().await.unwrap();
    let name = scene.age(name.rsplit('/').next().unwrap(), 5);
    std::fs::write(scene.state(), b"damaged").unwrap();
    assert!(backups.keep_up(&plan).await.is_err());
    assert_eq!(backups.names().await, Ok(vec![name]));
}

#[tokio::test]
async fn a_backup_of_the_future_stops_nothing_and_is_restored_last() {
    for bucket in [false, true] {
        let scene = Scene::new(bucket).await;
        let (backups, plan) = (scene.backups(), scene.plan(2));
        let make = async |hours: i64| {
            let name = backups.make().await.unwrap();
            scene.age(name.rsplit('/').next().unwrap(), hours)
        };
        let future = make(-24 * 365).await;
        scene.write("since").await;
        assert_eq!(backups.keep_up(&plan).await, Ok(plan.every), "it was due");
        let names = backups.names().await.unwrap();
        assert_eq!((names.len(), names.last()), (2, Some(&future)));
        assert!(backups.keep_up(&plan).await.unwrap() <= plan.every, "and is not due again");
        assert_eq!(backups.names().await.unwrap(), names);

        scene.lose();
        backups.restore().await.unwrap().unwrap();
        assert!(scene.holds("since").await, "the one with a true time is restored");

        // As the oldest it is the first to go.
        scene.age(&names[0], 2);
        backups.keep_up(&plan).await.unwrap();
        let names = backups.names().await.unwrap();
        assert!(names.len() == 2 && !names.contains(&future), "{names:?}");

        // Where all are of the future, the clock that reads them is wrong: the newest of them is the newest.
        for (name, days) in [(&names[1], -4), (&names[0], -5)] {
            scene.age(name, days * 24);
        }
        scene.lose();
        backups.restore().await.unwrap().unwrap();
        assert!(scene.holds("since").await);
    }
}
