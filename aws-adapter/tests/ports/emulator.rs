//! Each service that the emulator serves rightly: what is written is read back, and what is there already is a conflict.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use sluice_aws_adapter::Aws;
use sluice_commands::ports::{
    ApiStage, Archived, Cause, FunctionConfig, FunctionVersion, Hint, Invoked, LifecycleRule, LogStream,
    Object, PolicyVersion, Readiness, RoleSpec, TAG_PIPELINE, Tags, Versioning,
};
use sluice_model::{Class, CodeRef, PortResult};

use crate::rig::ministack::{Ministack, program};
use crate::rig::{REGION, aws, loader, seen, target};

const BUCKET: &str = "sluice-artifacts-000000000000";
const ROLE: &str = "arn:aws:iam::000000000000:role/sluice/f";
/// A Python that writes a package of one file on its output, always the same bytes for the same text.
const PACK: &str = "import io,sys,zipfile\n\
    out=io.BytesIO()\n\
    with zipfile.ZipFile(out,'w') as z: z.writestr(zipfile.ZipInfo('app.py'),sys.argv[1])\n\
    sys.stdout.buffer.write(out.getvalue())";

fn tags() -> Tags {
    Tags::from([(TAG_PIPELINE.into(), "orders".into())])
}

fn conflict<T: std::fmt::Debug>(result: PortResult<T>) {
    let error = result.expect_err("it is there already, or another");
    assert!(matches!(error.class, Class::Conflict | Class::Precondition), "{error}");
}

#[tokio::test]
async fn a_bucket_and_its_objects() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.objects;
    assert_eq!(port.bucket(&target(), BUCKET).await, Ok(None));

    assert_eq!(port.create_bucket(&target(), BUCKET, &tags()).await, Ok(()));
    let again = port.create_bucket(&target(), BUCKET, &Tags::new()).await.unwrap_err();
    assert_eq!(seen(&again), ("s3:CreateBucket", Class::Conflict, "BucketAlreadyOwnedByYou"));
    assert_eq!(port.bucket_tags(&target(), BUCKET).await, Ok(tags()));
    let bare = port.bucket(&target(), BUCKET).await.expect("a look").expect("it is there");
    assert_eq!((bare.versioning, &bare.policy, &bare.lifecycle), (Versioning::Off, &None, &vec![]));
    assert_eq!(port.versioning(&target(), BUCKET).await, Ok(Some(Versioning::Off)));
    assert_eq!(port.versioning(&target(), "sluice-no-such-bucket").await, Ok(None));
    let unversioned = port.put_empty(&target(), BUCKET, "probe").await.expect("it is stored");
    assert!(unversioned.is_none_or(|version| version == "null"), "no version yet");

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
    assert_eq!(seen(&large), ("s3:GetObject", Class::Invalid, "EntityTooLarge"));
    assert_eq!(port.object(&target(), BUCKET, "none", None, 2).await, Ok(None));

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
    let state = port.bucket(&target(), BUCKET).await.expect("a look").expect("it is there");
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

/// Larger than one chunk of anything on the way, and not the same everywhere.
#[tokio::test]
async fn whole_files_are_kept_and_come_back() {
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
    assert_eq!(mode & 0o777, 0o600, "nobody else can read it");
    let again = port.fetch(&target(), BUCKET, "sluice/a.db", &back).await.unwrap_err();
    assert_eq!(seen(&again), ("s3:GetObject", Class::Invalid, "LocalFile"), "nothing is overwritten");

    for _ in 0..2 {
        assert_eq!(port.discard(&target(), BUCKET, "sluice/a.db").await, Ok(()));
    }
    let gone = port.fetch(&target(), BUCKET, "sluice/a.db", &folder.path().join("c")).await.unwrap_err();
    assert_eq!(seen(&gone), ("s3:GetObject", Class::Absent, "NoSuchKey"));
    let missing = port.keep(&target(), BUCKET, "x", &folder.path().join("none")).await.unwrap_err();
    assert_eq!(seen(&missing), ("s3:PutObject", Class::Invalid, "LocalFile"));
}

