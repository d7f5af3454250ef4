//! Buckets and their objects.

use sluice_commands::ports::{Archived, LifecycleRule, Object, Tags, Versioning};
use sluice_model::Class;
use std::os::unix::fs::PermissionsExt;

use super::{BUCKET, put, tags};
use crate::harness::ministack::Ministack;
use crate::harness::{aws, summary, target};

#[tokio::test]
async fn a_bucket_and_its_objects() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.objects;
    assert_eq!(port.bucket(&target(), BUCKET).await, Ok(None));

    assert_eq!(port.create_bucket(&target(), BUCKET, &tags()).await, Ok(()));
    let again = port.create_bucket(&target(), BUCKET, &Tags::new()).await.unwrap_err();
    assert_eq!(summary(&again), ("s3:CreateBucket", Class::Conflict, "BucketAlreadyOwnedByYou"));
    assert_eq!(port.bucket_tags(&target(), BUCKET).await, Ok(tags()));
    let bare = port.bucket(&target(), BUCKET).await.expect("a look").expect("the resource exists");
    assert_eq!((bare.versioning, &bare.policy, &bare.lifecycle), (Versioning::Off, &None, &vec![]));
    assert_eq!(port.versioning(&target(), BUCKET).await, Ok(Some(Versioning::Off)));
    assert_eq!(port.versioning(&target(), "sluice-no-such-bucket").await, Ok(None));
    let unversioned = port.put_empty(&target(), BUCKET, "probe").await.expect("it is stored");
    assert!(unversioned.is_none_or(|version| version == "null"), "not versioned yet");

    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*",
        "Resource":"arn:aws:s3:::{BUCKET}/*","Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}]}}"#
    );
    for _ in 0..2 {
        assert_eq!(port.set_versioning(&target(), BUCKET).await, Ok(()));
        assert_eq!(port.block_public_access(&target(), BUCKET).await, Ok(()));
    }
    let version = put(&emulator, "a/b.json", b"{}".to_vec()).await;
    let whole = Some(Object { content: "{}".into(), version: Some(version.clone()) });
    assert_eq!(port.object(&target(), BUCKET, "a/b.json", None, 2).await, Ok(whole.clone()));
    put(&emulator, "a/b.json", b"[1]".to_vec()).await;
    assert_eq!(port.object(&target(), BUCKET, "a/b.json", Some(&version), 2).await, Ok(whole));
    let large = port.object(&target(), BUCKET, "a/b.json", None, 2).await.unwrap_err();
    assert_eq!(summary(&large), ("s3:GetObject", Class::Invalid, "EntityTooLarge"));
    assert_eq!(port.object(&target(), BUCKET, "none", None, 2).await, Ok(None));

    let create =
        async |content: &'static str| port.create_object(&target(), BUCKET, "once", content.into()).await;
    assert_eq!((create("one").await, create("two").await), (Ok(true), Ok(false)));
    let once = port.object(&target(), BUCKET, "once", None, 9).await.expect("a look").expect("an object");
    assert_eq!(once.content, "one");

    assert_eq!(port.set_policy(&target(), BUCKET, &policy).await, Ok(()));
    let rule = |id: &str, prefix: &str| LifecycleRule {
        id: id.into(),
        enabled: true,
        prefix: prefix.into(),
        expire_versions_after: Some(3),
        ..LifecycleRule::default()
    };
    let uploads = LifecycleRule {
        id: "uploads".into(),
        enabled: true,
        abort_uploads_after: Some(7),
        ..LifecycleRule::default()
    };
    let set = async |rules: &[LifecycleRule]| port.set_lifecycle_rules(&target(), BUCKET, rules).await;
    assert_eq!(set(&[rule("theirs", "backups/")]).await, Ok(()));
    assert_eq!(set(&[uploads.clone(), rule("probes", "old")]).await, Ok(()));
    assert_eq!(set(&[uploads.clone(), rule("probes", "probe")]).await, Ok(()));
    let state = port.bucket(&target(), BUCKET).await.expect("a look").expect("the resource exists");
    assert_eq!((state.versioning, state.private), (Versioning::Enabled, true));
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(state.policy.as_deref().map(read), Some(read(&policy)));
    let mut rules = state.lifecycle;
    rules.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(rules, [rule("probes", "probe"), rule("theirs", "backups/"), uploads]);

    let version = port.put_empty(&target(), BUCKET, "probe").await.expect("it is stored").expect("versioned");
    for version in [version.as_str(), "null", "null"] {
        assert_eq!(port.delete_version(&target(), BUCKET, "probe", version).await, Ok(()));
    }
    assert_eq!(port.object(&target(), BUCKET, "probe", None, 2).await, Ok(None));
}

/// Larger than one chunk, and with varied content.
#[tokio::test]
async fn whole_files_are_stored_and_fetched() {
    let emulator = Ministack::start().await;
    let aws = aws(&emulator.url).await;
    aws.objects.create_bucket(&target(), BUCKET, &tags()).await.expect("a bucket");
    let port = aws.archive;
    let folder = tempfile::tempdir().expect("a folder");
    let (file, back) = (folder.path().join("state.db"), folder.path().join("back.db"));
    let content: Vec<u8> = (0..3_000_017u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&file, &content).expect("a file");

    assert_eq!(port.list(&target(), BUCKET, "sluice/").await, Ok(vec![]));
    for key in ["sluice/b.db", "sluice/a.db", "sluicex"] {
        assert_eq!(port.keep(&target(), BUCKET, key, &file).await, Ok(()));
    }
    let listed = port.list(&target(), BUCKET, "sluice/").await.expect("a list");
    let archived = |key: &str| Archived { key: key.into(), bytes: content.len() as u64 };
    assert_eq!(listed, [archived("sluice/a.db"), archived("sluice/b.db")]);

    assert_eq!(port.fetch(&target(), BUCKET, "sluice/a.db", &back).await, Ok(()));
    assert_eq!(std::fs::read(&back).expect("a file"), content);
    let mode = std::fs::metadata(&back).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only the owner can read it");
    let again = port.fetch(&target(), BUCKET, "sluice/a.db", &back).await.unwrap_err();
    assert_eq!(
        summary(&again),
        ("s3:GetObject", Class::Invalid, "LocalFile"),
        "an existing file is not overwritten"
    );

    for _ in 0..2 {
        assert_eq!(port.discard(&target(), BUCKET, "sluice/a.db").await, Ok(()));
    }
    let gone = port.fetch(&target(), BUCKET, "sluice/a.db", &folder.path().join("c")).await.unwrap_err();
    assert_eq!(summary(&gone), ("s3:GetObject", Class::Absent, "NoSuchKey"));
    let missing = port.keep(&target(), BUCKET, "x", &folder.path().join("none")).await.unwrap_err();
    assert_eq!(summary(&missing), ("s3:PutObject", Class::Invalid, "LocalFile"));
}
