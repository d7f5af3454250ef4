//! Incomplete and mixed-up commands, and changes that lower the protection of a stage.

use super::*;
use crate::records::{Build, BuildState, from_item};
use crate::rules::Policy;
use crate::testing::samples;
use sluice_model::Confirmed;

/// A service with `orders`, whose stages run these releases.
async fn with_stages(stages: &[(&str, u32)]) -> Office {
    let office = office(roles()).await;
    samples::orders(&*office.store, "orders", stages).await;
    office
}

fn hint(card: &Card) -> String {
    card.hint.as_ref().map(|hint| hint.flat()).unwrap_or_default()
}

#[tokio::test]
async fn a_command_without_a_stage_gets_the_list_of_stages() {
    let office = with_stages(&[("dev", 2), ("prod", 2)]).await;
    for (line, problem, nearest) in [
        ("/rollback orders", "orders has dev and prod", "/rollback orders prod"),
        ("/rollback orders to r1", "orders has dev and prod", "/rollback orders prod to r1"),
        ("/promote orders", "orders has dev and prod", "/promote orders prod"),
        ("/promote approve orders", "orders has dev and prod", "/promote approve orders prod"),
        ("/sluice rollback orders", "orders has dev and prod", "/rollback orders prod"),
        (
            "/rollback prod",
            "prod is a stage, and the name of the pipeline is missing",
            "/rollback orders prod",
        ),
        ("/rollback billing", "there is no pipeline billing", ""),
    ] {
        let card = office.types(line, "ann", line).await;
        assert!(card.title.flat().contains(problem), "{line}: {card:?}");
        assert!(hint(&card).contains(nearest), "{line}: {card:?}");
    }
    // The missing stage is a new one.
    let card = office.types("add", "ada", "/stage add orders").await;
    assert!(!card.title.flat().contains("has dev"), "{card:?}");
}

#[tokio::test]
async fn an_unknown_stage_gets_the_list_of_stages() {
    let office = with_stages(&[("dev", 2), ("prod", 2)]).await;
    for (line, near) in [
        ("/promote orders production", "Did you mean prod?"),
        ("/rollback orders prdo", "Did you mean prod?"),
        ("/pipeline check orders qa", "/stage list orders"),
    ] {
        let card = office.types(line, "ann", line).await;
        assert_eq!(card.code.as_deref(), Some("no-such-stage"), "{line}");
        assert!(card.title.flat().contains("It has dev and prod."), "{line}: {card:?}");
        assert!(hint(&card).contains(near), "{line}: {card:?}");
    }
}

#[tokio::test]
async fn swapped_arguments_are_recognised() {
    let office = with_stages(&[("dev", 2), ("prod", 2)]).await;
    for (line, meant) in [
        ("/rollback prod orders", "/rollback orders prod"),
        ("/promote prod orders", "/promote orders prod"),
        ("/deploy dev orders", "/deploy orders to dev"),
        ("/deploy prod orders", "/promote orders prod"),
        ("/stage lock prod orders for 1h fair", "/stage lock orders prod for 1h"),
        ("/pipeline check prod orders", "/pipeline check orders prod"),
    ] {
        let card = office.types(line, "ann", line).await;
        assert!(hint(&card).contains(&format!("Did you mean {meant}")), "{line}: {card:?}");
    }
    let card = office.types("no", "ann", "/rollback qa orders").await;
    assert!(!hint(&card).contains("orders qa"), "there is no such stage: {card:?}");
}

#[tokio::test]
async fn fewer_approvals_need_a_confirmation() {
    let office = with_stages(&[("dev", 2), ("prod", 2)]).await;
    let before = office.heads();
    let card = office.types("d1", "ada", "/stage set orders prod approvals=0").await;
    assert_eq!(card.code.as_deref(), Some("confirm-lower"));
    assert!(
        card.title.flat().starts_with("prod of orders would need no approval (now: 1 approval)"),
        "{card:?}"
    );
    assert!(hint(&card).contains("/stage set orders prod approvals=0 confirm"), "{card:?}");
    assert_eq!(office.heads(), before, "nothing was done");
    let button = card.buttons[0].clone();
    assert!(button.confirm.is_some());
    // The permission is checked first, and a stale button has no effect.
    let card = office.types("d2", "ann", "/stage set orders prod approvals=0").await;
    assert_eq!(card.code.as_deref(), Some("not-an-admin"));
    let Ok(Click::LowerPolicy(confirmed)) = Click::decode(&button.action_id, &button.value) else {
        panic!("{button:?}")
    };
    let (_, stale) = Click::LowerPolicy(Confirmed { seen: "0".into(), ..confirmed }).encode();
    let card = office.clicks("c1", "ada", &button.action_id, &stale).await;
    assert_eq!((card.code.as_deref(), office.heads()), (Some("confirm-lower"), before));
    assert_eq!(office.clicks("c2", "ann", &button.action_id, &button.value).await.tone, Tone::Bad);
    assert_eq!(office.clicks("c3", "ada", &button.action_id, "garbage").await.tone, Tone::Bad);
    assert_ne!(office.clicks("c4", "ada", &button.action_id, &button.value).await.tone, Tone::Bad);
    assert_eq!(office.heads(), before + 1);
    // More approvals and other settings need no confirmation, and `confirm` has no effect on them.
    for line in ["/stage set orders prod approvals=2", "/stage set orders prod soak=1h confirm"] {
        assert_ne!(office.types(line, "ada", line).await.tone, Tone::Bad, "{line}");
    }
}

