//! Gates while the pipeline changes: a gate that was open at the request may be closed when the stage is about to move, and the
//! other way round. Message, record and alias agree on the first event.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::harness::{Process, Shared, person};
use super::fixture::Fixture;
use super::scenarios::{Act, PLENTY};
use crate::operation::{Head, Status};
use sluice_model::StageName;

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A world with two releases on two stages, and a policy of `prod`.
pub(super) async fn world(settings: &str) -> (Shared, Process) {
    let shared = Fixture::after(PLENTY).await.open();
    let process = shared.process("one");
    if !settings.is_empty() {
        ends(
            &shared,
            &process,
            "ada",
            &format!("/stage set orders prod {settings} confirm"),
            Status::Succeeded,
        )
        .await;
    }
    (shared, process)
}

/// The newest operation.
pub(super) fn newest(shared: &Shared) -> Head {
    shared.heads().into_iter().max_by_key(|head| head.spec.ticket).unwrap()
}

/// A person types a line; its operation reaches that status.
pub(super) async fn reaches(
    shared: &Shared,
    process: &Process,
    who: &str,
    line: &str,
    status: Status,
) -> Head {
    let known = shared.heads().len();
    let answer = process.types(&format!("{who} {line} {known}"), who, line).await;
    assert_eq!(shared.heads().len(), known + 1, "{line}: {answer:?}");
    let id = newest(shared).id;
    let reached = async || shared.head(&id).await.status == status;
    let lived = tokio::time::timeout(secs(7200), process.run_until(reached)).await;
    assert!(lived.is_ok(), "{line}: {:?} {:#?}", shared.head(&id).await.status, shared.journal(&id));
    shared.head(&id).await
}

/// The same, and all updates are delivered.
pub(super) async fn ends(shared: &Shared, process: &Process, who: &str, line: &str, status: Status) -> Head {
    let head = reaches(shared, process, who, line, status).await;
    process.run_until(async || shared.is_settled()).await;
    head
}

/// A person approves the one waiting promotion, and everything settles.
pub(super) async fn approve(shared: &Shared, process: &Process, delivery: &str, who: &str) {
    process.types(delivery, who, "/promote approve orders prod").await;
    process.run_until(async || shared.is_settled()).await;
}

/// A person sets a lock, and it holds.
pub(super) async fn holds(shared: &Shared, process: &Process, who: &str, line: &str) -> Head {
    ends(shared, process, who, line, Status::Waiting).await
}

pub(super) async fn refused(process: &Process, who: &str, line: &str, wanted: &str) {
    // Each is a delivery of its own: a refused delivery would get the same answer again.
    static NTH: AtomicU64 = AtomicU64::new(0);
    let nth = NTH.fetch_add(1, Ordering::Relaxed);
    let card = process.types(&format!("no {who} {line} {nth}"), who, line).await;
    assert_eq!(card.code.as_deref(), Some(wanted), "{who} {line}: {card:?}");
}

pub(super) async fn runs(shared: &Shared, stage: &str) -> u32 {
    assert_eq!(shared.disagreements().await, Vec::<String>::new());
    let stage: StageName = stage.parse().unwrap();
    shared.state().await.stages[&stage].current.as_ref().unwrap().release.0
}

pub(super) async fn fails_with(shared: &Shared, head: &Head) -> String {
    shared.op(&head.id).await.failure().map(|refusal| refusal.code).unwrap_or_default()
}

/// `prod` runs r2 in this world; r1 ran there before.
pub(super) const ASK: &str = "/promote orders prod r1";

