//! `/promote`.

use super::stage::lock;
use super::{BUCKET, LONG, SUBJECT, TEN, denied, hostile, throttled, void};
use crate::comparison::Commits;
use crate::operation::{Entry, SignalKind};
use crate::records::{Change, PinnedSettings, VersionSet};
use crate::resources::{Move, RanBefore, Seen};
use crate::rules::{Drift, Moved, Parameters};
use crate::steps::{SmokeTest, first_minutes_samples, quoted};
use crate::testing::samples::API;
use crate::testing::samples::outputs::Outputs;
use crate::testing::samples::records::{BEGIN, access, actor, change, pinned_apis, release};
use crate::testing::samples::{Journal, Sample};
use crate::{promote, rollback};
use sluice_model::{Refusal, ReleaseNumber};

/// A promotion from `staging` to `prod`.
pub fn promotion(name: &str, commit: Change, functions: &[&str]) -> promote::Params {
    promote::Params {
        name: name.parse().expect("a name"),
        to: "prod".parse().expect("a stage"),
        from: "staging".parse().expect("a stage"),
        release: release(2, commit, functions),
        bucket: BUCKET.into(),
        before: Some(promote::Before {
            system: Default::default(),
            release: ReleaseNumber(1),
            commit: change(1),
            parameters: Default::default(),
        }),
        apis: Default::default(),
        settings: Default::default(),
        has_stack: false,
        next: None,
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
        stack: Default::default(),
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

/// A promotion that needs two of three approvals within a day, on a stage with its own approvers.
fn asking_two() -> Journal {
    let named = ["ann", "ben", "cleo"].map(|name| actor(name).id);
    let params = promote::Params {
        approvals: 2,
        named: named.clone().map(Into::into).into(),
        approvers: named.into(),
        expires: Some(BEGIN + jiff::SignedDuration::from_hours(24)),
        ..promotion("orders", change(2), &["Hello"])
    };
    asking(params, &["Hello"])
}

/// What a promotion changes: little, or more than the card shows.
pub(in super::super) fn changes(is_much: bool) -> serde_json::Value {
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
/// The last step that moves the stage.
const ALIAS: &str = "alias:sluice-orders-prod-Hello";

fn with_parameters() -> Journal {
    let values = |pairs: &[(&str, &str)]| -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let before = promote::Before {
        system: Default::default(),
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

/// A promotion to a stage that gets another value of Systems Manager.
fn with_values() -> Journal {
    let lines = serde_json::json!([
        { "names": ["Hello"], "what": "variables TABLE changed" },
        { "what": "Systems Manager: /orders/table: orders-a → orders-b (version 4)" },
        { "what": "Systems Manager: /orders/key: changed, hidden (version 2)" },
    ]);
    let outputs = Outputs::of_versions("orders", "prod", &["Hello"], false);
    let outputs = outputs.with("changes", serde_json::json!({ "lines": lines, "functions": 1 }));
    Journal::accepted(
        "promote",
        "/promote orders prod",
        "orders",
        promotion("orders", change(2), &["Hello"]),
        outputs,
    )
}

/// A promotion of so many commits.
fn listing(count: usize, is_whole: bool) -> Journal {
    let params =
        promote::Params { repository: Some("orders".into()), ..promotion("orders", change(3), &["Hello"]) };
    let list = [3, 2, 3].iter().cycle().take(count).map(|build| change(*build)).collect();
    let outputs = Outputs::of_versions("orders", "prod", &["Hello"], false);
    let outputs = outputs.with("commits", Commits { list, is_whole }).with("changes", changes(!is_whole));
    Journal::accepted("promote", "/promote orders prod", "orders", params, outputs)
}

/// A promotion to a stage with that smoke test.
fn tested(smoke: &str) -> Journal {
    let smoke = Some(smoke.parse().expect("a smoke test"));
    asking(promote::Params { smoke, ..promotion("orders", change(2), &["Hello"]) }, &["Hello"])
}

/// The refusal of a smoke test that did not pass.
fn not_passed(smoke: &str, seen: &str) -> Refusal {
    let release = release(2, change(2), &["Hello"]);
    let set = VersionSet {
        versions: [("sluice-orders-prod-Hello".to_owned(), "2".to_owned())].into(),
        apis: pinned_apis("prod", 2),
        ..VersionSet::default()
    };
    let (target, seen_before) = (crate::testing::target(), Seen::default());
    let before = RanBefore {
        pipeline: "orders".parse().expect("a name"),
        stage: "prod".parse().expect("a stage"),
        release: Some(ReleaseNumber(1)),
    };
    let recorded = &pinned_apis("prod", 1);
    let settings = &PinnedSettings::new();
    let to = Move {
        target: &target,
        before: &before,
        set: &set,
        seen: &seen_before,
        recorded,
        settings,
        accepted: None,
    };
    let answer = "\n  <!channel> *boom* in `app.py` <@U0ANN0001>, and a long story that goes on and on over the end of what anybody reads\nTraceback";
    SmokeTest::new(&to, &release, &smoke.parse().expect("a smoke test"))
        .failed(&format!("{seen}{}", quoted(answer)))
}

/// A promotion that accepts the drift of its stage.
fn accepting_drift() -> Journal {
    let moved =
        |recorded: &str, seen: &str| Moved { recorded: Some(recorded.into()), seen: Some(seen.into()) };
    let aliases = [("sluice-orders-prod-Hello".to_owned(), moved("2", "1 (125/1000 to 3)"))].into();
    let outside = Some(Drift { aliases, apis: [(API.to_owned(), moved("d2", "d1"))].into() });
    let params = promote::Params { outside, ..promotion("orders", change(2), &["Hello"]) };
    let outputs = Outputs::of_versions("orders", "prod", &["Hello"], false);
    Journal::accepted("promote", "/promote orders prod anyway", "orders", params, outputs)
}

fn overriding() -> Journal {
    let params = promote::Params {
        approvals: 0,
        override_reason: Some("checkout is down <!here>".into()),
        passed: vec![
            lock("ben", false).refusal(&"orders".parse().expect("a name")).problem,
            "The required approvals were skipped.".into(),
        ],
        ..promotion("orders", change(2), &["Hello"])
    };
    asking(params, &["Hello"])
}

pub(super) fn samples() -> Vec<Sample> {
    let promotion = || promoting("orders", change(2), &["Hello"]);
    let approved = || promotion().until("approval").said("ben", SignalKind::Approve, None);
    let moved = void(&approved(), 3);
    vec![
        promotion().sample("just accepted"),
        promotion().until("approval").sample("waiting for approval"),
        approved().until(ALIAS).sample("approved, half way"),
        approved().succeeded().sample("succeeded"),
        promotion()
            .until("approval")
            .said("ben", SignalKind::Reject, Some("not on a Friday <!here>"))
            .fails_by_itself("approval")
            .sample("rejected"),
        approved().failed(ALIAS, moved.clone()).sample("void"),
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
        accepting_drift().until("approval").sample("waiting, from what was moved outside"),
        overriding().until(ALIAS).sample("overridden, half way"),
        overriding().succeeded().sample("overridden, succeeded"),
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
        approved()
            .failed(ALIAS, throttled("lambda:UpdateAlias"))
            .sample("failed after the API moved, and undone"),
        approved().faulted(ALIAS, throttled("lambda:UpdateAlias")).sample("being undone"),
        approved()
            .faulted(ALIAS, throttled("lambda:UpdateAlias"))
            .left("it serves deployment d9")
            .taken_back()
            .sample("failed, and somebody moved the API meanwhile"),
        approved()
            .faulted(ALIAS, throttled("lambda:UpdateAlias"))
            .stuck(denied("apigatewayv2:UpdateStage"))
            .sample("stuck"),
        approved()
            .faulted(ALIAS, throttled("lambda:UpdateAlias"))
            .stuck(denied("apigatewayv2:UpdateStage"))
            .got_on(SignalKind::Retry)
            .taken_back()
            .sample("stuck, then tried again"),
        approved()
            .faulted(ALIAS, throttled("lambda:UpdateAlias"))
            .stuck(denied("apigatewayv2:UpdateStage"))
            .got_on(SignalKind::Resolve)
            .row(300, vec![Entry::Ended { succeeded: false }])
            .sample("stuck, then marked as resolved"),
        approved()
            .succeeded()
            .followed_up(first_minutes_samples::bad())
            .sample("followed up: many calls fail"),
        promotion()
            .until("approval")
            .stopped("ann", SignalKind::Cancel, Some("wrong release <!channel>"))
            .taken_back()
            .sample("cancelled while it waited"),
        promotion()
            .until("approval")
            .preempted("ben", rollback::goes_first(&actor("ben")))
            .taken_back()
            .sample("gave way to a rollback"),
        promotion()
            .until("approval")
            .preempted("ben", moved.clone())
            .taken_back()
            .sample("void because its stage moved"),
        with_parameters().until("approval").sample("waiting, with parameters"),
        with_values().until("approval").sample("waiting, with values of Systems Manager"),
        promoting(LONG, hostile(SUBJECT), &TEN).until("approval").sample("extreme: waiting"),
    ]
}
