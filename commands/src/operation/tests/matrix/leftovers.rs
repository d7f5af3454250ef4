//! `/pipeline tidy` in a shared account: it deletes nothing that is in use, or that may be.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::super::harness::{Process, Shared, person};
use super::gates::{ends, fails_with, newest, reaches, secs, world};
use crate::installation::{Input, Invocation};
use crate::names;
use crate::operation::testing::operation_id;
use crate::operation::{Accepted, DEPLOY, Delivery, Keys, Snapshot, Status, StepId, accept, audit};
use crate::ports::{
    Clock, Functions, Guard, Identity, Precondition, RoleSpec, Store, TAG_PIPELINE, Tags, Write,
};
use crate::records::{Act, AuditRecord, Run, Stage, VersionSet, from_item, to_item};
use crate::testing::target;
use sluice_grammar::{Command, RollbackCommand};
use sluice_model::{Permission, ReleaseNumber, Target};

const NOW: &str = "/pipeline tidy orders now";
const HELLO: &str = "sluice-orders-dev-Hello";

/// The time until a pipeline counts as quiet, and its roles as old.
async fn hours_pass() {
    tokio::time::sleep(secs(2 * 3600)).await;
}

/// Somebody creates a role of that name for that pipeline; gives its ARN.
async fn role(shared: &Shared, name: &str, pipeline: &str, boundary: &str) -> String {
    tagged_role(shared, name, boundary, [(TAG_PIPELINE.to_owned(), pipeline.to_owned())].into()).await
}

/// The same with these tags.
async fn tagged_role(shared: &Shared, name: &str, boundary: &str, tags: Tags) -> String {
    let pipeline = &tags[TAG_PIPELINE];
    let spec = RoleSpec {
        name: name.to_owned(),
        path: names::role_path(&pipeline.parse().unwrap(), None),
        description: String::new(),
        trust: "{}".to_owned(),
        boundary: boundary.to_owned(),
        tags,
    };
    shared.fake_aws.fault_proxy().create_role(&target(), &spec).await.unwrap().arn
}

/// Those of these roles that exist.
async fn there<'a>(shared: &Shared, roles: &[&'a str]) -> Vec<&'a str> {
    let mut there = vec![];
    for role in roles {
        if shared.fake_aws.fault_proxy().role(&target(), role).await.unwrap().is_some() {
            there.push(*role);
        }
    }
    there
}

#[tokio::test(start_paused = true)]
async fn tidy_keeps_roles_that_are_in_use_young_of_a_stack_or_not_of_this_pipeline_and_region() {
    let (shared, process) = world("").await;
    let own = names::boundary_arn(&target());
    let fault_proxy = shared.fake_aws.fault_proxy();
    let foreign =
        fault_proxy.create_policy(&target(), "sluice-boundary-elsewhere", "/sluice/", "{}").await.unwrap();
    let published = role(&shared, "sluice-orders-dev-Late-published", "orders", &own).await;
    let latest = role(&shared, "sluice-orders-dev-Late-latest", "orders", &own).await;
    shared.fake_aws.leave_function("sluice-orders-dev-Late", &published, &latest);
    let borrowed = role(&shared, "sluice-orders-borrowed", "orders", &own).await;
    shared.fake_aws.leave_function("somebody-elses", &borrowed, &borrowed);
    role(&shared, "sluice-orders-elsewhere", "orders", &foreign).await;
    role(&shared, "sluice-orders-eu-Hello", "orders-eu", &own).await;
    role(&shared, "sluice-orders-unused", "orders", &own).await;
    let tags = names::stack_tags(&"orders".parse().unwrap(), &"dev".parse().unwrap());
    tagged_role(&shared, "sluice-orders-dev-Workflow-1ABC", &own, tags).await;
    hours_pass().await;
    role(&shared, "sluice-orders-young", "orders", &own).await;

    let known = [
        "sluice-orders-dev-Late-published",
        "sluice-orders-dev-Late-latest",
        "sluice-orders-borrowed",
        "sluice-orders-elsewhere",
        "sluice-orders-eu-Hello",
        "sluice-orders-young",
        "sluice-orders-dev-Workflow-1ABC",
        "sluice-orders-unused",
    ];
    let looked = ends(&shared, &process, "ada", "/pipeline tidy orders", Status::Succeeded).await;
    let found =
        shared.op(&looked.id).await.output::<serde_json::Value>(&StepId::new("look")).unwrap().unwrap();
    assert_eq!(found["roles"], serde_json::json!(["sluice-orders-unused"]), "the list");
    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    assert_eq!(there(&shared, &known).await, known[..7]);
}

