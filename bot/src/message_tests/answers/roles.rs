//! Answers about roles, requests for roles, and user groups.

use serde_json::json;
use sluice_commands::rules::{Access, PinnedRoles, Unknown};
use sluice_commands::testing::samples;
use sluice_model::Member;

use super::test_service::{STAGES, test_service};

#[tokio::test(start_paused = true)]
async fn the_answers_about_roles() {
    let mut service = test_service(samples::access());
    samples::orders(&*service.store, "orders", &STAGES).await;
    let dan = samples::actor("dan").id;
    for (who, line) in [
        ("dan", "/pipeline who".to_owned()),
        ("dan", "/pipeline who orders".to_owned()),
        ("eve", format!("/pipeline grant <@{dan}> operators")),
        ("eve", format!("/pipeline grant <@{dan}> operators")),
        ("dan", "/pipeline who".to_owned()),
        ("eve", format!("/pipeline revoke <@{dan}> operators orders")),
        ("eve", format!("/pipeline revoke <@{dan}> operators")),
        ("eve", format!("/pipeline revoke <@{dan}> oncall")),
        ("eve", format!("/pipeline grant <@{dan}> oncall")),
        ("eve", format!("/pipeline grant <@{dan}> approvers orders")),
        ("ann", format!("/pipeline grant <@{dan}> operators")),
    ] {
        service.types(who, &line).await;
    }
    service.snapshots.snapshot("answers_about_roles");
}

#[tokio::test]
async fn the_answers_to_who_asks_for_a_role() {
    let mut service = test_service(samples::access());
    samples::orders(&*service.store, "orders", &STAGES).await;
    let wanted = "/promote orders prod override the queue is full";
    service.types("ann", wanted).await;
    let ask = |role: &str, pipeline: Option<&str>, wanted: &str| {
        json!({ "role": role, "pipeline": pipeline, "wanted": wanted }).to_string()
    };
    service.clicks("ann", "access.ask", &ask("oncall", Some("orders"), wanted)).await;
    service.clicks("ann", "access.ask", &ask("oncall", Some("orders"), wanted)).await;
    service.clicks("ben", "access.grant", &service.request("oncall/orders")).await;
    service.clicks("eve", "access.grant", &service.request("oncall/orders")).await;
    service.clicks("eve", "access.decline", &service.request("oncall/orders")).await;
    service.clicks("dan", "access.ask", &ask("operators", None, "/repo create invoices")).await;
    service.clicks("eve", "access.decline", &service.request("operators")).await;
    service.clicks("dan", "access.ask", &ask("operators", None, "/repo create invoices")).await;
    service.clicks("dan", "access.ask", &ask("approvers", None, "/promote approve orders prod")).await;
    service.clicks("eve", "access.grant", &service.request("approvers")).await;
    service.snapshots.snapshot("answers_about_asking");
}

#[tokio::test]
async fn the_answers_about_groups() {
    let group = || Member::Group("S0LEADS01".parse().unwrap());
    let mut pinned_roles = PinnedRoles::from(samples::access());
    pinned_roles.operators = [group()].into();
    let mut service = test_service(pinned_roles);
    samples::orders(&*service.store, "orders", &STAGES).await;
    service.people.set("S0LEADS01", Ok(&["ann", "cleo"].map(|name| samples::actor(name).id)));
    for (who, line) in [
        ("dan", "/pipeline who"),
        ("eve", "/pipeline grant <!subteam^S0LEADS01|@leads> oncall"),
        ("eve", "/pipeline grant <!subteam^S0LEADS01> approvers orders"),
        ("eve", "/pipeline revoke <!subteam^S0LEADS01> operators"),
        ("eve", "/stage set orders prod approvers=<!subteam^S0LEADS01|@leads>,<@U0BEN0002>"),
        ("ben", "/build orders"),
    ] {
        service.types(who, line).await;
    }
    for why in [
        Unknown::Silent,
        Unknown::Scope("usergroups:read"),
        Unknown::Gone,
        Unknown::Refused("plan_upgrade_required".into()),
        Unknown::Apart,
    ] {
        service.people.set("S0LEADS01", Err(why));
        service.types("ann", "/build orders").await;
    }
    service.types("dan", "/pipeline who").await;
    service.types("ann", "/pipeline check orders prod").await;
    service.snapshots.snapshot("answers_about_groups");
}

#[tokio::test(start_paused = true)]
async fn the_answers_before_there_are_roles() {
    let mut service = test_service(Access::default());
    service.types("ann", "/repo create orders").await;
    service.types("ann", "/pipeline who").await;
    service.snapshots.snapshot("answers_without_roles");
}
