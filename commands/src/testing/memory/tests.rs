use super::*;
use crate::ports::Guards;

fn item(sort: &str) -> Item {
    Item {
        key: Key { partition: "p".into(), sort: sort.into() },
        schema: 1,
        guards: Guards::new(),
        body: serde_json::json!({}),
        due: None,
        expires: None,
    }
}

fn put(sort: &str) -> Write {
    Write::Put { item: item(sort), when: Precondition::Absent }
}

#[tokio::test]
async fn a_fault_before_does_nothing_and_a_fault_after_does_its_work() {
    let store = MemoryStore::new();
    store.fail_next(StoreError::Again("throttled".into()));
    store.lose_next_answer();

    assert_eq!(store.write(put("a")).await, Err(StoreError::Again("throttled".into())));
    assert!(store.items().is_empty());
    assert!(matches!(store.write(put("a")).await, Err(StoreError::Unknown(_))));
    assert_eq!(store.items(), [item("a")]);
    assert_eq!(store.write(put("a")).await, Err(StoreError::Lost(vec![0])));
    assert_eq!(store.calls().len(), 3);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_the_same_token() {
    let store = MemoryStore::new();
    store.fault_at(0, StoreFault::After(StoreError::Unknown("gone".into())));

    assert!(store.transact("t", vec![put("a")]).await.is_err());
    assert_eq!(store.transact("t", vec![put("a")]).await, Ok(()));
    store.forget_tokens();
    assert_eq!(store.transact("t", vec![put("a")]).await, Err(StoreError::Lost(vec![0])));
}

#[tokio::test]
async fn the_memory_store_has_the_limits_of_the_real_one() {
    let store = MemoryStore::new();
    let sized = |sort: &str, bytes: usize| {
        let item = Item { body: serde_json::json!("x".repeat(bytes)), ..item(sort) };
        Write::Put { item, when: Precondition::Any }
    };
    let all = |count: usize, bytes: usize| (0..count).map(|nth| sized(&nth.to_string(), bytes)).collect();
    let is_too_large = |answer| matches!(answer, Err(StoreError::TooLarge(_)));
    assert!(is_too_large(store.write(sized("a", 410_000)).await), "an item");
    assert!(is_too_large(store.transact("many", all(101, 1)).await), "writes");
    assert!(is_too_large(store.transact("large", all(11, 400_000)).await), "a transaction");
    assert_eq!(store.transact("fits", all(10, 400_000)).await, Ok(()));
}
