//! `/stage add`, `set`, `remove`, `lock` and `unlock`.

use serde_json::json;

use super::{TEN, gone};
use crate::operation::SignalKind;
use crate::rules::{Lock, Policy};
use crate::stage;
use crate::testing::samples::outputs::Outputs;
use crate::testing::samples::records::{BEGIN, actor, stage as stage_record};
use crate::testing::samples::{Journal, Sample};
use sluice_model::{OperationId, ReleaseNumber};

fn adding() -> Journal {
    let params = stage::add::Params {
        name: "orders".parse().expect("a name"),
        stage: "prod".parse().expect("a stage"),
        after: None,
    };
    let outputs = Outputs::default().with("record", ["dev", "staging", "prod"]);
    Journal::accepted("stage-add", "/stage add orders prod", "orders", params, outputs)
}

/// The removal of a stage with these functions, and with a stack that keeps so many tables.
fn removing(functions: &[&str], stays: usize, more: impl FnOnce(Outputs) -> Outputs) -> Journal {
    let params = stage::remove::Params {
        name: "orders".parse().expect("a name"),
        stage: "prod".parse().expect("a stage"),
        before: Some(ReleaseNumber(3)),
        urls: stage_record("prod", 3).urls(),
    };
    let [found, nothing] = stage::remove::sample(functions, stays);
    let outputs = Outputs::default()
        .with("look:1", found)
        .with("look:2", nothing)
        .with("api-stage", json!({}))
        .with("stack-gone", json!({}))
        .with("forget", json!({}))
        .with("record", ["dev", "staging"]);
    Journal::accepted(stage::remove::KIND, "/stage remove orders prod now", "orders", params, more(outputs))
}

/// Removals in every state.
fn removals() -> Vec<Sample> {
    let usual = || removing(&["Hello", "World"], 0, |outputs| outputs);
    let with_stack = || removing(&["Hello"], 2, |outputs| outputs);
    let name = "orders".parse().expect("a name");
    let prod = "prod".parse().expect("a stage");
    let failure = "`News` (AWS::SNS::Topic): Access denied <!channel>.";
    let stuck = removing(&["Hello"], 2, |outputs| outputs.with("stack-gone", json!({ "failure": failure })));
    vec![
        usual().sample("just accepted"),
        with_stack().until("stack-gone:remove-1").sample("half way"),
        usual().succeeded().sample("succeeded"),
        with_stack().succeeded().sample("succeeded: with a stack"),
        removing(&[], 0, |outputs| outputs.with("look:1", json!({})))
            .succeeded()
            .sample("succeeded: nothing was there"),
        usual()
            .failed("hold", stage::remove::locked(&name, &prod, &lock("ben", true)))
            .sample("failed: locked"),
        usual().failed("look:1", gone()).sample("failed"),
        stuck
            .stuck_at(
                "verdict:1/sluice-orders-prod",
                stage::remove::stack_left("sluice-orders-prod", failure),
            )
            .sample("stuck: the stack is not deleted"),
        removing(&TEN, 100, |outputs| outputs)
            .succeeded()
            .sample("extreme: ten functions and a hundred tables"),
    ]
}

pub(super) fn lock(who: &str, hard: bool) -> Lock {
    Lock {
        stage: "prod".parse().expect("a stage"),
        owner: actor(who),
        reason: "fixing the ledger".into(),
        since: BEGIN,
        until: BEGIN + jiff::SignedDuration::from_hours(2),
        hard,
        operation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an id"),
        over: vec![],
    }
}

fn locking(hard: bool) -> Journal {
    let params = stage::lock::Params {
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
        stage::lock::KIND,
        line,
        "orders",
        params,
        Outputs::default().with("lock:prod", replaced),
    )
}

fn locking_all() -> Journal {
    let params = stage::lock::Params {
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
    Journal::accepted(stage::lock::KIND, "/stage lock orders for 2h", "orders", params, outputs)
}

/// A lock that keeps another person's, and each of them ends or applies again by itself.
fn over_another() -> (Lock, Lock) {
    let kept = lock("ben", false);
    let operation = "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().expect("an id");
    (Lock { operation, over: vec![kept.clone()], ..lock("ann", false) }, kept)
}

fn locking_over() -> Journal {
    let params = stage::lock::Params {
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
    Journal::accepted(stage::lock::KIND, "/stage lock orders prod for 3h", "orders", params, outputs)
}

fn unlocking_over() -> Journal {
    let (lock, kept) = over_another();
    let name = "orders".parse().expect("a name");
    let params = stage::unlock::Params { name, locks: vec![lock], restored: vec![kept] };
    let outputs = Outputs::default().with("record", ["prod"]);
    Journal::accepted(stage::unlock::KIND, "/stage unlock orders prod", "orders", params, outputs)
}

fn unlocking() -> Journal {
    let params = stage::unlock::Params {
        name: "orders".parse().expect("a name"),
        locks: vec![lock("ben", false)],
        restored: vec![],
    };
    let outputs = Outputs::default().with("record", ["prod"]);
    Journal::accepted(stage::unlock::KIND, "/stage unlock orders prod", "orders", params, outputs)
}

fn setting(settings: &[(&str, &str)], before: &[(&str, &str)]) -> Journal {
    let own = |settings: &[(&str, &str)]| -> Vec<(String, String)> {
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let default = Policy::of(true);
    let changed = |policy: &Policy, settings: &[(&str, &str)]| {
        stage::set::changed(policy, &default, &own(settings)).expect("settings")
    };
    let before = changed(&default, before);
    let after = changed(&before, settings);
    let params = stage::set::Params {
        name: "orders".parse().expect("a name"),
        stage: "prod".parse().expect("a stage"),
        settings: own(settings),
        is_lower: after.is_lower_than(&before),
        before,
        default: default.clone(),
    };
    let outputs = Outputs::default().with("record", after);
    Journal::accepted(stage::set::KIND, "/stage set orders prod approvals=2", "orders", params, outputs)
}

pub(super) fn samples() -> Vec<Sample> {
    let exists = stage::add::ordered(
        &"orders".parse().expect("a name"),
        &["dev".parse().expect("a stage"), "prod".parse().expect("a stage")],
        &"prod".parse().expect("a stage"),
        None,
    );
    let samples = vec![
        adding().sample("just accepted"),
        adding().succeeded().sample("succeeded"),
        adding().failed("record", exists.expect_err("it exists")).sample("failed: exists"),
        setting(&[("approvals", "2"), ("soak", "30m")], &[]).sample("just accepted"),
        setting(&[("approvals", "2"), ("soak", "30m")], &[]).succeeded().sample("set"),
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
            .release_lock("prod", "ben", SignalKind::Replace)
            .succeeded()
            .sample("taken over"),
        locking_all()
            .until("hold:dev")
            .release_lock("prod", "ada", SignalKind::Release)
            .until("hold:dev")
            .sample("of two, one lifted"),
        unlocking().sample("just accepted"),
        unlocking().failed("record", gone()).sample("failed"),
        unlocking().succeeded().sample("unlocked"),
        locking_over().until("hold:prod").sample("set over another person's"),
        unlocking_over().succeeded().sample("unlocked, and another lock applies again"),
    ];
    samples.into_iter().chain(removals()).collect()
}
