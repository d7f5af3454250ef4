//! Where resources of realistic templates belong, and rules one by one.

mod account;
mod properties;
mod rules;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::*;
use crate::plain::tests::World;

/// The split as text, a line for each resource.
fn shown(split: &Split) -> String {
    let mut out = String::new();
    for (id, placement) in &split.placements {
        let held = placement.held.as_ref().map(|held| format!(" held: {held:?}")).unwrap_or_default();
        let state = if placement.is_stateful { " stateful" } else { "" };
        writeln!(out, "{id}: {:?}{held}{state}", placement.part).unwrap();
    }
    for name in &split.names {
        let FixedName { logical_id, property, name, origin, .. } = name;
        let fixed = if origin.is_fixed() { " FIXED" } else { "" };
        let name = name.as_deref().unwrap_or("(later)");
        writeln!(out, "name {logical_id}.{property} = {name}{fixed}").unwrap();
    }
    for notice in &split.notices {
        writeln!(out, "notice {notice:?}").unwrap();
    }
    for attention in &split.attention {
        writeln!(out, "attention {}: {}", attention.logical_id, attention.what).unwrap();
    }
    out
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// An HTTP and a REST API, a table with a stream, a queue, schedules, a custom resource, a layer: expanded by AWS's translator.
const ORDERS: &str = include_str!("fixtures/orders.json");
/// What the stack invokes during its update, and roles that are shared or not.
const INFRASTRUCTURE: &str = include_str!("fixtures/infrastructure.json");

#[test]
fn a_small_application_is_taken_apart() {
    insta::assert_snapshot!("orders", shown(&World::new().split(&fixture(ORDERS)).unwrap()));
}

#[test]
fn what_the_stack_invokes_stays_in_it() {
    insta::assert_snapshot!("infrastructure", shown(&World::new().split(&fixture(INFRASTRUCTURE)).unwrap()));
}

#[test]
fn the_order_of_the_resources_changes_nothing() {
    for text in [ORDERS, INFRASTRUCTURE] {
        let template = fixture(text);
        let mut reversed = template.clone();
        let resources = template["Resources"].as_object().unwrap();
        reversed["Resources"] = resources.clone().into_iter().rev().collect();
        assert_eq!(World::new().split(&template), World::new().split(&reversed));
    }
}

/// The logical ids of a part.
fn ids(split: &Split, is: impl Fn(&Part) -> bool) -> BTreeSet<&str> {
    split.placements.iter().filter(|(_, placement)| is(&placement.part)).map(|(id, _)| id.as_str()).collect()
}