#[tokio::test]
async fn a_queue_gives_each_hint_once_and_keeps_none_that_it_gave() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.queue("wake.fifo");
    let hint = |number: u8, sequence| Hint {
        operation: format!("01JQ000000000000000000000{number}").parse().unwrap(),
        sequence,
        cause: Cause::Released(1),
    };
    let at_once = Duration::ZERO;
    assert_eq!(port.exists(&target()).await, Ok(false));
    let missing = port.send(&target(), &hint(1, 1)).await.unwrap_err();
    assert_eq!((missing.call, missing.class), ("sqs:GetQueueUrl", Class::Absent));
    // Again is no error: two replicas may be set up at once.
    assert_eq!(port.create(&target()).await, Ok(()));
    assert_eq!(port.create(&target()).await, Ok(()));
    assert_eq!(port.exists(&target()).await, Ok(true));

    assert_eq!(port.receive(&target(), at_once).await, Ok(vec![]));
    for (number, sequence) in [(1, 7), (1, 7), (2, 1), (1, 8)] {
        assert_eq!(port.send(&target(), &hint(number, sequence)).await, Ok(()));
    }
    let mut got = vec![];
    loop {
        let more = port.receive(&target(), at_once).await.expect("hints");
        if more.is_empty() {
            break;
        }
        got.extend(more);
    }
    got.sort();
    let expected = [hint(1, 7), hint(1, 8), hint(2, 1)].map(|hint| hint.operation);
    assert_eq!(got, expected, "the second of two equal ones is the first");

    let (began, third, here) = (Instant::now(), hint(3, 1), target());
    let (woken, sent) = tokio::join!(port.receive(&here, Duration::from_secs(20)), port.send(&here, &third));
    assert_eq!((sent, woken), (Ok(()), Ok(vec![third.operation])));
    assert!(began.elapsed() < Duration::from_secs(5), "it waits for a message, and no longer");
}

#[tokio::test]
async fn a_function_its_versions_and_its_aliases() {
    let emulator = Ministack::start().await;
    let aws = aws(&emulator.url).await;
    aws.objects.create_bucket(&target(), BUCKET, &tags()).await.expect("a bucket");
    aws.objects.set_versioning(&target(), BUCKET).await.expect("versioning");
    let port = &aws.functions;
    let (first, second) = (code(&emulator, "1").await, code(&emulator, "2").await);
    assert_eq!(port.versions(&target(), "f").await, Ok(None));
    assert_eq!(port.version(&target(), "f", "$LATEST").await, Ok(None));
    assert_eq!(port.function_tags(&target(), "f").await, Ok(None));

    let made = port.create_function(&target(), "f", &config("dev"), &first, &tags()).await.expect("made");
    assert_eq!((made.version.as_str(), &made.config), ("1", &config("dev")));
    assert!(made.arn.ends_with(":function:f:1"), "{}", made.arn);
    conflict(port.create_function(&target(), "f", &config("dev"), &first, &tags()).await);
    assert_eq!(port.function_tags(&target(), "f").await, Ok(Some(tags())));
    assert_eq!(port.roles_in_use(&target()).await, Ok(BTreeMap::from([("f".into(), ROLE.into())])));

    let latest = settled(&aws, "$LATEST").await;
    conflict(port.update_config(&target(), "f", &config("prod"), "stale").await);
    port.update_config(&target(), "f", &config("prod"), &latest.revision).await.expect("configured");
    let latest = settled(&aws, "$LATEST").await;
    assert_eq!(latest.config, config("prod"));
    conflict(port.update_code(&target(), "f", &second, "x86_64", "stale").await);
    let published = port.update_code(&target(), "f", &second, "x86_64", &latest.revision).await;
    let published = published.expect("published");
    assert_eq!((published.version.as_str(), &published.config), ("2", &config("prod")));
    assert_ne!(published.code_sha256, made.code_sha256);
    assert_eq!(settled(&aws, "1").await.config, config("dev"), "a version does not change");

    let versions = port.versions(&target(), "f").await.expect("a look").expect("it is there");
    let mut numbers: Vec<&str> = versions.iter().map(|version| version.version.as_str()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["$LATEST", "1", "2"]);

    assert_eq!(port.alias(&target(), "f", "dev").await, Ok(None));
    let alias = port.create_alias(&target(), "f", "dev", "1").await.expect("an alias");
    conflict(port.create_alias(&target(), "f", "dev", "2").await);
    conflict(port.move_alias(&target(), "f", "dev", "2", "stale").await);
    let moved = port.move_alias(&target(), "f", "dev", "2", &alias.revision).await.expect("moved");
    assert_eq!((moved.version.as_str(), &moved.arn), ("2", &alias.arn));
    conflict(port.move_alias(&target(), "f", "dev", "1", &alias.revision).await);
    assert_eq!(port.alias(&target(), "f", "dev").await, Ok(Some(moved.clone())));
    assert_eq!(port.aliases(&target(), "f").await, Ok(Some(vec![moved])));
    assert_eq!(port.aliases(&target(), "none").await, Ok(None));
    let invoked = port.invoke(&target(), "f", "dev", "{\"ping\":true}", Duration::from_secs(20)).await;
    assert_eq!(invoked, Ok(Invoked { version: Some("2".into()), error: None }));
    let absent =
        port.invoke(&target(), "f", "prod", "{}", Duration::from_secs(20)).await.expect_err("no such alias");
    assert_eq!(absent.class, Class::Absent, "{absent}");

    let source = "arn:aws:execute-api:us-east-1:000000000000:a1/dev/*";
    assert_eq!(port.permissions(&target(), "f", "dev").await, Ok(Vec::new()));
    assert_eq!(port.permit_api(&target(), "f", "dev", "sluice-api", source).await, Ok(()));
    conflict(port.permit_api(&target(), "f", "dev", "sluice-api", source).await);
    assert_eq!(port.permissions(&target(), "f", "dev").await, Ok(vec!["sluice-api".to_owned()]));
}

