//! External changes at any moment of an operation. Sluice overwrites one only after a person saw and accepted it; until then
//! it stays, and answers name it.

use std::time::Duration;

use super::super::harness::{Death, Process, Shared};
use super::cases::{Case, Tally, sampled};
use super::fixture::Fixture;
use super::scenarios::{HIDDEN, PLENTY, Scenario};
use super::users::People;
use crate::names;
use crate::operation::effects::PUT_ROLE_POLICY_NAME;
use crate::operation::{Head, Status};
use crate::ports::{Identity, RoleSpec};
use crate::resources::rights::ImmutableRole;
use crate::testing::{Faults, Moment, target};
use sluice_model::Card;
use sluice_template::AppRights;

/// A version that Sluice did not make.
const THEIRS: &str = "99";

/// The function of the stage.
fn hello(stage: &str) -> String {
    format!("sluice-orders-{stage}-Hello")
}

/// The API of `prod`.
const API: &str = "sluice-orders-prod-ServerlessHttpApi";

fn at(shared: &Shared, stage: &str) -> String {
    shared.fake_aws.serving().aliases[&format!("{}:{stage}", hello(stage))].clone()
}

fn newest(shared: &Shared) -> Head {
    shared.heads().into_iter().max_by_key(|head| head.spec.ticket).unwrap()
}

/// A person types a line; its operation, if there is one, runs to its end; people approve.
async fn types(shared: &Shared, process: &Process, who: &str, line: &str) -> (Card, Option<Head>) {
    let known = shared.heads().len();
    let mut card = None;
    let commands = async {
        card = Some(process.types(&format!("{line} {known}"), who, line).await);
        process.decide(shared, People::Prompt).await;
    };
    let over = async || {
        let heads = shared.heads();
        heads.iter().all(|head| head.status.is_final()) && shared.is_settled()
    };
    let began = tokio::time::Instant::now();
    let rest = async {
        tokio::select! {
            biased;
            // There may be no operation: this time is long enough to know.
            _ = process.run_until(async || began.elapsed() > Duration::from_secs(2) && over().await) => {}
            () = commands => {}
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(3600), rest).await.is_ok(), "{line}: it never ended");
    let head = (shared.heads().len() > known).then(|| newest(shared));
    (card.expect("it is answered"), head)
}

async fn failure(shared: &Shared, head: &Head) -> String {
    shared.op(&head.id).await.failure().map(|refusal| refusal.code).unwrap_or_default()
}

/// A deploy, a promotion with its approval, and a rollback, each with an external change after so many milliseconds.
#[tokio::test(start_paused = true)]
async fn an_operation_keeps_external_changes_made_at_any_moment() {
    let fixture = Fixture::after(PLENTY).await;
    for (line, stage, step) in [
        ("/promote orders prod r1", "prod", 6),
        ("/rollback orders prod", "prod", 4),
        ("/deploy orders", "dev", 40),
    ] {
        let (mut refused, mut met, mut late) = (0, 0, 0);
        for after in (0..60).map(|nth| nth * step) {
            let shared = fixture.open();
            let process = shared.process("one");
            let hand = async {
                tokio::time::sleep(Duration::from_millis(after)).await;
                shared.fake_aws.move_by_hand(&hello(stage), stage, THEIRS, None);
            };
            let ((card, head), ()) = tokio::join!(types(&shared, &process, "ann", line), hand);
            assert_eq!(at(&shared, stage), THEIRS, "{line}, {after} ms: it was overwritten: {card:?}");
            match head {
                None => {
                    assert_eq!(card.code.as_deref(), Some("moved-outside"), "{card:?}");
                    refused += 1;
                }
                Some(head) if head.status == Status::Failed => {
                    assert_eq!(failure(&shared, &head).await, "moved-outside", "{line}, {after} ms");
                    met += 1;
                }
                Some(_) => late += 1,
            }
        }
        println!(
            "matrix: an external change in {line}: {refused} refused at once, {met} met it, {late} were done before"
        );
        assert!(met > 0 && late > 0, "{line}: {refused}, {met}, {late}: all are tried");
    }
}

