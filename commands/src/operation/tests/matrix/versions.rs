//! Two versions side by side: what a newer one keeps and says is left alone by this one, and holds up nothing.

use super::fixture::Fixture;
use super::users::People;
use crate::operation::{Keys, Status};
use crate::ports::{Item, Key, Precondition, Query, Store, Write};
use crate::testing::target;

/// A pipeline, a build, a release on two stages, and back.
const STORY: &[(&str, &str)] = &[
    ("ann", "/deploy orders"),
    ("ada", "/stage add orders prod"),
    ("ann", "/promote orders prod"),
    ("ann", "/stage lock orders prod for 20s \"the fair is on\""),
    ("ann", "/stage unlock orders prod"),
];

fn strange(partition: &str, sort: &str, schema: u32, guards: &[(&str, &str)], body: &str) -> Item {
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
async fn records_and_signals_of_the_future_are_left_alone() {
    let shared = Fixture::empty().await.open();
    let process = shared.process("older");
    let (keys, name) = (Keys::new(&target()), "orders".parse().unwrap());
    let mut known = 0;
    let mut send_signal = async |who: &'static str, line: &'static str| {
        known = shared.heads().len();
        process.types(line, who, line).await;
        assert!(shared.heads().len() > known, "{line}");
        assert!(!shared.lives(&process, People::Prompt, known + 1).await, "{line}");
        let head = shared.heads().into_iter().max_by_key(|head| head.spec.ticket).unwrap();
        assert!(head.status == Status::Succeeded || head.holds(), "{line}: {:#?}", shared.journal(&head.id));
        head
    };
    send_signal("ann", "/repo create orders").await;
    shared.fake_aws.push("orders", "A change", crate::testing::fake_aws::App::of(&["Hello"], "one")).unwrap();

    let pipeline = keys.pipeline_partition(&name);
    let audits = keys.audit_partition(&name);
    let planted = [
        strange(&pipeline, "widget/prod", 9, &[], r#"{"colour":"blue"}"#),
        strange(&pipeline, "lantern", 1, &[], "[1]"),
        strange(&pipeline, "slot/moon/prod", 1, &[("op", "01ARZ3NDEKTSV4RRFFQ69G5FAV")], "{}"),
        strange(&audits, "999999999999999/x/teleported/U0ANN", 1, &[], r#"{"act":"teleported"}"#),
    ];
    for item in &planted {
        shared.store.write(Write::Put { item: item.clone(), when: Precondition::Absent }).await.unwrap();
    }
    let build = send_signal("ann", "/build orders").await;
    // Somebody says something to it that this version does not understand.
    let key = Key { sort: "signal/approval@3/U0ZOE".into(), ..keys.head(&build.id) };
    let said = strange(&key.partition, &key.sort, 1, &[], r#"{"step":"approval","verdict":"postpone"}"#);
    shared.store.write(Write::Put { item: said.clone(), when: Precondition::Absent }).await.unwrap();
    assert_eq!(shared.op(&build.id).await.status(), Status::Succeeded);
    for (who, line) in STORY {
        send_signal(who, line).await;
    }
    for item in planted.iter().chain([&said]) {
        assert_eq!(shared.store.item(&item.key).as_ref(), Some(item), "left alone");
    }
    let all = Query {
        partition: pipeline,
        prefix: String::new(),
        order: crate::ports::Order::Ascending,
        limit: None,
        after: None,
    };
    assert!(shared.store.query(all).await.unwrap().items.len() > planted.len());
}
