//! The words that are the grammar's own, and so no names unless they are quoted.

/// One list of words that are no names unless quoted, with some to spare for commands to come.
const RESERVED: &[&str] = &[
    // verbs
    "repo",
    "build",
    "deploy",
    "stage",
    "promote",
    "rollback",
    "pipeline",
    "sluice",
    "help",
    "commands",
    // their words
    "create",
    "connect",
    "list",
    "show",
    "delete",
    "cancel",
    "retry",
    "log",
    "logs",
    "plan",
    "add",
    "set",
    "remove",
    "lock",
    "unlock",
    "diff",
    "approve",
    "reject",
    "status",
    "history",
    "mine",
    "check",
    "watch",
    "unwatch",
    "grant",
    "revoke",
    "who",
    // small words
    "to",
    "from",
    "after",
    "for",
    "until",
    "since",
    "again",
    "anyway",
    "confirm",
    "override",
    "hard",
    "on",
    "at",
    "in",
    "of",
    "by",
    "with",
    "as",
    "before",
    "and",
    "or",
    "not",
    "if",
    "when",
    "than",
    "between",
    // roles
    "operators",
    "admins",
    "oncall",
    "approvers",
    // to spare
    "all",
    "any",
    "every",
    "none",
    "new",
    "latest",
    "newest",
    "previous",
    "next",
    "first",
    "last",
    "rename",
    "move",
    "copy",
    "edit",
    "update",
    "pause",
    "resume",
    "freeze",
    "thaw",
    "start",
    "stop",
    "abort",
    "undo",
    "redo",
    "open",
    "close",
    "reorder",
    "pin",
    "unpin",
    "compare",
    "explain",
    "tidy",
    "now",
    "me",
];

/// Whether a name must be quoted: it is one of the grammar's words, or looks like a release.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || is_numbered(name, "r")
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
    fn the_table_has_no_word_that_is_not_reserved() {
        for form in crate::table() {
            assert!(form.word.is_none_or(is_reserved), "{form:?}");
            assert!(is_reserved(form.verb.word()));
            assert!(form.arguments.iter().flat_map(|argument| argument.words).all(|word| is_reserved(word)));
        }
    }
}
