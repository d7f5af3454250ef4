//! Whole items: reads return what was written.

use serde_json::json;
use sluice_commands::ports::{Guard, Guards, Item, Precondition, Store, StoreError};

use super::samples::{get, item, key, put, time};

/// Every part of an item survives, including extreme values. The expiry is rounded up to a second.
pub async fn items_survive_the_round_trip(store: &dyn Store) {
    let full = Item {
        schema: u32::MAX,
        guards: Guards::from([
            ("fence".into(), Guard::Number(u64::MAX)),
            ("zero".into(), Guard::Number(0)),
            ("owner".into(), Guard::Text("Zoë \u{1f30a}".into())),
            ("empty".into(), Guard::Text(String::new())),
        ]),
        body: json!({"z": [null, true, 1.5, -7], "a": {"": "\u{0}\n\"é\u{1f30a}"}, "n": u64::MAX}),
        expires: Some(time("2100-01-01T00:00:00Z")),
        ..item("whole", "stage/prod \u{1f30a}")
    };
    store.write(put(full.clone(), Precondition::Any)).await.expect("the first put");
    assert_eq!(get(store, &full.key).await, Some(full.clone()));

    let bare = Item { guards: Guards::new(), body: json!(null), expires: None, ..full };
    store.write(put(bare.clone(), Precondition::Any)).await.expect("the second put");
    assert_eq!(get(store, &bare.key).await, Some(bare.clone()), "a put replaces the whole item");

    let odd = Item { expires: Some(time("2100-01-01T00:00:00.000000001Z")), ..bare };
    store.write(put(odd.clone(), Precondition::Any)).await.expect("the third put");
    let kept = get(store, &odd.key).await.and_then(|item| item.expires);
    assert_eq!(kept, Some(time("2100-01-01T00:00:01Z")), "rounded up");

    assert_eq!(get(store, &key("whole", "nothing")).await, None);
}

/// Absent keys are omitted, repeated keys are read once, and more than a hundred keys are refused.
pub async fn get_many_omits_absent_keys(store: &dyn Store) {
    for n in [1, 3, 5] {
        store.write(put(item("many", &n.to_string()), Precondition::Any)).await.expect("a put");
    }
    let keys: Vec<_> = (0..99).map(|n| key("many", &n.to_string())).chain([key("many", "3")]).collect();
    let mut found = store.get_many(&keys).await.expect("a hundred keys");
    found.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(found, [item("many", "1"), item("many", "3"), item("many", "5")]);

    assert_eq!(store.get_many(&[]).await, Ok(Vec::new()));
    let too_many: Vec<_> = (0..101).map(|n| key("many", &n.to_string())).collect();
    assert!(matches!(store.get_many(&too_many).await, Err(StoreError::Refused(_))));
}

/// An item just below 400 KB is stored. A larger one is refused and the stored item does not change.
pub async fn too_large_items_are_refused(store: &dyn Store) {
    let sized = |bytes: usize| Item { body: json!("x".repeat(bytes)), ..item("large", "one") };
    let fits = sized(409_000);
    store.write(put(fits.clone(), Precondition::Absent)).await.expect("an item below the limit");
    assert_eq!(get(store, &fits.key).await, Some(fits.clone()));

    let too_large = put(sized(410_000), Precondition::Any);
    assert!(matches!(store.write(too_large.clone()).await, Err(StoreError::TooLarge(_))));
    assert!(matches!(store.transact("large/1", vec![too_large]).await, Err(StoreError::TooLarge(_))));
    assert_eq!(get(store, &fits.key).await, Some(fits));
}
