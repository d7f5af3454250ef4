//! What people read about the removal of a stage.

use std::collections::BTreeSet;

use crate::operation::{OperationState, Summary, VOID};
use crate::records::{ApiUrl, Current, Lock, Stage};
use crate::resources::stack::StackItem;
use crate::resources::stack::remove::StackToRemove;
use crate::stage::messages::runs;
use crate::stage::remove::found::{Found, FoundApi, rounds};
use crate::stage::remove::params::{Params, leave};
use sluice_model::{
    ApiKind, Button, ButtonStyle, Card, Click, Confirmed, PipelineName, Refusal, StageName, Text, Tone, plain,
};
use sluice_template::function_name;

// Titles and notes of steps.

pub(super) const LOOK: &str = "Find everything of the stage";
pub(super) const DELETE_STACK: &str = "Delete stack";
pub(super) const LEAVE: &str = "Take the stage out of the pipeline";
pub(super) const WAITS_FOR_STACK: &str = "waiting for another change of the stack to end";

fn api(kind: ApiKind) -> &'static str {
    if kind.is_http() { "HTTP API " } else { "REST API " }
}

pub(super) fn end_requests(of: &FoundApi, stage: &str) -> Text {
    Text::plain("End requests to ").then(api(of.kind)).code(&of.name).then(", stage ").code(stage)
}

pub(super) fn delete_function(function: &str) -> Text {
    Text::plain("Delete function ").code(function)
}

pub(super) fn delete_api(name: &str) -> Text {
    Text::plain("Delete API ").code(name)
}

// What goes and what stays.

/// How many resources of each list a message names.
const LISTED: usize = 20;

/// These, as far as they are listed.
fn listed(items: impl ExactSizeIterator<Item = Text>) -> Text {
    let more = items.len().saturating_sub(LISTED);
    let text = Text::joined(items.take(LISTED), ", ");
    if more > 0 { text.then(format!(" and {more} more")) } else { text }
}

fn named(of: &StackItem) -> Text {
    if of.name.is_empty() || of.name == of.id { of.text() } else { of.text().then(" ").code(&of.name) }
}

fn count(number: usize, one: &str) -> Option<String> {
    (number > 0).then(|| format!("{number} {one}{}", if number == 1 { "" } else { "s" }))
}

/// The addresses, as text: they stop answering, or do so no more.
fn addresses(urls: &[ApiUrl]) -> Text {
    listed(urls.iter().map(|api| Text::default().code(&api.url)))
}

/// The log groups of functions stay, with what was written.
const LOGS: &str = "the log groups of its functions, each until its events expire";

fn stays(items: &[&StackItem], has_functions: bool) -> Option<Text> {
    let more = items.len().saturating_sub(LISTED);
    let lines = items.iter().take(LISTED).map(|item| Text::plain("• ").join(named(item)));
    let more = (more > 0).then(|| Text::plain(format!("• and {more} more resources of the stack")));
    let logs = has_functions.then(|| Text::plain(format!("• {LOGS}")));
    let lines: Vec<Text> = lines.chain(more).chain(logs).collect();
    let title = || Text::default().bold("Stays in the account:").then("\n");
    (!lines.is_empty()).then(|| title().join(Text::joined(lines, "\n")))
}

// The question.

/// What a removal would delete.
#[derive(Default)]
pub(super) struct Goes {
    /// The functions that run.
    pub(super) functions: BTreeSet<String>,
    pub(super) stack: StackSeen,
}

