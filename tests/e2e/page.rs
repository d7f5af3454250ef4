//! What newcomers see first: the page, in a real browser.

use sluice_e2e::{Options, Page, Repository, World, target};

#[tokio::test]
async fn a_person_types_another_clicks_and_both_see_the_change() {
    let world = World::shared(module_path!()).await;
    let mut page = Page::open(&world, "ann").await;
    page.types("/repo create shown").await;
    page.shows("Creation of pipeline shown succeeded").await;
    page.types("/build shown").await;
    page.shows("Build #1 of shown succeeded").await;
    page.types("/deploy shown").await;
    page.shows("dev runs r1").await;
    page.types("/stage add shown prod").await;
    page.shows("Stage prod of shown succeeded").await;
    page.types("/promote shown prod").await;
    page.shows("from dev to prod is waiting").await;

    // Her own request: told to her alone, and nothing changes.
    page.clicks("[data-action='promotion.approve']").await;
    page.clicks("dialog[open] button.primary, dialog[open] button.danger").await;
    page.sees("[...document.querySelectorAll('.ephemeral')].some(m => m.innerText.includes('own request'))")
        .await;

    page.becomes("bob").await;
    page.sees("!document.body.innerText.includes('own request')").await;
    page.clicks("[data-action='promotion.approve']").await;
    page.sees("document.querySelector('dialog[open]').innerText.includes('prod will run r1')").await;
    page.keeps_picture(&target().join("e2e/page-confirm.png")).await;
    page.clicks("dialog[open] button.primary, dialog[open] button.danger").await;
    page.shows("prod runs r1").await;
    page.sees("!document.querySelector('[data-action=\"promotion.approve\"]')").await;
    page.keeps_picture(&target().join("e2e/page.png")).await;
    world.answers("shown", "prod", "Hello from shown").await;
    page.is_content();
}

/// What a stage asks of people, as they see it; the pictures are those of `docs/messages`.
#[tokio::test]
async fn the_gates_of_a_stage_as_people_see_them() {
    // A channel of its own: a click is on the first button that the page has.
    let world = World::start(Options::default()).await;
    let ann = world.ann();
    let created = world.asks(ann, "/repo create gated").await.succeeds().await;
    for line in [
        "/build gated",
        "/stage add gated prod",
        "/deploy gated",
        "/stage set gated prod approvals=0 confirm",
    ] {
        world.asks(ann, line).await.succeeds().await;
    }
    world.asks(ann, "/promote gated prod").await.succeeds().await;
    let clone = Repository::clone_as_told(&created);
    for words in ["Good morning", "Good evening", "Good night"] {
        clone.greet(words);
        clone.push(&format!("Say {}", words.to_lowercase()));
    }
    world.asks(ann, "/build gated").await.succeeds().await;
    world.asks(ann, "/deploy gated").await.succeeds().await;
    world.asks(ann, "/stage set gated prod approvals=2 expires=24h").await.succeeds().await;

    let mut page = Page::open(&world, "bob").await;
    world.asks(ann, "/promote gated prod").await.waits().await;
    page.shows("Say good morning").await;
    page.clicks("[data-action='promotion.approve']").await;
    page.clicks("dialog[open] button.primary, dialog[open] button.danger").await;
    page.shows("1 of 2").await;
    // From its headline on.
    page.run(
        "document.querySelector('[data-action=\"promotion.approve\"]').closest('article').scrollIntoView()",
    )
    .await;
    page.keeps_picture(&target().join("e2e/approval-pending.png")).await;
    world.asks(ann, "/stage set gated prod approvals=3").await.succeeds().await;
    page.becomes("cyd").await;
    page.clicks("[data-action='promotion.approve']").await;
    page.clicks("dialog[open] button.primary, dialog[open] button.danger").await;
    page.shows("prod asks for 3 approvals now").await;
    page.keeps_picture(&target().join("e2e/approval-void.png")).await;

    world.asks(ann, "/stage set gated prod approvals=2 confirm").await.succeeds().await;
    let promotion = world.asks(ann, "/promote gated prod").await;
    promotion.waits().await;
    world.types(world.bob(), "/promote approve gated prod").await.says(&["Approved"]);
    world.types(world.cyd(), "/promote approve gated prod").await.says(&["Approved"]);
    promotion.succeeds().await;
    page.shows("prod runs r2").await;
    page.run(
        "[...document.querySelectorAll('article')].find(m => m.innerText.includes('prod runs r2')).scrollIntoView()",
    )
    .await;
    page.keeps_picture(&target().join("e2e/approval-done.png")).await;

    // Who is new asks for a role, and gets it.
    page.becomes("eve").await;
    page.types("/build gated").await;
    page.sees("!!document.querySelector('.ephemeral [data-action=\"access.ask\"]')").await;
    page.run("[...document.querySelectorAll('.ephemeral')].at(-1).scrollIntoView({ block: 'center' })").await;
    page.keeps_picture(&target().join("e2e/refused.png")).await;
    page.clicks("[data-action='access.ask']").await;
    page.shows("asks to be an operator").await;
    page.run("document.querySelector('[data-action=\"access.grant\"]').scrollIntoView({ block: 'center' })")
        .await;
    page.keeps_picture(&target().join("e2e/asked.png")).await;
    page.becomes("ann").await;
    page.clicks("[data-action='access.grant']").await;
    page.clicks("dialog[open] button.primary, dialog[open] button.danger").await;
    page.shows("asked to be an operator").await;
    page.sees("!document.querySelector('[data-action=\"access.grant\"]')").await;

    world.asks(ann, "/stage set gated prod approvals=2 soak=30m").await.succeeds().await;
    world.asks(world.bob(), "/stage lock gated prod for 1h \"fixing the ledger\"").await.waits().await;
    page.becomes("eve").await;
    page.types("/pipeline check gated prod").await;
    page.sees(
        "[...document.querySelectorAll('.ephemeral')].some(m => m.innerText.includes('fixing the ledger'))",
    )
    .await;
    page.run("[...document.querySelectorAll('.ephemeral')].at(-1).scrollIntoView({ block: 'center' })").await;
    page.keeps_picture(&target().join("e2e/check.png")).await;
    page.is_content();
}