/// The same if the process dies at a change, or its answer is lost, and another process continues.
#[tokio::test(start_paused = true)]
async fn an_operation_keeps_external_changes_through_deaths_and_lost_answers() {
    let fixture = Fixture::after(PLENTY).await;
    let tally = Tally::of("an external change, a death and another process");
    for (kind, line, stage, changes) in [
        ("promote", "/promote orders prod r1", "prod", 5),
        ("rollback", "/rollback orders prod", "prod", 5),
        ("deploy", "/deploy orders", "dev", 14),
    ] {
        let scenario = Scenario { name: line, kind, before: PLENTY, who: "ann", line, runs: None };
        let times = [0, 10, 25, 45, 70, 110, 180, 400, 1_000, 2_500, 12_000, 20_000, 45_000];
        let fates = [Some(Moment::Before), Some(Moment::After), None];
        let cases = (0..changes).flat_map(|nth| fates.map(|fate| (nth, fate)));
        let cases = cases.flat_map(|(nth, fate)| times.map(|after| (nth, fate, after))).collect();
        for (nth, fate, after) in sampled(cases, 40, line.len()) {
            let shared = fixture.open();
            let case = Case {
                death: Death { change: fate.map(|moment| (nth, moment)), ..Death::default() },
                ..Case::default()
            };
            if fate.is_none() {
                shared.fake_aws.fault_at_change(nth, Faults::AnswerLost);
            }
            let known = shared.heads().len();
            let hand = async {
                while shared.heads().len() == known {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::time::sleep(Duration::from_millis(after)).await;
                shared.fake_aws.move_by_hand(&hello(stage), stage, THEIRS, None);
            };
            tokio::join!(Box::pin(shared.play(&scenario, &case)), hand);
            let context = format!("{line}: change {nth}, {fate:?}, {after} ms");
            let heads = shared.new_heads(&fixture);
            assert_eq!(at(&shared, stage), THEIRS, "{context}: {:#?}", shared.journal(&heads[0].id));
            assert_eq!(shared.violations(&heads).await, Vec::<String>::new(), "{context}");
            tally.count();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn accepting_drift_accepts_the_drift_that_was_seen_and_no_other() {
    let shared = Fixture::after(PLENTY).await.open();
    let process = shared.process("one");
    shared.fake_aws.move_by_hand(&hello("prod"), "prod", THEIRS, None);
    let (card, _) = types(&shared, &process, "eve", "/pipeline status orders").await;
    let words = format!("{card:?}");
    assert!(
        words.contains("moved outside Sluice") && words.contains(&format!("points to version {THEIRS}")),
        "{words}"
    );
    assert!(shared.store.any(|item| item.key.sort == "drift/prod"), "since when is recorded");

    for line in ["/promote orders prod r1", "/rollback orders prod"] {
        let (card, head) = types(&shared, &process, "ann", line).await;
        assert_eq!((card.code.as_deref(), head.map(|head| head.id)), (Some("moved-outside"), None), "{line}");
        let button = card.buttons.first().expect("it can accept the drift");
        assert!(button.value.contains(&format!("\"{line} anyway\"")), "{button:?}");
    }
    let (_, head) = types(&shared, &process, "ann", "/rollback orders prod anyway checkout is down").await;
    let head = head.expect("it is accepted");
    assert_eq!(head.status, Status::Succeeded, "{:#?}", shared.journal(&head.id));
    let card = format!("{:?}", shared.last_update(&head.id).unwrap().card);
    assert!(card.contains("Accepted by"), "{card}");
    assert_eq!(shared.disagreements().await, Vec::<String>::new());
    tokio::time::sleep(Duration::from_secs(61)).await;
    let (card, _) = types(&shared, &process, "eve", "/pipeline status orders").await;
    assert!(!format!("{card:?}").contains("moved outside"), "{card:?}");
    assert!(!shared.store.any(|item| item.key.sort == "drift/prod"), "it is right again");

    // Only the drift that was seen is accepted: it moves once more during the approval, or before the looks.
    shared.fake_aws.move_by_hand(&hello("prod"), "prod", THEIRS, None);
    let known = shared.heads().len();
    process.types("p1", "ann", "/promote orders prod r2 again anyway").await;
    assert_eq!(shared.heads().len(), known + 1);
    // Neither the recorded version nor the one that was seen.
    shared.fake_aws.move_by_hand(&hello("prod"), "prod", "98", None);
    let (_, head) = types(&shared, &process, "eve", "/pipeline check orders prod").await;
    assert!(head.is_none());
    let head = newest(&shared);
    assert_eq!((head.status, failure(&shared, &head).await.as_str()), (Status::Failed, "moved-outside"));
    assert_eq!(at(&shared, "prod"), "98");
}

#[tokio::test(start_paused = true)]
async fn a_weighted_alias_counts_as_drift() {
    let shared = Fixture::after(PLENTY).await.open();
    let process = shared.process("one");
    let mine = at(&shared, "prod");
    shared.fake_aws.move_by_hand(&hello("prod"), "prod", &mine, Some((THEIRS, 100)));
    let (card, head) = types(&shared, &process, "ann", "/promote orders prod r1").await;
    assert!(head.is_none() && format!("{card:?}").contains("10% of calls"), "{card:?}");
    let (_, head) = types(&shared, &process, "ann", "/promote orders prod r1 anyway").await;
    assert_eq!(head.unwrap().status, Status::Succeeded);
    let (card, _) = types(&shared, &process, "eve", "/pipeline status orders").await;
    assert!(!format!("{card:?}").contains("moved outside"), "all calls go to one version: {card:?}");
}

#[tokio::test(start_paused = true)]
async fn an_external_api_deployment_or_variable_counts_as_drift() {
    let fixture = Fixture::after(PLENTY).await;
    let lines = ["/promote orders prod r1", "/rollback orders prod"];
    for (line, moves_deployment) in lines.into_iter().flat_map(|line| [(line, true), (line, false)]) {
        let shared = fixture.open();
        let process = shared.process("one");
        let words = if moves_deployment {
            format!("serves deployment `{}` instead of", shared.fake_aws.serve_a_copy(API))
        } else {
            shared.fake_aws.select_by_hand(API, "Hello", THEIRS);
            format!("with Hello={THEIRS}` instead of")
        };
        let (card, head) = types(&shared, &process, "ann", line).await;
        assert_eq!((card.code.as_deref(), head.is_some()), (Some("moved-outside"), false), "{card:?}");
        let text = format!("{:?}", card.parts);
        assert!(words.split('`').all(|part| text.contains(part)), "{words}: {text}");
        let (_, head) = types(&shared, &process, "ann", &format!("{line} anyway")).await;
        assert_eq!(head.unwrap().status, Status::Succeeded);
        assert_eq!(shared.disagreements().await, Vec::<String>::new());
    }
}

/// It moves between the looks and the move, during the approval.
#[tokio::test(start_paused = true)]
async fn a_deployment_served_after_the_look_is_kept() {
    let shared = Fixture::after(PLENTY).await.open();
    let process = shared.process("one");
    let known = shared.heads().len();
    process.types("p1", "ann", "/promote orders prod r1").await;
    process.run_until(async || shared.heads().iter().any(|head| head.status == Status::Waiting)).await;
    assert_eq!(shared.heads().len(), known + 1);
    let before = shared.fake_aws.serving();
    let theirs = shared.fake_aws.serve_a_copy(API);
    let (_, _) = types(&shared, &process, "eve", "/pipeline status orders").await;
    let head = newest(&shared);
    assert_eq!((head.status, failure(&shared, &head).await.as_str()), (Status::Failed, "moved-outside"));
    let now = shared.fake_aws.serving();
    assert_eq!(now.aliases, before.aliases, "the aliases did not move");
    assert_eq!(now.apis[API].deployment, theirs);
}

#[tokio::test(start_paused = true)]
async fn external_resources_on_an_empty_stage_count_as_drift() {
    let shared = Fixture::after(HIDDEN).await.open();
    let process = shared.process("one");
    let (_, head) = types(&shared, &process, "ada", "/stage add orders qa").await;
    assert_eq!(head.unwrap().status, Status::Succeeded);
    // An earlier attempt left the function, and somebody made the alias.
    let role = names::role_arn(&target(), "/sluice/orders/qa/", "left");
    shared.fake_aws.leave_function(&hello("qa"), &role, &role);
    shared.fake_aws.make_by_hand(&hello("qa"), "qa", THEIRS);
    let line = "/promote orders qa from dev";
    let (card, head) = types(&shared, &process, "ann", line).await;
    assert_eq!((card.code.as_deref(), head.is_some()), (Some("moved-outside"), false), "{card:?}");
    assert!(format!("{card:?}").contains("no release is recorded there"), "{card:?}");
    let (_, head) = types(&shared, &process, "ann", &format!("{line} anyway")).await;
    assert_eq!(head.unwrap().status, Status::Succeeded);
}

/// A version that serves may run with that role: its policy stays, no matter who wrote it.
#[tokio::test(start_paused = true)]
async fn a_foreign_role_policy_is_never_overwritten() {
    let shared = Fixture::after(PLENTY).await.open();
    let process = shared.process("one");
    types(&shared, &process, "ada", "/stage add orders qa").await;
    let (name, stage) = ("orders".parse().unwrap(), "qa".parse().unwrap());
    let role = ImmutableRole::of_function(&target(), (&name, &stage), &hello("qa"), &AppRights::default());
    let (identity, theirs) = (shared.fake_aws.fault_proxy(), names::policy(vec![]));
    let spec = RoleSpec {
        name: role.name.clone(),
        path: role.path.clone(),
        description: String::new(),
        trust: role.trust.clone(),
        boundary: role.boundary.clone(),
        tags: role.tags(&name),
    };
    identity.create_role(&target(), &spec).await.unwrap();
    identity.put_role_policy(&target(), &role.name, PUT_ROLE_POLICY_NAME, &theirs).await.unwrap();
    let (card, head) = types(&shared, &process, "ann", "/promote orders qa r1").await;
    let head = head.unwrap_or_else(|| panic!("{card:?}"));
    assert_eq!((head.status, failure(&shared, &head).await.as_str()), (Status::Failed, "not-ours"));
    let found = identity.role_policy(&target(), &role.name, PUT_ROLE_POLICY_NAME).await;
    assert_eq!(found, Ok(Some(theirs)));
}
