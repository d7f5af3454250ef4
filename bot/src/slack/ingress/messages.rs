//! The answers that the HTTP server gives without the command handler.

use sluice_model::{Answer, Card, Tone};

/// The store has not confirmed the record yet.
pub(crate) fn not_confirmed() -> Answer {
    let card =
        Card::new(Tone::Waiting, "Not confirmed yet: I cannot tell whether your command was recorded.")
            .hint("Do not repeat the command. If it was recorded, its message appears in this channel.")
            .code("not-confirmed");
    Answer::private(card)
}

/// The store could not say whether it has the record, and is not asked again.
pub(crate) fn unknown() -> Answer {
    let card = Card::new(Tone::Bad, "I could not find out whether your command was recorded.")
        .hint("If its message does not appear in this channel within a minute, run the command again.")
        .code("unknown");
    Answer::private(card)
}

/// The store cannot be reached, or the process is starting: nothing was recorded.
pub(crate) fn try_again() -> Answer {
    let card = Card::new(Tone::Bad, "I cannot take commands right now, so nothing was done.")
        .hint("Try again in a minute.")
        .code("unavailable");
    Answer::private(card)
}

/// A member of another workspace.
pub(crate) fn foreign() -> Answer {
    let card = Card::new(
        Tone::Bad,
        "Sorry, I take commands only from members of the workspace that I was installed in.",
    )
    .hint("Ask a member of that workspace to run it.")
    .code("other-workspace");
    Answer::private(card)
}

/// The user is over a limit.
pub(crate) fn slow_down() -> Answer {
    let card = Card::new(Tone::Bad, "You are sending commands faster than I accept them, so this one was not run.")
        .hint("Wait a minute, then send it again. Rollbacks, locks, cancels and buttons are counted separately and may still work.")
        .code("slow-down");
    Answer::private(card)
}

/// A command with more text than any command needs.
pub(crate) fn too_long() -> Answer {
    let card = Card::new(Tone::Bad, "That command is too long, so it was not run.")
        .hint("Shorten it to less than 40,000 characters.")
        .code("too-long");
    Answer::private(card)
}
