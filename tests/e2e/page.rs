//! The sandbox's page in a real browser.

use sluice_e2e::{Options, Page, Repository, State, Submitted, World, target};

/// Types a command into the page and waits until its operation has this state, and the page shows the message's title.
async fn submit(world: &World, page: &mut Page, line: &str, state: State) -> Submitted {
    let submitted = world.expect(world.channel(), line).await;
    page.type_line(line).await;
    page.wait_for_text(submitted.reaches(state).await.title()).await;
    submitted
}

#[tokio::test]
async fn one_person_types_another_clicks_and_both_see_the_change() {
    let world = World::shared(module_path!()).await;
    let mut page = Page::open(&world, "ann").await;
    for line in ["/repo create shown from sam", "/build shown", "/deploy shown", "/stage add shown prod"] {
        submit(&world, &mut page, line, State::Succeeded).await;
    }
    let promotion = submit(&world, &mut page, "/promote shown prod", State::Waiting).await;

    // Her own request: only she gets the refusal, and nothing changes.
    page.click("[data-action='promotion.approve']").await;
    page.click("dialog[open] button.primary, dialog[open] button.danger").await;
    page.wait_for(
        "[...document.querySelectorAll('.ephemeral')].some(m => m.innerText.includes('own request'))",
    )
    .await;

    page.switch_to("bob").await;
    page.wait_for("!document.body.innerText.includes('own request')").await;
    page.click("[data-action='promotion.approve']").await;
    page.wait_for("document.querySelector('dialog[open]').innerText.includes('r1')").await;
    page.screenshot(&target().join("e2e/page-confirm.png")).await;
    page.click("dialog[open] button.primary, dialog[open] button.danger").await;
    page.wait_for_text(promotion.succeeds().await.title()).await;
    page.wait_for("!document.querySelector('[data-action=\"promotion.approve\"]')").await;
    page.screenshot(&target().join("e2e/page.png")).await;
    world.expect_response("shown", "prod", "Hello from shown").await;
    page.assert_no_errors();
}

/// Takes the pictures of `docs/messages`.
#[tokio::test]
async fn the_gates_of_a_stage_are_shown() {
    // A world of its own: a click goes to the first button on the page.
    let world = World::start(Options::default()).await;
    let ann = world.ann();
    let created = world.submit(ann, "/repo create gated from sam").await.succeeds().await;
    for line in [
        "/build gated",
        "/stage add gated prod",
        "/deploy gated",
        "/stage set gated prod approvals=0 confirm",
    ] {
        world.submit(ann, line).await.succeeds().await;
    }
    world.submit(ann, "/promote gated prod").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    for greeting in ["Good morning", "Good evening", "Good night"] {
        clone.set_greeting(greeting);
        clone.push(&format!("Say {}", greeting.to_lowercase()));
    }
    world.submit(ann, "/build gated").await.succeeds().await;
    world.submit(ann, "/deploy gated").await.succeeds().await;
    world.submit(ann, "/stage set gated prod approvals=2 expires=24h").await.succeeds().await;

    let mut page = Page::open(&world, "bob").await;
    world.submit(ann, "/promote gated prod").await.waits().await;
    page.wait_for_text("Say good morning").await;
    page.click("[data-action='promotion.approve']").await;
    page.click("dialog[open] button.primary, dialog[open] button.danger").await;
    page.wait_for_text("1 of 2").await;
    page.evaluate(
        "document.querySelector('[data-action=\"promotion.approve\"]').closest('article').scrollIntoView()",
    )
    .await;
    page.screenshot(&target().join("e2e/approval-pending.png")).await;
    world.submit(ann, "/stage set gated prod approvals=3").await.succeeds().await;
    page.switch_to("cyd").await;
    page.click("[data-action='promotion.approve']").await;
    page.click("dialog[open] button.primary, dialog[open] button.danger").await;
    page.wait_for_text("prod now needs 3 approvals").await;
    page.screenshot(&target().join("e2e/approval-void.png")).await;

    world.submit(ann, "/stage set gated prod approvals=2 confirm").await.succeeds().await;
    let promotion = world.submit(ann, "/promote gated prod").await;
    promotion.waits().await;
    world.command(world.bob(), "/promote approve gated prod").await.says(&["Approved"]);
    world.command(world.cyd(), "/promote approve gated prod").await.says(&["Approved"]);
    let done = promotion.succeeds().await;
    page.wait_for_text(done.title()).await;
    page.evaluate(&format!(
        "[...document.querySelectorAll('article')].find(m => m.innerText.includes({:?})).scrollIntoView()",
        done.title()
    ))
    .await;
    page.screenshot(&target().join("e2e/approval-done.png")).await;

    // A new person requests a role and gets it.
    page.switch_to("eve").await;
    page.type_line("/build gated").await;
    page.wait_for("!!document.querySelector('.ephemeral [data-action=\"access.ask\"]')").await;
    page.evaluate("[...document.querySelectorAll('.ephemeral')].at(-1).scrollIntoView({ block: 'center' })")
        .await;
    page.screenshot(&target().join("e2e/refused.png")).await;
    page.click("[data-action='access.ask']").await;
    page.wait_for_text("asks to be an operator").await;
    page.evaluate(
        "document.querySelector('[data-action=\"access.grant\"]').scrollIntoView({ block: 'center' })",
    )
    .await;
    page.screenshot(&target().join("e2e/asked.png")).await;
    page.switch_to("ann").await;
    page.click("[data-action='access.grant']").await;
    page.click("dialog[open] button.primary, dialog[open] button.danger").await;
    page.wait_for_text("asked to be an operator").await;
    page.wait_for("!document.querySelector('[data-action=\"access.grant\"]')").await;

    world.submit(ann, "/stage set gated prod approvals=2 soak=30m").await.succeeds().await;
    world.submit(world.bob(), "/stage lock gated prod for 1h \"fixing the ledger\"").await.waits().await;
    page.switch_to("eve").await;
    page.type_line("/pipeline check gated prod").await;
    page.wait_for(
        "[...document.querySelectorAll('.ephemeral')].some(m => m.innerText.includes('fixing the ledger'))",
    )
    .await;
    page.evaluate("[...document.querySelectorAll('.ephemeral')].at(-1).scrollIntoView({ block: 'center' })")
        .await;
    page.screenshot(&target().join("e2e/check.png")).await;
    page.assert_no_errors();
}
