//! What people read in a history.

use jiff::Timestamp;

use crate::operation::{CANCELLED, EXPIRED, LOCK, PROMOTE, REJECTED, VOID};
use crate::pipeline::history::filter::HistoryFilter;
use crate::records::{Act, AuditRecord};
use crate::steps::change_text;
use sluice_model::{Actor, Card, Text, Tone};

/// The label of the button for the next page.
pub(super) const OLDER: &str = "Older";

/// A page. `is_first`: whether it has the newest records.
pub(super) fn page(
    filter: &HistoryFilter,
    (since, until): (Option<Timestamp>, Option<Timestamp>),
    records: &[AuditRecord],
    is_first: bool,
) -> Card {
    let mut title = Text::plain("History of ").code(filter.name.as_str());
    if let Some(stage) = &filter.stage {
        title = title.then(" on ").code(stage.as_str());
    }
    if let Some(person) = &filter.person {
        title = title.then(" by ").user(person);
    }
    title = since.iter().fold(title, |title, since| title.then(" since ").time(*since));
    title = until.iter().fold(title, |title, until| title.then(" until ").time(*until));
    let card = Card::new(
        Tone::Neutral,
        title.then(match (records.is_empty(), is_first) {
            (false, true) => ", newest first",
            (false, false) => ", older entries",
            (true, true) => ": no entries found",
            (true, false) => ": no more entries found",
        }),
    );
    match records.is_empty() {
        true => card,
        false => card.table(["When", "Who", "What", "Outcome"], records.iter().map(row)),
    }
}

/// The search stopped at that time.
pub(super) fn searched_back_to(at: Timestamp) -> Text {
    Text::plain("Searched back to ").time(at).then(" only.")
}

/// At a terminal, which has no buttons.
pub(super) fn see_older(line: String) -> Text {
    Text::plain("To see older entries, run ").code(line).then(".")
}

fn row(record: &AuditRecord) -> Vec<Text> {
    let what = match record.act {
        Act::Asked => "requested: ",
        Act::Refused => "refused: ",
        Act::Approved => "approved: ",
        Act::Rejected => "rejected: ",
        Act::Cancelled => "cancelled: ",
        Act::Preempted => "preempted: ",
        Act::Stuck => "stuck: ",
        Act::Retried => "retried: ",
        Act::Resolved => "resolved: ",
        Act::Succeeded => "done: ",
        Act::Failed if is_failure(record) => "failed: ",
        Act::Failed => "ended: ",
    };
    vec![
        Text::default().time(record.at),
        Text::plain(record.actor.listed()),
        Text::plain(what).code(record.command.clone()),
        outcome(record),
    ]
}

/// Whether the operation failed. If not, it was rejected or cancelled, expired, or was void.
fn is_failure(record: &AuditRecord) -> bool {
    ![REJECTED, EXPIRED, VOID, CANCELLED].contains(&record.outcome.as_str())
}

/// What runs now, who approved it, the reason, and the rule that allowed it.
fn outcome(record: &AuditRecord) -> Text {
    let about = &record.about;
    let mut parts = vec![];
    match (record.act, &about.stage, about.after) {
        (Act::Succeeded, Some(stage), Some(after)) => {
            let runs = Text::plain(format!("{stage} runs {after}"));
            parts.push(match &about.commit {
                Some(commit) => runs.then(" (").join(change_text(commit)).then(")"),
                None => runs,
            });
            parts.extend(about.before.map(|before| Text::plain(format!("previously {before}"))));
            if !about.approvers.is_empty() {
                let names: Vec<_> = about.approvers.iter().map(Actor::listed).collect();
                parts.push(Text::plain(format!("approved by {}", names.join(", "))));
            }
        }
        (Act::Succeeded, ..) if record.kind == LOCK => parts.push("lock ended".into()),
        // Of a signal: its act says it all.
        _ if record.outcome == "recorded" => {}
        _ => parts.push(record.outcome.clone().into()),
    }
    if let Some(reason) = &about.reason {
        // A promotion has a reason only if it overrides gates.
        let overrides = record.kind == PROMOTE && matches!(record.act, Act::Asked | Act::Succeeded);
        parts.push(Text::plain(format!("{}: {reason}", if overrides { "override" } else { "reason" })));
    }
    if !record.rule.is_empty() {
        parts.push(Text::plain(format!("rule: {}", record.rule)));
    }
    Text::joined(parts, ", ")
}
