//! What people read before a command reaches its verb, and after it was accepted.

use crate::operation::marked;
use crate::records::PipelineState;
use sluice_model::{Card, ChannelId, Holds, PipelineName, Refusal, Text, Tone};

/// The answer to a command that this version only parses.
pub(super) fn not_available(command: &str) -> Card {
    Card::new(Tone::Bad, Text::default().code(command).then(" is not available yet."))
        .hint(marked("See the available commands with `/pipeline help`."))
        .code("not-available")
}

/// The answer to an accepted command. `elsewhere`: the channel of its message, if it is another one.
pub(super) fn accepted(what: Text, note: Option<&str>, elsewhere: Option<&ChannelId>) -> Card {
    let hint = match elsewhere {
        None => Text::plain("The message in the channel shows the progress."),
        Some(home) => Text::plain("The message in ").channel(home).then(" shows the progress."),
    };
    let card = Card::new(Tone::Running, what).hint(hint);
    note.into_iter().fold(card, |card, note| card.text(marked(note)))
}

/// The answer to a click on the next step of a message, if the pipeline has moved on since.
pub(super) fn passed_by(name: &PipelineName, holds: &Holds, state: &PipelineState) -> Option<Card> {
    let text = match holds {
        Holds::Runs { stage, release } => {
            let now = state.stages.get(stage).and_then(|stage| stage.current.as_ref()).map(|now| now.release);
            if now == Some(*release) {
                return None;
            }
            let text = Text::default().code(stage.as_str()).then(" of ").code(name.as_str());
            let text = match now {
                Some(now) => text.then(" runs ").code(now.to_string()).then(" by now"),
                None => text.then(" runs nothing by now"),
            };
            text.then(", and this button was for ").code(release.to_string())
        }
        Holds::Newest(build) => {
            let newest = state.counters.newest_green().filter(|newest| newest > build)?;
            let text = Text::plain("Build ").code(newest.to_string()).then(" of ").code(name.as_str());
            text.then(" is newer than the one of this button, ").code(build.to_string())
        }
    };
    let hint = Text::plain("To see what comes next, run ").code(format!("/pipeline status {name}")).then(".");
    Some(Card::new(Tone::Bad, text.then(": nothing was done.")).hint(hint).code("passed-by"))
}

/// The refusal of a command whose pipeline kept changing while it was planned.
pub(super) fn busy(name: &PipelineName) -> Refusal {
    Refusal::new(
        "busy",
        format!("Too many changes to `{name}` arrived at the same time, so nothing was done."),
        "Run the command again.",
    )
}

/// The refusal of a new pipeline from a terminal.
pub(super) fn needs_channel(name: &PipelineName) -> Refusal {
    Refusal::new(
        "no-channel",
        format!("`{name}` needs a home channel for its messages, and a terminal has none."),
        format!("Run `/repo create {name}` in the Slack channel that will be its home."),
    )
}
