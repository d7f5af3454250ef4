//! What is said at the door, by name: the answers that no service was asked for.

use sluice_model::{Answer, Card, Text, Tone};

/// The store has not said whether it has the record.
pub(crate) fn not_confirmed() -> Answer {
    let card = Card::new(Tone::Waiting, "Not confirmed yet: I cannot tell whether your command was recorded.")
        .hint("Watch this channel for the message, and do not repeat the command: if it was recorded, it is being done.")
        .foot(Text::plain("code ").code("not-confirmed"));
    Answer::private(card)
}

/// The store did not say in time whether it has the record, and will not be asked again.
pub(crate) fn unknown() -> Answer {
    let card = Card::new(Tone::Bad, "I could not find out whether your command was recorded.")
        .hint("If its message does not appear in the channel within a minute, it was not recorded: then type it again.")
        .foot(Text::plain("code ").code("unknown"));
    Answer::private(card)
}

/// Nothing was recorded, and nothing can be right now.
pub(crate) fn try_again() -> Answer {
    let card = Card::new(Tone::Bad, "I cannot take commands right now, so nothing was done.")
        .hint("Try again in a minute.")
        .foot(Text::plain("code ").code("unavailable"));
    Answer::private(card)
}

/// Somebody from another workspace.
pub(crate) fn foreign() -> Answer {
    let card = Card::new(
        Tone::Bad,
        "Sorry, I take commands only from members of the workspace that I was installed in.",
    )
    .hint("Ask a member of that workspace to do it.")
    .foot(Text::plain("code ").code("other-workspace"));
    Answer::private(card)
}

/// One person sends too much.
pub(crate) fn slow_down() -> Answer {
    let card = Card::new(Tone::Bad, "You are sending commands faster than I accept them, so this one was not run.")
        .hint("Wait a minute, then send it again. Rollbacks, locks, cancels and buttons are counted separately and may still work.")
        .foot(Text::plain("code ").code("slow-down"));
    Answer::private(card)
}

/// A command with more text than any command needs.
pub(crate) fn too_long() -> Answer {
    let card = Card::new(Tone::Bad, "That command is too long, so it was not run.")
        .hint("Shorten it to less than 40,000 characters.")
        .foot(Text::plain("code ").code("too-long"));
    Answer::private(card)
}
