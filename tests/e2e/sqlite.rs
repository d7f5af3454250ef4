//! State in a SQLite file: set up, served by one process, backed up while in use, and restored elsewhere.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sluice_e2e::{Bot, Options, PATIENCE, World, eventually};

/// Shorter than on real AWS: a bot that starts elsewhere waits this long before it takes over operations.
const LEASE: (&str, &str) = ("SLUICE_LEASE", "3");

fn is_private(path: &Path) -> bool {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600
}

#[tokio::test]
async fn operations_continue_elsewhere_from_a_backup() {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    let (ann, bob) = (world.ann(), world.bob());
    let folder = |name: &str| {
        let folder = world.folder().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    };
    let (here, there, copies) = (folder("here"), folder("there"), folder("copies"));
    let state_here = format!("sqlite:{}", here.join("state.db").display());
    let state = [("SLUICE_STATE", state_here.as_str()), LEASE];

    let (status, printed) = Bot::run(&world, &["serve"], &state);
    assert_eq!(status, Some(3), "{printed}");
    assert!(printed.contains("sluice init"), "{printed}");
    let mut target = String::new();
    for _ in 0..2 {
        let (status, printed) = Bot::run(&world, &["init"], &state);
        assert_eq!(status, Some(0), "{printed}");
        let region = printed.lines().find_map(|line| line.strip_prefix("account and region: "));
        region.unwrap().clone_into(&mut target);
    }
    assert!(is_private(&here.join("state.db")));

    let own = folder("own-copies").display().to_string();
    let bot = Bot::serve(&world, &[&state[..], &[("SLUICE_BACKUP", own.as_str())]].concat()).await;
    let (status, printed) =
        Bot::run(&world, &["serve"], &[&state[..], &[("SLUICE_LISTEN", "127.0.0.1:0")]].concat());
    assert_eq!(status, Some(3), "{printed}");
    assert!(printed.contains("served by another process"), "{printed}");
    let (status, printed) = Bot::run(&world, &["check"], &state);
    assert_eq!(status, Some(0), "{printed}");

    world.submit(ann, "/repo create moved from sam").await.succeeds().await;
    world.submit(ann, "/build moved").await.succeeds().await;
    world.submit(ann, "/deploy moved").await.succeeds().await.says(&["r1 is live on dev"]);
    world.submit(ann, "/stage add moved prod").await.succeeds().await;
    let promotion = world.submit(ann, "/promote moved prod").await;
    let waiting = promotion.waits().await;
    let build = world.submit(ann, "/build moved").await;
    // The build is recorded once it has a message. On a busy disk the answer may be earlier.
    eventually("the build has a message", PATIENCE, async || match build.messages().await.len() {
        0 => Err(format!("no message; the answer was {:?}", build.reply)),
        _ => Ok(()),
    })
    .await;
    let copies = copies.display().to_string();
    let (status, printed) = Bot::run(&world, &["backup", &copies], &state);
    assert_eq!(status, Some(0), "{printed}");
    bot.kill();
    let copied: Vec<_> = std::fs::read_dir(&copies).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(copied.len() == 1 && is_private(&copied[0]), "{copied:?}");
    let kept: Vec<_> = std::fs::read_dir(&own).unwrap().collect();
    assert_eq!(kept.len(), 1, "the bot makes one backup at its start, and the next an hour later: {kept:?}");

    let state_there = format!("sqlite:{}", there.join("state.db").display());
    let state = [("SLUICE_STATE", state_there.as_str()), ("SLUICE_BACKUP", copies.as_str()), LEASE];
    let bot = Bot::serve(&world, &state).await;
    let log = std::fs::read_to_string(world.folder().join("bot.log")).unwrap();
    assert!(log.contains("restored the missing state"), "{}", world.log_tail());
    build.succeeds().await.says(&["#2"]);
    world.click(bob, &waiting, "promotion.approve").await;
    promotion.succeeds().await.says(&["r1 is live on prod", &format!("Approved by <@{bob}>")]);
    world.submit(ann, "/build moved").await.succeeds().await.says(&["#3"]);
    // Two builds of one commit are equal: nothing to deploy.
    world.command(ann, "/deploy moved #2").await.says(&["dev of moved already runs r1"]);
    world.expect_response("moved", "prod", "Hello from moved").await;

    // And with S3: the artifact bucket exists.
    let bucket = format!("s3://sluice-{}/backups", target.replace('/', "-"));
    let by_bucket = [("SLUICE_STATE", state_there.as_str()), ("SLUICE_BACKUP", bucket.as_str()), LEASE];
    let (status, printed) = Bot::run(&world, &["backup", &bucket], &by_bucket);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains(&bucket), "{printed}");
    drop(bot);
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(there.join(name));
    }
    // `init` before each `serve` must not begin with an empty state.
    let (status, printed) = Bot::run(&world, &["init"], &by_bucket);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains(&format!("is restored from {bucket}/sluice-")), "{printed}");
    let _bot = Bot::serve(&world, &by_bucket).await;
    let runs = world.releases("moved").await;
    assert_eq!((runs["dev"].as_str(), runs["prod"].as_str()), ("r1", "r1"));
    world.submit(ann, "/build moved").await.succeeds().await.says(&["#4"]);
}

#[tokio::test]
async fn an_unusable_file_stops_the_start_and_is_not_changed() {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    let path = world.folder().join("state.db");
    let state = format!("sqlite:{}", path.display());
    let state = [("SLUICE_STATE", state.as_str())];
    let (status, printed) = Bot::run(&world, &["init"], &state);
    assert_eq!(status, Some(0), "{printed}");

    let elsewhere = [&state[..], &[("AWS_REGION", "eu-central-1")]].concat();
    for what in ["serve", "init"] {
        let (status, printed) = Bot::run(&world, &[what], &elsewhere);
        assert_eq!(status, Some(3), "{what}: {printed}");
        assert!(printed.contains("belongs to account and region"), "{what}: {printed}");
    }

    let whole = std::fs::read(&path).unwrap();
    let cut = whole[..whole.len() / 2].to_vec();
    for (content, wanted) in
        [(b"what was here before".to_vec(), "not an SQLite database"), (cut, "is damaged")]
    {
        std::fs::write(&path, &content).unwrap();
        for what in ["serve", "init", "backup"] {
            let place = world.folder().join("copies").display().to_string();
            let arguments = if what == "backup" { vec![what, &place] } else { vec![what] };
            let (status, printed) = Bot::run(&world, &arguments, &state);
            assert_eq!(status, Some(3), "{what}: {printed}");
            assert!(printed.contains(wanted), "{what}: {printed}");
            assert_eq!(std::fs::read(&path).unwrap(), content, "{what}");
        }
        let (status, printed) = Bot::run(&world, &["check"], &state);
        assert_eq!(status, Some(1), "{printed}");
        assert!(printed.contains(wanted), "{printed}");
    }
    let (status, printed) = Bot::run(&world, &["backup", "copies"], &[]);
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("point-in-time recovery"), "{printed}");
}