#[tokio::test]
async fn roles_policies_and_who_we_are() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.identity;
    assert_eq!(port.whoami().await, Ok(target()));

    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let boundary = "arn:aws:iam::000000000000:policy/sluice/boundary";
    assert_eq!(port.policy_version(&target(), boundary).await, Ok(None));
    let made = port.create_policy(&target(), "boundary", "/sluice/", document).await;
    assert_eq!(made.as_deref(), Ok(boundary));
    conflict(port.create_policy(&target(), "boundary", "/sluice/", document).await);
    assert_eq!(port.policy_version(&target(), boundary).await, Ok(Some("v1".into())));
    let other = document.replace("s3", "sqs");
    assert_eq!(port.create_policy_version(&target(), boundary, &other).await, Ok("v2".into()));
    assert_eq!(port.policy_version(&target(), boundary).await, Ok(Some("v2".into())));
    assert_eq!(port.policy_document(&target(), boundary, "v2").await, Ok(Some(other)));
    let version = |id: &str, is_default| PolicyVersion { id: id.into(), is_default };
    let mut versions = port.policy_versions(&target(), boundary).await.expect("versions");
    versions.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(versions, [version("v1", false), version("v2", true)]);
    conflict(port.delete_policy_version(&target(), boundary, "v2").await);
    for _ in 0..2 {
        assert_eq!(port.delete_policy_version(&target(), boundary, "v1").await, Ok(()));
    }
    assert_eq!(port.policy_document(&target(), boundary, "v1").await, Ok(None));

    let spec = RoleSpec {
        name: "sluice-orders-api-dev".into(),
        path: "/sluice/".into(),
        description: "orders, Api, dev".into(),
        trust: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
            "Principal":{"Service":"lambda.amazonaws.com"}}]}"#
            .into(),
        boundary: boundary.into(),
        tags: tags(),
    };
    assert_eq!(port.role(&target(), &spec.name).await, Ok(None));
    let role = port.create_role(&target(), &spec).await.expect("a role");
    assert_eq!((&role.path, &role.tags), (&spec.path, &spec.tags));
    assert_eq!(role.boundary.as_deref(), Some(boundary));
    assert!((role.created.as_millisecond() - now()).abs() < 3_600_000, "{}", role.created);
    conflict(port.create_role(&target(), &spec).await);
    assert_eq!(port.role(&target(), &spec.name).await, Ok(Some(role)));

    assert_eq!(port.role_policy(&target(), &spec.name, "rights").await, Ok(None));
    for _ in 0..2 {
        assert_eq!(port.put_role_policy(&target(), &spec.name, "rights", document).await, Ok(()));
    }
    assert_eq!(port.role_policy(&target(), &spec.name, "rights").await, Ok(Some(document.into())));
}

