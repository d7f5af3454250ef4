//! Buttons for the next step: they do what the same person could type, and nothing once the pipeline has moved on.

use super::*;
use crate::steps::next_buttons;
use sluice_model::{BuildNumber, ReleaseNumber, StageName};

fn stage(name: &str) -> StageName {
    name.parse().unwrap()
}

#[tokio::test]
async fn a_button_runs_its_command_for_the_person_who_presses_it() {
    let office = office(roles()).await;
    let build = next_buttons::build(&"orders".parse().unwrap());
    let card = office.presses("a", "ann", &build).await.card;
    assert!(words(&card).contains("Building"), "{card:?}");
    let refused = office.presses("b", "eve", &build).await.card;
    assert_eq!(refused.code.as_deref(), Some("not-an-operator"), "{refused:?}");
    assert_eq!(refused.buttons[0].label, "Ask for it");
    let history = office.types("c", "eve", "/pipeline history orders").await;
    assert!(words(&history).contains("/build orders"), "the refusal is in the history: {history:?}");
}

#[tokio::test]
async fn a_button_of_an_old_message_does_nothing() {
    let office = office(roles()).await;
    let name = "orders".parse().unwrap();
    samples::orders(&*office.store, "orders", &[("dev", 8)]).await;
    let promote = next_buttons::promote(&name, ReleaseNumber(7), &stage("dev"), &stage("prod"));
    let card = office.presses("a", "ann", &promote).await.card;
    assert_eq!(card.code.as_deref(), Some("passed-by"));
    assert_eq!(
        card.title.flat(),
        "dev of orders runs r8 by now, and this button was for r7: nothing was done."
    );
    let deploy = next_buttons::deploy(&name, BuildNumber(1));
    let card = office.presses("b", "ann", &deploy).await.card;
    assert_eq!(
        card.title.flat(),
        "Build #2 of orders is newer than the one of this button, #1: nothing was done."
    );
    let back = next_buttons::roll_back(&name, &stage("dev"), ReleaseNumber(7));
    assert_eq!(office.presses("c", "ann", &back).await.card.code.as_deref(), Some("passed-by"));
    // The same for what it was made for is a usual command, with usual refusals.
    let promote = next_buttons::promote(&name, ReleaseNumber(8), &stage("dev"), &stage("prod"));
    let card = office.presses("d", "ann", &promote).await.card;
    assert!(words(&card).contains("has no stage"), "{card:?}");
}

#[tokio::test]
async fn a_repeated_delivery_of_a_click_gets_its_first_answer() {
    let office = office(roles()).await;
    let name = "orders".parse().unwrap();
    samples::orders(&*office.store, "orders", &[("dev", 2), ("prod", 1)]).await;
    let back = next_buttons::roll_back(&name, &stage("dev"), ReleaseNumber(2));
    let first = office.presses("a", "ann", &back).await.card;
    assert_ne!(first.tone, Tone::Bad, "{first:?}");
    // The stage has moved meanwhile.
    let keys = &office.service.app.engine.world().keys;
    let key = keys.stage(&name, &stage("dev"));
    let item = office.store.item(&key).unwrap();
    let item = to_item(key, item.guards.clone(), &samples::stage("dev", 1)).unwrap();
    office.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    assert_eq!(office.presses("a", "ann", &back).await.card, first);
    assert_eq!(office.presses("b", "ann", &back).await.card.code.as_deref(), Some("passed-by"));
}

#[tokio::test]
async fn a_button_that_was_made_for_another_command_is_not_valid() {
    let office = office(roles()).await;
    let build = next_buttons::build(&"orders".parse().unwrap());
    for action in ["next.deploy", "next.promote", "next.rollback", "next.log", "next.retry"] {
        let card = office.clicks(action, "ann", action, &build.value).await;
        assert_eq!(card.code.as_deref(), Some("bad-button"), "{action}");
    }
}
