//! Slack's escaping of the text of a slash command.
//!
//! With `should_escape` in the manifest, Slack sends `@ann` as `<@U0ANN0001|ann>`, the group `@leads` as
//! `<!subteam^S0LEADS01|@leads>`, `#general` as `<#C0GENERAL1|general>`, and a web address as `<https://…>`. Any other `&`,
//! `<` or `>` is escaped, which makes these forms unambiguous. Text that already has one of these forms (picked from a
//! list) stays.

use super::config::SlackConfig;

/// The text that the bot receives.
pub fn escape(text: &str, config: &SlackConfig) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut fresh = true;
    while let Some(first) = rest.chars().next() {
        let (taken, made) = match first {
            '<' => formed(rest).map(|form| (form, form.to_owned())),
            '@' if fresh => person(rest, config).or_else(|| group(rest, config)),
            '#' if fresh => channel(rest, config),
            'h' if fresh => link(rest),
            _ => None,
        }
        .unwrap_or_else(|| {
            let (one, _) = rest.split_at(first.len_utf8());
            (one, plain(first))
        });
        out.push_str(&made);
        rest = rest.strip_prefix(taken).unwrap_or_default();
        fresh = taken.chars().next_back().is_none_or(|last| !last.is_alphanumeric() && last != '/');
    }
    out
}

fn plain(character: char) -> String {
    match character {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        other => other.into(),
    }
}

/// `<@U…>`, `<#C…>`, `<!…>`, `<https://…>`, `<mailto:…>`.
fn formed(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('<')?;
    let known = ["@U", "@W", "#C", "!", "http://", "https://", "mailto:"];
    if !known.iter().any(|start| inner.starts_with(start)) {
        return None;
    }
    let end = text.find('>')?;
    let (form, _) = text.split_at(end + 1);
    (!form.contains(char::is_whitespace) || form.contains('|')).then_some(form)
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c)).unwrap_or(text.len());
    text.split_at(end).0.trim_end_matches('.')
}

fn person<'a>(text: &'a str, config: &SlackConfig) -> Option<(&'a str, String)> {
    let name = word(text.strip_prefix('@')?);
    let user = config.users.iter().find(|user| user.name == name)?;
    let (taken, _) = text.split_at(1 + name.len());
    Some((taken, format!("<@{}|{}>", user.id, user.name)))
}

fn group<'a>(text: &'a str, config: &SlackConfig) -> Option<(&'a str, String)> {
    let name = word(text.strip_prefix('@')?);
    let group = config.groups.iter().find(|group| group.name == name)?;
    let (taken, _) = text.split_at(1 + name.len());
    Some((taken, format!("<!subteam^{}|@{}>", group.id, group.name)))
}

fn channel<'a>(text: &'a str, config: &SlackConfig) -> Option<(&'a str, String)> {
    let name = word(text.strip_prefix('#')?);
    let channel = config.channels.iter().find(|channel| channel.name == name)?;
    let (taken, _) = text.split_at(1 + name.len());
    Some((taken, format!("<#{}|{}>", channel.id, channel.name)))
}

fn link(text: &str) -> Option<(&str, String)> {
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return None;
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '<' || c == '>').unwrap_or(text.len());
    let (url, _) = text.split_at(end);
    Some((url, format!("<{}>", url.replace('&', "&amp;"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_channels_and_links_become_unambiguous() {
        let config = SlackConfig::new("http://x", "http://y", "t", "s");
        let cases = [
            ("orders", "orders"),
            ("grant @ann operators", "grant <@U0ANN0001|ann> operators"),
            ("@ann, @bob.", "<@U0ANN0001|ann>, <@U0BOB0002|bob>."),
            ("history orders @nobody", "history orders @nobody"),
            ("approvers=@leads,@ann", "approvers=<!subteam^S0LEADS01|@leads>,<@U0ANN0001|ann>"),
            ("ann@ann", "ann@ann"),
            ("in #general", "in <#C0GENERAL1|general>"),
            ("orders #12", "orders #12"),
            ("<@U0ANN0001|ann> <#C0GENERAL1>", "<@U0ANN0001|ann> <#C0GENERAL1>"),
            ("see https://x.io/a?b=1&c=2 ok", "see <https://x.io/a?b=1&amp;c=2> ok"),
            ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
            ("<script>", "&lt;script&gt;"),
            ("é 🦀 @bob", "é 🦀 <@U0BOB0002|bob>"),
            ("", ""),
        ];
        for (typed, sent) in cases {
            assert_eq!(escape(typed, &config), sent, "{typed}");
        }
    }
}
