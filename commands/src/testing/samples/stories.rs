//! Every kind of operation in every state that a channel can see, and some that go to extremes.

use super::journal::BEGIN;
use super::outputs::Outputs;
use super::records::{access, artifact, change, current, release, stage};
use super::{Journal, Sample};
use crate::domain::{Change, Drift, Lock, Moved, PipelineState, Policy, RoleChange, VersionSet};
use crate::operation::{EngineError, Entry, SignalKind, Slot, Snapshot};
use crate::operations::access as access_change;
use crate::operations::steps::{JustMoved, foreign_refusal, quoted, refuse};
use crate::operations::{
    build, deploy, promote, repo_create, rollback, stage_add, stage_lock, stage_set, stage_unlock, tidy,
};
use sluice_model::{
    BuildNumber, Class, Member, OperationId, PortError, Refusal, ReleaseNumber, Role, StageName,
};
use sluice_template::{TemplateCode, TemplateError};

const CLONE: &str = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/orders";
const BUCKET: &str = "sluice-123456789012-eu-central-1";
/// As long as a name may be.
const LONG: &str = "orders-and-invoices-of-the-northern-shop";
const TEN: [&str; 10] = [
    "Archive",
    "Billing",
    "Cancel",
    "Deliver",
    "Export",
    "Forward",
    "Greet",
    "Hello",
    "Import",
    "JournalOfAllOrders",
];
/// A log as a build with a bad day writes it.
const LOG: &str = "[Container] 2026/03/02 09:30:41 Running command python3 -m unittest discover -s tests
F.
======================================================================
FAIL: test_greets (test_app.HelloTest.test_greets)
----------------------------------------------------------------------
Traceback (most recent call last):
  File \"/codebuild/output/src/tests/test_app.py\", line 14, in test_greets
    self.assertEqual(body[\"message\"], \"Hello\")
AssertionError: 'Hallo' != 'Hello'
Ran 2 tests in 0.004s
FAILED (failures=1)
[Container] 2026/03/02 09:30:42 Phase complete: BUILD State: FAILED";
/// The same with signs that mean something to Slack.
const HOSTILE_LOG: &str = "$ echo `whoami` && cat <<EOF > x
```
<!channel> *bold* _under_ ~struck~ &amp; <@U0ANN0001>
\u{202e}txet tfel-ot-thgir\u{202c}
```
error: 💥 ünïcödé  \t tab
line 7
line 8 with a very long tail: ................................................................................................................................................................
line 9
line 10
line 11
error: process exited with 1";

fn hostile(subject: &str) -> Change {
    Change { author: "`Eve` <!here>".into(), subject: subject.into(), ..change(2) }
}

fn denied(call: &'static str) -> Refusal {
    let error = PortError::new(call, Class::Denied, "AccessDeniedException", "User: arn:… is not authorized");
    EngineError::Port(error).refusal()
}

fn throttled(call: &'static str) -> Refusal {
    let error = PortError::new(call, Class::Throttled, "TooManyRequestsException", "Rate exceeded");
    EngineError::Port(error).refusal()
}

fn creation() -> Journal {
    let params = repo_create::Params { name: "orders".parse().expect("a name") };
    Journal::accepted("repo-create", "/repo create orders", "orders", params, Outputs::of_creation(CLONE))
}

fn building(name: &str, reference: &str, commit: &Change, green: bool, tail: Option<&str>) -> Journal {
    let params = build::Params {
        name: name.parse().expect("a name"),
        number: BuildNumber(1),
        reference: reference.into(),
        repository: name.into(),
        project: format!("sluice-{name}"),
        bucket: BUCKET.into(),
        nonce: crate::testing::NONCE.into(),
    };
    let outputs = Outputs::of_build(commit, green, tail).with("artifact", artifact(1, &["Hello"]));
    Journal::accepted("build", &format!("/build {name}"), name, params, outputs)
}

fn tidying(delete: bool, automatic: bool, functions: &[&str], is_more: bool) -> Journal {
    let params = tidy::Params { name: "orders".parse().expect("a name"), delete, automatic };
    let outputs = Outputs::default().with("look", tidy::sample(functions, is_more));
    let line = if delete { "/pipeline tidy orders now" } else { "/pipeline tidy orders" };
    Journal::accepted(tidy::KIND, line, "orders", params, outputs)
}

fn adding() -> Journal {
    let params = stage_add::Params {
        name: "orders".parse().expect("a name"),
        stage: "prod".parse().expect("a stage"),
        after: None,
    };
    let outputs = Outputs::default().with("record", ["dev", "staging", "prod"]);
    Journal::accepted("stage-add", "/stage add orders prod", "orders", params, outputs)
}

fn deploying(name: &str, number: u32, commit: Change, functions: &[&str]) -> Journal {
    let is_first = number == 1;
    let params = deploy::Params {
        name: name.parse().expect("a name"),
        stage: "dev".parse().expect("a stage"),
        build: BuildNumber(number),
        commit,
        artifact: artifact(number, functions),
        bucket: BUCKET.into(),
        release: ReleaseNumber(number),
        before: (!is_first).then(|| ReleaseNumber(number - 1)),
        api: None,
        has_next: !is_first,
        next: (!is_first).then(|| "staging".parse().expect("a stage")),
        smoke: None,
        outside: None,
        parameters: Default::default(),
        parameters_before: Default::default(),
        newer: None,
    };
    let outputs = Outputs::of_versions(name, "dev", functions, is_first);
    Journal::accepted("deploy", &format!("/deploy {name}"), name, params, outputs)
}

/// A promotion from `staging` to `prod`.
pub fn promotion(name: &str, commit: Change, functions: &[&str]) -> promote::Params {
    promote::Params {
        name: name.parse().expect("a name"),
        to: "prod".parse().expect("a stage"),
        from: "staging".parse().expect("a stage"),
        release: release(2, commit, functions),
        bucket: BUCKET.into(),
        before: Some(promote::Before {
            release: ReleaseNumber(1),
            commit: change(1),
            parameters: Default::default(),
        }),
        api: None,
        approvals: 1,
        approvers: access().approvers.into_iter().collect(),
        named: Default::default(),
        self_approval: false,
        expires: None,
        again: false,
        override_reason: None,
        repository: None,
        passed: vec![],
        smoke: None,
        outside: None,
        parameters: Default::default(),
    }
}

fn promoting(name: &str, commit: Change, functions: &[&str]) -> Journal {
    asking(promotion(name, commit, functions), functions)
}

fn asking(params: promote::Params, functions: &[&str]) -> Journal {
    let name = &params.name.to_string();
    let outputs = Outputs::of_versions(name, "prod", functions, false);
    Journal::accepted("promote", &format!("/promote {name} prod"), name, params, outputs)
}

/// A promotion that two of three have to approve, within a day, on a stage that has approvers of its own.
fn asking_two() -> Journal {
    let named = ["ann", "ben", "cleo"].map(|name| super::actor(name).id);
    let params = promote::Params {
        approvals: 2,
        named: named.clone().map(Into::into).into(),
        approvers: named.into(),
        expires: Some(BEGIN + jiff::SignedDuration::from_hours(24)),
        ..promotion("orders", change(2), &["Hello"])
    };
    asking(params, &["Hello"])
}

/// What a promotion changes: little, or more than the card has room for.
fn changes(is_much: bool) -> serde_json::Value {
    let since = BEGIN - jiff::SignedDuration::from_hours(2);
    let line = |names: &[&str], what: &str| serde_json::json!({ "names": names, "what": what });
    let mut wild = line(&["Count"], "Allow every action on every resource");
    wild["bold"] = true.into();
    if !is_much {
        let lines = [
            wild,
            line(&["Count", "Hello"], "Allow dynamodb:GetItem, dynamodb:Query on table/orders"),
            line(&["Count"], "new"),
            line(&["Hello"], "code, memory (MB) 128 → 256, permissions, variables GREETING changed"),
            line(&[], "Routes: GET /count added"),
        ];
        return serde_json::json!({ "lines": lines, "functions": 2, "since": since });
    }
    let name = format!("{}…", "Journal".repeat(8));
    let right = |nth: usize| {
        line(&[&name, "Hello"], &format!("Allow s3:GetObject on orders-{nth:03}/* if {{\"a\":\"<!here>\"}}"))
    };
    let mut lines = vec![wild];
    lines.extend((0..100).map(right));
    lines.push(serde_json::json!({ "names": [name, "Hello"], "more": 92, "what": "code" }));
    serde_json::json!({ "lines": lines, "functions": 94, "since": since })
}

/// A promotion with other values of parameters.
fn with_parameters() -> Journal {
    let values = |pairs: &[(&str, &str)]| -> crate::domain::Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let before = promote::Before {
        release: ReleaseNumber(1),
        commit: change(1),
        parameters: values(&[("LogLevel", "info"), ("Old", "1")]),
    };
    let params = promote::Params {
        before: Some(before),
        parameters: values(&[("LogLevel", "<!channel> *debug*"), ("Tabel", "orders")]),
        ..promotion("orders", change(2), &["Hello"])
    };
    let outputs = Outputs::of_versions("orders", "prod", &["Hello"], false);
    Journal::accepted("promote", "/promote orders prod", "orders", params, outputs)
}

/// A promotion of so many commits.
fn listing(count: usize, is_whole: bool) -> Journal {
    let params =
        promote::Params { repository: Some("orders".into()), ..promotion("orders", change(3), &["Hello"]) };
    let list = [3, 2, 3].iter().cycle().take(count).map(|build| change(*build)).collect();
    let outputs = Outputs::of_versions("orders", "prod", &["Hello"], false);
    let outputs =
        outputs.with("commits", promote::Commits { list, is_whole }).with("changes", changes(!is_whole));
    Journal::accepted("promote", "/promote orders prod", "orders", params, outputs)
}

/// A promotion to a stage with that smoke test.
fn tested(smoke: &str) -> Journal {
    let smoke = Some(smoke.parse().expect("a smoke test"));
    asking(promote::Params { smoke, ..promotion("orders", change(2), &["Hello"]) }, &["Hello"])
}

/// What such a test says when it did not pass.
fn not_passed(smoke: &str, seen: &str) -> Refusal {
    let release = release(2, change(2), &["Hello"]);
    let set = VersionSet {
        versions: [("sluice-orders-Hello".to_owned(), "2".to_owned())].into(),
        api: Some(super::outputs::pinned_api("d2")),
        ..VersionSet::default()
    };
    let moved = JustMoved {
        target: &crate::testing::target(),
        pipeline: &"orders".parse().expect("a name"),
        stage: &"prod".parse().expect("a stage"),
        release: release.number,
        artifact: &release.artifact,
        set: &set,
        before: Some(ReleaseNumber(1)),
    };
    let answer = "\n  <!channel> *boom* in `app.py` <@U0ANN0001>, and a long story that goes on and on over the end of what anybody reads\nTraceback";
    moved.tested(&smoke.parse().expect("a smoke test")).failed(&format!("{seen}{}", quoted(answer)))
}

/// A promotion that goes on from what somebody moved by hand.
fn going_on() -> Journal {
    let moved =
        |recorded: &str, seen: &str| Moved { recorded: Some(recorded.into()), seen: Some(seen.into()) };
    let aliases = [("sluice-orders-Hello".to_owned(), moved("2", "1 (125/1000 to 3)"))].into();
    let outside = Some(Drift { aliases, api: Some(moved("d2", "d1")) });
    let params = promote::Params { outside, ..promotion("orders", change(2), &["Hello"]) };
    let outputs = Outputs::of_versions("orders", "prod", &["Hello"], false);
    Journal::accepted("promote", "/promote orders prod anyway", "orders", params, outputs)
}

fn overriding() -> Journal {
    let params = promote::Params {
        approvals: 0,
        override_reason: Some("checkout is down <!here>".into()),
        passed: vec![lock("ben", false).refusal(&"orders").problem, "Nobody was asked to approve it.".into()],
        ..promotion("orders", change(2), &["Hello"])
    };
    asking(params, &["Hello"])
}

fn lock(who: &str, hard: bool) -> Lock {
    Lock {
        stage: "prod".parse().expect("a stage"),
        owner: super::actor(who),
        reason: "fixing the ledger".into(),
        since: BEGIN,
        until: BEGIN + jiff::SignedDuration::from_hours(2),
        hard,
        operation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an id"),
        over: vec![],
    }
}

/// What a step says whose record makes no sense to it.
fn gone() -> Refusal {
    EngineError::Corrupt("the pipeline's record is gone".into()).refusal()
}

fn locking(hard: bool) -> Journal {
    let params = stage_lock::Params {
        name: "orders".parse().expect("a name"),
        stages: vec!["prod".parse().expect("a stage")],
        until: BEGIN + jiff::SignedDuration::from_hours(2),
        hard,
        reason: "the fair is on <!channel>".into(),
        over: if hard { vec![lock("ben", false)] } else { vec![] },
        kept: vec![],
    };
    let line = if hard { "/stage lock orders prod for 2h hard" } else { "/stage lock orders prod for 2h" };
    let replaced: Vec<_> = hard.then(|| lock("ben", false).operation).into_iter().collect();
    Journal::accepted(
        stage_lock::KIND,
        line,
        "orders",
        params,
        Outputs::default().with("lock:prod", replaced),
    )
}

fn locking_all() -> Journal {
    let params = stage_lock::Params {
        name: "orders".parse().expect("a name"),
        stages: ["dev", "prod"].map(|stage| stage.parse().expect("a stage")).into(),
        until: BEGIN + jiff::SignedDuration::from_hours(2),
        hard: false,
        reason: "the fair is on".into(),
        over: vec![],
        kept: vec![],
    };
    let none: [OperationId; 0] = [];
    let outputs = Outputs::default().with("lock:dev", &none).with("lock:prod", &none);
    Journal::accepted(stage_lock::KIND, "/stage lock orders for 2h", "orders", params, outputs)
}

/// A lock that keeps another person's, and each of them ends or applies again by itself.
fn over_another() -> (Lock, Lock) {
    let kept = lock("ben", false);
    let operation = "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().expect("an id");
    (Lock { operation, over: vec![kept.clone()], ..lock("ann", false) }, kept)
}

fn locking_over() -> Journal {
    let params = stage_lock::Params {
        name: "orders".parse().expect("a name"),
        stages: vec!["prod".parse().expect("a stage")],
        until: BEGIN + jiff::SignedDuration::from_hours(3),
        hard: false,
        reason: "the fair is on".into(),
        over: vec![],
        kept: vec![over_another().1],
    };
    let none: [OperationId; 0] = [];
    let outputs = Outputs::default().with("lock:prod", &none);
    Journal::accepted(stage_lock::KIND, "/stage lock orders prod for 3h", "orders", params, outputs)
}

fn unlocking_over() -> Journal {
    let (lock, kept) = over_another();
    let name = "orders".parse().expect("a name");
    let params = stage_unlock::Params { name, locks: vec![lock], restored: vec![kept] };
    let outputs = Outputs::default().with("record", ["prod"]);
    Journal::accepted(stage_unlock::KIND, "/stage unlock orders prod", "orders", params, outputs)
}

fn unlocking() -> Journal {
    let params = stage_unlock::Params {
        name: "orders".parse().expect("a name"),
        locks: vec![lock("ben", false)],
        restored: vec![],
    };
    let outputs = Outputs::default().with("record", ["prod"]);
    Journal::accepted(stage_unlock::KIND, "/stage unlock orders prod", "orders", params, outputs)
}

fn setting(settings: &[(&str, &str)], before: &[(&str, &str)]) -> Journal {
    let own = |settings: &[(&str, &str)]| -> Vec<(String, String)> {
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let default = Policy::of(true);
    let changed = |policy: &Policy, settings: &[(&str, &str)]| {
        stage_set::changed(policy, &default, &own(settings)).expect("settings")
    };
    let before = changed(&default, before);
    let after = changed(&before, settings);
    let params = stage_set::Params {
        name: "orders".parse().expect("a name"),
        stage: "prod".parse().expect("a stage"),
        settings: own(settings),
        is_lower: after.is_lower_than(&before),
        before,
        default: default.clone(),
    };
    let outputs = Outputs::default().with("record", after);
    Journal::accepted(stage_set::KIND, "/stage set orders prod approvals=2", "orders", params, outputs)
}

fn changing_roles(gives: bool, role: Role, kept: Option<&str>) -> Journal {
    changing_roles_of(super::actor("dan").id.into(), gives, role, kept)
}

fn changing_roles_of(person: Member, gives: bool, role: Role, kept: Option<&str>) -> Journal {
    let (kind, verb) =
        if gives { (access_change::GRANT, "grant") } else { (access_change::REVOKE, "revoke") };
    let name = Some("orders".parse().expect("a name"));
    let change = RoleChange { person, role, name, gives };
    let command = format!("/pipeline {verb} {} {} orders", change.person.mention(), role.word());
    let outputs = Outputs::default().with("record", kept);
    Journal::accepted(kind, &command, "orders", change, outputs)
}

fn rolling_back(reason: Option<&str>) -> Journal {
    let alias = |function: &str| (format!("sluice-orders-{function}"), "1".to_owned());
    let params = rollback::Params {
        goes_first: false,
        name: "orders".parse().expect("a name"),
        stage: "prod".parse().expect("a stage"),
        before: ReleaseNumber(2),
        before_commit: change(2),
        release: release(1, change(1), &["Hello"]),
        set: VersionSet {
            versions: ["Hello", "Count"].map(alias).into(),
            api: Some(super::outputs::pinned_api("d1")),
            ..VersionSet::default()
        },
        reason: reason.map(str::to_owned),
        passed: vec![],
        outside: None,
        overrides: false,
    };
    let seen = serde_json::json!({
        "aliases": { "sluice-orders-Hello": ["2", "rev"], "sluice-orders-Count": ["2", "rev"] }, "serves": "d2",
    });
    let outputs = Outputs::default()
        .with("look", seen)
        .with("record", "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/prod");
    let command = match reason {
        Some(reason) => format!("/rollback orders prod {reason}"),
        None => "/rollback orders prod".into(),
    };
    Journal::accepted("rollback", &command, "orders", params, outputs)
}

/// What the gate says when the stage moved to that release meanwhile.
fn void(journal: &Journal, release: u32) -> Refusal {
    let prod: StageName = "prod".parse().expect("a stage");
    let mut moved = stage("prod", release);
    moved.current = Some(crate::domain::Current { by: super::actor("ben"), ..current(release) });
    let state = PipelineState { stages: [(prod.clone(), moved)].into(), ..PipelineState::default() };
    let (definition, op) = journal.known();
    let snapshot = Snapshot { state, access: access(), ..Snapshot::default() };
    definition.gate(op, &Slot::Stage(prod), &snapshot, jiff::Timestamp::UNIX_EPOCH).expect_err("it moved")
}

fn bad_template() -> Refusal {
    let error = |resource: &str, line, problem: &str, hint: &str| TemplateError {
        code: TemplateCode::Unsupported,
        resource: Some(resource.into()),
        line: Some(line),
        problem: problem.into(),
        hint: hint.into(),
    };
    refuse(vec![
        error(
            "Queue",
            31,
            "`AWS::SQS::Queue` is not deployed by Sluice",
            "make it elsewhere and pass its name as a variable",
        ),
        error("Hello", 12, "`Layers` is not read here", "put the library into the function's own folder"),
    ])
    .refusal()
}

/// All samples, in the order of the story.
pub fn all() -> Vec<Sample> {
    let ordinary = || building("orders", "main", &change(1), true, None);
    let red = |log| building("orders", "main", &change(2), false, Some(log));
    let no_branch = Refusal::new(
        "no-such-reference",
        "Repository `orders` has no branch or commit `mian`.",
        "Push it first, or build the default branch with `/build orders`.",
    );
    let exists = stage_add::ordered(
        &"orders".parse().expect("a name"),
        &["dev".parse().expect("a stage"), "prod".parse().expect("a stage")],
        &"prod".parse().expect("a stage"),
        None,
    );
    let promotion = || promoting("orders", change(2), &["Hello"]);
    let approved = || promotion().until("approval").said("ben", SignalKind::Approve, None);
    let moved = void(&approved(), 3);
    let rolled = void(&rolling_back(None), 3);
    let subject = "<!channel> *fix* `rm -rf` 🎉 שלום עולם: a subject that goes on and on, since nobody told its author that fifty characters are a good length for the first line of a commit message & more > less";
    vec![
        creation().sample("just accepted"),
        creation().until("project").sample("half way"),
        creation().succeeded().sample("succeeded"),
        creation().failed("repository", denied("codecommit:CreateRepository")).sample("failed: denied"),
        creation()
            .failed("look", foreign_refusal("A CodeCommit repository `orders`"))
            .sample("failed: not ours"),
        ordinary().sample("just accepted"),
        ordinary().until("follow").note("follow", "post build").sample("half way"),
        ordinary().succeeded().sample("succeeded"),
        ordinary().until("follow").stopped("ann", SignalKind::Cancel, None).sample("being stopped"),
        ordinary().until("follow").stopped("ann", SignalKind::Cancel, None).taken_back().sample("cancelled"),
        red(LOG).fails_by_itself("verdict").sample("failed: red"),
        building("orders", "mian", &change(1), true, None)
            .failed("source", no_branch)
            .sample("failed: no such branch"),
        red(HOSTILE_LOG).fails_by_itself("verdict").sample("extreme: a hostile log"),
        building(LONG, "main", &hostile(subject), true, None)
            .succeeded()
            .sample("extreme: a long name and subject"),
        tidying(true, false, &["Hello"], false).sample("just accepted"),
        tidying(false, false, &["Hello", "Count"], false).succeeded().sample("listed"),
        tidying(false, true, &["Hello"], false).succeeded().sample("announced by itself"),
        tidying(true, false, &["Hello", "Count"], false).succeeded().sample("succeeded"),
        tidying(true, false, &[], false).succeeded().sample("nothing to delete"),
        tidying(true, false, &TEN, true).succeeded().sample("extreme: much, and more"),
        tidying(true, false, &["Hello"], false)
            .failed("look", tidy::not_quiet_sample())
            .sample("failed: not quiet"),
        adding().sample("just accepted"),
        adding().succeeded().sample("succeeded"),
        adding().failed("record", exists.expect_err("it exists")).sample("failed: exists"),
        deploying("orders", 1, change(1), &["Hello"]).sample("just accepted"),
        deploying("orders", 1, change(1), &["Hello"]).until("create:Hello").sample("half way"),
        deploying("orders", 1, change(1), &["Hello"]).succeeded().sample("succeeded: the first"),
        deploying("orders", 2, change(2), &["Hello"]).succeeded().sample("succeeded: only code"),
        deploying("orders", 1, change(1), &["Hello"])
            .failed("deployment", denied("apigatewayv2:CreateDeployment"))
            .sample("failed: denied, with things left"),
        deploying("orders", 2, change(2), &["Hello"])
            .failed("artifact", bad_template())
            .sample("failed: template"),
        deploying(LONG, 1, hostile(subject), &TEN)
            .until("create:Greet")
            .sample("extreme: ten functions, half way"),
        deploying(LONG, 1, hostile(subject), &TEN)
            .failed("deployment", throttled("apigatewayv2:CreateDeployment"))
            .sample("extreme: ten functions, failed"),
        promotion().sample("just accepted"),
        promotion().until("approval").sample("waiting for approval"),
        approved().until("alias:sluice-orders-Hello").sample("approved, half way"),
        approved().succeeded().sample("succeeded"),
        promotion()
            .until("approval")
            .said("ben", SignalKind::Reject, Some("not on a Friday <!here>"))
            .fails_by_itself("approval")
            .sample("rejected"),
        approved().failed("alias:sluice-orders-Hello", moved).sample("void"),
        listing(3, true).until("approval").sample("waiting, with the commits in between"),
        listing(10, false).until("approval").sample("extreme: waiting, with more commits than are shown"),
        asking_two().until("approval").said("ben", SignalKind::Approve, None).sample("one of two approved"),
        asking_two()
            .until("approval")
            .waits_still("approval", 23 * 3600)
            .sample("reminded of, before it expires"),
        asking_two()
            .until("approval")
            .waits_still("approval", 24 * 3600)
            .fails_by_itself("approval")
            .sample("expired"),
        going_on().until("approval").sample("waiting, from what was moved outside"),
        overriding().until("alias:sluice-orders-Hello").sample("overridden, half way"),
        overriding().succeeded().sample("overridden, succeeded"),
        setting(&[("approvals", "2"), ("soak", "30m")], &[]).sample("just accepted"),
        setting(&[("approvals", "2"), ("soak", "30m")], &[]).succeeded().sample("set"),
        tested("GET /health")
            .until("approval")
            .said("ben", SignalKind::Approve, None)
            .succeeded()
            .sample("passed its test"),
        tested("GET /health")
            .until("approval")
            .said("ben", SignalKind::Approve, None)
            .until("smoke")
            .note("smoke", "answered 500, not 200: Internal Server Error")
            .sample("being tested"),
        tested("GET /health")
            .until("approval")
            .said("ben", SignalKind::Approve, None)
            .failed("smoke", not_passed("GET /health", "answered 500, not 200"))
            .sample("did not pass its test, and went back"),
        tested("invoke Hello {\"ping\":true}")
            .until("approval")
            .said("ben", SignalKind::Approve, None)
            .failed("smoke", not_passed("invoke Hello {\"ping\":true}", "failed"))
            .sample("did not pass its test event, and went back"),
        tested("invoke Helo").fails_by_itself("smoke").sample("cannot pass its test"),
        setting(&[("approvals", "2")], &[]).failed("record", gone()).sample("failed"),
        setting(&[("smoke", "GET /health 200")], &[]).succeeded().sample("set a smoke test"),
        setting(&[("smoke", "off")], &[("smoke", "GET /health")])
            .succeeded()
            .sample("took a smoke test away"),
        setting(&[("approvals", "1")], &[("approvals", "2")]).succeeded().sample("lowered"),
        setting(&[("approvals", "0")], &[]).succeeded().sample("opened"),
        setting(&[("param.LogLevel", "debug"), ("param.Old", "-")], &[("param.Old", "1")])
            .succeeded()
            .sample("set a parameter"),
        locking(false).sample("just accepted"),
        locking(false).failed("lock:prod", gone()).sample("failed"),
        locking(false).until("hold:prod").sample("locked"),
        locking(true).until("hold:prod").sample("locked hard, and taken over"),
        locking(false).until("hold:prod").waits_still("hold:prod", 105 * 60).sample("reminded of"),
        locking(false).until("hold:prod").is_past("hold:prod", 7200).succeeded().sample("over"),
        locking(false)
            .until("hold:prod")
            .release_lock("prod", "ben", SignalKind::TakeOver)
            .succeeded()
            .sample("taken over"),
        locking_all()
            .until("hold:dev")
            .release_lock("prod", "ada", SignalKind::Unlock)
            .until("hold:dev")
            .sample("of two, one lifted"),
        locking(false).succeeded().sample("set by a version that did not wait for the end"),
        unlocking().sample("just accepted"),
        unlocking().failed("record", gone()).sample("failed"),
        unlocking().succeeded().sample("unlocked"),
        locking_over().until("hold:prod").sample("set over another person's"),
        unlocking_over().succeeded().sample("unlocked, and another lock applies again"),
        changing_roles(true, Role::Operators, None).sample("just accepted"),
        changing_roles(true, Role::Operators, None).succeeded().sample("granted"),
        changing_roles_of(Member::Group("S0LEADS01".parse().expect("a group")), true, Role::Approvers, None)
            .succeeded()
            .sample("granted to a group"),
        changing_roles(true, Role::Oncall, None)
            .failed("record", access().administer(&super::actor("dan").id).expect_err("no admin"))
            .sample("failed: who asked is no admin any more"),
        changing_roles(false, Role::Approvers, None).sample("just accepted"),
        changing_roles(false, Role::Approvers, None).succeeded().sample("revoked"),
        changing_roles(false, Role::Operators, Some("it was granted for all pipelines"))
            .succeeded()
            .sample("revoked, and kept"),
        changing_roles(false, Role::Admins, None).failed("record", gone()).sample("failed"),
        approved()
            .failed("api-stage", throttled("apigatewayv2:UpdateStage"))
            .sample("failed after the first alias, and taken back"),
        approved().faulted("api-stage", throttled("apigatewayv2:UpdateStage")).sample("being taken back"),
        approved()
            .faulted("api-stage", throttled("apigatewayv2:UpdateStage"))
            .left("it points to version 9")
            .taken_back()
            .sample("failed, and somebody moved an alias meanwhile"),
        approved()
            .faulted("api-stage", throttled("apigatewayv2:UpdateStage"))
            .stuck(denied("lambda:UpdateAlias"))
            .sample("stuck"),
        approved()
            .faulted("api-stage", throttled("apigatewayv2:UpdateStage"))
            .stuck(denied("lambda:UpdateAlias"))
            .got_on(SignalKind::Retry)
            .taken_back()
            .sample("stuck, then tried again"),
        approved()
            .faulted("api-stage", throttled("apigatewayv2:UpdateStage"))
            .stuck(denied("lambda:UpdateAlias"))
            .got_on(SignalKind::Resolve)
            .row(300, vec![Entry::Ended { succeeded: false }])
            .sample("stuck, then marked as resolved"),
        promotion()
            .until("approval")
            .stopped("ann", SignalKind::Cancel, Some("wrong release <!channel>"))
            .taken_back()
            .sample("cancelled while it waited"),
        promotion()
            .until("approval")
            .stopped("ben", SignalKind::Preempt, None)
            .taken_back()
            .sample("gave way to a rollback"),
        promotion()
            .until("approval")
            .stopped("cleo", SignalKind::StageMoved, Some("prod now runs r3"))
            .taken_back()
            .sample("void because its stage moved"),
        with_parameters().until("approval").sample("waiting, with parameters"),
        promoting(LONG, hostile(subject), &TEN).until("approval").sample("extreme: waiting"),
        rolling_back(None).sample("just accepted"),
        rolling_back(None).until("alias:sluice-orders-Hello").sample("half way"),
        rolling_back(Some("errors since <!channel> 9:30 *now*")).succeeded().sample("succeeded"),
        rolling_back(None).failed("look", rolled).sample("void"),
        rolling_back(None)
            .failed("alias:sluice-orders-Hello", throttled("lambda:UpdateAlias"))
            .sample("failed half way"),
    ]
}
