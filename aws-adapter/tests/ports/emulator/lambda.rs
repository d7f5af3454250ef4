//! Functions, their versions and their aliases.

use sluice_aws_adapter::Aws;
use sluice_commands::ports::{FunctionCode, FunctionConfig, FunctionVersion, Invoked, Readiness};
use sluice_model::{Class, CodeRef};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{BUCKET, ROLE, conflict, put, tags};
use crate::harness::ministack::{Ministack, program};
use crate::harness::{aws, target};

/// A Python program that writes a package with one file to its output; the same text gives the same bytes.
const PACK: &str = "import io,sys,zipfile\n\
    out=io.BytesIO()\n\
    with zipfile.ZipFile(out,'w') as z: z.writestr(zipfile.ZipInfo('app.py'),sys.argv[1])\n\
    sys.stdout.buffer.write(out.getvalue())";

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
    conflict(port.update_config(&target(), "f", &config("prod"), &BTreeSet::new(), "stale").await);
    port.update_config(&target(), "f", &config("prod"), &BTreeSet::new(), &latest.revision)
        .await
        .expect("configured");
    let latest = settled(&aws, "$LATEST").await;
    assert_eq!(latest.config, config("prod"));
    conflict(port.update_code(&target(), "f", &second, "x86_64", "stale").await);
    let published = port.update_code(&target(), "f", &second, "x86_64", &latest.revision).await;
    let published = published.expect("published");
    assert_eq!((published.version.as_str(), &published.config), ("2", &config("prod")));
    assert_ne!(published.code_sha256, made.code_sha256);
    assert_eq!(settled(&aws, "1").await.config, config("dev"), "a version does not change");

    let versions = port.versions(&target(), "f").await.expect("a look").expect("the resource exists");
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
    let absent = port
        .invoke(&target(), "f", "prod", "{}", Duration::from_secs(20))
        .await
        .expect_err("the alias does not exist");
    assert_eq!(absent.class, Class::Absent, "{absent}");

    let (name, other) = ("sluice-orders-dev-Hello", "sluice-orders-dev-Hello2");
    for function in [name, other] {
        port.create_function(&target(), function, &config("dev"), &first, &tags()).await.expect("made");
    }
    port.create_alias(&target(), name, "dev", "1").await.expect("an alias");
    for _ in 0..2 {
        assert_eq!(port.delete_function(&target(), name).await, Ok(()));
    }
    assert_eq!(port.versions(&target(), name).await, Ok(None), "with its versions and aliases");
    assert_eq!(port.aliases(&target(), name).await, Ok(None));
    assert!(port.versions(&target(), other).await.is_ok_and(|versions| versions.is_some()));
}

fn config(stage: &str) -> FunctionConfig {
    FunctionConfig {
        runtime: Some("python3.12".into()),
        handler: Some("app.handler".into()),
        role: ROLE.into(),
        memory: 256,
        timeout: 7,
        architecture: "x86_64".into(),
        environment: BTreeMap::from([("STAGE".into(), stage.into())]),
        ..FunctionConfig::default()
    }
}

/// Uploads a package to S3, as a build would.
async fn code(emulator: &Ministack, text: &str) -> FunctionCode {
    let python = program().with_file_name("python3");
    let source = format!("def handler(event, context):\n    return '{text}'\n");
    let made = Command::new(python).args(["-c", PACK, &source]).output().expect("the emulator's Python runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = format!("orders/{text}.zip");
    let version = put(emulator, &key, made.stdout).await;
    CodeRef { bucket: BUCKET.into(), key, version, sha256: String::new() }.into()
}

async fn settled(aws: &Aws, version: &str) -> FunctionVersion {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = aws
            .functions
            .version(&target(), "f", version)
            .await
            .expect("a look")
            .expect("the resource exists");
        match seen.readiness {
            Readiness::Ready => return seen,
            other => assert!(Instant::now() < deadline, "{version} is {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
