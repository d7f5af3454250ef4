//! What people read in answers that several verbs give.

use crate::operation::{OperationSpec, Status, marked};
use crate::records::and;
use sluice_model::{
    Button, Card, ChannelId, Click, OperationId, PipelineName, Refusal, ReleaseNumber, Role, Text, Tone,
};

/// The problem, the next step, and the code.
pub(crate) fn refused(refusal: &Refusal) -> Card {
    let card = Card::new(Tone::Bad, marked(&refusal.problem));
    let card = if refusal.hint.is_empty() { card } else { card.hint(marked(&refusal.hint)) };
    card.code(&refusal.code)
}

/// How many characters of the command a button keeps. Slack allows 2,000 for the whole value.
const WANTED: usize = 300;

/// The button to request a missing role.
pub(super) fn ask_button(role: Role, name: Option<&PipelineName>, wanted: &str) -> Button {
    let wanted: String = wanted.chars().take(WANTED).collect();
    Button::new(&Click::AskAccess { role, pipeline: name.cloned(), wanted }, "Ask for it")
}

/// `open`: the operation with the channel of its message, and a link to the message.
pub(super) fn already_running(
    line: &str,
    open: Option<(&OperationSpec, &ChannelId, Option<String>)>,
) -> Card {
    let card = Card::new(Tone::Neutral, Text::default().code(line).then(" is already running."));
    let card = match open {
        Some((spec, channel, url)) => {
            let requested = Text::plain("Requested by ").join(spec.actor.attribution());
            let follow = match url {
                Some(url) => Text::plain("Follow ").link(url, "its message").then(" in "),
                None => Text::plain("Follow it in "),
            };
            card.text(requested.then(" ").time(spec.accepted).then("."))
                .hint(follow.channel(channel).then(". Nothing new was started."))
        }
        None => card.hint("The message in the channel shows its state. Nothing new was started."),
    };
    card.code("already-running")
}

pub(super) fn no_such_release(name: &PipelineName, number: ReleaseNumber) -> Refusal {
    Refusal::new(
        "no-such-release",
        format!("Pipeline `{name}` has no release `{number}` that succeeded."),
        format!("See all releases with `/pipeline history {name}`."),
    )
}

// Why something could not be compared with AWS.

pub(super) const UNREADABLE: &str = "its records could not be read";
pub(super) const NO_ANSWER: &str = "AWS did not answer in time";
pub(super) const NO_ANSWER_YET: &str = "AWS did not answer in time; try again in a moment";
pub(super) const TOO_MANY_PREVIEWS: &str = "too many comparisons are in progress";

// Suggestions.

/// `near`: the closest name or command.
pub(super) fn no_such_pipeline(name: &PipelineName, near: Option<String>) -> Card {
    let hint = match near {
        Some(near) => Text::plain("Did you mean ").code(near).then("?"),
        None => marked(&format!("Create it with `/repo create {name}`, or see `/repo list`.")),
    };
    Card::new(Tone::Bad, Text::plain("There is no pipeline ").code(name.as_str()).then("."))
        .hint(hint)
        .code("no-such-pipeline")
}

// The problems of commands that cannot be parsed, as `ParseError` has them.

pub(super) fn lacks_stage(problem: &str, name: &PipelineName, stages: &[&str]) -> String {
    format!("{problem}; `{name}` has {}", and(stages))
}

pub(super) fn lacks_pipeline(stage: &PipelineName) -> String {
    format!("`{stage}` is a stage, and the name of the pipeline is missing")
}

pub(super) fn names_no_pipeline(name: &PipelineName) -> String {
    format!("there is no pipeline `{name}`")
}

// Signals.

const SEE_PROGRESS: &str = "The message in the channel shows the progress.";

pub(super) fn cancelling(command: &str) -> Card {
    Card::new(Tone::Good, Text::plain("Cancelling: ").code(command)).hint(SEE_PROGRESS)
}

pub(super) fn retrying(command: &str) -> Card {
    Card::new(Tone::Good, Text::plain("Retrying: ").code(command)).hint(SEE_PROGRESS)
}

pub(super) fn resolved(command: &str) -> Card {
    Card::new(Tone::Good, Text::plain("Marked as resolved: ").code(command)).hint(SEE_PROGRESS)
}

pub(super) fn cannot_cancel(command: &str) -> Refusal {
    let problem = format!("`{command}` cannot be cancelled, because it takes only a moment.");
    Refusal::new("cannot-stop", problem, "Wait until it ends.")
}

pub(super) fn too_late_to_cancel(command: &str, status: Status) -> Refusal {
    let problem = match status {
        Status::Succeeded => format!("`{command}` already succeeded. Nothing was changed."),
        Status::Failed => format!("`{command}` already ended. Nothing was changed."),
        Status::Stuck => format!("`{command}` is stuck. An admin can click `Retry` or `Mark resolved`."),
        _ => format!("`{command}` is already being cancelled."),
    };
    Refusal::new("late", problem, "The message in the channel shows its state.")
}

pub(super) fn not_cancelled() -> Refusal {
    let problem = "The operation kept changing, so it was not cancelled.";
    Refusal::new("busy", problem, "Run the command again.")
}

pub(super) fn not_stuck(pipeline: &PipelineName, command: &str) -> Refusal {
    let problem = format!("`{command}` is no longer stuck. Nothing was changed.");
    Refusal::new("late", problem, format!("See `/pipeline status {pipeline}`."))
}

/// No operation can be signalled, and at least this one cannot be read.
pub(crate) fn cannot_be_read(name: &PipelineName, noun: &str, id: &OperationId) -> Refusal {
    Refusal::new(
        "unreadable-operation",
        format!(
            "This version of Sluice cannot read a {noun} of `{name}`, so nothing was changed (operation `{id}`)."
        ),
        "An admin can click `Retry` or `Mark resolved` on its message in the channel. Rollbacks are still possible.",
    )
}

/// A click on an operation that does not exist.
pub(crate) fn no_operation() -> Refusal {
    Refusal::new("late", "This operation no longer exists. Nothing was changed.", "See `/pipeline status`.")
}
