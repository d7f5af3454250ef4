//! Two versions side by side: this one leaves a newer one's records and signals alone, and they delay nothing. `stuck.rs` has
//! the same for journal entries.

use super::fixture::Fixture;
use super::users::People;
use crate::operation::tests::harness::is_holding;
use crate::operation::{Keys, Status};
use crate::ports::{Item, Key, Precondition, Store, Write};
use crate::testing::target;
use sluice_model::ReleaseNumber;

/// A release on two stages, a lock and its end.
const LINES: &[(&str, &str)] = &[
    ("ann", "/deploy orders"),
    ("ada", "/stage add orders prod"),
    ("ann", "/promote orders prod"),
    ("ann", "/stage lock orders prod for 20s \"the fair is on\""),
    ("ann", "/stage unlock orders prod"),
];

/// A signal of an unknown kind.
const POSTPONE: &str = r#"{
    "step": "approval", "actor": {"id": "U0ZOE", "name": "zoe"}, "kind": "postpone", "at": "2026-03-01T12:00:00Z"
}"#;

fn unknown_item(partition: &str, sort: &str, schema: u32, guards: &[(&str, &str)], body: &str) -> Item {
    Item {
        key: Key { partition: partition.into(), sort: sort.into() },
        schema,
        guards: guards
            .iter()
            .map(|(name, text)| ((*name).into(), crate::ports::Guard::Text((*text).into())))
            .collect(),
        body: serde_json::from_str(body).unwrap(),
        due: None,
        expires: None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_replica_leaves_unknown_records_and_signals_alone() {
    let shared = Fixture::empty().await.open();
    let process = shared.process("older");
    let (keys, name) = (Keys::new(&target()), "orders".parse().unwrap());
    let mut known = 0;
    let mut run = async |who: &'static str, line: &'static str| {
        known = shared.heads().len();
        process.types(line, who, line).await;
        assert!(shared.heads().len() > known, "{line}");
        assert!(!shared.run_until_over(&process, People::Prompt, known + 1).await, "{line}");
        let head = shared.heads().into_iter().max_by_key(|head| head.spec.ticket).unwrap();
        assert!(
            head.status == Status::Succeeded || is_holding(&head),
            "{line}: {:#?}",
            shared.journal(&head.id)
        );
        head
    };
    run("ann", "/repo create orders").await;
    shared.fake_aws.push("orders", "A change", crate::testing::fake_aws::App::of(&["Hello"], "one")).unwrap();

    let pipeline = keys.pipeline_partition(&name);
    let audits = keys.audit_partition(&name);
    let releases = keys.release(&name, ReleaseNumber(1)).partition;
    let mut planted = vec![
        unknown_item(&pipeline, "widget/prod", 9, &[], r#"{"colour":"blue"}"#),
        unknown_item(&pipeline, "lantern", 1, &[], "[1]"),
        unknown_item(&pipeline, "slot/moon/prod", 1, &[("op", "01ARZ3NDEKTSV4RRFFQ69G5FAV")], "{}"),
        unknown_item(&releases, "0000000001/prod/widget", 9, &[], "[2]"),
        unknown_item(&releases, "widget/0000000001", 1, &[], "[3]"),
        unknown_item(&audits, "999999999999999/x/teleported/U0ANN", 1, &[], r#"{"act":"teleported"}"#),
    ];
    for item in &planted {
        shared.store.write(Write::Put { item: item.clone(), when: Precondition::Absent }).await.unwrap();
    }
    let build = run("ann", "/build orders").await;
    // A newer replica wrote a signal of an unknown kind and a record of an unknown kind beside its journal.
    let partition = keys.operation_partition(&build.id);
    let of_operation = [
        unknown_item(&partition, "signal/approval@3/U0ZOE", 1, &[], POSTPONE),
        unknown_item(&partition, "widget/1", 9, &[], "[4]"),
    ];
    for item in of_operation {
        shared.store.write(Write::Put { item: item.clone(), when: Precondition::Absent }).await.unwrap();
        planted.push(item);
    }
    assert_eq!(shared.op(&build.id).await.status(), Status::Succeeded);
    for (who, line) in LINES {
        run(who, line).await;
    }
    for item in &planted {
        assert_eq!(shared.store.item(&item.key).as_ref(), Some(item), "left alone");
    }
}