#[tokio::test(start_paused = true)]
async fn two_approvals_need_two_people_other_than_the_requester() {
    let (shared, process) = world("approvals=2").await;
    reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    refused(&process, "ann", "/promote approve orders prod", "own-request").await;
    approve(&shared, &process, "b1", "ben").await;
    let head = newest(&shared);
    assert_eq!(head.status, Status::Waiting, "{:#?}", shared.journal(&head.id));
    refused(&process, "ben", "/promote approve orders prod", "late").await;
    let card = shared.last_update(&head.id).unwrap().card;
    assert!(format!("{card:?}").contains("1 of 2"), "{card:?}");
    approve(&shared, &process, "c1", "cat").await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_request_for_approval_lists_the_commits_between_the_releases() {
    let (shared, process) = world("").await;
    for (number, words) in (4..).zip(["four", "five"]) {
        shared.act(&process, &Act::Pushes(&["Hello", "World"], words, 128), &format!("push {number}")).await;
    }
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    let head = reaches(&shared, &process, "ann", "/promote orders prod from dev", Status::Waiting).await;
    let card = format!("{:?}", shared.last_update(&head.id).unwrap().card);
    for words in ["Change to three", "Change to four", "Change to five"] {
        assert!(card.contains(words), "{words}: {card}");
    }
    assert_eq!(card.matches("Change to two").count(), 1, "the running commit is no change: {card}");
}

#[tokio::test(start_paused = true)]
async fn the_request_for_approval_lists_the_changes_and_the_approvers() {
    let (shared, process) = world("approvals=2").await;
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "two", 512), "push").await;
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    let head = reaches(&shared, &process, "ann", "/promote orders prod from dev", Status::Waiting).await;
    let text = super::smoke::words(&shared, &head);
    let changes = "Changes\nHello, World: memory (MB) 256 → 512\nExtra: removed\nRoutes: ";
    assert!(text.contains(changes), "{text}");
    assert!(text.contains("GET /extra removed"), "{text}");
    process.run_until(async || shared.is_settled()).await;
    approve(&shared, &process, "b1", "ben").await;
    let fields = shared.last_update(&head.id).unwrap().card.parts.into_iter().find_map(|part| match part {
        sluice_model::Part::Fields(fields) => Some(fields),
        _ => None,
    });
    let fields: Vec<_> = fields.unwrap().into_iter().map(|(label, value)| (label, value.flat())).collect();
    let of = |wanted: &str| fields.iter().find(|(label, _)| label == wanted).map_or("", |(_, value)| value);
    assert_eq!(of("Size"), "2 commits, 3 changed functions");
    assert!(of("Created").starts_with("2026-03-01 ") && of("Created").contains(", on dev since 2026-03-01 "));
    assert_eq!(of("Approvals"), "1 of 2: @U0BEN");
    assert_eq!(of("Approvers").trim(), "@U0CAT @U0DAN");
}