#[tokio::test]
async fn an_api_its_routes_and_its_stages() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.gateway;
    assert_eq!(port.apis(&target()).await, Ok(Vec::new()));
    let api = port.create_api(&target(), "sluice-orders", &tags()).await.expect("an API");
    assert_eq!((api.name.as_str(), &api.tags), ("sluice-orders", &tags()));
    assert_eq!(port.apis(&target()).await, Ok(vec![api.clone()]));

    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
               arn:aws:lambda:us-east-1:000000000000:function:f:${stageVariables.alias}/invocations";
    let one = port.create_integration(&target(), &api.id, uri).await.expect("an integration");
    let other = port.create_integration(&target(), &api.id, "arn:other").await.expect("an integration");
    assert_eq!(one.uri, uri);
    assert_eq!(port.integrations(&target(), &api.id).await.map(|all| all.len()), Ok(2));

    let route = port.create_route(&target(), &api.id, "GET /items/{id}", &one.id).await.expect("a route");
    assert_eq!(route.integration.as_ref(), Some(&one.id));
    let moved = port.update_route(&target(), &api.id, &route.id, &other.id).await.expect("moved");
    assert_eq!((&moved.key, moved.integration.as_ref()), (&route.key, Some(&other.id)));
    assert_eq!(port.routes(&target(), &api.id).await, Ok(vec![moved]));

    let deployment = port.create_deployment(&target(), &api.id, "digest-1").await.expect("a deployment");
    // Of one process there is one in five seconds.
    let another = aws(&emulator.url).await.gateway;
    let next = another.create_deployment(&target(), &api.id, "digest-2").await.expect("a deployment");
    let mut all = port.deployments(&target(), &api.id).await.expect("a look");
    all.sort_by(|left, right| left.description.cmp(&right.description));
    assert_eq!(all, [deployment.clone(), next.clone()]);

    let spec = ApiStage {
        name: "dev".into(),
        deployment: Some(deployment.id),
        variables: BTreeMap::from([("alias".into(), "dev".into())]),
    };
    assert_eq!(port.stage(&target(), &api.id, "dev").await, Ok(None));
    assert_eq!(port.create_stage(&target(), &api.id, &spec).await.as_ref(), Ok(&spec));
    let moved = ApiStage { deployment: Some(next.id.clone()), ..spec };
    assert_eq!(port.update_stage(&target(), &api.id, "dev", &next.id).await.as_ref(), Ok(&moved));
    assert_eq!(port.stage(&target(), &api.id, "dev").await, Ok(Some(moved)));

    for _ in 0..2 {
        assert_eq!(port.delete_route(&target(), &api.id, &route.id).await, Ok(()));
    }
    assert_eq!(port.routes(&target(), &api.id).await, Ok(Vec::new()));
}

#[tokio::test]
async fn the_tail_of_a_log() {
    use aws_sdk_cloudwatchlogs::{Client, types::InputLogEvent};

    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.logs;
    let log = LogStream { group: "/aws/codebuild/sluice-orders".into(), stream: "s1".into() };
    assert_eq!(port.tail(&target(), &log, 5).await, Ok(Vec::new()), "no group yet");

    let client = Client::new(&loader(REGION, &emulator.url).load().await);
    client.create_log_group().log_group_name(&log.group).send().await.expect("a group");
    assert_eq!(port.tail(&target(), &log, 5).await, Ok(Vec::new()), "no stream yet");
    client
        .create_log_stream()
        .log_group_name(&log.group)
        .log_stream_name(&log.stream)
        .send()
        .await
        .expect("a stream");
    assert_eq!(port.tail(&target(), &log, 5).await, Ok(Vec::new()), "no line yet");
    let event =
        |at: i64| InputLogEvent::builder().timestamp(now() + at).message(format!("line {at}\n")).build();
    let events = (1..=9).map(|at| event(at).expect("an event")).collect();
    client
        .put_log_events()
        .log_group_name(&log.group)
        .log_stream_name(&log.stream)
        .set_log_events(Some(events))
        .send()
        .await
        .expect("lines");
    let tail = port.tail(&target(), &log, 3).await.expect("a tail");
    assert_eq!(tail, ["line 7", "line 8", "line 9"]);
    assert_eq!(port.tail(&target(), &log, 100).await.map(|all| all.len()), Ok(9));
}

fn config(stage: &str) -> FunctionConfig {
    FunctionConfig {
        runtime: "python3.12".into(),
        handler: "app.handler".into(),
        role: ROLE.into(),
        memory: 256,
        timeout: 7,
        architecture: "x86_64".into(),
        environment: BTreeMap::from([("STAGE".into(), stage.into())]),
    }
}

/// Puts a package on S3, as a build would.
async fn code(emulator: &Ministack, text: &str) -> CodeRef {
    let python = program().with_file_name("python3");
    let source = format!("def handler(event, context):\n    return '{text}'\n");
    let made = Command::new(python).args(["-c", PACK, &source]).output().expect("the emulator's Python runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = format!("orders/{text}.zip");
    let version = put(emulator, &key, made.stdout).await;
    CodeRef { bucket: BUCKET.into(), key, version, sha256: String::new() }
}

async fn put(emulator: &Ministack, key: &str, content: Vec<u8>) -> String {
    let shared = loader(REGION, &emulator.url).load().await;
    let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(true).build();
    let request = aws_sdk_s3::Client::from_conf(config).put_object().bucket(BUCKET).key(key);
    let answer = request.body(ByteStream::from(content)).send().await.expect("it is stored");
    answer.version_id.expect("the bucket is versioned")
}

/// Waits until a version can be used.
async fn settled(aws: &Aws, version: &str) -> FunctionVersion {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen =
            aws.functions.version(&target(), "f", version).await.expect("a look").expect("it is there");
        match seen.readiness {
            Readiness::Ready => return seen,
            other => assert!(Instant::now() < deadline, "{version} is {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The service refuses lines from another time than its own.
fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the end of time")
}
