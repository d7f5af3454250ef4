//! People, commits, builds and releases of samples, and a store that holds the pipeline `orders`.

use jiff::Timestamp;

use crate::names;
use crate::operation::{Head, Keys, Precedence, Status, Ticket};
use crate::ports::{AuditItem, Guard, Guards, Item, LogStream, Precondition, Store, Write};
use crate::records::{
    Act, Artifact, AuditRecord, AuditSubject, Build, BuildState, Change, Counters, Current, Pinned,
    PinnedApi, PinnedApis, Pipeline, REVISION, Release, Run, Served, Stage, VersionSet, to_item,
};
use crate::rules::Access;
use crate::testing::samples::API;
use crate::testing::{FakeAws, target};
use sluice_model::{
    Actor, ApiKind, BuildNumber, CodeRef, CommitId, OperationId, PinnedCode, PipelineName, ReleaseNumber,
    StageName,
};
use sluice_template::function_name;

/// When every sample was accepted: 2026-03-02, 09:30 UTC.
pub(super) const BEGIN: Timestamp = Timestamp::constant(1_772_443_800, 0);
/// The channel of every sample.
pub const CHANNEL: &str = "C0DELIVERY";
/// The revision of every stored stage.
pub(super) const STORED_REVISION: u64 = 1;

/// Ann operates, Ben operates and approves, Cleo approves, Dan may nothing, Eve administers.
pub fn actor(name: &str) -> Actor {
    let id = match name {
        "ann" => "U0ANN0001",
        "ben" => "U0BEN0002",
        "cleo" => "U0CLEO003",
        "dan" => "U0DAN0004",
        _ => "U0EVE0005",
    };
    Actor::in_slack(id.parse().expect("a user"), name)
}

/// Their roles.
pub fn access() -> Access {
    let ids = |names: &[&str]| names.iter().map(|name| actor(name).id).collect();
    Access {
        operators: ids(&["ann", "ben"]),
        admins: ids(&["eve"]),
        approvers: ids(&["ann", "ben", "cleo"]),
        oncall: ids(&["dan"]),
        ..Access::default()
    }
}

/// The commit of that build.
pub fn change(build: u32) -> Change {
    let (author, subject) = match build {
        1 => ("Ann Archer", "Initial commit"),
        2 => ("Ben Büchner", "Greet in the language of the caller"),
        _ => ("Cleo Costa", "Count orders by day & week (fixes #12)"),
    };
    let id = CommitId::new(format!("{build}a7f3c9e").repeat(5)).expect("a commit");
    Change { id, author: author.into(), subject: subject.into() }
}

/// The code of a function.
pub(super) fn code(logical: &str) -> CodeRef {
    CodeRef {
        bucket: "sluice-123456789012-eu-central-1".into(),
        key: format!("orders/builds/2/{logical}.zip"),
        version: "v7".into(),
        sha256: format!("sha-of-{logical}"),
    }
}

/// Other code of a function.
pub fn other_code() -> PinnedCode {
    CodeRef { sha256: "other".into(), ..code("Other") }.into()
}

pub(super) fn artifact(build: u32, functions: &[&str]) -> Artifact {
    let pinned = |file: &str| Pinned {
        key: format!("orders/builds/{build}/artifact/{file}"),
        version: "v1".into(),
        sha256: "0f".repeat(32),
    };
    Artifact {
        packaged: pinned("packaged.json"),
        lines: pinned("sluice-lines.json"),
        manifest: pinned("sluice-manifest.json"),
        code: functions.iter().map(|logical| ((*logical).to_owned(), code(logical).into())).collect(),
        digest: format!("digest-{build}"),
    }
}

pub(super) fn release(number: u32, change: Change, functions: &[&str]) -> Release {
    Release {
        number: ReleaseNumber(number),
        operation: operation(number),
        succeeded: true,
        build: BuildNumber(number),
        commit: change,
        artifact: artifact(number, functions),
        made: BEGIN,
        actor: actor("ann"),
    }
}

fn operation(n: u32) -> OperationId {
    OperationId::new(ulid::Ulid::from_parts(1_772_400_000_000 + u64::from(n), 1).to_string()).expect("an id")
}

fn minutes(n: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_mins(n)
}

pub(super) fn current(stage: &str, release: u32) -> Current {
    Current {
        system: Default::default(),
        release: ReleaseNumber(release),
        build: BuildNumber(release),
        digest: format!("digest-{release}"),
        commit: change(release),
        since: BEGIN - minutes(60 / i64::from(release)),
        by: actor("ann"),
        apis: pinned_apis(stage, release),
        settings: Default::default(),
        parameters: Default::default(),
        has_stack: false,
        events_off: false,
    }
}

