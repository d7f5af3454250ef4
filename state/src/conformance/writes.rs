//! Single writes: every kind with every precondition.

use serde_json::json;
use sluice_commands::ports::{DueChange, Guard, Guards, Item, Precondition, Store, StoreError, Write};

use super::samples::{body, get, item, key, number, put, text, update};

/// The error of a single write whose precondition failed.
fn lost() -> Result<(), StoreError> {
    Err(StoreError::Lost(vec![0]))
}

/// All preconditions, with an absent and a present item, and with matching, different and missing guards.
pub async fn puts_respect_preconditions(store: &dyn Store) {
    let guarded = |n: u64, content: &str| Item {
        guards: number("fence", n).into_iter().chain(text("status", "open")).collect(),
        body: json!(content),
        ..item("puts", "one")
    };
    let write = |content: &str, when| put(guarded(7, content), when);
    let the_key = key("puts", "one");

    assert_eq!(store.write(write("a", Precondition::Present)).await, lost());
    assert_eq!(store.write(write("a", Precondition::Equals(Guards::new()))).await, lost());
    assert_eq!(store.write(write("a", Precondition::Equals(number("fence", 7)))).await, lost());
    assert_eq!(body(store, &the_key).await, None);

    assert_eq!(store.write(write("b", Precondition::Absent)).await, Ok(()));
    assert_eq!(store.write(write("c", Precondition::Absent)).await, lost());
    assert_eq!(body(store, &the_key).await, Some(json!("b")));

    assert_eq!(store.write(write("d", Precondition::Any)).await, Ok(()));
    assert_eq!(store.write(write("e", Precondition::Present)).await, Ok(()));
    assert_eq!(store.write(write("f", Precondition::Equals(Guards::new()))).await, Ok(()));
    assert_eq!(body(store, &the_key).await, Some(json!("f")));

    let both = |n, status| number("fence", n).into_iter().chain(text("status", status)).collect();
    for wrong in [
        number("fence", 8),
        text("fence", "7"),
        number("status", 7),
        number("absent", 7),
        both(7, "shut"),
        both(8, "open"),
    ] {
        assert_eq!(store.write(write("g", Precondition::Equals(wrong.clone()))).await, lost(), "{wrong:?}");
    }
    assert_eq!(store.write(write("h", Precondition::Equals(both(7, "open")))).await, Ok(()));
    assert_eq!(body(store, &the_key).await, Some(json!("h")));
}

/// An update sets its guards, keeps the other guards, the body, the schema and the expiry, and does not create an item.
pub async fn updates_keep_the_body(store: &dyn Store) {
    let the_key = key("updates", "one");
    for when in [Precondition::Any, Precondition::Absent, Precondition::Present] {
        assert_eq!(store.write(update(the_key.clone(), number("fence", 1), when)).await, lost());
        assert_eq!(store.write(update(the_key.clone(), Guards::new(), Precondition::Any)).await, lost());
    }
    assert_eq!(get(store, &the_key).await, None);

    let before = Item {
        schema: 4,
        guards: number("fence", 1).into_iter().chain(text("status", "open")).collect(),
        expires: Some(super::samples::time("2100-01-01T00:00:00Z")),
        ..item("updates", "one")
    };
    store.write(put(before.clone(), Precondition::Any)).await.expect("a put");
    let set: Guards = number("fence", 2).into_iter().chain(text("owner", "me")).collect();
    let when = Precondition::Equals(number("fence", 1));
    assert_eq!(store.write(update(the_key.clone(), set.clone(), when.clone())).await, Ok(()));
    assert_eq!(store.write(update(the_key.clone(), set, when)).await, lost(), "the guard has changed");
    assert_eq!(store.write(update(the_key.clone(), number("fence", 3), Precondition::Absent)).await, lost());

    let mut after = before;
    after.guards.insert("fence".into(), Guard::Number(2));
    after.guards.insert("owner".into(), Guard::Text("me".into()));
    assert_eq!(get(store, &the_key).await, Some(after.clone()));

    let nothing = update(the_key.clone(), Guards::new(), Precondition::Equals(number("fence", 2)));
    assert_eq!(store.write(nothing).await, Ok(()), "an empty update checks its precondition");
    assert_eq!(get(store, &the_key).await, Some(after));
}

/// Deletes and checks: with `Any` an absent item is no error, and a failed precondition deletes nothing.
pub async fn deletes_respect_preconditions(store: &dyn Store) {
    let the_key = key("deletes", "one");
    let delete = |when| Write::Delete { key: the_key.clone(), when };
    let check = |when| Write::Check { key: the_key.clone(), when };

    assert_eq!(store.write(delete(Precondition::Any)).await, Ok(()));
    assert_eq!(store.write(delete(Precondition::Absent)).await, Ok(()));
    assert_eq!(store.write(delete(Precondition::Present)).await, lost());
    assert_eq!(store.write(check(Precondition::Any)).await, Ok(()));
    assert_eq!(store.write(check(Precondition::Absent)).await, Ok(()));
    assert_eq!(store.write(check(Precondition::Present)).await, lost());
    assert_eq!(get(store, &the_key).await, None, "a check writes nothing");

    let guarded = Item { guards: number("fence", 1), ..item("deletes", "one") };
    store.write(put(guarded.clone(), Precondition::Any)).await.expect("a put");
    assert_eq!(store.write(check(Precondition::Absent)).await, lost());
    assert_eq!(store.write(check(Precondition::Equals(number("fence", 1)))).await, Ok(()));
    assert_eq!(store.write(delete(Precondition::Absent)).await, lost());
    assert_eq!(store.write(delete(Precondition::Equals(number("fence", 2)))).await, lost());
    assert_eq!(get(store, &the_key).await, Some(guarded));
    assert_eq!(store.write(delete(Precondition::Equals(number("fence", 1)))).await, Ok(()));
    assert_eq!(get(store, &the_key).await, None);

    let due = Write::Update {
        key: the_key.clone(),
        set: Guards::new(),
        due: DueChange::At(super::samples::time("2000-01-01T00:00:00Z")),
        when: Precondition::Any,
    };
    assert_eq!(store.write(due).await, lost());
    assert_eq!(get(store, &the_key).await, None, "a deleted item does not become due");
}
