//! Our own marks in a text, as spans.

use sluice_model::{Member, Span, Text};

/// Converts our own marks to spans: code in backticks, people as `<@U…>`, groups as `<!subteam^S…>`. Text
/// that people typed must never be passed here unchecked.
pub fn marked(words: &str) -> Text {
    let mut text = Text::default();
    for (n, piece) in words.split('`').enumerate() {
        if n % 2 == 1 {
            text = text.code(piece);
            continue;
        }
        let mut rest = piece;
        while let Some((before, member, behind)) = mention(rest) {
            text = text.then(before).member(&member);
            rest = behind;
        }
        if !rest.is_empty() {
            text = text.then(rest);
        }
    }
    text.0.retain(|span| !matches!(span, Span::Plain(words) if words.is_empty()));
    text
}

/// The first person or group that is mentioned, with the text before and after.
fn mention(words: &str) -> Option<(&str, Member, &str)> {
    words.match_indices('<').find_map(|(at, _)| {
        let (before, after) = words.split_at(at);
        let (mark, behind) = after.strip_prefix('<')?.split_once('>')?;
        Some((before, Member::marked(mark)?, behind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_becomes_a_span_and_a_stray_bracket_hides_none() {
        let group: sluice_model::GroupId = "S1".parse().unwrap();
        let text = marked("1 < 2: ask <!subteam^S1> or <!here>");
        assert_eq!(text, Text::plain("1 < 2: ask ").group(&group).then(" or <!here>"));
    }

    #[test]
    fn our_own_marks_become_spans_and_nothing_else_does() {
        let text = marked("Type `/repo list`, or ask <@U0ANN0001>.");
        assert_eq!(
            text,
            Text::plain("Type ")
                .code("/repo list")
                .then(", or ask ")
                .user(&"U0ANN0001".parse().unwrap())
                .then(".")
        );
        assert_eq!(marked("<@not a user> <@"), Text::plain("<@not a user> <@"));
    }
}