/// A stage that ran the releases up to that one.
pub fn stage(name: &str, release: u32) -> Stage {
    let mut stage = Stage::new(name.parse().expect("a stage"));
    if release > 0 {
        let run = |number| Run { release: ReleaseNumber(number), at: BEGIN, rolled_back: false };
        stage.runs = (1..=release).map(run).collect();
        stage.current = Some(current(name, release));
    }
    stage
}

async fn put(store: &dyn Store, item: Item) {
    store.write(Write::Put { item, when: Precondition::Any }).await.expect("a store that takes samples");
}

/// Puts a pipeline into the store: its stages with the release that each runs, three builds (`#1` and `#2` green, `#3`
/// red, `#4` running), their releases, and its history.
pub async fn orders(store: &dyn Store, name: &str, stages: &[(&str, u32)]) {
    let keys = Keys::new(&target());
    let name: PipelineName = name.parse().expect("a name");
    let empty = Guards::new;
    let pipeline = Pipeline {
        name: name.clone(),
        home: CHANNEL.parse().expect("a channel"),
        creator: actor("ann"),
        created: BEGIN,
        repository: name.to_string(),
        clone_url: format!("https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/{name}"),
        branch: "main".into(),
        project: format!("sluice-{name}"),
        bucket: "sluice-123456789012-eu-central-1".into(),
        stages: stages.iter().map(|(stage, _)| stage.parse().expect("a stage")).collect(),
    };
    let built = stages.first().is_some_and(|(_, release)| *release > 0);
    let counters = match built {
        true => Counters { revision: 1, tickets: 9, builds: 4, releases: 2, green: 2 },
        false => Counters { revision: 1, ..Counters::default() },
    };
    let catalog = serde_json::json!({ "name": name, "home": CHANNEL });
    put(store, to_item(keys.catalog(&name), empty(), &catalog).expect("an item")).await;
    put(store, to_item(keys.pipeline(&name), counters.guards(), &pipeline).expect("an item")).await;
    for (of, runs) in stages {
        let record = stage(of, *runs);
        let revision = [(REVISION.to_owned(), Guard::Number(STORED_REVISION))].into();
        put(store, to_item(keys.stage(&name, &record.name), revision, &record).expect("an item")).await;
    }
    if !built {
        return;
    }
    for number in 1..=4 {
        let state = match number {
            1 | 2 => BuildState::Succeeded,
            3 => BuildState::Failed,
            _ => BuildState::Running,
        };
        let build = Build {
            number: BuildNumber(number),
            operation: operation(number),
            state,
            reference: "main".into(),
            commit: (number < 4).then(|| change(number)),
            actor: actor(if number == 2 { "ben" } else { "ann" }),
            asked: BEGIN + minutes(i64::from(number)),
            ended: None,
            log: (number < 4).then(|| LogStream {
                group: "/aws/codebuild/sluice-orders".into(),
                stream: number.to_string(),
            }),
            log_link: (number < 4)
                .then(|| format!("https://eu-central-1.console.aws.amazon.com/logs/{number}")),
            artifact: (number < 3).then(|| artifact(number, &["Hello"])),
        };
        put(store, to_item(keys.build(&name, build.number), empty(), &build).expect("an item")).await;
    }
    for number in 1..=2 {
        let made = release(number, change(number), &["Hello"]);
        put(store, to_item(keys.release(&name, made.number), empty(), &made).expect("an item")).await;
        for (of, _) in stages.iter().filter(|(_, runs)| *runs >= number) {
            let of: StageName = of.parse().expect("a stage");
            let versions = [(function_name(&name, &of, "Hello"), number.to_string())].into();
            let apis = pinned_apis(of.as_str(), number);
            let set = VersionSet { versions, apis, ..VersionSet::default() };
            put(store, to_item(keys.version_set(&name, made.number, &of), empty(), &set).expect("an item"))
                .await;
        }
    }
    for (n, record) in history(&name).into_iter().enumerate() {
        let key = keys.audit(&name, record.at, &n.to_string());
        let Item { key, schema, body, .. } = to_item(key, empty(), &record).expect("an item");
        let write = Write::Audit { item: AuditItem { key, schema, body } };
        store.write(write).await.expect("an audit record");
    }
}

