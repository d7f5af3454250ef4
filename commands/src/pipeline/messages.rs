//! What people read in the answers to `/pipeline status` and `/pipeline check`.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::installation::{DriftReport, StackReport, moved, stack_changed};
use crate::operation::{Ticket, marked};
use crate::promote::Request;
use crate::records::{Lock, Pipeline, PipelineState, stage_of};
use crate::repo::pipelines_title;
use crate::rules::{Gate, GateState, Policy};
use crate::stage::{locked, runs};
use crate::steps::{change_text, links};
use sluice_model::{Card, PipelineName, Refusal, ReleaseNumber, StageName, Text, Tone, UserId};
use sluice_template::{EndOfSupport, RUNTIMES_PAGE};

// Status.

/// A line for each pipeline.
pub(super) fn status_of_all(states: &[(PipelineName, PipelineState)]) -> Card {
    let pipeline = |(name, state): &(PipelineName, PipelineState)| {
        let stages = state.pipeline.as_ref()?.stages.iter().map(|stage| {
            let line = Text::default().code(stage.as_str()).then(" ").join(runs(state.stages.get(stage)));
            if state.outside.contains_key(stage) { line.then(", but was moved outside Sluice") } else { line }
        });
        Some(Text::default().code(name.as_str()).then(" · ").join(Text::joined(stages, " → ")))
    };
    let card = Card::new(Tone::Neutral, pipelines_title("Status of ", states.len()));
    let card = states.iter().filter_map(pipeline).fold(card, Card::text);
    card.hint(marked("For the details of a pipeline, run `/pipeline status NAME`."))
}

/// The status of a pipeline, with the locks that are active, the operations that are open, and the next command.
pub(super) fn status<'a>(
    (pipeline, state): (&Pipeline, &PipelineState),
    locks: impl Iterator<Item = &'a Lock>,
    open: impl Iterator<Item = &'a Ticket>,
    (drift, stacks): (&DriftReport, &StackReport),
    next: Option<String>,
) -> Card {
    let card = Card::new(Tone::Neutral, Text::plain("Status of ").code(pipeline.name.as_str()));
    let rows = pipeline.stages.iter().map(|stage| {
        let record = state.stages.get(stage);
        let [commit, since] = match record.and_then(|record| record.current.as_ref()) {
            Some(current) => [
                change_text(&current.commit),
                Text::default().user(&current.by.id).then(" ").time(current.since),
            ],
            None => ["–", "–"].map(Text::plain),
        };
        vec![Text::default().code(stage.as_str()), runs(record), commit, since]
    });
    let outside: Vec<_> = match drift {
        DriftReport::Seen(_, stages) => {
            stages.iter().filter_map(|(stage, drift)| Some(moved(stage, drift.as_ref()?))).collect()
        }
        // Drift that was seen before may still exist.
        DriftReport::Unknown(_) => state.outside.iter().map(|(stage, drift)| moved(stage, drift)).collect(),
    };
    let stacks = pipeline.stages.iter().filter_map(|stage| {
        stack_changed((&pipeline.name, stage), stacks.get(stage)?, !pipeline.is_protected(stage))
    });
    let urls = pipeline.stages.iter().filter_map(|stage| {
        let links = links(&state.stages.get(stage)?.urls());
        let named = move |link| Text::default().code(stage.as_str()).then(" ").join(link);
        Some(links.into_iter().map(named))
    });
    let locks = locks.map(|lock| Text::default().code(lock.stage.as_str()).then(" is ").join(locked(lock)));
    // One paragraph for each subject: with a block for each line, fifty stages would exceed the limit of a message.
    let card = card
        .table(["Stage", "State", "Commit", "Since"], rows)
        .lines(outside)
        .lines(stacks)
        .lines(urls.flatten())
        .lines(locks);
    let card = card.lines(open.map(open_operation));
    let card = match next {
        Some(next) => card.hint(Text::plain("Next: ").code(next)),
        None => card,
    };
    let green = match state.counters.newest_green() {
        Some(number) => Text::plain("Newest green build ").code(number.to_string()),
        None => Text::plain("No green build yet"),
    };
    card.foot(green.then(" · clone ").code(&pipeline.clone_url)).foot(match drift {
        DriftReport::Seen(at, _) => Text::plain("Compared with AWS ").time(*at),
        DriftReport::Unknown(why) => Text::plain(format!("Could not be compared with AWS: {why}")),
    })
}

fn open_operation(ticket: &Ticket) -> Text {
    let line = Text::plain("Open: ").code(&ticket.fingerprint);
    match &ticket.queued {
        Some(slot) => match stage_of(slot) {
            Some(stage) => line.then(", waiting for its turn on ").code(stage.as_str()),
            None => line.then(", waiting for its turn to publish"),
        },
        None => line,
    }
}

// Check.

const OPEN: &str = "✅";
const WAITS: &str = "✋";
const CLOSED: &str = "❌";

/// A gate: its state, its name, and the reason.
fn line(sign: &str, name: &str, reason: impl Into<Text>) -> Text {
    Text::plain(format!("{sign} {name}: ")).join(reason.into())
}

