//! Ranges of a partition.

use serde_json::json;
use sluice_commands::ports::{Item, Order, Page, Precondition, Query, Store};

use super::samples::{item, key, put};

fn query(partition: &str, prefix: &str, order: Order) -> Query {
    let partition = key(partition, "").partition;
    Query { partition, prefix: prefix.into(), order, limit: None, after: None }
}

fn sorts(page: &Page) -> Vec<&str> {
    page.items.iter().map(|item| item.key.sort.as_str()).collect()
}

/// A query returns only its partition and prefix, in the order of bytes, and all of it even above a megabyte.
pub async fn queries_respect_prefix_and_order(store: &dyn Store) {
    for sort in ["build/2", "build/10", "build/é", "builds", "buil", "release/1", "build/"] {
        store.write(put(item("query", sort), Precondition::Any)).await.expect("a put");
    }
    store.write(put(item("query2", "build/3"), Precondition::Any)).await.expect("a put");

    let page = store.query(query("query", "build/", Order::Ascending)).await.expect("a query");
    assert_eq!(sorts(&page), ["build/", "build/10", "build/2", "build/é"]);
    assert_eq!((page.items.first(), &page.more), (Some(&item("query", "build/")), &None));
    let page = store.query(query("query", "build/", Order::Descending)).await.expect("a query");
    assert_eq!(sorts(&page), ["build/é", "build/2", "build/10", "build/"]);
    let page = store.query(query("query", "", Order::Ascending)).await.expect("a query");
    assert_eq!(sorts(&page), ["buil", "build/", "build/10", "build/2", "build/é", "builds", "release/1"]);
    assert_eq!(store.query(query("query", "x", Order::Ascending)).await, Ok(Page::default()));
    assert_eq!(store.query(query("nothing", "", Order::Ascending)).await, Ok(Page::default()));

    for n in 0..4 {
        let large = Item { body: json!("x".repeat(390_000)), ..item("megabytes", &n.to_string()) };
        store.write(put(large, Precondition::Any)).await.expect("a put");
    }
    let page = store.query(query("megabytes", "", Order::Descending)).await.expect("a query");
    assert_eq!((sorts(&page), page.more.clone()), (vec!["3", "2", "1", "0"], None));
    let three = Query { limit: Some(3), ..query("megabytes", "", Order::Ascending) };
    let page = store.query(three).await.expect("a query");
    assert_eq!((sorts(&page), page.more.clone()), (vec!["0", "1", "2"], Some("2".into())));
}

/// `more` is set exactly if the limit omitted items, and continues after the last one in both directions. `after` needs no
/// item with that key, and may be outside the prefix.
pub async fn queries_continue_after_the_limit(store: &dyn Store) {
    for n in 0..7 {
        store.write(put(item("pages", &format!("row/{n}")), Precondition::Any)).await.expect("a put");
    }
    for order in [Order::Ascending, Order::Descending] {
        let (mut found, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let next = Query { limit: Some(3), after, ..query("pages", "row/", order) };
            let page = store.query(next).await.expect("a query");
            sizes.push(page.items.len());
            found.extend(page.items.into_iter().map(|item| item.key.sort));
            after = page.more;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(sizes, [3, 3, 1]);
        let mut all: Vec<String> = (0..7).map(|n| format!("row/{n}")).collect();
        if order == Order::Descending {
            all.reverse();
        }
        assert_eq!(found, all);
    }
    let sorts_after = async |order, limit, after: &str| {
        let query = Query { limit, after: Some(after.into()), ..query("pages", "row/", order) };
        let page = store.query(query).await.expect("a query");
        (sorts(&page).join(" "), page.more)
    };
    let (up, down) = (Order::Ascending, Order::Descending);
    assert_eq!(
        sorts_after(up, Some(3), "row/3").await,
        ("row/4 row/5 row/6".into(), None),
        "exactly the last three"
    );
    assert_eq!(sorts_after(up, None, "row/44").await, ("row/5 row/6".into(), None));
    assert_eq!(sorts_after(down, None, "row/15").await, ("row/1 row/0".into(), None));
    assert_eq!(sorts_after(up, Some(1), "a").await, ("row/0".into(), Some("row/0".into())));
    assert_eq!(sorts_after(down, Some(1), "z").await, ("row/6".into(), Some("row/6".into())));
    assert_eq!(sorts_after(up, None, "z").await, (String::new(), None));
    assert_eq!(sorts_after(down, None, "a").await, (String::new(), None));
    assert_eq!(sorts_after(up, Some(0), "row/3").await, (String::new(), None));
}