/// Makes AWS serve what the records of that pipeline say.
pub fn aws_as_recorded(fake_aws: &FakeAws, name: &str, stages: &[(&str, u32)]) {
    let name: PipelineName = name.parse().expect("a name");
    let runs: Vec<_> = stages.iter().filter(|(_, release)| *release > 0).collect();
    for (stage, release) in runs {
        let of: StageName = stage.parse().expect("a stage");
        fake_aws.place(&function_name(&name, &of, "Hello"), &[(*stage, &release.to_string())]);
        for (logical, api) in pinned_apis(stage, *release) {
            fake_aws.place_api(&api.api, &names::api(&name, &of, &logical), &api.served);
        }
    }
}

fn history(name: &PipelineName) -> Vec<AuditRecord> {
    let record = |at: i64, act, who: &str, kind: &str, command: String, outcome: &str, about| AuditRecord {
        at: BEGIN + minutes(at),
        act,
        actor: actor(who),
        channel: Some(CHANNEL.parse().expect("a channel")),
        pipeline: Some(name.clone()),
        operation: operation(1),
        kind: kind.into(),
        command,
        rule: "operators".into(),
        outcome: outcome.into(),
        about,
    };
    let on = |stage: &str, before, after: u32| AuditSubject {
        stage: stage.parse().ok(),
        before,
        after: Some(ReleaseNumber(after)),
        ..AuditSubject::default()
    };
    let promoted = AuditSubject { approvers: vec![actor("ben")], ..on("prod", Some(ReleaseNumber(1)), 2) };
    let back = AuditSubject {
        reason: Some("<!channel> errors *rise*".into()),
        ..on("prod", Some(ReleaseNumber(2)), 1)
    };
    let promote = || format!("/promote {name} prod");
    vec![
        record(1, Act::Asked, "ann", "build", format!("/build {name}"), "accepted", AuditSubject::default()),
        record(
            2,
            Act::Succeeded,
            "ann",
            "build",
            format!("/build {name}"),
            "succeeded",
            AuditSubject { build: Some(BuildNumber(1)), ..AuditSubject::default() },
        ),
        record(
            3,
            Act::Succeeded,
            "ann",
            "deploy",
            format!("/deploy {name}"),
            "succeeded",
            on("dev", None, 1),
        ),
        record(4, Act::Asked, "ann", "promote", promote(), "accepted", on("prod", Some(ReleaseNumber(1)), 2)),
        record(
            5,
            Act::Approved,
            "ben",
            "promote",
            promote(),
            "recorded",
            on("prod", Some(ReleaseNumber(1)), 2),
        ),
        record(6, Act::Succeeded, "ann", "promote", promote(), "succeeded", promoted),
        record(7, Act::Succeeded, "ben", "rollback", format!("/rollback {name} prod"), "succeeded", back),
        record(
            8,
            Act::Rejected,
            "ben",
            "promote",
            promote(),
            "recorded",
            AuditSubject { reason: Some("not on a Friday".into()), ..on("prod", None, 2) },
        ),
        record(9, Act::Failed, "ann", "deploy", format!("/deploy {name}"), "aws-denied", on("dev", None, 3)),
    ]
}

/// Puts the operation of a sample into the store: its head, its journal and, until it ended, its ticket.
pub async fn waiting(store: &dyn Store, sample: &super::Sample, status: Status) -> Head {
    let keys = Keys::new(&target());
    let op = &sample.op;
    let awaits = op.waiting().map(|(step, since)| format!("{step}@{since}")).unwrap_or_default();
    let head = Head {
        id: op.id.clone(),
        spec: op.spec.clone(),
        status,
        sequence: op.sequence,
        owner: String::new(),
        beat: 1,
        fence: 1,
        awaits,
        undelivered_since: 0,
        claims: 0,
    };
    put(store, head.to_item(&keys).expect("an item")).await;
    for row in &sample.rows {
        put(store, row.to_item(&keys, &op.id).expect("an item")).await;
    }
    if !status.is_final() {
        let ticket = Ticket {
            number: 8,
            operation: head.id.clone(),
            kind: head.spec.kind.clone(),
            precedence: Precedence::Normal,
            fingerprint: "/promote orders prod from staging r2".to_owned(),
            queued: None,
            stuck: false,
        };
        put(store, ticket.to_item(&keys, &head.spec.pipeline).expect("an item")).await;
    }
    head
}

/// The API of a stage as its record pins it for a release of `Hello`.
pub(super) fn pinned_apis(stage: &str, release: u32) -> PinnedApis {
    let variables = [("Hello".to_owned(), release.to_string())].into();
    let api = PinnedApi {
        api: format!("api-{stage}"),
        endpoint: format!("https://api-{stage}.execute-api.eu-central-1.amazonaws.com"),
        kind: ApiKind::Http,
        stage: None,
        served: Served { deployment: "d1".into(), variables },
        settings: Default::default(),
    };
    [(API.to_owned(), api)].into()
}
