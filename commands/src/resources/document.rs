//! `docs/resources.md`: the kinds of resources, from the registry.

use std::fmt::Write as _;

use super::all;
use super::resource::Duty;

/// `docs/resources.md`.
pub fn document() -> String {
    let mut page = String::from(
        "# Resources\n\nWhat a release is made of in AWS, from `commands/src/resources` (`SLUICE_WRITE_DOCS=1 cargo test \
         --workspace --lib resources` writes this page). A step that *prepares* changes nothing that people reach, and what \
         it made stays after a failure. A step that *moves* a stage can be undone. `effects.md` has the row of each call.\n\n\
         | kind | calls that change it | compared with AWS | described on the card |\n|---|---|---|---|\n",
    );
    for kind in all() {
        let calls: Vec<_> = kind.effects().iter().map(|effect| format!("`{}`", effect.call)).collect();
        let says = |duty| kind.exempt(duty).map_or("yes".to_owned(), |why| format!("no: {why}"));
        let (drift, card) = (says(Duty::Drift), says(Duty::Description));
        let _ = writeln!(page, "| {} | {} | {drift} | {card} |", kind.name(), calls.join(", "));
    }
    page
}
