//! The mutations of this crate are exactly the rows of `docs/effects.md`.

use std::collections::BTreeSet;

use sluice_aws_adapter::{MUTATIONS, READS};
use sluice_commands::operation::effects;

#[test]
fn every_mutation_has_a_row_and_every_row_a_mutation() {
    let rows: BTreeSet<&str> = effects::ALL.iter().map(|row| row.call).collect();
    let calls: BTreeSet<&str> = MUTATIONS.iter().copied().collect();
    assert_eq!(calls, rows);
    assert_eq!(calls.len(), MUTATIONS.len(), "no call is listed twice");
}

#[test]
fn no_read_is_listed_as_a_mutation_or_the_other_way_round() {
    assert!(READS.iter().all(reads), "{READS:?}");
    assert!(!MUTATIONS.iter().any(reads), "{MUTATIONS:?}");
}

fn reads(call: &&str) -> bool {
    let name = call.split_once(':').map(|(_, name)| name);
    name.is_some_and(|name| {
        ["Get", "List", "Head", "BatchGet", "Describe", "Filter"].iter().any(|verb| name.starts_with(verb))
    })
}