#[tokio::test(start_paused = true)]
async fn tidy_keeps_a_role_while_a_kept_version_uses_it() {
    let (shared, process) = world("").await;
    let own = names::boundary_arn(&target());
    // As many as one run deletes, and one more, whose role is the first that a run deletes.
    for _ in 0..100 {
        shared.fake_aws.leave_behind(&[HELLO]);
    }
    let first = role(&shared, "sluice-orders-A", "orders", &own).await;
    shared.fake_aws.leave_version(HELLO, &first);
    hours_pass().await;
    let fault_proxy = shared.fake_aws.fault_proxy();
    for _ in 0..2 {
        ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
        for version in fault_proxy.versions(&target(), HELLO).await.unwrap().unwrap() {
            let role = names::role_name(&version.config.role);
            let found = fault_proxy.role(&target(), role).await.unwrap();
            assert!(found.is_some(), "version {} lost its role", version.version);
        }
    }
    let left = fault_proxy.versions(&target(), HELLO).await.unwrap().unwrap().len();
    assert_eq!(left, 3, "`$LATEST`, and two releases");
    assert_eq!(there(&shared, &["sluice-orders-A"]).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_within_an_hour_after_a_stage_moved() {
    let (shared, process) = world("").await;
    let head = reaches(&shared, &process, "ada", NOW, Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "not-quiet", "{:#?}", shared.journal(&head.id));
    process.run_until(async || shared.is_settled()).await;
    hours_pass().await;
    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
}

#[tokio::test(start_paused = true)]
async fn automatic_tidy_waits_an_hour_after_an_attempt() {
    let (shared, process) = world("").await;
    hours_pass().await;
    let keys = Keys::new(&target());
    let mut pipeline = shared.store.item(&keys.pipeline(&"orders".parse().unwrap())).unwrap();
    pipeline.guards.insert("releases".into(), Guard::Number(10));
    shared.store.write(Write::Put { item: pipeline, when: Precondition::Any }).await.unwrap();
    // The stages did not move, but something may have.
    let records = shared.store.audit();
    let mut records = records.iter().map(|item| from_item::<AuditRecord>(item).unwrap());
    let deploy = records.find(|record| record.kind == DEPLOY).unwrap();
    let failed = AuditRecord { at: shared.clock.now(), act: Act::Failed, ..deploy };
    shared.store.write(audit(&failed, &process.engine.world().keys).unwrap()).await.unwrap();
    assert_eq!(process.service.tidy_due(&person("ada")).await.unwrap(), 0);
    hours_pass().await;
    assert_eq!(process.service.tidy_due(&person("ada")).await.unwrap(), 1);
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(newest(&shared).status, Status::Succeeded, "{:#?}", shared.journal(&newest(&shared).id));
}

/// `dev` ran a hundred releases, the n-th with version n of a function; each of the old ones has a version set.
async fn hundred() -> (Shared, Process) {
    let (shared, process) = world("").await;
    // Two releases have the first two versions.
    for _ in 3..=100 {
        shared.fake_aws.leave_behind(&[HELLO]);
    }
    shared.fake_aws.move_by_hand(HELLO, "dev", "100", None);
    let (keys, name) = (Keys::new(&target()), "orders".parse().unwrap());
    let key = keys.stage(&name, &"dev".parse().unwrap());
    let item = shared.store.item(&key).unwrap();
    let mut stage: Stage = from_item(&item).unwrap();
    let at = shared.clock.now() - SignedDuration::from_hours(9);
    let release = |number| Run { release: ReleaseNumber(number), at, rolled_back: false };
    stage.runs = (1..=100).map(release).collect();
    stage.current.as_mut().unwrap().release = ReleaseNumber(100);
    let mut items = vec![to_item(key, item.guards, &stage).unwrap()];
    for number in 1..=100 {
        let versions = [(HELLO.to_owned(), number.to_string())].into();
        let set = VersionSet { versions, ..VersionSet::default() };
        let key = keys.version_set(&name, ReleaseNumber(number), &stage.name);
        items.push(to_item(key, Default::default(), &set).unwrap());
    }
    for item in items {
        shared.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    }
    hours_pass().await;
    (shared, process)
}

/// The releases of `dev` by number: those that are marked, and those whose version is not there.
async fn marked_and_gone(shared: &Shared, at: &Target) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let versions = shared.fake_aws.fault_proxy().versions(at, HELLO).await.unwrap().unwrap();
    let there: BTreeSet<String> = versions.into_iter().map(|version| version.version).collect();
    let (mut marked, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for number in 1..=100 {
        let (name, stage) = ("orders".parse().unwrap(), "dev".parse().unwrap());
        let key = Keys::new(at).version_set(&name, ReleaseNumber(number), &stage);
        let set: VersionSet = from_item(&shared.store.item(&key).unwrap()).unwrap();
        marked.extend(set.tidied.then_some(number));
        gone.extend((!there.contains(&number.to_string())).then_some(number));
    }
    (marked, gone)
}

#[tokio::test(start_paused = true)]
async fn tidy_deletes_only_versions_of_marked_releases() {
    let (shared, process) = hundred().await;
    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    let (marked, gone) = marked_and_gone(&shared, &target()).await;
    assert!(gone.is_subset(&marked), "gone, but not marked: {:?}", gone.difference(&marked));
    assert_eq!(marked, (1..=80).collect());
    let card = format!("{:?}", shared.last_update(&newest(&shared).id).unwrap().card);
    assert!(card.contains("More can be deleted"), "{card}");
    assert_eq!(shared.state().await.tidied.unwrap().releases, 0, "tidy continues by itself");

    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    let (marked, gone) = marked_and_gone(&shared, &target()).await;
    assert_eq!(marked, (1..=89).collect(), "the running release and ten earlier ones stay");
    assert_eq!(gone, (1..=89).collect());
    // A run deletes 25 roles: until the last, more is left.
    for _ in 0..4 {
        ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    }
    let state = shared.state().await;
    assert_eq!(state.tidied.unwrap().releases, state.counters.releases);
    assert!(state.counters.releases > 0);
}

#[tokio::test(start_paused = true)]
async fn a_release_is_marked_before_its_versions_are_deleted() {
    let (shared, process) = hundred().await;
    process.types("tidy", "ada", NOW).await;
    let deleted = || shared.fake_aws.calls().iter().any(|called| called.call == "lambda:DeleteFunction");
    process.run_until(async || deleted()).await;
    let (marked, _) = marked_and_gone(&shared, &target()).await;
    assert_eq!(marked, (1..=80).collect());
}

#[tokio::test(start_paused = true)]
async fn a_rollback_planned_before_its_release_was_marked_is_planned_again() {
    let (shared, process) = hundred().await;
    process.types("tidy", "ada", NOW).await;
    // From here on it knows the set as it was before, and nothing more is accepted meanwhile.
    let (world, name) = (process.engine.world(), "orders".parse().unwrap());
    let snapshot = Snapshot::read(world, &name).await.unwrap();
    let (release, reason) = (Some(ReleaseNumber(1)), None);
    let command = Command::Rollback(RollbackCommand::Rollback {
        name,
        stage: "dev".parse().unwrap(),
        release,
        anyway: false,
        reason,
    });
    let ann = person("ann");
    let invocation = Invocation {
        delivery: "late".to_owned(),
        actor: ann.clone(),
        channel: None,
        input: Input::Slash { command: "/rollback".into(), text: "orders dev r1".into() },
    };
    let id = operation_id(5_000);
    let (request, _) =
        process.service.request(&invocation, &command, &snapshot, &id, None).await.ok().unwrap();
    process.run_until(async || shared.is_settled()).await;

    let granted = snapshot.access.permit(Permission::OperatorsOrOncall, &ann.id).unwrap();
    let delivery = Delivery { key: "late", actor: &ann, channel: None };
    let accepted = accept(&process.engine, id, &delivery, &snapshot, request, granted.rule()).await.unwrap();
    assert!(matches!(accepted, Accepted::Again), "{accepted:?}");
    super::gates::refused(&process, "ann", "/rollback orders dev r1", "versions-deleted").await;
}
