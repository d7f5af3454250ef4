//! What people read about stacks: titles of steps, notes and refusals.

use std::collections::BTreeSet;

use crate::ports::{StackEvent, StackStatus};
use sluice_model::{Refusal, ReleaseNumber, StageName, Text, shown};
use sluice_template::plain::{Forbidden, PassError};

use super::of::Pass;
use crate::resources::rights::TooManyNames;

pub(super) const CREATE_ROLE: &str = "Create role of the stack";
pub(super) const RELEASE: &str = "Let resources without data be deleted with the stack";
pub(super) const DELETE_STACK: &str = "Delete stack";
/// As a sentence.
pub(super) const GONE_MEANWHILE: &str = "its change set is gone, because somebody changed the stack.";
pub(super) const SHED: &str = "Remove what no release needs from the stack";
pub(super) const DELETE_LEFTOVER: &str = "Delete stack whose creation failed";

/// How many findings a refusal lists.
const LISTED: usize = 10;

pub(super) fn create_change_set(pass: Pass) -> Text {
    Text::plain(match pass {
        Pass::Grow => "Compare stack",
        Pass::Wire(_) => "Compare triggers",
    })
}

pub(super) fn execute(pass: Pass) -> Text {
    Text::plain(match pass {
        Pass::Grow => "Update stack",
        Pass::Wire(_) => "Connect triggers",
    })
}

pub(crate) fn progress(done: usize, now: Option<&StackEvent>) -> Text {
    let text = Text::plain(format!("{done} resources done"));
    match now {
        Some(event) => text.then("; ").code(&event.logical_id).then(format!(" {}", event.status)),
        None => text,
    }
}

/// After changes that a comparison of templates found.
pub(super) const MAY_BE_REPLACED: &str =
    "Stack: CloudFormation may replace a changed resource. Its change set shows that before the stage moves.";

pub(super) const WAITS_FOR_STACK: &str = "waiting for another change of the stack to end";

fn listed<T>(all: &[T], line: impl Fn(&T) -> String) -> String {
    let mut lines: Vec<String> =
        all.iter().take(LISTED).map(|item| format!("• {}", shown(&line(item)))).collect();
    if all.len() > LISTED {
        lines.push(format!("• and {} more", all.len() - LISTED));
    }
    lines.join("\n")
}

pub(super) fn impossible(errors: &[PassError]) -> Refusal {
    let hints: std::collections::BTreeSet<String> =
        errors.iter().take(LISTED).map(|error| error.hint().to_string()).collect();
    Refusal::new(
        "stack-impossible",
        format!("CloudFormation would refuse the new stack:\n{}", listed(errors, ToString::to_string)),
        format!("Nothing was changed. {}", hints.into_iter().collect::<Vec<_>>().join(". ")),
    )
}

/// What a pass that was not executed left as it was.
fn unchanged(pass: Pass) -> &'static str {
    match pass {
        Pass::Grow => "Nothing was changed.",
        Pass::Wire(_) => "The release runs, and its triggers are as before.",
    }
}

pub(super) fn forbidden(pass: Pass, found: &[Forbidden]) -> Refusal {
    let what = match pass {
        Pass::Grow => "before the stage moves",
        Pass::Wire(_) => "after the stage moved",
    };
    Refusal::new(
        "stack-forbidden",
        format!("The change set would do more than it may {what}:\n{}", listed(found, ToString::to_string)),
        format!("{} {TWO_DEPLOYS}{}", unchanged(pass), if replaces_data(found) { REPLACE } else { "" }),
    )
}

const TWO_DEPLOYS: &str =
    "Make the change in two deploys: add the new resource under another name, and remove the old one later.";
const REPLACE: &str = " Or an admin runs the same command with the word `replace`: the release then starts with an empty resource, \
     and the former one with its data stays in the account.";

/// Whether nothing but data that would be replaced stands against a change set.
fn replaces_data(found: &[Forbidden]) -> bool {
    found.iter().all(|found| matches!(found, Forbidden::ReplacesData(_)))
}

/// A change set that lets resources go.
pub(super) fn shed_forbidden(found: &[Forbidden]) -> Refusal {
    Refusal::new(
        "stack-forbidden",
        format!(
            "The change set that lets resources go would do more than it may:\n{}",
            listed(found, ToString::to_string)
        ),
        "This is a defect in Sluice: report it with the change set.",
    )
}

/// The code of the refusal to change a stack that accepts no change.
pub(super) const BROKEN: &str = "stack-broken";
pub(super) const CONTINUE_ROLLBACK: &str = "Continue rollback of the stack";

/// `failure`: why the update failed, as a sentence. `why`: CloudFormation's reason why its rollback failed, too.
pub(super) fn rollback_failed(failure: &str, why: Option<&str>) -> String {
    let why = why.map_or(String::new(), |why| format!(": {}", shown(why).trim_end_matches('.')));
    format!("{failure} CloudFormation could not undo that either{why}.")
}