/// The stage's stack, as far as CloudFormation answered.
#[derive(Default)]
pub(super) enum StackSeen {
    #[default]
    None,
    Found(Box<StackToRemove>),
    /// Why it is not known.
    Unknown(&'static str),
}

pub(super) const NO_ANSWER: &str = "CloudFormation did not answer in time";
pub(super) const STACK_CHANGES: &str = "CloudFormation is changing the stack";

/// Asks for a confirmation. `seen` identifies what runs, `line` is the confirmed command.
pub(super) fn question(params: &Params, record: &Stage, goes: &Goes, (seen, line): (String, String)) -> Card {
    let Params { name, stage, urls, .. } = params;
    let title = of("Removing ", params).then(" cannot be undone. Nothing was removed yet.");
    let mut lines = vec![Text::default().code(stage.as_str()).then(" ").join(runs(Some(record))).then(".")];
    if !urls.is_empty() {
        lines.push(Text::default().bold("Will stop answering:").then(" ").join(addresses(urls)).then("."));
    }
    if !goes.functions.is_empty() {
        // The last part of a name is the logical id.
        let stem = function_name(name, stage, "");
        let short = |function: &String| function.strip_prefix(&stem).unwrap_or(function).to_owned();
        let functions = listed(goes.functions.iter().map(|function| Text::default().code(short(function))));
        let deleted = Text::default().bold("To be deleted:").then(" the functions ").join(functions);
        lines.push(deleted.then(" with all versions, their roles, and the APIs."));
    }
    let mut kept = vec![];
    match &goes.stack {
        StackSeen::None => {}
        StackSeen::Unknown(why) => {
            lines.push(Text::plain(format!("{why}, so the resources of a stack are not listed here.")));
        }
        StackSeen::Found(stack) => {
            let deleted = Text::default().bold("To be deleted with the stack").then(" ").code(&stack.name);
            lines.push(match stack.goes.as_slice() {
                [] => deleted.then(": nothing else."),
                goes => deleted.then(": ").join(listed(goes.iter().map(StackItem::text))).then("."),
            });
            kept.extend(&stack.stays);
        }
    }
    lines.extend(stays(&kept, !goes.functions.is_empty()));
    let label = "Remove the stage";
    let warning = format!("Stage {stage} of {name} stops answering and is deleted. This cannot be undone.");
    let button = Button::new(&Click::RemoveStage(Confirmed { seen, line: line.clone() }), label);
    Card::new(Tone::Bad, title)
        .lines(lines)
        .hint(Text::plain("To confirm, run ").code(line).then("."))
        .button(button.style(ButtonStyle::Danger).asking(warning, label))
        .code("confirm-remove")
}

// The message.

fn of(words: &str, Params { name, stage, .. }: &Params) -> Text {
    Text::plain(words).then("stage ").code(stage.as_str()).then(" of ").code(name.as_str())
}

pub(super) fn removing(params: &Params) -> Text {
    of("Removing ", params)
}

pub(super) fn summary(params: &Params, op: &OperationState) -> Summary {
    let Params { name, stage, before, urls } = params;
    let summary = Summary::new(of("Removal of ", params));
    let mut summary = summary.headlines(removing(params), of("Removed ", params));
    if let Some(release) = before {
        summary = summary.field("Ran", release.to_string());
    }
    if !urls.is_empty() {
        summary = summary.field("Answered at", addresses(urls));
    }
    let all: Vec<Found> = rounds(op).collect();
    if all.is_empty() {
        return summary;
    }
    let number = |of: fn(&Found) -> usize| all.iter().map(of).sum::<usize>();
    let functions = number(|found| found.functions.len());
    let stacks: BTreeSet<&str> =
        all.iter().flat_map(|found| &found.stack).map(|stack| stack.id.as_str()).collect();
    let parts = [
        count(functions, "function"),
        count(number(|found| found.roles.len()), "role"),
        count(number(|found| found.apis.len()), "API"),
        (!stacks.is_empty()).then(|| "the stack".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    // The last attempt to delete the stack says what it left.
    let stack = all.iter().rev().find_map(|found| found.stack.as_ref());
    let kept: Vec<&StackItem> = stack.iter().flat_map(|stack| &stack.stays).collect();
    let is_done = op.is_done(&leave());
    if !parts.is_empty() {
        let label = if is_done { "Deleted" } else { "To delete" };
        summary = summary.field(label, parts.join(", "));
    }
    let foreign: BTreeSet<&String> = all.iter().flat_map(|found| &found.foreign).collect();
    let foreign = (!foreign.is_empty()).then(|| {
        let names = listed(foreign.iter().map(|name| Text::default().code(name.as_str())));
        let left =
            Text::default().bold("Left, because the tags name no or another stage:").then(" ").join(names);
        left.then(". The roles that they use are left, too.")
    });
    let stays = stays(&kept, functions > 0);
    summary.parts = stays.into_iter().chain(foreign).map(sluice_model::Part::Text).collect();
    summary.hint = Some(
        Text::plain("To have the stage again, run ").code(format!("/stage add {name} {stage}")).then("."),
    );
    summary.broadcast = true;
    summary
}

// Refusals.

pub(super) fn first_stage(name: &PipelineName, stage: &StageName) -> Refusal {
    Refusal::new(
        "first-stage",
        format!(
            "`{stage}` is the first stage of `{name}`: deploys go there, and the stage after it would lose its protection. \
             Nothing was removed."
        ),
        format!("You can remove the other stages: see `/stage list {name}`."),
    )
}

pub(crate) fn locked(name: &PipelineName, stage: &StageName, lock: &Lock) -> Refusal {
    Refusal::new(
        "locked",
        format!("`{stage}` is locked by <@{}>: {}. Nothing was removed.", lock.owner.id, plain(&lock.reason)),
        format!("Remove the lock first: `/stage unlock {name} {stage}`."),
    )
}

pub(super) fn busy(name: &PipelineName, stage: &StageName, command: &str, is_stuck: bool) -> Refusal {
    let (state, how) = match is_stuck {
        true => ("is stuck", "An admin has to end it with *Mark resolved* first."),
        false => ("is not over", "Wait until it ends, or cancel it first."),
    };
    Refusal::new(
        "stage-busy",
        format!("`{}` {state}, and it needs `{stage}`. Nothing was removed.", plain(command)),
        format!("{how} See `/pipeline status {name}`."),
    )
}

pub(super) fn gone(name: &PipelineName, stage: &StageName) -> Refusal {
    let problem = format!("Stage `{stage}` of `{name}` is removed already.");
    Refusal::new(VOID, problem, format!("See `/stage list {name}`."))
}

pub(super) fn moved(name: &PipelineName, stage: &StageName, now: Option<&Current>) -> Refusal {
    let runs = now.map_or("runs nothing".to_owned(), |now| format!("runs {}", now.release));
    Refusal::new(
        VOID,
        format!("`{stage}` moved since the removal was confirmed: it {runs} now. Nothing was removed."),
        format!("If it still has to go, run `/stage remove {name} {stage}` again."),
    )
}

/// CloudFormation could not delete the stack.
pub(crate) fn stack_left(stack: &str, failure: &str) -> Refusal {
    Refusal::new(
        "stack-not-deleted",
        format!("CloudFormation could not delete the stack `{stack}`: {failure}"),
        "Fix the cause and press *Retry*: the stage can only be removed now.",
    )
}

pub(super) fn still_there(stage: &StageName, names: &[String]) -> Refusal {
    let first: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(first.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Refusal::new(
        "still-there",
        format!("AWS still shows what was deleted of `{stage}`: {}{more}.", first.join(", ")),
        "See whether somebody creates it again, and press *Retry*.",
    )
}
