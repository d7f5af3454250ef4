//! What people read before a command reaches its verb, and after it was accepted.

use crate::operation::marked;
use sluice_model::{Card, ChannelId, PipelineName, Refusal, Text, Tone};

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
