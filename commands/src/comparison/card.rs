//! The answer about a preview.

use std::sync::Arc;

use jiff::Timestamp;

use crate::comparison::messages::{
    NOTHING_CHANGES, Sections, change_sections, commit_count, commits_listed, functions_changed,
    functions_new, release_text,
};
use crate::comparison::{Changes, Preview};
use crate::operation::marked;
use crate::records::{Change, and};
use crate::rules::{Gate, GateState, Parameters};
use crate::steps::parameter_fields;
use sluice_model::{Card, Part, ReleaseNumber, Text, Tone};

/// What a person asked about.
pub(crate) struct Question {
    /// The operation: "Promoting `orders` `r2` from `staging` to `prod`".
    pub(crate) doing: Text,
    /// What the stage runs.
    pub(crate) current: Option<(ReleaseNumber, Change)>,
    /// What it would run.
    pub(crate) new: Vec<(&'static str, Text)>,
    /// The values of the template's parameters before and after.
    pub(crate) parameters: (Parameters, Parameters),
    /// The gates of the stage.
    pub(crate) gates: Vec<Gate>,
    /// The number of approvals that it needs.
    pub(crate) approvals: usize,
    /// What the person should know beside the changes.
    pub(crate) notes: Vec<Text>,
    pub(crate) hint: Text,
}

/// The answer. `found`: when it was compared and what was found, or why it is not known.
pub(crate) fn preview_card(question: Question, found: Result<(Timestamp, Arc<Preview>), String>) -> Card {
    let Question { doing, hint, .. } = &question;
    let (at, preview) = match found {
        Ok(found) => found,
        Err(why) => {
            let title = doing.clone().then(" could not be compared with what runs.");
            let card = Card::new(Tone::Bad, title).text(format!("It is not known what would change: {why}."));
            return card.hint("Run the command again in a moment.").code("no-preview");
        }
    };
    let Preview { changes, commits, refusal, gaps, .. } = &*preview;
    let is_nothing = changes.as_ref().is_some_and(Changes::is_empty) && gaps.is_empty();
    let title = doing.clone().then(match (refusal, is_nothing) {
        (Some(_), _) => " would be refused.",
        (None, true) => NOTHING_CHANGES,
        (None, false) => " would make these changes.",
    });
    let tone = if refusal.is_some() { Tone::Bad } else { Tone::Neutral };
    let mut card = Card::new(tone, title).part(Part::Fields(fields(&question, &preview)));
    card = refusal.iter().fold(card, |card, refusal| card.text(marked(&refusal.problem)));
    card =
        changes.iter().flat_map(|changes| change_sections(changes, Sections::Alone)).fold(card, Card::part);
    card = card.lines(question.notes.iter().cloned().chain(gaps.iter().map(|gap| marked(gap))));
    if commits.are_listed() {
        card = card.part(commits_listed(commits));
    }
    card = card.foot(Text::plain("Compared ").time(at).then(". Nothing was changed."));
    match refusal {
        Some(refusal) => card.hint(marked(&refusal.hint)).code(&refusal.code),
        None => card.hint(hint.clone()),
    }
}

fn fields(question: &Question, preview: &Preview) -> Vec<(String, Text)> {
    let Question { current, new, parameters: (before, now), gates, approvals, .. } = question;
    let runs = match current {
        Some((release, commit)) => release_text(*release, commit),
        None => Text::plain("nothing yet"),
    };
    let mut fields: Vec<(String, Text)> = vec![("Current".to_owned(), runs)];
    fields.extend(new.iter().map(|(label, text)| ((*label).to_owned(), text.clone())));
    let size = size(current.is_some(), preview);
    fields.extend((!size.is_empty()).then(|| ("Size".to_owned(), size.into())));
    let parameters = parameter_fields(before, now, &preview.unknown_parameters);
    fields.extend(parameters.into_iter().map(|(label, text)| (label.to_owned(), text)));
    fields.push(("Gates".to_owned(), gates_text(gates, *approvals)));
    fields
}

fn size(runs: bool, Preview { changes, commits, functions, .. }: &Preview) -> String {
    let commits = Some(commits).filter(|commits| commits.are_listed());
    let commits = commits.map(commit_count);
    let functions = changes.as_ref().map(|changes| match runs {
        true => functions_changed(changes.functions),
        false => functions_new(*functions),
    });
    commits.into_iter().chain(functions).collect::<Vec<_>>().join(", ")
}

/// The gates in one line: those that are closed, and the approvals.
fn gates_text(gates: &[Gate], approvals: usize) -> Text {
    let is_closed = |gate: &&Gate| matches!(gate.state, GateState::Closed(_));
    let closed: Vec<&str> = gates.iter().filter(is_closed).map(|gate| gate.name).collect();
    let closed = match closed.as_slice() {
        [] => Text::plain("open"),
        [one] => marked(&format!("`{one}` is closed")),
        several => marked(&format!("{} are closed", and(several))),
    };
    match approvals {
        0 => closed,
        1 => closed.then("; 1 approval is needed"),
        count => closed.then(format!("; {count} approvals are needed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_model::Refusal;

    #[test]
    fn gates_are_one_line() {
        let gate = |name, is_open| Gate {
            name,
            state: match is_open {
                true => GateState::Open(Text::plain("fine")),
                false => GateState::Closed(Refusal::new("closed", "It is closed.", "Wait.")),
            },
        };
        let words = |gates: &[Gate], approvals| gates_text(gates, approvals).flat();
        assert_eq!(words(&[], 0), "open");
        assert_eq!(words(&[gate("lock", true)], 1), "open; 1 approval is needed");
        assert_eq!(words(&[gate("lock", false), gate("soak", true)], 0), "lock is closed");
        let three = [gate("lock", false), gate("window", false), gate("soak", false)];
        assert_eq!(words(&three, 2), "lock, window and soak are closed; 2 approvals are needed");
    }
}
