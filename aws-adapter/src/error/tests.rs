//! The table of errors against what the service models know, and against what services are known to say.

use sluice_model::Class;

use super::class_of;
use crate::call::{self, Call};

/// Made by `tests/errors/shapes.py`: call, code, status, class.
const SHAPES: &str = include_str!("../../tests/errors/shapes.tsv");
/// Call, code, status, class, message, and where it was seen.
const SENTENCES: &str = include_str!("../../tests/errors/sentences.tsv");

fn rows(file: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    file.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
}

fn call(name: &'static str) -> Call {
    assert!(
        call::READS.contains(&name) || call::MUTATIONS.contains(&name),
        "{name} is not a call of this crate: take its rows out"
    );
    Call { name, mutates: call::MUTATIONS.contains(&name) }
}

fn judged(row: &[&'static str], message: &str) -> String {
    class_of(call(row[0]), row[2].parse().unwrap(), row[1], message).to_string()
}

#[test]
fn every_error_that_the_service_models_know_has_its_class() {
    let mut wrong = vec![];
    let mut count = 0;
    for row in rows(SHAPES) {
        assert_eq!(row.len(), 4, "{row:?}");
        let class = judged(&row, "");
        if class != row[3] {
            wrong.push(format!("{} {} {}: {class}, expected {}", row[0], row[1], row[2], row[3]));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 300, "{count} shapes");
}

#[test]
fn what_services_are_known_to_say_has_its_class() {
    let mut wrong = vec![];
    for row in rows(SENTENCES) {
        assert_eq!(row.len(), 6, "{row:?}");
        assert!(row[5].starts_with("https://"), "where it was seen: {row:?}");
        let class = judged(&row, row[4]);
        if class != row[3] {
            wrong.push(format!("{} {} {:?}: {class}, expected {}", row[0], row[1], row[4], row[3]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_the_table_does_not_know_goes_by_its_status() {
    let seen = |call: Call, status| class_of(call, status, "NobodyKnowsThisException", "");
    for (status, class) in [
        (400, Class::Invalid),
        (403, Class::Denied),
        (404, Class::Absent),
        (409, Class::Conflict),
        (412, Class::Precondition),
        (429, Class::Throttled),
        (503, Class::Transient),
    ] {
        assert_eq!(seen(call::CREATE_ROUTE, status), class, "{status}");
    }
    assert_eq!(seen(call::CREATE_ROUTE, 500), Class::Ambiguous);
    assert_eq!(seen(call::GET_ROUTES, 500), Class::Transient);
}
