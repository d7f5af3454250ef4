//! Running text in which backticks mark code, as a [`Text`].

use sluice_model::{Member, Text};

/// The most characters of what somebody typed that are quoted.
const QUOTED: usize = 80;

/// A sentence whose backticks mark names. A name that would fill the screen is cut.
pub(super) fn marked(sentence: &str) -> Text {
    sentence.split('`').enumerate().filter(|(_, piece)| !piece.is_empty()).fold(
        Text::default(),
        |text, (index, piece)| match index % 2 {
            1 if piece.chars().count() > QUOTED => {
                text.code(piece.chars().take(QUOTED - 1).chain(['…']).collect::<String>())
            }
            1 => text.code(piece),
            _ => with_people(text, piece),
        },
    )
}

/// Adds words that may contain people and groups as Slack escapes them.
fn with_people(mut text: Text, words: &str) -> Text {
    for (nth, piece) in words.split('<').enumerate() {
        let marked = piece.split_once('>').filter(|_| nth > 0);
        let member = marked.and_then(|(mark, after)| Some((Member::marked(mark)?, after)));
        text = match member {
            Some((member, "")) => text.member(&member),
            Some((member, after)) => text.member(&member).then(after),
            None if nth > 0 => text.then(format!("<{piece}")),
            None if piece.is_empty() => text,
            None => text.then(piece),
        };
    }
    text
}
