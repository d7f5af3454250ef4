//! The DynamoDB backend against an emulator.

mod support;

use std::collections::BTreeMap;

use serde_json::json;
use sluice_commands::ports::{Item, Key, Precondition, Store, Write};
use sluice_state::TableStatus;
use support::Ministack;

#[tokio::test]
async fn smoke() {
    let emulator = Ministack::start().await;
    let store = emulator.store("t");
    assert_eq!(store.table_status().await, Ok(TableStatus::Missing));
    store.create_table().await.unwrap();
    store.create_table().await.unwrap();
    assert_eq!(store.table_status().await, Ok(TableStatus::Ready));
    let item = Item {
        key: Key { partition: "p".into(), sort: "s".into() },
        schema: 1,
        guards: BTreeMap::new(),
        body: json!({"a": 1}),
        due: None,
        expires: None,
    };
    store.write(Write::Put { item: item.clone(), when: Precondition::Absent }).await.unwrap();
    assert_eq!(store.get(&item.key).await, Ok(Some(item)));
    println!("{:?}", store.consumed());
}
