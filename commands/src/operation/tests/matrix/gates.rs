//! Gates in a world that moves: what was open when somebody asked may be closed when the stage is about to move, and the
//! other way round. Whatever happens first counts for all: message, record and alias say the same.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::super::harness::{Process, Shared, person};
use super::scene::Scene;
use super::speech::code;
use super::tale::{Act, PLENTY};
use crate::ids::StageName;
use crate::operation::{Context, Definition, Facts, Head, Progress, Status, testing};
use crate::operations::{stage_lock, stage_unlock};
use crate::ports::{Guard, Precondition, Store, StoreError, Write};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A world with two releases on two stages, and a policy of `prod`.
async fn world(settings: &str) -> (Shared, Process) {
    let shared = Scene::after(PLENTY).await.open();
    let process = shared.process("one");
    if !settings.is_empty() {
        ends(&shared, &process, "ada", &format!("/stage set orders prod {settings}"), Status::Succeeded)
            .await;
    }
    (shared, process)
}

/// The newest operation.
fn newest(shared: &Shared) -> Head {
    shared.heads().into_iter().max_by_key(|head| head.charter.ticket).unwrap()
}

/// Somebody types a line, and what it begins comes to that.
async fn comes_to(shared: &Shared, process: &Process, who: &str, line: &str, status: Status) -> Head {
    let known = shared.heads().len();
    let answer = process.types(&format!("{who} {line} {known}"), who, line).await;
    assert_eq!(shared.heads().len(), known + 1, "{line}: {answer:?}");
    let id = newest(shared).id;
    let reached = async || shared.head(&id).await.status == status;
    let lived = tokio::time::timeout(secs(7200), process.live_until(reached)).await;
    assert!(lived.is_ok(), "{line}: {:?} {:#?}", shared.head(&id).await.status, shared.journal(&id));
    shared.head(&id).await
}

/// The same, and everything is told.
async fn ends(shared: &Shared, process: &Process, who: &str, line: &str, status: Status) -> Head {
    let head = comes_to(shared, process, who, line, status).await;
    process.live_until(async || shared.is_settled()).await;
    head
}

/// Somebody locks, and the lock holds.
async fn holds(shared: &Shared, process: &Process, who: &str, line: &str) -> Head {
    ends(shared, process, who, line, Status::Waiting).await
}

async fn refused(process: &Process, who: &str, line: &str, wanted: &str) {
    let card = process.types(&format!("no {who} {line}"), who, line).await;
    assert_eq!(code(&card).as_deref(), Some(wanted), "{who} {line}: {card:?}");
}

async fn runs(shared: &Shared, stage: &str) -> u32 {
    assert_eq!(shared.disagreements().await, Vec::<String>::new());
    let stage: StageName = stage.parse().unwrap();
    shared.view().await.stages[&stage].current.as_ref().unwrap().release.0
}

async fn fails_with(shared: &Shared, head: &Head) -> String {
    shared.facts(&head.id).await.failure().map(|refusal| refusal.code).unwrap_or_default()
}

/// `prod` runs r2 in this world; r1 ran there before.
const ASK: &str = "/promote orders prod r1";

