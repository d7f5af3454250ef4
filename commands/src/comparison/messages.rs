//! What people read about the difference between two releases.

use crate::comparison::{Changes, Commits};
use crate::records::Change;
use crate::steps::change_text;
use sluice_model::{Part, ReleaseNumber, StageName, Text};
use sluice_template::rights::size;

/// The size of one section of a card, in bytes.
pub(super) const SECTION: usize = 2_900;

/// Where the changes are that do not fit into the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sections {
    /// In the thread of the message, which approvers read.
    WithThread,
    /// Nowhere: the card is an answer.
    Alone,
}

/// The changes that a card lists, in sections that fit.
pub(crate) fn change_sections(changes: &Changes, sections: Sections) -> Vec<Part> {
    let (card, others) = changes.split();
    let mut texts: Vec<(usize, Text)> = Vec::new();
    for line in card {
        let size = line.size() + 1;
        match texts.last_mut() {
            Some((open, text)) if *open + size <= SECTION => {
                *open += size;
                *text = std::mem::take(text).then("\n").join(line.text());
            }
            Some(_) => texts.push((size, line.text())),
            None => texts.push((size + 20, Text::default().bold("Changes").then("\n").join(line.text()))),
        }
    }
    if !others.is_empty() {
        let words = match sections {
            Sections::WithThread => {
                format!("{} more changes are in the thread. Read them before you approve.", others.len())
            }
            Sections::Alone => format!("{} more changes do not fit into this answer.", others.len()),
        };
        texts.push((size(&words), Text::default().bold(words)));
    }
    texts.into_iter().map(|(_, text)| Part::Text(text)).collect()
}

pub(crate) fn functions_changed(count: usize) -> String {
    match count {
        0 => "no changed functions".to_owned(),
        1 => "1 changed function".to_owned(),
        count => format!("{count} changed functions"),
    }
}

/// The functions of a release on a stage that runs nothing yet.
pub(crate) fn functions_new(count: usize) -> String {
    match count {
        1 => "1 function, new here".to_owned(),
        count => format!("{count} functions, all new here"),
    }
}

pub(crate) fn commit_count(commits: &Commits) -> String {
    let more = if commits.is_whole { "" } else { " or more" };
    format!("{} commits{more}", commits.list.len())
}

/// A paragraph with the commits.
pub(crate) fn commits_listed(commits: &Commits) -> Part {
    let lines = commits.list.iter().map(change_text);
    let text = lines.reduce(|text, line| text.then("\n").join(line)).unwrap_or_default();
    let text =
        if commits.is_whole { text } else { text.then("\nand older commits, or commits on another branch") };
    Part::Text(Text::default().bold("Commits").then("\n").join(text))
}

/// `r7` 4c92514 Fix the tokenizer.
pub(crate) fn release_text(release: ReleaseNumber, commit: &Change) -> Text {
    Text::default().code(release.to_string()).then(" ").join(change_text(commit))
}

// Previews. The title begins with the operation.

pub(super) const NOTHING_CHANGES: &str =
    " would change no function, permission, route or resource of the stack.";

/// A stage whose functions run different releases.
pub(crate) fn mixed_here(stage: &StageName) -> Text {
    let text = Text::plain("Stage ").code(stage.as_str());
    text.then(
        " is in a mixed state: its functions run different releases. This compares with the recorded one.",
    )
}

/// Shown before a release that cannot be compared.
pub(super) const LISTED_IN_FULL: &str =
    "The running release could not be read, so the new release is listed in full.";

// What a preview could not compare.

pub(super) const STACK_IS_CHANGING: &str =
    "The stack is being changed right now, so its changes are not compared.";

/// `why`: the call that failed.
pub(super) fn stack_unknown(why: &str) -> String {
    format!("The stack could not be compared: {why}.")
}

pub(super) fn not_shown(names: &[&str]) -> String {
    format!(
        "Not compared, because they need values of the stack that do not exist yet: {}.",
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    )
}
