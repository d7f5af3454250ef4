//! Reverts the changes of phones and Slack to a typed line: dashes, smart quotes, odd spaces, escapes and pickers.
//!
//! [`normalise`] is idempotent: its rules never make a text longer, and are applied until none applies. People and groups
//! stay as Slack escapes them (`<@U1|ann>`): a command may need to know that one was picked from the list.

/// The line that the grammar reads.
pub fn normalise(text: &str) -> String {
    until_stable(text, |text| angles(&entities(&characters(text)), plain_angle).trim().to_owned())
}

/// A reason as it is stored: the typed text, in its case and spacing, with people and groups by their names (`@ann`).
pub fn reason(text: &str) -> String {
    until_stable(text, |text| angles(&normalise(text), by_name).trim().to_owned())
}

fn until_stable(text: &str, rules: impl Fn(&str) -> String) -> String {
    let mut text = rules(text);
    loop {
        let next = rules(&text);
        if next == text {
            return text;
        }
        text = next;
    }
}

/// Replaces or removes single characters.
fn characters(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => clean.push('-'),
            '\u{2018}'..='\u{201b}' | '\u{2032}' => clean.push('\''),
            '\u{201c}'..='\u{201f}' | '\u{2033}' | '«' | '»' => clean.push('"'),
            '\u{ff01}'..='\u{ff5e}' => clean.extend(char::from_u32(c as u32 - 0xfee0)),
            // Joiners are part of emoji, and noise anywhere else.
            '\u{200c}' | '\u{200d}' if clean.ends_with(|before: char| !before.is_ascii()) => clean.push(c),
            '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {}
            c if c.is_whitespace() => clean.push(' '),
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}

/// A text from elsewhere, such as git, without characters that could hide or reorder what people read: control characters
/// become spaces, and direction marks and zero-width characters are removed.
pub fn visible(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {}
            c if c.is_control() || c.is_whitespace() => clean.push(' '),
            c => clean.push(c),
        }
    }
    clean.trim().to_owned()
}

/// The three characters that Slack escapes.
fn entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Rewrites each `<…>` that `rule` knows and leaves the others.
fn angles(text: &str, rule: fn(&str) -> Option<String>) -> String {
    let mut pieces = text.split('<');
    let mut clean = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        // Slack puts no quote into its marks: one that contains a quote was typed.
        let inside = piece.split_once('>').filter(|(inside, _)| !inside.contains('"'));
        let rewritten = inside.and_then(|(inside, after)| Some((rule(inside)?, after)));
        match rewritten {
            Some((plain, after)) => clean.extend([plain.as_str(), after]),
            None => clean.extend(["<", piece]),
        }
    }
    clean
}

/// Rewrites everything but people and groups: channels that the picker inserted, and links that Slack made.
fn plain_angle(inside: &str) -> Option<String> {
    if mention(inside).is_some() {
        return None;
    }
    let (what, label) = match inside.split_once('|') {
        Some((what, label)) => (what, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    let mark = what.chars().next()?;
    let name = what.strip_prefix(mark)?;
    match mark {
        '#' if is_id(name) => Some(format!("#{}", label.unwrap_or(name))),
        '!' if name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Some(format!("@{}", label.unwrap_or(name).trim_start_matches('@')))
        }
        _ => link(what, label),
    }
}

fn link(address: &str, label: Option<&str>) -> Option<String> {
    if let Some(mail) = address.strip_prefix("mailto:") {
        return Some(label.unwrap_or(mail).to_owned());
    }
    let (_, rest) =
        address.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphabetic()))?;
    // Slack makes links of texts that look like one; the label is the typed text.
    let typed = label.filter(|label| label.trim_end_matches('/') == rest.trim_end_matches('/'));
    Some(typed.unwrap_or(address).to_owned())
}

fn by_name(inside: &str) -> Option<String> {
    let (id, label) = mention(inside)?;
    // Slack's name of a group already has the `@`.
    Some(format!("@{}", label.unwrap_or(id).trim_start_matches('@')))
}

/// The id and name in `@U1|ann` or `!subteam^S1|@leads`, the inside of an escaped person or group.
pub(super) fn mention(inside: &str) -> Option<(&str, Option<&str>)> {
    person(inside).or_else(|| group(inside))
}

fn group(inside: &str) -> Option<(&str, Option<&str>)> {
    let inside = inside.strip_prefix("!subteam^").filter(|inside| !inside.contains('"'))?;
    let (id, label) = match inside.split_once('|') {
        Some((id, label)) => (id, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    (id.starts_with('S') && is_id(id)).then_some((id, label))
}

/// The id and name in `@U1|ann`, the inside of an escaped person.
pub(super) fn person(inside: &str) -> Option<(&str, Option<&str>)> {
    let inside = inside.strip_prefix('@').filter(|inside| !inside.contains('"'))?;
    let (id, label) = match inside.split_once('|') {
        Some((id, label)) => (id, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    (id.starts_with(['U', 'W']) && is_id(id)).then_some((id, label))
}

/// Whether a text has the form of the ids of users, channels and groups.
fn is_id(text: &str) -> bool {
    text.len() >= 2 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn changes_by_slack_and_phones_are_reverted() {
        for (typed, read) in [
            ("  orders\u{a0}—\u{2009}“x”  ", "orders - \"x\""),
            ("orders\u{200b} don’t\u{feff}", "orders don't"),
            ("<#C012AB|12>", "#12"),
            ("<#C012AB|>", "#C012AB"),
            ("orders <!subteam^S1|@leads> <!subteam^S2>", "orders <!subteam^S1|@leads> <!subteam^S2>"),
            ("<!here>", "@here"),
            ("<https://github.com/a/b|github.com/a/b>", "github.com/a/b"),
            ("<https://github.com/a/b>", "https://github.com/a/b"),
            ("<https://x.io|a label>", "https://x.io"),
            ("<mailto:orders@main.io|orders@main.io>", "orders@main.io"),
            ("a &lt; b &amp;&amp; c", "a < b && c"),
            ("<@U1|ann> and <@W2>", "<@U1|ann> and <@W2>"),
            ("＃１２", "#12"),
            ("line\none", "line one"),
            ("👩\u{200d}🚀 go", "👩\u{200d}🚀 go"),
        ] {
            assert_eq!(normalise(typed), read, "{typed:?}");
        }
    }

    #[test]
    fn text_from_git_cannot_hide_anything() {
        assert_eq!(
            visible("fix\u{202e}gnp.exe\u{7}\u{1b}[31m\u{85}x \u{2066}y\u{2069}"),
            "fixgnp.exe  [31m x y"
        );
        assert_eq!(visible("Grüße, 👩\u{200d}🚀 שלום"), "Grüße, 👩\u{200d}🚀 שלום");
    }

    #[test]
    fn a_reason_names_people_and_keeps_its_case_and_spacing() {
        assert_eq!(reason("  <@U1|ann>  broke IT, ask <@U2>"), "@ann  broke IT, ask @U2");
        assert_eq!(reason("ask <!subteam^S1|@leads> or <!subteam^S2>"), "ask @leads or @S2");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in any::<String>()) {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn normalising_twice_changes_nothing_in_slacks_marks(text in "[<>@#!|&;a-zU1 lt/:“—\u{200d}é-]{0,40}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
            let kept = reason(&text);
            prop_assert_eq!(reason(&kept), kept.clone());
            prop_assert_eq!(normalise(&kept), kept);
        }
    }
}
