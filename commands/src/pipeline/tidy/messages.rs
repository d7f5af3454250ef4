//! What people read about tidying.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::LOG_DAYS;
use crate::operation::{Summary, marked};
use crate::pipeline::tidy::found::Found;
use crate::pipeline::tidy::needed::Activity;
use crate::pipeline::tidy::params::{Data, Params};
use crate::resources::stack::{PassEnd, StackItem};
use sluice_model::{PipelineName, Refusal, Text, shown};

/// The title of the first step.
pub(super) const FIND: &str = "Find leftovers";

/// How many functions, versions of each and log groups a message names.
const FUNCTIONS: usize = 8;
const VERSIONS: usize = 6;
const LOGS: usize = 5;
/// How many resources of stacks a message names.
const RESOURCES: usize = 10;
/// The longest command that is suggested, in bytes.
const LONGEST_LINE: usize = 400;

/// While it runs.
pub(super) fn tidying(Params { name, delete, .. }: &Params) -> Text {
    Text::plain(if *delete { "Tidying " } else { "Finding leftovers of " }).code(name.as_str())
}

/// `ends`: how the changes of stacks ended.
pub(super) fn summary(params: &Params, found: Option<&Found>, ends: &[PassEnd]) -> Summary {
    let Params { name, delete, automatic, .. } = params;
    let mut summary = Summary::new(Text::plain("Tidying ").code(name.as_str()));
    summary.doing = Some(tidying(params));
    let Some(found) = found else { return summary };
    if !found.versions.is_empty() {
        summary = summary.field("Versions", versions(&found.versions));
    }
    if !found.roles.is_empty() {
        summary = summary.field("Roles", found.roles.len().to_string());
    }
    if !found.logs.is_empty() {
        let groups = found.logs.iter().take(LOGS).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = found.logs.len().saturating_sub(LOGS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let kept = if *delete { format!("kept for {LOG_DAYS} days") } else { "kept forever".to_owned() };
        summary = summary.field("Logs", format!("{groups}{more}: {kept}"));
    }
    for stack in found.stacks.iter().filter(|stack| stack.changes()) {
        summary = summary
            .field(&format!("Stack of {}", stack.stage), items(stack.goes.iter().chain(&stack.left_behind)));
    }
    let kept: Vec<&StackItem> = found.stacks.iter().flat_map(|stack| &stack.left_behind).collect();
    if !kept.is_empty() {
        summary = summary.field("Stays in the account", items(kept.into_iter()));
    }
    let mut troubles = ends.iter().flat_map(|end| end.failure.iter().chain(&end.left)).peekable();
    if troubles.peek().is_some() {
        summary = summary
            .field("Not deleted", Text::joined(troubles.take(RESOURCES).map(|text| marked(text)), " "));
    }
    let data =
        || found.stacks.iter().flat_map(|stack| stack.data.iter().map(move |item| (&stack.stage, item)));
    if data().next().is_some() {
        let named = data().map(|(stage, item)| {
            Text::default().code(format!("{stage}/{}", item.id)).then(format!(" ({})", item.kind))
        });
        summary = summary.field("Kept, because it holds data", listed(named));
    }
    summary.done = Some(result(params, found, ends));
    let now = format!("/pipeline tidy {name} now");
    let with_data = || {
        let all: Vec<String> = data().map(|(stage, item)| format!("{stage}/{}", item.id)).collect();
        let line = format!("/pipeline tidy {name} now with {}", all.join(","));
        let is_short = !all.is_empty() && line.len() <= LONGEST_LINE;
        is_short.then(|| Text::plain("To delete the data permanently, run ").code(line).then("."))
    };
    summary.hint = match (delete, automatic) {
        _ if found.is_empty() && !automatic => with_data(),
        _ if found.is_empty() => None,
        (true, _) => found.more.then(|| Text::plain("More can be deleted. Run ").code(now).then(" again.")),
        (false, false) => Some(Text::plain("To delete them, run ").code(now).then(".")),
        (false, true) => {
            let words =
                "From the next time on, Sluice deletes leftovers automatically. To delete these now, run ";
            Some(Text::plain(words).code(now).then("."))
        }
    };
    summary
}

/// `Hello` 3, 4, 9; `Goodbye` 1.
fn versions(found: &[(String, String)]) -> Text {
    let mut by = BTreeMap::<&str, Vec<&str>>::new();
    for (function, version) in found {
        by.entry(function).or_default().push(version);
    }
    let functions = by.iter().take(FUNCTIONS).map(|(function, versions)| {
        let shown = versions.iter().take(VERSIONS).copied().collect::<Vec<_>>().join(", ");
        let more = match versions.len() {
            all if all > VERSIONS => format!(", … ({all} in all)"),
            _ => String::new(),
        };
        Text::default().code(*function).then(format!(" {shown}{more}"))
    });
    let text = Text::joined(functions, "; ");
    match by.len().saturating_sub(FUNCTIONS) {
        0 => text,
        more => text.then(format!("; and {more} more functions")),
    }
}

/// These, as far as they are listed.
fn listed(items: impl Iterator<Item = Text>) -> Text {
    let all: Vec<Text> = items.collect();
    let more = all.len().saturating_sub(RESOURCES);
    let text = Text::joined(all.into_iter().take(RESOURCES), ", ");
    if more > 0 { text.then(format!(" and {more} more")) } else { text }
}

/// Resources of a stack by logical id and type.
fn items<'a>(items: impl Iterator<Item = &'a StackItem>) -> Text {
    listed(items.map(StackItem::text))
}