#[tokio::test(start_paused = true)]
async fn two_approvals_are_those_of_two_people_who_did_not_ask() {
    let (shared, process) = world("approvals=2").await;
    comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.live_until(async || shared.is_settled()).await;
    refused(&process, "ann", "/promote approve orders prod", "own-request").await;
    process.types("b1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    let head = newest(&shared);
    assert_eq!(head.status, Status::Waiting, "{:#?}", shared.journal(&head.id));
    refused(&process, "ben", "/promote approve orders prod", "late").await;
    let card = shared.news(&head.id).unwrap().card;
    assert!(format!("{card:?}").contains("1 of 2"), "{card:?}");
    process.types("c1", "cat", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn who_approves_sees_the_commits_in_between() {
    let (shared, process) = world("").await;
    for (number, words) in (4..).zip(["four", "five"]) {
        shared.act(&process, &Act::Pushes(&["Hello", "World"], words, 128), &format!("push {number}")).await;
    }
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    let head = comes_to(&shared, &process, "ann", "/promote orders prod from dev", Status::Waiting).await;
    let card = format!("{:?}", shared.news(&head.id).unwrap().card);
    for words in ["Change to three", "Change to four", "Change to five"] {
        assert!(card.contains(words), "{words}: {card}");
    }
    assert_eq!(card.matches("Change to two").count(), 1, "what runs is no change: {card}");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_reminded_of_once_and_expires() {
    let (shared, process) = world("expires=2h").await;
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    let told = |name: &str| {
        let heralds = shared.heralds.lock().unwrap();
        let news = heralds.iter().flat_map(|herald| herald.told()).filter(|news| news.operation == head.id);
        let causes =
            news.flat_map(|news| news.asides).filter(|aside| aside.name == name).map(|aside| aside.cause);
        causes.collect::<std::collections::BTreeSet<_>>().len()
    };
    let asked = tokio::time::Instant::now();
    assert!(!process.live_until(async || told("reminder") > 0).await);
    let reminded = asked.elapsed();
    assert!(
        secs(85 * 60) < reminded && reminded < secs(92 * 60),
        "a quarter of its time is left: {reminded:?}"
    );
    assert_eq!(shared.head(&head.id).await.status, Status::Waiting);
    process.live_until(async || shared.is_settled()).await;
    let ended = asked.elapsed();
    assert!(secs(119 * 60) < ended && ended < secs(121 * 60), "{ended:?}");
    assert_eq!((told("request"), told("reminder")), (1, 1));
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "expired"));
    assert_eq!(runs(&shared, "prod").await, 2);
    refused(&process, "ben", "/promote approve orders prod", "nothing-waits").await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_holds_what_is_new_and_a_hard_one_the_way_back() {
    let (shared, process) = world("").await;
    let waits = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    holds(&shared, &process, "ben", "/stage lock orders prod for 1h the ledger").await;
    // What waited is asked again at the stage's door.
    process.types("a1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    let waits = shared.head(&waits.id).await;
    assert_eq!((waits.status, fails_with(&shared, &waits).await.as_str()), (Status::Failed, "locked"));
    refused(&process, "ann", ASK, "locked").await;
    ends(&shared, &process, "oli", "/rollback orders prod", Status::Succeeded).await;
    assert_eq!(runs(&shared, "prod").await, 1, "a soft lock holds nobody who goes back");
    refused(&process, "ann", "/promote orders prod r2", "locked").await;
    holds(&shared, &process, "ada", "/stage lock orders prod for 1h hard an audit").await;
    refused(&process, "ben", "/stage unlock orders prod", "not-an-admin").await;
    refused(&process, "ann", "/promote orders prod override now", "not-for-override").await;
    refused(&process, "oli", "/promote orders prod override now", "hard-locked").await;
    ends(&shared, &process, "ada", "/stage unlock orders prod", Status::Succeeded).await;
    refused(&process, "ann", "/promote orders prod r2", "rolled-back").await;
    comes_to(&shared, &process, "ann", "/promote orders prod r2 again", Status::Waiting).await;
    process.types("a2", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_lock_ends_by_itself() {
    let (shared, process) = world("").await;
    holds(&shared, &process, "ben", "/stage lock orders for 1h the ledger").await;
    refused(&process, "ann", ASK, "locked").await;
    refused(&process, "ann", "/deploy orders", "locked").await;
    tokio::time::sleep(secs(3601)).await;
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_on_call_passes_the_gates_with_a_reason_and_without_approval() {
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
    let news = shared.news(&head.id).unwrap();
    let card = format!("{:?}", news.card);
    assert!(card.contains("checkout is down") && card.contains("Nobody was asked"), "{card}");
    assert!(news.asides.iter().any(|aside| aside.broadcast), "the channel hears of it");
}

#[tokio::test(start_paused = true)]
async fn what_a_stricter_policy_would_not_let_pass_is_void() {
    let (shared, process) = world("").await;
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    ends(&shared, &process, "ada", "/stage set orders prod approvals=2", Status::Succeeded).await;
    process.types("a1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "void"));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_approves_who_is_not_asked_any_more() {
    let (shared, process) = world("").await;
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    let cat = format!("/stage set orders prod approvers=<@{}>", person("cat").id);
    let known = shared.heads().len();
    process.types("p1", "ada", &cat).await;
    assert_eq!(shared.heads().len(), known + 1);
    process.types("a1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "void"));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_not_weakened_by_who_may_not_take_it_away() {
    let (shared, process) = world("").await;
    holds(&shared, &process, "ben", "/stage lock orders prod for 5h the ledger").await;
    refused(&process, "cat", "/stage lock orders prod for 1m soon over", "not-an-admin").await;
    holds(&shared, &process, "cat", "/stage lock orders prod for 6h the audit").await;
    holds(&shared, &process, "ada", "/stage lock orders prod for 1h hard the audit").await;
    refused(&process, "cat", "/stage lock orders prod for 9h for good", "not-an-admin").await;
    refused(&process, "ada", "/stage set orders dev approvals=1", "first-stage").await;
    holds(&shared, &process, "oli", "/stage lock orders dev an incident").await;
    ends(&shared, &process, "oli", "/stage unlock orders dev", Status::Succeeded).await;
}

/// Two locks of all stages, a deploy and a rollback: whoever comes first, all end.
#[tokio::test(start_paused = true)]
async fn locks_of_all_stages_hold_nobody_for_ever() {
    let scene = Scene::after(PLENTY).await;
    for pause in [0, 40, 150, 400, 900] {
        let shared = scene.open();
        let process = shared.process("one");
        let story = async {
            for (nth, (who, line)) in [
                ("ann", "/deploy orders"),
                ("ben", "/stage lock orders for 2h the fair"),
                ("cat", "/stage lock orders for 3h the audit"),
                ("dan", "/rollback orders prod"),
            ]
            .into_iter()
            .enumerate()
            {
                process.types(&format!("{pause}-{nth}"), who, line).await;
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            std::future::pending::<()>().await;
        };
        let all = scene.known().len() + 4;
        let over = async || shared.heads().len() == all && shared.is_over(all);
        let rest = async {
            tokio::select! {
                _ = process.live_until(over) => {}
                () = story => {}
            }
        };
        assert!(tokio::time::timeout(secs(3600), rest).await.is_ok(), "{pause} ms: it never came to rest");
        assert_eq!(runs(&shared, "prod").await, 1, "{pause} ms: the rollback passed");
    }
}

/// A lock and an approval at all distances from each other: whoever is told *locked* sees the stage move no more.
#[tokio::test(start_paused = true)]
async fn after_a_lock_is_told_nothing_moves() {
    let scene = Scene::after(PLENTY).await;
    let (mut moved, mut stayed) = (0, 0);
    for after in (0..600).step_by(25) {
        let shared = scene.open();
        let process = shared.process("one");
        let waits = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
        process.live_until(async || shared.is_settled()).await;
        let story = async {
            process.types("a1", "ben", "/promote approve orders prod").await;
            tokio::time::sleep(Duration::from_millis(after)).await;
            process.types("l1", "cat", "/stage lock orders prod for 1h the ledger").await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = process.live_until(async || shared.heads().iter().all(|h| h.status.is_final() || h.holds()) && shared.is_settled() && shared.heads().len() > scene.known().len() + 1) => {}
            () = story => {}
        }
        let head = shared.head(&waits.id).await;
        let runs = runs(&shared, "prod").await;
        let view = shared.view().await;
        let lock = view.locks.values().next().expect("it is locked");
        let since = view.stages[&lock.stage].current.as_ref().unwrap().since;
        match head.status {
            Status::Succeeded => {
                assert_eq!(runs, 1);
                assert!(since <= lock.since, "{after} ms: it moved at {since}, locked since {}", lock.since);
                moved += 1;
            }
            Status::Failed => {
                assert_eq!((runs, fails_with(&shared, &head).await.as_str()), (2, "locked"), "{after} ms");
                stayed += 1;
            }
            other => panic!("{after} ms: {other:?}"),
        }
    }
    assert!(moved > 0 && stayed > 0, "{moved} moved, {stayed} stayed: both are tried");
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_who_lost_the_role_does_not_count() {
    let (shared, process) = world("approvals=2").await;
    refused(&process, "zoe", "/promote orders prod r1", "not-an-operator").await;
    ends(&shared, &process, "ada", "/pipeline grant <@U0ZOE> operators orders", Status::Succeeded).await;
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.live_until(async || shared.is_settled()).await;
    process.types("z1", "zoe", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    ends(&shared, &process, "ada", "/pipeline revoke <@U0ZOE> operators orders", Status::Succeeded).await;
    process.types("b1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Waiting, "{:#?}", shared.journal(&head.id));
    let card = shared.news(&head.id).unwrap().card;
    assert!(format!("{card:?}").contains("who may still approve"), "{card:?}");
    process.types("c1", "cat", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_asked_for_who_lost_the_role_moves_nothing() {
    let (shared, process) = world("").await;
    ends(&shared, &process, "ada", "/pipeline grant <@U0ZOE> operators orders", Status::Succeeded).await;
    let head = comes_to(&shared, &process, "zoe", ASK, Status::Waiting).await;
    process.live_until(async || shared.is_settled()).await;
    ends(&shared, &process, "ada", "/pipeline revoke <@U0ZOE> operators orders", Status::Succeeded).await;
    process.types("b1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "not-an-operator"));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_grant_of_who_is_no_admin_any_more_is_not_recorded() {
    let (shared, process) = world("").await;
    ends(&shared, &process, "ada", "/pipeline grant <@U0ZOE> admins orders", Status::Succeeded).await;
    ends(&shared, &process, "ada", "/pipeline grant <@U0BEN> admins orders", Status::Succeeded).await;
    // Both are accepted before either is recorded.
    let known = shared.heads().len();
    process.types("z", "zoe", "/pipeline revoke <@U0BEN> admins orders").await;
    process.types("b", "ben", "/pipeline revoke <@U0ZOE> admins orders").await;
    process.live_until(async || shared.is_settled()).await;
    let heads = shared.heads();
    assert_eq!(heads.len(), known + 2);
    let ended = |status| {
        heads.iter().filter(move |head| head.charter.kind == "access-revoke" && head.status == status)
    };
    assert_eq!((ended(Status::Succeeded).count(), ended(Status::Failed).count()), (1, 1));
    let lost = ended(Status::Failed).next().unwrap();
    assert_eq!(fails_with(&shared, lost).await, "not-an-admin");
}

/// What the only step of an operation would write now.
async fn writes(
    process: &Process,
    definition: &impl Definition,
    params: impl serde::Serialize,
) -> Vec<Write> {
    let id = testing::operation_id(7);
    let mut charter = testing::charter(definition.kind());
    charter.params = serde_json::to_value(params).unwrap();
    let facts = Facts::new(id.clone(), charter);
    let world = Arc::clone(process.engine.world());
    let nodes = definition.nodes(&facts, &world.target).unwrap();
    let done = nodes[0].step.run(&Context { world, operation: id, signals: vec![] }).await.unwrap();
    let Progress::Done(done) = done else { panic!("{done:?}") };
    done.writes
}

/// Between the read of who lifts or extends a lock and their write, it is lifted, and another one is set: that one stays.
#[tokio::test(start_paused = true)]
async fn who_read_one_lock_can_neither_lift_nor_replace_another() {
    let (shared, process) = world("").await;
    let lock = || async { shared.view().await.locks.into_values().next().unwrap() };
    let locks = |who, line| holds(&shared, &process, who, line);
    for old in [false, true] {
        locks("ben", "/stage lock orders prod for 1h the ledger").await;
        let seen = lock().await;
        if old {
            // As the version before wrote it.
            let key = process.engine.world().keys.lock(&"orders".parse().unwrap(), &seen.stage);
            let item = crate::domain::to_item(key, [("rev".to_owned(), Guard::Number(1))].into(), &seen);
            shared.store.write(Write::Put { item: item.unwrap(), when: Precondition::Any }).await.unwrap();
        }
        let params = stage_unlock::Params { name: "orders".parse().unwrap(), locks: vec![seen.clone()] };
        let lifts = writes(&process, &stage_unlock::StageUnlock, params).await;
        let params = stage_lock::Params {
            name: "orders".parse().unwrap(),
            stages: vec![seen.stage.clone()],
            until: seen.until,
            hard: false,
            reason: "more".to_owned(),
            over: vec![],
        };
        let replaces = writes(&process, &stage_lock::StageLock, params).await;
        assert_eq!((lifts.len(), replaces.len()), (1, 1));
        ends(&shared, &process, "ben", "/stage unlock orders prod", Status::Succeeded).await;
        locks("cat", "/stage lock orders prod for 2h the audit").await;
        for late in [lifts, replaces] {
            let written = shared.store.transact("late", late).await;
            assert_eq!(written, Err(StoreError::Lost(vec![0])));
        }
        assert_eq!(lock().await.reason, "the audit");
        ends(&shared, &process, "cat", "/stage unlock orders prod", Status::Succeeded).await;
    }
}

/// What is told of an operation now: its headline and foot, as text.
fn told(shared: &Shared, head: &Head) -> String {
    let card = shared.news(&head.id).unwrap().card;
    card.footer.iter().fold(card.title.flat(), |text, line| format!("{text} | {}", line.flat()))
}

/// How often something was told beside an operation's message, and what.
fn asides(shared: &Shared, head: &Head, name: &str) -> BTreeSet<(u64, String)> {
    let heralds = shared.heralds.lock().unwrap();
    let news = heralds.iter().flat_map(|herald| herald.told()).filter(|news| news.operation == head.id);
    let asides = news.flat_map(|news| news.asides).filter(|aside| aside.name == name);
    asides.map(|aside| (aside.cause, aside.text.flat())).collect()
}

#[tokio::test(start_paused = true)]
async fn who_locked_is_reminded_once_before_the_end_and_told_of_it() {
    let (shared, process) = world("").await;
    let since = tokio::time::Instant::now();
    let lock = holds(&shared, &process, "ada", "/stage lock orders prod for 40m hard the ledger").await;
    assert!(told(&shared, &lock).contains("holds: nothing moves there"), "{}", told(&shared, &lock));
    let view = shared.view().await;
    assert!(view.tickets.is_empty() && view.slots.is_empty(), "it holds up nobody: {view:?}");
    let status = format!("{:?}", process.types("s", "eve", "/pipeline status orders").await);
    assert!(status.contains("locked hard") && !status.contains("Open: "), "{status}");

    process.live_until(async || !asides(&shared, &lock, "reminder").is_empty()).await;
    let reminded = since.elapsed();
    assert!(secs(30 * 60) <= reminded && reminded < secs(30 * 60 + 30), "a quarter is left: {reminded:?}");
    process.live_until(async || shared.heads().iter().all(|head| head.status.is_final())).await;
    let ended = since.elapsed();
    assert!(secs(40 * 60) <= ended && ended < secs(40 * 60 + 30), "{ended:?}");
    process.live_until(async || shared.is_settled()).await;
    let reminders = asides(&shared, &lock, "reminder");
    assert_eq!(reminders.len(), 1, "{reminders:?}");
    let words = &reminders.first().unwrap().1;
    let again = "/stage lock orders prod for 40m hard \"the ledger\"";
    assert!(words.starts_with("@U0ADA your lock of prod") && words.contains(again), "{words}");
    let end = asides(&shared, &lock, "end");
    assert!(end.len() == 1 && end.first().unwrap().1.contains("is over: its time has come"), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_short_lock_ends_without_a_reminder() {
    let (shared, process) = world("").await;
    let lock = holds(&shared, &process, "ben", "/stage lock orders prod for 5m the ledger").await;
    process.live_until(async || shared.heads().iter().all(|head| head.status.is_final())).await;
    assert_eq!(asides(&shared, &lock, "reminder").len(), 0);
    assert!(told(&shared, &lock).contains("its time has come"), "{}", told(&shared, &lock));
}

/// Each stage's lock is lifted or replaced on its own, and the message says so at once.
#[tokio::test(start_paused = true)]
async fn a_lock_says_who_lifted_it_and_who_took_it_over() {
    let (shared, process) = world("").await;
    let line = "/stage lock orders for 2h the fair";
    let first = holds(&shared, &process, "ben", line).await;
    ends(&shared, &process, "ben", "/stage unlock orders dev", Status::Succeeded).await;
    process.live_until(async || told(&shared, &first).contains("Unlocked by @U0BEN")).await;
    assert!(told(&shared, &first).contains("holds: still on prod"), "{}", told(&shared, &first));
    refused(&process, "ann", ASK, "locked").await;
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;

    tokio::time::sleep(secs(30)).await;
    let since = tokio::time::Instant::now();
    let second = holds(&shared, &process, "cat", "/stage lock orders prod for 3h the audit").await;
    let is_over = async || shared.head(&first.id).await.status == Status::Succeeded;
    process.live_until(is_over).await;
    process.live_until(async || shared.is_settled()).await;
    assert!(since.elapsed() < secs(10), "{:?}", since.elapsed());
    let words = told(&shared, &first);
    assert!(words.contains("is over: unlocked by ben, taken over by cat"), "{words}");
    assert_eq!(asides(&shared, &first, "end").len(), 1, "the owner is told");

    // The same again holds it longer; that it replaces one's own is no news.
    let third = holds(&shared, &process, "cat", "/stage lock orders prod for 3h the audit").await;
    process.live_until(async || shared.head(&second.id).await.status == Status::Succeeded).await;
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(asides(&shared, &second, "end").len(), 0);
    assert_eq!(shared.view().await.locks[&"prod".parse().unwrap()].operation, third.id);
    ends(&shared, &process, "ada", "/stage unlock orders prod", Status::Succeeded).await;
    process.live_until(async || shared.head(&third.id).await.status == Status::Succeeded).await;
    assert!(told(&shared, &third).contains("is over: unlocked by ada"), "{}", told(&shared, &third));
}

/// A process that cannot tell leaves it to one that can, and one that was away finds what came due.
#[tokio::test(start_paused = true)]
async fn a_lock_that_was_set_where_nothing_is_told_reminds_and_ends() {
    let shared = Scene::after(PLENTY).await.open();
    let silent = shared.mortal("terminal", None, |settings| settings.tells = false);
    let lock =
        comes_to(&shared, &silent, "ben", "/stage lock orders prod for 1h the ledger", Status::Waiting).await;
    silent.live_until(async || shared.head(&lock.id).await.owner.is_empty()).await;
    drop(silent);
    let process = shared.process("later");
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&lock.id).await.status, Status::Waiting);
    drop(process);
    tokio::time::sleep(secs(50 * 60)).await;
    let process = shared.process("much later");
    process.live_until(async || !asides(&shared, &lock, "reminder").is_empty()).await;
    process.live_until(async || shared.head(&lock.id).await.status == Status::Succeeded).await;
}