#[tokio::test(start_paused = true)]
async fn a_request_gets_one_reminder_and_expires() {
    let (shared, process) = world("expires=2h").await;
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    let replies = |name: &str| {
        let notifiers = shared.notifiers.lock().unwrap();
        let updates = notifiers
            .iter()
            .flat_map(|notifier| notifier.updates())
            .filter(|update| update.operation == head.id);
        let causes = updates
            .flat_map(|update| update.asides)
            .filter(|aside| aside.name == name)
            .map(|aside| aside.cause);
        causes.collect::<std::collections::BTreeSet<_>>().len()
    };
    let asked = tokio::time::Instant::now();
    assert!(!process.run_until(async || replies("reminder") > 0).await);
    let reminded = asked.elapsed();
    assert!(
        secs(85 * 60) < reminded && reminded < secs(92 * 60),
        "a quarter of its time is left: {reminded:?}"
    );
    assert_eq!(shared.head(&head.id).await.status, Status::Waiting);
    process.run_until(async || shared.is_settled()).await;
    let ended = asked.elapsed();
    assert!(secs(119 * 60) < ended && ended < secs(121 * 60), "{ended:?}");
    assert_eq!((replies("request"), replies("reminder")), (1, 1));
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "expired"));
    assert_eq!(runs(&shared, "prod").await, 2);
    refused(&process, "ben", "/promote approve orders prod", "nothing-waits").await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_blocks_promotions_and_a_hard_lock_rollbacks_too() {
    let (shared, process) = world("").await;
    let waits = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    holds(&shared, &process, "ben", "/stage lock orders prod for 1h the ledger").await;
    // A waiting promotion passes the gates again before it moves the stage.
    approve(&shared, &process, "a1", "ben").await;
    let waits = shared.head(&waits.id).await;
    assert_eq!((waits.status, fails_with(&shared, &waits).await.as_str()), (Status::Failed, "locked"));
    refused(&process, "ann", ASK, "locked").await;
    ends(&shared, &process, "oli", "/rollback orders prod", Status::Succeeded).await;
    assert_eq!(runs(&shared, "prod").await, 1, "a soft lock allows rollbacks");
    refused(&process, "ann", "/promote orders prod r2", "locked").await;
    holds(&shared, &process, "ada", "/stage lock orders prod for 1h hard an audit").await;
    refused(&process, "ben", "/stage unlock orders prod", "not-an-admin").await;
    refused(&process, "ann", "/promote orders prod override now", "not-for-override").await;
    refused(&process, "oli", "/promote orders prod override now", "hard-locked").await;
    ends(&shared, &process, "ada", "/stage unlock orders prod", Status::Succeeded).await;
    refused(&process, "ann", "/promote orders prod r2", "rolled-back").await;
    reaches(&shared, &process, "ann", "/promote orders prod r2 again", Status::Waiting).await;
    approve(&shared, &process, "a2", "ben").await;
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_on_call_override_passes_the_gates_with_a_reason_and_without_approval() {
    let (shared, process) = world("approvals=2 soak=1d order=strict").await;
    refused(&process, "ann", ASK, "out-of-order").await;
    let head = ends(
        &shared,
        &process,
        "oli",
        "/promote orders prod r1 override checkout is down",
        Status::Succeeded,
    )
    .await;
    assert_eq!(runs(&shared, "prod").await, 1);
    let update = shared.last_update(&head.id).unwrap();
    let card = format!("{:?}", update.card);
    assert!(card.contains("checkout is down") && card.contains("approvals were skipped"), "{card}");
    assert!(update.asides.iter().any(|aside| aside.broadcast), "the whole channel gets it");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_a_stricter_policy_would_refuse_is_void() {
    let (shared, process) = world("").await;
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    ends(&shared, &process, "ada", "/stage set orders prod approvals=2", Status::Succeeded).await;
    approve(&shared, &process, "a1", "ben").await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "void"));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_removed_approver_cannot_approve() {
    let (shared, process) = world("").await;
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    let cat = format!("/stage set orders prod approvers=<@{}>", person("cat").id);
    let known = shared.heads().len();
    process.types("p1", "ada", &cat).await;
    assert_eq!(shared.heads().len(), known + 1);
    approve(&shared, &process, "a1", "ben").await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "void"));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_approval_by_a_person_who_lost_the_role_does_not_count() {
    let (shared, process) = world("approvals=2").await;
    refused(&process, "zoe", "/promote orders prod r1", "not-an-operator").await;
    ends(&shared, &process, "ada", "/pipeline grant <@U0ZOE> operators orders", Status::Succeeded).await;
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    approve(&shared, &process, "z1", "zoe").await;
    ends(&shared, &process, "ada", "/pipeline revoke <@U0ZOE> operators orders", Status::Succeeded).await;
    approve(&shared, &process, "b1", "ben").await;
    assert_eq!(shared.head(&head.id).await.status, Status::Waiting, "{:#?}", shared.journal(&head.id));
    let card = shared.last_update(&head.id).unwrap().card;
    assert!(format!("{card:?}").contains("not all of them count now"), "{card:?}");
    approve(&shared, &process, "c1", "cat").await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_by_a_person_who_lost_the_role_fails() {
    let (shared, process) = world("").await;
    ends(&shared, &process, "ada", "/pipeline grant <@U0ZOE> operators orders", Status::Succeeded).await;
    let head = reaches(&shared, &process, "zoe", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    ends(&shared, &process, "ada", "/pipeline revoke <@U0ZOE> operators orders", Status::Succeeded).await;
    approve(&shared, &process, "b1", "ben").await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "not-an-operator"));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_role_change_by_a_former_admin_is_not_recorded() {
    let (shared, process) = world("").await;
    ends(&shared, &process, "ada", "/pipeline grant <@U0ZOE> admins orders", Status::Succeeded).await;
    ends(&shared, &process, "ada", "/pipeline grant <@U0BEN> admins orders", Status::Succeeded).await;
    // Both are accepted before either is recorded.
    let known = shared.heads().len();
    process.types("z", "zoe", "/pipeline revoke <@U0BEN> admins orders").await;
    process.types("b", "ben", "/pipeline revoke <@U0ZOE> admins orders").await;
    process.run_until(async || shared.is_settled()).await;
    let heads = shared.heads();
    assert_eq!(heads.len(), known + 2);
    let ended =
        |status| heads.iter().filter(move |head| head.spec.kind == "access-revoke" && head.status == status);
    assert_eq!((ended(Status::Succeeded).count(), ended(Status::Failed).count()), (1, 1));
    let lost = ended(Status::Failed).next().unwrap();
    assert_eq!(fails_with(&shared, lost).await, "not-an-admin");
}
