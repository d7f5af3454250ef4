//! Answers of commands that read.

use jiff::{SignedDuration, Timestamp};
use sluice_commands::operation::{Keys, Status};
use sluice_commands::ports::{AuditItem, Item, Store as _, Write};
use sluice_commands::records::{Act, AuditRecord, AuditSubject, to_item};
use sluice_commands::testing::samples::{self, CHANNEL};
use sluice_commands::testing::target;

use super::test_service::{STAGES, sample, test_service};

#[tokio::test(start_paused = true)]
async fn the_answers_to_questions() {
    let mut service = test_service(samples::access());
    for line in ["/repo list", "/pipeline status"] {
        service.types("dan", line).await;
    }
    samples::orders(&*service.store, "orders", &[("dev", 0)]).await;
    for line in [
        "/repo list",
        "/pipeline status",
        "/pipeline status orders",
        "/build list orders",
        "/build log orders",
        "/pipeline logs orders",
        "/deploy plan orders",
    ] {
        service.types("dan", line).await;
    }
    for line in ["/stage list orders", "/pipeline history orders", "/pipeline history orders dev"] {
        service.types("dan", line).await;
    }
    std::mem::take(&mut service.snapshots).snapshot("answers_at_the_beginning");
    samples::orders(&*service.store, "orders", &STAGES).await;
    samples::orders(&*service.store, "billing", &[("dev", 1), ("prod", 0)]).await;
    samples::waiting(&*service.store, &sample("waiting for approval"), Status::Waiting).await;
    for line in [
        "/repo list",
        "/pipeline status",
        "/pipeline status orders",
        "/pipeline status billing",
        "/stage list orders",
        "/build list orders",
        "/build log orders #1",
        "/build log orders #3",
        "/build log orders",
        "/build log orders #77",
        "/pipeline history orders",
        "/pipeline history orders prod",
        "/pipeline status ordres",
        "/pipeline status something-else",
        "/pipeline logs orders",
        "/pipeline logs orders prod since 1h",
        "/pipeline logs orders since 2d",
        "/promote diff orders prod",
        "/promote diff orders staging",
        "/promote diff orders dev",
        "/deploy plan orders",
        "/deploy plan orders #3",
    ] {
        service.types("dan", line).await;
    }
    service.snapshots.snapshot("answers_to_questions");
}

#[tokio::test]
async fn the_answers_of_the_history() {
    let mut service = test_service(samples::access());
    let (orders, keys) = ("orders".parse().unwrap(), Keys::new(&target()));
    for nth in 0..2_000 {
        let at = "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(nth);
        let (act, outcome) = if nth % 2 == 0 { (Act::Asked, "accepted") } else { (Act::Refused, "locked") };
        let problem = "<@U0BEN0002> locked `prod` until 2026-03-01 14:00 UTC: the ledger <!channel>.";
        let record = AuditRecord {
            at,
            act,
            actor: samples::actor(if nth == 3 { "ben" } else { "ann" }),
            channel: Some(CHANNEL.parse().unwrap()),
            pipeline: Some("orders".parse().unwrap()),
            operation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            kind: "promote".into(),
            command: "/promote orders prod".into(),
            rule: if act == Act::Asked { "operators".into() } else { String::new() },
            outcome: outcome.into(),
            about: AuditSubject {
                stage: Some("prod".parse().unwrap()),
                reason: (act == Act::Refused).then(|| problem.to_owned()),
                ..AuditSubject::default()
            },
        };
        let item = to_item(
            keys.audit(&orders, at, "01ARZ3NDEKTSV4RRFFQ69G5FAV/asked/U1"),
            Default::default(),
            &record,
        );
        let Item { key, schema, body, .. } = item.unwrap();
        service.store.write(Write::Audit { item: AuditItem { key, schema, body } }).await.unwrap();
    }
    let ben = format!("/pipeline history orders prod <@{}> since 2026-03-01", samples::actor("ben").id);
    for line in [
        "/pipeline history orders until 2026-03-01 12:00:17",
        &ben,
        "/pipeline history orders dev until 2026-03-01 12:00:10",
        "/pipeline history orders since 2026-03-02",
    ] {
        service.types("dan", line).await;
    }
    let older = r#"{"after":"001772366402000/01ARZ3NDEKTSV4RRFFQ69G5FAV/asked/U1","line":"/pipeline history orders"}"#;
    service.clicks("dan", "history.older", older).await;
    service.clicks("dan", "history.older", "garbage").await;
    service.snapshots.snapshot("answers_of_the_history");
}

#[tokio::test(start_paused = true)]
async fn the_answers_at_their_longest() {
    let mut service = test_service(samples::access());
    let names: Vec<String> = (1..=50).map(|n| format!("stage-{n}-of-many")).collect();
    let stages: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 2)).collect();
    samples::orders(&*service.store, "orders-and-invoices-of-the-northern-shop", &stages).await;
    for line in [
        "/pipeline status orders-and-invoices-of-the-northern-shop",
        "/stage list orders-and-invoices-of-the-northern-shop",
        "/pipeline status",
    ] {
        service.types("dan", line).await;
    }
    service.snapshots.snapshot("answers_at_their_longest");
}