fn closed(name: &str, refusal: &Refusal) -> Text {
    line(CLOSED, name, marked(&format!("{} {}", refusal.problem, refusal.hint)))
}

pub(super) fn check(name: &PipelineName, stage: Option<&StageName>) -> Card {
    let title = Text::plain("Check of ").code(name.as_str());
    Card::new(
        Tone::Neutral,
        stage.into_iter().fold(title, |title, stage| title.then(" ").code(stage.as_str())),
    )
}

pub(super) const ONE_STAGE: &str = "The pipeline has only one stage, so there is no stage to promote to.";

pub(super) fn policy(stage: &StageName, policy: &Policy) -> Text {
    Text::default().code(stage.as_str()).then(": ").join(policy.words())
}

/// `rule`: the rule that allows the person to promote.
pub(super) fn role(rule: Result<&str, &Refusal>) -> Text {
    match rule {
        Ok(rule) => line(OPEN, "you", format!("your role allows this ({rule})")),
        Err(refusal) => closed("you", refusal),
    }
}

/// The release that would be promoted. `runs_here`: whether it already runs on the stage.
pub(super) fn release(from: &StageName, release: ReleaseNumber, runs_here: bool) -> Text {
    let words = Text::default().code(from.as_str()).then(" runs ").code(release.to_string());
    line(OPEN, "release", if runs_here { words.then(", which already runs here") } else { words })
}

pub(super) fn no_release(from: &StageName) -> Text {
    line(CLOSED, "release", Text::default().code(from.as_str()).then(" runs nothing yet"))
}

pub(super) fn gate(gate: Gate) -> Text {
    match gate.state {
        GateState::Open(words) => line(OPEN, gate.name, words),
        GateState::Passed(refusal) | GateState::Closed(refusal) => closed(gate.name, &refusal),
    }
}

/// `approvers`: the people who can approve a request of this person. `unknown`: why the members of a group are unknown.
pub(super) fn approvals(needed: u32, approvers: &[&UserId], unknown: Option<&Refusal>) -> Text {
    const NAMED: usize = 10;
    let is_enough = approvers.len() >= usize::try_from(needed).unwrap_or(usize::MAX);
    let named = approvers.iter().take(NAMED).map(|user| Text::default().user(user));
    let named = Text::joined(named, ", ");
    let words = match (is_enough, approvers.is_empty()) {
        (true, _) => Text::plain(format!("{needed} needed from ")).join(named),
        (false, true) => Text::plain(format!("{needed} needed, but nobody can approve your request")),
        (false, false) => {
            Text::plain(format!("{needed} needed, but only ")).join(named).then(" can approve your request")
        }
    };
    let words =
        unknown.into_iter().fold(words, |words, refusal| words.then("; ").join(marked(&refusal.problem)));
    line(if is_enough { WAITS } else { CLOSED }, "approvals", words)
}

pub(super) fn request(request: &Request, at: Timestamp) -> Text {
    line(WAITS, "request", marked(&request.listed(at)).then(", waiting for approval"))
}

/// Whether AWS serves what is recorded; `None` for a stage that is being changed.
pub(super) fn drift(report: &DriftReport, name: &PipelineName, stage: &StageName) -> Option<Text> {
    Some(match report {
        DriftReport::Seen(_, stages) => match stages.get(stage)? {
            None => line(OPEN, "AWS", "runs what Sluice recorded"),
            Some(outside) => {
                let hint = format!(" To promote anyway, run `/promote {name} {stage} anyway`.");
                line(CLOSED, "AWS", moved(stage, outside).join(marked(&hint)))
            }
        },
        DriftReport::Unknown(why) => {
            line(WAITS, "AWS", format!("could not be compared with the record: {why}"))
        }
    })
}

// Runtimes.

/// The warnings about runtimes, with a link to the list of AWS.
pub(super) fn runtimes(warnings: Vec<Text>) -> Text {
    Text::joined(warnings, "\n").then("\n").link(RUNTIMES_PAGE, "AWS runtime support")
}

/// A runtime that these functions of a release use, and the end of its support.
pub(super) fn runtime(
    release: ReleaseNumber,
    (runtime, functions): (&str, &[String]),
    end: EndOfSupport,
    today: Date,
) -> Text {
    const NAMED: usize = 3;
    let named = functions.iter().take(NAMED).map(|function| Text::default().code(function));
    let text = Text::plain("⚠ ").code(release.to_string()).then(" uses ").code(runtime).then(" for ");
    let text = text.join(Text::joined(named, ", "));
    let text = match functions.len().saturating_sub(NAMED) {
        0 => text,
        more => text.then(format!(" and {more} more")),
    };
    let EndOfSupport { on, is_past, frozen } = end;
    let words = match (is_past, today >= frozen) {
        (true, true) => format!(
            ": AWS ended support on {on} and may reject deploys and promotions of it. Change `Runtime` in the template, \
             then build and deploy."
        ),
        (true, false) => format!(
            ": AWS ended support on {on} and will soon reject changes to such functions. Change `Runtime` in the template."
        ),
        (false, _) => format!(": AWS ends support on {on}. Change `Runtime` in the template before then."),
    };
    text.join(marked(&words))
}
