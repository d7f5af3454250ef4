//! The DynamoDB store on a local DynamoDB: conformance, the tables, and the cost of a request.

mod support;

use jiff::Timestamp;
use serde_json::json;
use sluice_commands::ports::{
    DueChange, Guard, Guards, Item, Key, Order, Precondition, Query, Store, StoreError, Write,
};
use sluice_state::{DynamoStore, TableStatus, conformance};
use support::{LocalDynamoDb, config, free_port};

#[tokio::test]
async fn the_conformance_suite_passes() {
    let dynamodb = LocalDynamoDb::start().await;
    let store = dynamodb.ready_store().await;
    conformance::all(&store).await;
}

#[tokio::test]
async fn tables_are_created_once_and_their_status_is_reported() {
    let dynamodb = LocalDynamoDb::start().await;
    let store = dynamodb.store();
    assert_eq!(store.table_status().await, Ok(TableStatus::Missing(store.table().to_owned())));
    let missing = store.get(&head().key).await;
    assert!(matches!(missing, Err(StoreError::Refused(_))), "{missing:?}");

    store.create_tables().await.expect("created");
    assert_eq!(store.table_status().await, Ok(TableStatus::Ready));
    store.write(put(head())).await.expect("a put");
    store.create_tables().await.expect("created again");
    assert_eq!(store.get(&head().key).await, Ok(Some(head())), "the item is unchanged");

    let unused = format!("http://127.0.0.1:{}", free_port().await);
    let unreachable = DynamoStore::new(&config(&unused), "sluice");
    assert!(matches!(unreachable.table_status().await, Err(StoreError::Again(_))));
    assert!(matches!(unreachable.write(put(head())).await, Err(StoreError::Again(_))), "nothing was sent");
}

/// The figures of docs/state.md. The index costs its own units: one when an item enters or leaves it, two when its due
/// time changes. `BatchGetItem` is missing, because the emulator reports no units for it.
#[tokio::test]
async fn small_items_cost_the_documented_units() {
    let dynamodb = LocalDynamoDb::start().await;
    let store = dynamodb.ready_store().await;
    let plain = |n: usize| Item { due: None, key: key(&n.to_string()), ..head() };
    let due_at = |second: i64| Timestamp::from_second(second).expect("a time");
    let update = |due: DueChange, fence: u64| Write::Update {
        key: head().key,
        set: guards(fence),
        due,
        when: Precondition::Equals(guards(fence - 1)),
    };
    let mut table = Vec::new();
    let mut cost = async |what: &str, call: Call| {
        let before = store.consumed();
        call.send(&store).await;
        let after = store.consumed();
        table.push(format!(
            "| {what} | {} | {} | {} |",
            after.write_units - before.write_units,
            after.read_units - before.read_units,
            after.requests - before.requests
        ));
    };

    cost("put", Call::Write(put(plain(0)))).await;
    cost("put of an item with a due time", Call::Write(put(head()))).await;
    cost("update of guards", Call::Write(update(DueChange::Keep, 2))).await;
    cost("update, due time changes", Call::Write(update(DueChange::At(due_at(200)), 3))).await;
    cost("update, due time removed", Call::Write(update(DueChange::Never, 4))).await;
    cost("update, due time added", Call::Write(update(DueChange::At(due_at(300)), 5))).await;
    cost("check alone", Call::Write(Write::Check { key: head().key, when: Precondition::Present })).await;
    cost("transaction of 1 put", Call::Transact("a", vec![put(plain(1))])).await;
    cost("the same token again", Call::Transact("a", vec![put(plain(1))])).await;
    cost("transaction of 5 puts", Call::Transact("b", (2..7).map(|n| put(plain(n))).collect())).await;
    let append = vec![put(plain(7)), put(plain(8)), update(DueChange::At(due_at(400)), 6)];
    cost("transaction of 2 puts and an update, due time changes", Call::Transact("c", append)).await;
    let append = vec![put(plain(9)), put(plain(10)), update(DueChange::Keep, 7)];
    cost("transaction of 2 puts and an update, due time unchanged", Call::Transact("d", append)).await;
    cost("get", Call::Get).await;
    cost("query of 5 items", Call::Query).await;
    cost("due index", Call::Due).await;
    cost(
        "delete of an item with a due time",
        Call::Write(Write::Delete { key: head().key, when: Precondition::Present }),
    )
    .await;

    let table = table.join("\n");
    let documented = include_str!("../../docs/state.md");
    assert!(documented.contains(&table), "docs/state.md needs this table:\n{table}");
}

enum Call {
    Write(Write),
    Transact(&'static str, Vec<Write>),
    Get,
    Query,
    Due,
}

impl Call {
    async fn send(self, store: &DynamoStore) {
        match self {
            Call::Write(write) => store.write(write).await.expect("a write"),
            Call::Transact(token, writes) => store.transact(token, writes).await.expect("a transaction"),
            Call::Get => drop(store.get(&head().key).await.expect("a read")),
            Call::Query => {
                let query = Query {
                    partition: head().key.partition,
                    prefix: "row/".into(),
                    order: Order::Ascending,
                    limit: Some(5),
                    after: None,
                };
                assert_eq!(store.query(query).await.expect("a query").items.len(), 5);
            }
            Call::Due => drop(store.due(Timestamp::MAX, 10).await.expect("the due index")),
        }
    }
}

fn key(row: &str) -> Key {
    Key { partition: "123456789012/eu-central-1/operation/01JD6W3V5Q9Z".into(), sort: format!("row/{row}") }
}

fn guards(fence: u64) -> Guards {
    Guards::from([("fence".into(), Guard::Number(fence))])
}

fn head() -> Item {
    Item {
        key: Key { sort: "head".into(), ..key("") },
        schema: 1,
        guards: guards(1),
        body: json!({"kind": "deploy", "actor": "U1", "parameters": {"pipeline": "orders"}}),
        due: Some(Timestamp::from_second(100).expect("a time")),
        expires: None,
    }
}

fn put(item: Item) -> Write {
    Write::Put { item, when: Precondition::Absent }
}
