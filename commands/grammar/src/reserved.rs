//! The grammar's own words, which are names only in quotes.

use super::command::table;
use sluice_model::Role;

/// Words that precede a release. In a reason without quotes they could name one.
pub(super) const BEFORE_A_RELEASE: [&str; 4] = ["to", "from", "release", "version"];

/// Words that no command has. They are reserved for future commands: a name that is accepted today must work later.
#[rustfmt::skip]
const SPARE: &[&str] = &[
    "abort", "all", "and", "any", "as", "at", "before", "between", "by", "close", "commands",
    "compare", "copy", "edit", "every", "explain", "first", "freeze", "if", "in", "last", "latest",
    "me", "move", "new", "newest", "next", "none", "not", "of", "on", "open", "or", "pause",
    "pin", "previous", "redo", "rename", "reorder", "resume", "sluice", "start", "stop", "than",
    "thaw", "undo", "unpin", "update", "when",
];

/// Whether a name must be quoted: it is a word of a command or a role, or looks like a release.
pub(super) fn is_reserved(name: &str) -> bool {
    is_of_the_table(name)
        || SPARE.contains(&name)
        || Role::ALL.into_iter().any(|role| role.word() == name)
        || is_numbered(name, "r")
}

fn is_of_the_table(word: &str) -> bool {
    table().any(|form| {
        form.verb.word() == word
            || form.word == Some(word)
            || form.arguments.iter().any(|argument| argument.keywords.contains(&word))
    })
}

/// Whether a text is `prefix` and a number: `r7`.
pub(super) fn is_numbered(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_words_are_in_no_command() {
        for word in SPARE {
            assert!(
                is_reserved(word) && !is_of_the_table(word),
                "`{word}` is a word of a command: remove it here"
            );
        }
    }
}
