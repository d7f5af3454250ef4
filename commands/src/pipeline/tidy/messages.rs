//! What people read about tidying.

use std::collections::BTreeMap;

use crate::names::LOG_DAYS;
use crate::operation::Summary;
use crate::pipeline::tidy::found::Found;
use crate::pipeline::tidy::needed::Activity;
use crate::pipeline::tidy::params::Params;
use sluice_model::{PipelineName, Refusal, Text};

/// The title of the first step.
pub(super) const FIND: &str = "Find leftovers";

/// How many functions, versions of each and log groups a message names.
const FUNCTIONS: usize = 8;
const VERSIONS: usize = 6;
const LOGS: usize = 5;

/// While it runs.
pub(super) fn tidying(Params { name, delete, .. }: &Params) -> Text {
    Text::plain(if *delete { "Tidying " } else { "Finding leftovers of " }).code(name.as_str())
}

pub(super) fn summary(params: &Params, found: Option<&Found>) -> Summary {
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
    summary.done = Some(result(params, found));
    let now = format!("/pipeline tidy {name} now");
    summary.hint = match (delete, automatic) {
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

fn result(Params { name, delete, .. }: &Params, found: &Found) -> Text {
    let of = |words: &str| Text::plain(words).code(name.as_str());
    let count = |n: usize, one: &str| (n > 0).then(|| format!("{n} {one}{}", if n == 1 { "" } else { "s" }));
    let deleted = [count(found.versions.len(), "version"), count(found.roles.len(), "role")];
    let deleted: Vec<_> = deleted.into_iter().flatten().collect();
    let logs = count(found.logs.len(), "log group");
    match (delete, deleted.is_empty(), logs) {
        (true, false, _) => of("Tidied ").then(format!(": deleted {}", deleted.join(" and "))),
        (true, true, Some(logs)) => of("Tidied ").then(format!(": set a retention for {logs}")),
        (false, false, _) => of("").then(format!(" has {} that can be deleted", deleted.join(" and "))),
        (false, true, Some(logs)) => of("").then(format!(" has {logs} without a retention")),
        (_, true, None) => of("").then(" has nothing to delete"),
    }
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
