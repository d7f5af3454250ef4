//! What people read about drift.

pub(super) use crate::installation::messages::{NO_ANSWER, NO_ANSWER_YET, UNREADABLE};
use crate::operation::marked;
use crate::resources::MOVED_OUTSIDE;
use crate::rules::ObservedDrift;
use sluice_model::{Button, ButtonStyle, Card, Click, Confirmed, PipelineName, StageName, Text, Tone};

/// A stage's drift, and since when it is known.
pub(crate) fn moved(stage: &StageName, outside: &ObservedDrift) -> Text {
    let text = Text::default().code(stage.as_str()).then(" was moved outside Sluice: ");
    let text = text.join(marked(&outside.drift.words(stage))).then("; first seen ").time(outside.first_seen);
    match outside.last_right {
        Some(right) => text.then(", last seen unchanged ").time(right).then("."),
        None => text.then("."),
    }
}

/// Asks for a confirmation. `seen` identifies the drift, `line` is the confirmed command.
pub(super) fn question(
    (name, stage): (&PipelineName, &StageName),
    outside: &ObservedDrift,
    (seen, line): (String, String),
) -> Card {
    let title = format!("Stage `{stage}` of `{name}` was moved outside Sluice, so nothing was started.");
    let hint = format!("Check who moved it, and why. To continue anyway, run `{line}`.");
    let effect = format!("{line} will overwrite what somebody changed on {stage} outside Sluice.");
    let button = Button::new(&Click::AcceptDrift(Confirmed { seen, line }), "Continue anyway");
    Card::new(Tone::Bad, marked(&title))
        .text(moved(stage, outside))
        .hint(marked(&hint))
        .button(button.style(ButtonStyle::Danger).asking(effect, "Continue"))
        .code(MOVED_OUTSIDE)
}