fn result(Params { name, delete, .. }: &Params, found: &Found, ends: &[PassEnd]) -> Text {
    let of = |words: &str| Text::plain(words).code(name.as_str());
    let count = |n: usize, one: &str| (n > 0).then(|| format!("{n} {one}{}", if n == 1 { "" } else { "s" }));
    let resources = found.stacks.iter().map(|stack| stack.goes.len()).sum();
    let has_failed = ends.iter().any(|end| end.failure.is_some());
    let left: usize = ends.iter().map(|end| end.left.len()).sum();
    let resources = if has_failed { 0 } else { usize::saturating_sub(resources, left) };
    let deleted = [
        count(found.versions.len(), "version"),
        count(found.roles.len(), "role"),
        count(resources, "resource"),
    ];
    let deleted: Vec<_> = deleted.into_iter().flatten().collect();
    let logs = count(found.logs.len(), "log group");
    match (delete, deleted.is_empty(), logs) {
        (true, false, _) => of("Tidied ").then(format!(": deleted {}", list(&deleted))),
        (true, true, Some(logs)) => of("Tidied ").then(format!(": set a retention for {logs}")),
        (false, false, _) => of("").then(format!(" has {} that can be deleted", list(&deleted))),
        (false, true, Some(logs)) => of("").then(format!(" has {logs} without a retention")),
        (_, true, None) => of("").then(" has nothing to delete"),
    }
}

/// `1 version`, `1 version and 2 roles`, `1 version, 2 roles and 1 resource`.
fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// `name`: what was typed instead of a stage and a resource.
pub(super) fn bad_data(name: &str) -> Refusal {
    Refusal::new(
        "bad-data",
        format!("`{}` is not a resource of a stage.", shown(name)),
        "Write the stage and the resource's logical id, as in `with prod/Archive`. `/pipeline tidy NAME` lists them.",
    )
}

pub(super) fn data_needs_now(name: &PipelineName, data: &BTreeSet<Data>) -> Refusal {
    let data: Vec<String> = data.iter().map(ToString::to_string).collect();
    Refusal::new(
        "data-needs-now",
        "Nothing was deleted: data is only deleted by a command with the word `now`.",
        format!("Run `/pipeline tidy {name} now with {}`.", data.join(",")),
    )
}

pub(super) fn data_is_needed(name: &PipelineName, data: &Data) -> Refusal {
    Refusal::new(
        "data-is-needed",
        format!(
            "`{data}` cannot be deleted: a release to which the stage may return needs it, something else of the stack refers to it, or \
             the stack has no such resource."
        ),
        format!(
            "Nothing was changed. `/pipeline tidy {name}` lists what holds data and is no longer needed."
        ),
    )
}

/// A version may still be in use.
pub(super) fn not_quiet(name: &PipelineName, activity: &Activity) -> Refusal {
    let (problem, hint) = match activity {
        Activity::Open => (
            "A deploy, promotion or rollback is open, and the versions that it prepared must stay.",
            format!(
                "Wait until it ends, or cancel it (`/pipeline status {name}`). Then run `/pipeline tidy {name} now` again."
            ),
        ),
        Activity::Until(at) => (
            "A stage moved within the last hour, and executions may still run on its earlier versions.",
            format!("Run `/pipeline tidy {name} now` again after {}.", at.strftime("%H:%M UTC")),
        ),
    };
    Refusal::new("not-quiet", problem, hint)
}

/// For samples of messages.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn not_quiet_sample() -> Refusal {
    let at = "2026-03-02T10:30:00Z".parse().expect("a time");
    not_quiet(&"orders".parse().expect("a name"), &Activity::Until(at))
}
