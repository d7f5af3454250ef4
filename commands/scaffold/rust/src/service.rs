//! What {{pipeline}} does. It knows no AWS: `aws.rs` has the queue and the table of the stage.

use lambda_runtime::Error;
use serde_json::{Value, json};
use uuid::Uuid;

pub const GREETING: &str = "Hello from {{pipeline}}";

/// The orders of a stage: placed in its queue, kept in its table. An order is `{"id": …, "item": …}`.
pub trait Orders {
    fn place(&self, order: &Value) -> Result<(), Error>;
    fn all(&self) -> Result<Vec<Value>, Error>;
}

/// Answers a request with a status and an object. `stage` and `version` are those that answer.
pub fn answer(
    route: &str,
    body: &str,
    (stage, version): (&str, &str),
    orders: &impl Orders,
) -> Result<(u16, Value), Error> {
    Ok(match route {
        "GET /" => (
            200,
            json!({"message": GREETING, "stage": stage, "version": version}),
        ),
        "GET /orders" => (
            200,
            json!({"orders": orders.all()?, "stage": stage, "version": version}),
        ),
        "POST /orders" => match item_in(body) {
            Some(item) => {
                let order = json!({"id": Uuid::new_v4(), "item": item});
                orders.place(&order)?;
                (202, order)
            }
            None => (
                400,
                json!({"message": r#"An order is JSON, such as {"item": "tea"}."#}),
            ),
        },
        _ => (404, json!({"message": format!("There is no {route}.")})),
    })
}

/// The item that a request orders; `None` if the request is not an order.
fn item_in(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    body["item"]
        .as_str()
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
}

/// Run with `cargo test`; every build does.
#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Orders in memory, instead of a queue and a table.
    #[derive(Default)]
    struct InMemory(RefCell<Vec<Value>>);

    impl Orders for InMemory {
        fn place(&self, order: &Value) -> Result<(), Error> {
            self.0.borrow_mut().push(order.clone());
            Ok(())
        }

        fn all(&self) -> Result<Vec<Value>, Error> {
            Ok(self.0.borrow().clone())
        }
    }

    fn ask(route: &str, body: &str, orders: &InMemory) -> (u16, Value) {
        answer(route, body, ("prod", "7"), orders).unwrap()
    }

    #[test]
    fn it_greets_and_says_which_stage_and_version_answer() {
        let answer = ask("GET /", "", &InMemory::default());
        assert_eq!(
            answer,
            (
                200,
                json!({"message": GREETING, "stage": "prod", "version": "7"})
            )
        );
    }

    #[test]
    fn an_order_is_placed_and_listed() {
        let orders = InMemory::default();
        let (status, order) = ask("POST /orders", r#"{"item": "tea"}"#, &orders);
        assert_eq!((status, &order["item"]), (202, &json!("tea")));
        let listed = json!({"orders": [order], "stage": "prod", "version": "7"});
        assert_eq!(ask("GET /orders", "", &orders), (200, listed));
    }

    #[test]
    fn two_orders_of_one_item_are_two() {
        let order = || ask("POST /orders", r#"{"item": "tea"}"#, &InMemory::default()).1;
        assert_ne!(order()["id"], order()["id"]);
    }

    #[test]
    fn what_is_no_order_is_refused() {
        let orders = InMemory::default();
        for body in [
            "",
            "tea",
            "null",
            "[]",
            "{}",
            r#"{"item": ""}"#,
            r#"{"item": 3}"#,
        ] {
            assert_eq!(ask("POST /orders", body, &orders).0, 400, "{body}");
        }
        assert!(orders.0.borrow().is_empty());
    }

    #[test]
    fn an_unknown_route_is_not_found() {
        assert_eq!(ask("GET /nowhere", "", &InMemory::default()).0, 404);
    }
}