pub(super) fn broken(stack: &str, status: StackStatus, reason: Option<&str>) -> Refusal {
    let why = reason.map_or(String::new(), |reason| format!(": {}", shown(reason)));
    Refusal::new(
        BROKEN,
        format!("The stack `{stack}` is in {status} and accepts no change{why}."),
        match status {
            StackStatus::UpdateRollbackFailed => {
                "Fix the cause that its events name, then try again: Sluice continues the rollback first. If a resource cannot be \
                 fixed, continue the rollback in the CloudFormation console and skip that resource."
            }
            _ => {
                "An admin has to repair it in the CloudFormation console: its events name the cause. Then try again."
            }
        },
    )
}

/// `triggers`: the logical ids of triggers that cannot be left out.
pub(super) fn events_stay_on(triggers: &BTreeSet<String>) -> Refusal {
    let named: Vec<String> = triggers.iter().take(LISTED).map(|id| format!("`{}`", shown(id))).collect();
    Refusal::new(
        "events-stay-on",
        format!(
            "The stage has `events=off`, but other resources of the template refer to {}, which has no switch.",
            named.join(", ")
        ),
        "Remove the references from the template, or set `events=on`.",
    )
}

pub(super) fn foreign_template(stack: &str, problem: &str) -> Refusal {
    Refusal::new(
        "stack-foreign",
        format!("The stack `{stack}` was changed outside Sluice: {}.", shown(problem)),
        "See who changed it in the stack's events, and restore the former template there.",
    )
}

pub(super) fn changed_meanwhile(stack: &str) -> Refusal {
    Refusal::new(
        "stack-changed",
        format!("The stack `{stack}` changed since this operation planned its changes."),
        "Run the same command again: it plans with the stack as it is now.",
    )
}

pub(super) fn stage_moved(stage: &StageName, release: ReleaseNumber) -> Refusal {
    Refusal::new(
        "triggers-outdated",
        format!("Stage `{stage}` no longer runs {release}, so the triggers of {release} are not connected."),
        "Mark the operation as resolved: the triggers of the release that runs are connected already.",
    )
}

pub(super) fn change_set_failed(pass: Pass, stack: &str, reason: &str) -> Refusal {
    Refusal::new(
        "stack-change-set",
        format!("CloudFormation made no change set for the stack `{stack}`: {}", shown(reason)),
        format!("{} Fix what it names in the template, build, and deploy again.", unchanged(pass)),
    )
}

pub(super) fn change_set_gone(stack: &str) -> Refusal {
    Refusal::new(
        "stack-change-set",
        format!("The change set of the stack `{stack}` is gone, because somebody changed the stack."),
        "Run the same command again.",
    )
}

pub(super) fn too_many_names(stack: &str, error: &TooManyNames) -> Refusal {
    Refusal::new(
        "stack-names",
        format!("The role of the stack `{stack}` would be too large: {error}."),
        "Remove fixed names from the template, so CloudFormation generates them; or split the application into two pipelines.",
    )
}

pub(super) fn too_large(stack: &str, bytes: usize) -> Refusal {
    Refusal::new(
        "stack-too-large",
        format!("The template of the stack `{stack}` has {bytes} bytes, and CloudFormation takes 1 MiB."),
        "Split the application into two pipelines.",
    )
}

pub(crate) fn failed(pass: Pass, failure: &str) -> Refusal {
    match pass {
        Pass::Grow => Refusal::new(
            "stack-failed",
            format!("The stack could not be updated: {failure} CloudFormation undid what it had begun."),
            "Nothing else was changed. Fix the resource in the template, build, and deploy again.",
        ),
        Pass::Wire(_) => Refusal::new(
            "triggers-failed",
            format!("The release runs, but its triggers are not connected: {failure}"),
            "Fix the cause and press *Retry*, or roll back.",
        ),
    }
}

/// The sentence about the resource that failed first.
pub(crate) fn first_failure(event: Option<&StackEvent>, status: StackStatus) -> String {
    match event {
        Some(event) => {
            let reason = event.reason.as_deref().unwrap_or("no reason given");
            let reason = shown(reason);
            let end = if reason.ends_with('.') { "" } else { "." };
            format!("`{}` ({}): {reason}{end}", event.logical_id, event.resource_type)
        }
        None if status == StackStatus::DeleteComplete => {
            "its creation failed, and CloudFormation deleted it without a reason.".to_owned()
        }
        None => format!("CloudFormation gives no reason, its status is {status}."),
    }
}

pub(super) fn too_slow(stack: &str, hours: u64) -> Refusal {
    Refusal::new(
        "stack-slow",
        format!("The stack `{stack}` is still being changed after {hours} hours."),
        "See in its events what it waits for. Retry once it is done.",
    )
}

pub(super) fn unreadable() -> Refusal {
    Refusal::new(
        "stack-unreadable",
        "Planning the changes of the stack failed unexpectedly.",
        "Nothing was changed. This is a defect in Sluice: report it with the template and the log of Sluice.",
    )
}
