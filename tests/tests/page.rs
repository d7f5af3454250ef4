//! What newcomers see first: the page, in a real browser.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use sluice_e2e::{Page, World, target};

#[tokio::test]
async fn a_person_types_another_clicks_and_both_see_the_change() {
    let world = World::shared().await;
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
    assert!(world.curl("shown", "prod").await.1.contains("Hello from shown"));
    page.is_content();
}
