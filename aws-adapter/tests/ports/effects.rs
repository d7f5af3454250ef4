//! The calls that this crate can change something with are those of `docs/effects.md`, no more and no fewer.

use std::collections::BTreeSet;

use sluice_aws_adapter::{MUTATIONS, READS};
use sluice_commands::operation::effects;

#[test]
fn every_mutation_has_its_row_and_every_row_its_mutation() {
    let rows: BTreeSet<&str> = effects::ALL.iter().map(|row| row.call).collect();
    let calls: BTreeSet<&str> = MUTATIONS.iter().copied().collect();
    assert_eq!(calls, rows);
    assert_eq!(calls.len(), MUTATIONS.len(), "a call is listed twice");
}

#[test]
fn no_call_both_looks_and_changes() {
    assert!(READS.iter().all(looks), "{READS:?}");
    assert!(!MUTATIONS.iter().any(looks), "{MUTATIONS:?}");
}

fn looks(call: &&str) -> bool {
    let name = call.split_once(':').map(|(_, name)| name);
    name.is_some_and(|name| {
        ["Get", "List", "Head", "BatchGet", "Describe"].iter().any(|verb| name.starts_with(verb))
    })
}