#[tokio::test]
async fn the_argument_confirms_like_the_button() {
    let office = with_stages(&[("dev", 2), ("prod", 2)]).await;
    let card = office.types("d1", "ada", "/stage set orders prod self_approval=yes").await;
    assert_eq!(card.code.as_deref(), Some("confirm-lower"));
    let card = office.types("d2", "ada", "/stage set orders prod self_approval=yes confirm").await;
    assert_ne!(card.tone, Tone::Bad, "{card:?}");
}

#[tokio::test]
async fn a_deploy_notes_newer_builds() {
    let office = with_stages(&[("dev", 1)]).await;
    // Of the samples, #2 is the newest green build, #3 is red and #4 is running.
    let card = office.types("d1", "ann", "/deploy orders").await;
    assert!(words(&card).contains("is still running"), "{card:?}");
    let keys = &office.service.app.engine.world().keys;
    let orders = "orders".parse().unwrap();
    let key = keys.build(&orders, sluice_model::BuildNumber(4));
    let item = office.store.item(&key).unwrap();
    let build = Build { state: BuildState::Failed, ..from_item(&item).unwrap() };
    let item = to_item(key, item.guards, &build).unwrap();
    office.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    let office2 =
        Office { people: office.people.clone(), store: office.store.clone(), service: office.service };
    let card = office2.types("d2", "ann", "/deploy orders latest").await;
    // The first one is still open.
    assert_eq!(card.code.as_deref(), Some("already-running"));
    assert!(words(&card).contains("Requested by") && !words(&card).contains("its message"), "{card:?}");
    // After its message is posted, the answer links to it.
    let items = office2.store.items();
    let head = items.iter().find(|item| item.key.sort == "head").expect("an operation");
    let operation = sluice_engine::Keys::operation_of(&head.key).unwrap();
    let channels = vec!["C0GENERAL1".parse().unwrap()];
    let news = crate::ports::Update { operation, channels, ..samples::parked() };
    office2.service.app.engine.world().notifier.notify(news);
    let card = office2.types("d2b", "ben", "/deploy orders").await;
    assert!(hint(&card).starts_with("Follow its message in "), "{card:?}");
    assert!(words(&card).contains("/archives/C0GENERAL1/"), "{card:?}");
    let card = office2.types("d3", "ann", "/deploy orders #1").await;
    assert!(!words(&card).contains("newest build"), "no note if the command names a build: {card:?}");
}

#[tokio::test]
async fn a_promotion_to_a_closed_stage_is_not_suggested() {
    let office = with_stages(&[("dev", 2), ("prod", 0)]).await;
    let card = office.types("s1", "ann", "/pipeline status orders").await;
    assert!(hint(&card).contains("/promote orders prod"), "{card:?}");
    let keys = &office.service.app.engine.world().keys;
    let mut policy = Policy::of(true);
    policy.set("freeze", "2026-01-01..2026-12-31 the fair", &Policy::of(true)).unwrap();
    let key = keys.policy(&"orders".parse().unwrap(), &"prod".parse().unwrap());
    let guards = [(crate::records::REVISION.to_owned(), crate::ports::Guard::Number(1))].into();
    let item = to_item(key, guards, &policy).unwrap();
    office.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    let card = office.types("s2", "ann", "/pipeline status orders").await;
    assert!(hint(&card).contains("/pipeline check orders prod"), "{card:?}");
}

#[tokio::test]
async fn the_end_of_a_lock_shows_its_time_zone() {
    let office = with_stages(&[("dev", 2), ("prod", 2)]).await;
    let card = office.types("l1", "ann", "/stage lock orders prod until tomorrow the ledger").await;
    assert!(card.title.flat().contains("(2026-03-02 09:00 UTC)"), "{card:?}");
    let card = office.types("l2", "ann", "/stage lock orders dev until further notice").await;
    assert!(card.title.flat().contains("not an end that I understand"), "{card:?}");
}

#[tokio::test]
async fn ids_of_people_are_mentions_in_answers() {
    let office = with_stages(&[("dev", 2)]).await;
    let card = office.types("g", "ada", "/pipeline grant <@U0BOB0002|bob> operator nowhere else").await;
    let shown = words(&card);
    assert!(shown.contains("User(") && !shown.contains("Code(\"U0BOB0002\")"), "{shown}");
    assert!(!shown.contains("U012AB3CD") && shown.contains("@ann"), "{shown}");
}
