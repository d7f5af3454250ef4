//! WIRE, the pass right after the move: triggers are connected to what runs now, and dropped triggers go. Data stays.

use std::collections::BTreeSet;

use super::super::classify::kinds;
use super::desired::Desired;
use super::error::PassError;
use super::events;
use super::finish::finish;
use super::grow::{carried, carry_sections};
use super::shared::{HANDLE, handle, uses};
use super::template::{Emission, StackResource, StackTemplate};

/// What the releases refer to that a rollback may return to, except for the one that is deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The logical ids of the stack's resources that their functions, roles and APIs refer to.
    pub resources: BTreeSet<String>,
}

/// The template of WIRE; `None` if nothing belongs to a stack. `since` is the release that is deployed.
///
/// # Errors
///
/// What CloudFormation would refuse.
pub fn wire(
    live: Option<&StackTemplate>,
    desired: &Desired,
    kept: &Kept,
    since: &str,
) -> Result<Option<Emission>, Vec<PassError>> {
    let empty = StackTemplate::default();
    let live = live.unwrap_or(&empty);
    let mut wired = desired.emission();
    for (id, old) in &live.resources {
        if let Some(body) = wired.template.resources.get_mut(id) {
            events::enable_again(body, old);
            continue;
        }
        let mut body = carried(old, since);
        if old.is_held_whole() {
            events::disable(&mut body);
        }
        for property in kinds::trigger_properties(&body.kind) {
            body.properties.remove(property);
        }
        wired.template.resources.insert(id.clone(), body);
    }
    // A dropped trigger stays, switched off if it can be, only while something still names it.
    let mut uses = uses(&wired.template);
    loop {
        let is_gone = |id: &String, body: &StackResource| {
            let is_dropped = body.carried_since.is_some() && body.is_held_whole();
            is_dropped
                && kinds::is_trigger(&body.kind)
                && !kept.resources.contains(id)
                && !uses.values().any(|used| used.contains(id))
        };
        let gone = wired.template.resources.iter().filter(|(id, body)| is_gone(id, body));
        let gone: BTreeSet<String> = gone.map(|(id, _)| id.clone()).collect();
        if gone.is_empty() {
            break;
        }
        wired.template.resources.retain(|id, _| !gone.contains(id));
        uses.retain(|id, _| !gone.contains(id));
    }
    if wired.template.resources.is_empty() && !live.resources.is_empty() {
        wired.template.resources.insert(HANDLE.to_owned(), handle());
    }
    carry_sections(live, &mut wired);
    let errors = finish(&mut wired.template);
    wired.parameters.retain(|name, _| wired.template.parameters.contains_key(name));
    match errors.is_empty() {
        true => Ok((!wired.template.resources.is_empty()).then_some(wired)),
        false => Err(errors),
    }
}
