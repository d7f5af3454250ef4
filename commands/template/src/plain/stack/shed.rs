//! SHED, later: what no release needs any more goes.

use std::collections::BTreeSet;

use super::body::{is_kept_by_author, release};
use super::error::PassError;
use super::finish::finish;
use super::shared::{HANDLE, handle, output_references, uses};
use super::template::{Emission, ParameterValue, StackTemplate};

/// What SHED does.
#[derive(Debug, Clone, PartialEq)]
pub struct Shed {
    /// A template to apply first. It lets CloudFormation delete what goes: the policy that counts is the one that the stack has
    /// when a resource leaves its template. `None` if that is so already.
    pub release: Option<Emission>,
    /// The template without what goes; `None` if nothing goes. A stack needs one resource: if nothing is left, it is a wait handle, which
    /// creates nothing.
    pub remove: Option<Emission>,
    /// The resources that go.
    pub dropped: BTreeSet<String>,
    /// Those of them that stay in the account, because their author wrote `Retain`.
    pub left_behind: BTreeSet<String>,
    /// Resources with data that nothing needs, and that nobody allowed to go.
    pub protected: BTreeSet<String>,
}

/// Plans SHED for a stack that has gone through WIRE; `None` if it has nothing that could go. `wanted` are the logical ids of what the
/// releases need that run or may run again, all of it: also what only triggers refer to, because a rollback connects them again.
/// Resources that hold data go only if `allowed` names them.
///
/// # Errors
///
/// What CloudFormation would refuse.
pub fn shed(
    live: &StackTemplate,
    wanted: &BTreeSet<String>,
    allowed: &BTreeSet<String>,
) -> Result<Option<Shed>, Vec<PassError>> {
    let mut protected = BTreeSet::new();
    let mut dropped: BTreeSet<String> = BTreeSet::new();
    for (id, resource) in &live.resources {
        if id == HANDLE || wanted.contains(id) {
            continue;
        }
        match resource.is_stateful() && !allowed.contains(id) {
            true => _ = protected.insert(id.clone()),
            false => _ = dropped.insert(id.clone()),
        }
    }
    // What stays keeps what it refers to.
    let uses = uses(live);
    loop {
        let staying = uses.iter().filter(|(id, _)| !dropped.contains(*id));
        let used: BTreeSet<String> =
            staying.flat_map(|(_, used)| used.intersection(&dropped).cloned()).collect();
        if used.is_empty() {
            break;
        }
        dropped.retain(|id| !used.contains(id));
    }
    if dropped.is_empty() {
        let nothing = Shed { release: None, remove: None, dropped, left_behind: BTreeSet::new(), protected };
        return Ok((!nothing.protected.is_empty()).then_some(nothing));
    }
    let left_behind: BTreeSet<String> =
        dropped.iter().filter(|id| live.resources.get(*id).is_some_and(is_kept_by_author)).cloned().collect();
    let mut first = live.clone();
    for id in dropped.difference(&left_behind) {
        first.resources.get_mut(id).into_iter().for_each(release);
    }
    let mut last = live.clone();
    last.resources.retain(|id, _| !dropped.contains(id));
    last.outputs.retain(|_, output| {
        let found = output_references(output);
        found.values.iter().all(|used| !dropped.contains(&used.name))
    });
    if last.resources.is_empty() {
        last.resources.insert(HANDLE.to_owned(), handle());
    }
    let errors = finish(&mut last);
    if !errors.is_empty() {
        return Err(errors);
    }
    let is_released = first == *live;
    Ok(Some(Shed {
        release: (!is_released).then(|| unchanged(first)),
        remove: Some(unchanged(last)),
        dropped,
        left_behind,
        protected,
    }))
}

/// A template whose parameters keep their values.
fn unchanged(template: StackTemplate) -> Emission {
    let parameters =
        template.parameters.keys().map(|name| (name.clone(), ParameterValue::Previous)).collect();
    Emission { template, parameters }
}
