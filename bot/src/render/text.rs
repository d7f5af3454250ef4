//! Text in Slack's two notations: mrkdwn for blocks, and plain text for notifications and screen readers.
//!
//! User input cannot become markup: `& < >` are escaped, and an invisible word joiner follows each character that would begin
//! emphasis. Limits count the characters of the *result*, and a token is never cut.

use sluice_model::{Span, Text, Tone};

/// Marks a cut.
const ELLIPSIS: char = '…';
/// Invisible, without width, and not a break.
const WORD_JOINER: char = '\u{2060}';
/// Of a longer link only the label is shown.
const LONGEST_URL: usize = 1_500;

/// The emoji before a title. The title says the same: nothing depends on an emoji or a colour.
pub(super) fn emoji(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "",
        Tone::Running => "⏳ ",
        Tone::Waiting => "✋ ",
        Tone::Good => "✅ ",
        Tone::Bad => "❌ ",
    }
}

/// The length that Slack counts. Its documentation says "characters", and its clients count UTF-16 units, of which an emoji
/// has two; a text that is short enough in these is short enough in code points, too.
pub(crate) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Cuts plain text to that [`length`].
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut kept = first(text.chars(), limit.saturating_sub(1));
    kept.push(ELLIPSIS);
    kept
}

/// The first characters of that [`length`].
fn first(text: impl Iterator<Item = char>, limit: usize) -> String {
    let mut left = limit;
    let fits = |c: &char| {
        let fits = c.len_utf16() <= left;
        left = if fits { left - c.len_utf16() } else { 0 };
        fits
    };
    text.take_while(fits).collect()
}

/// The last characters of that [`length`].
pub(super) fn last(text: &str, limit: usize) -> String {
    first(text.chars().rev(), limit).chars().rev().collect()
}

/// Cuts plain text to `limit` bytes of JSON in which every character beyond ASCII is escaped as `\u….`
pub(crate) fn cut_bytes(text: &str, limit: usize) -> String {
    let cost = |c: char| match c {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        other => 6 * other.len_utf16(),
    };
    if text.chars().map(cost).sum::<usize>() <= limit {
        return text.to_owned();
    }
    let mut left = limit.saturating_sub(cost(ELLIPSIS));
    let fits = |c: &char| {
        let fits = cost(*c) <= left;
        left = left.saturating_sub(cost(*c));
        fits
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    kept.push(ELLIPSIS);
    kept
}

/// Escapes Slack's three control characters.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    text.chars().for_each(|c| push_escaped(&mut escaped, c));
    escaped
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        hidden if hides(hidden) => {}
        other => out.push(other),
    }
}

/// Whether a character can hide or reverse its neighbours: marks of direction, and controls other than line breaks and tabs.
pub(super) fn hides(c: char) -> bool {
    let is_control = c.is_control() && c != '\n' && c != '\t';
    is_control
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON in which every character that can control a terminal or reverse its neighbours is escaped. Strings of JSON hold them
/// raw from U+007F on; nothing but strings does.
pub(crate) fn harmless_json(json: &str) -> String {
    let escaped = |c: char| match hides(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    json.chars().map(escaped).collect()
}

/// The positions of emoji codes, as in `:tada:`.
fn emoji_codes(words: &str) -> Vec<usize> {
    let chars: Vec<char> = words.chars().collect();
    let is_code = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_+-'".contains(*c);
    let begins = |at: &usize| {
        let rest = chars.get(at + 1..).unwrap_or_default();
        let length = rest.iter().take_while(|c| is_code(c)).count();
        chars.get(*at) == Some(&':') && length > 0 && rest.get(length) == Some(&':')
    };
    (0..chars.len()).filter(begins).collect()
}

/// The text for a mrkdwn object, at most `limit` characters.
pub(crate) fn mrkdwn(text: &Text, limit: usize) -> String {
    let mut line = Line::new(limit);
    text.0.iter().for_each(|span| line.span(span, true));
    line.out
}

/// The text for the field `text` of a message: without emphasis, and with mentions, which notify.
pub(crate) fn fallback(text: &Text, limit: usize) -> String {
    let mut line = Line::new(limit);
    text.0.iter().for_each(|span| line.span(span, false));
    line.out
}

/// Replaces line breaks and other control characters by blanks, and drops marks that reverse their neighbours.
pub(crate) fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(blank).filter(|c| !hides(*c)).collect()
}

/// The output so far, and the characters left.
struct Line {
    out: String,
    left: usize,
    full: bool,
}

impl Line {
    fn new(limit: usize) -> Self {
        Self { out: String::new(), left: limit, full: false }
    }

    fn span(&mut self, span: &Span, emphasis: bool) {
        match span {
            Span::Plain(words) => self.words(words, "", neutral),
            Span::Bold(words) if emphasis && can_be_wrapped(words) => self.words(words.trim(), "*", neutral),
            Span::Code(words) if emphasis && !words.trim().is_empty() => self.words(words, "`", literal),
            Span::Bold(words) | Span::Code(words) => self.words(words, "", neutral),
            Span::User(user) => self.token(&format!("<@{user}>")),
            Span::Group(group) => self.token(&format!("<!subteam^{group}>")),
            Span::Channel(channel) => self.token(&format!("<#{channel}>")),
            Span::Link { url, label } if emphasis && is_linkable(url) => {
                let label = cut(&one_line(label).replace('|', "/"), 200);
                self.token(&format!("<{}|{}>", escape(url), escape(&label)));
            }
            Span::Link { label, .. } => self.words(label, "", neutral),
            Span::Time(at) => {
                let read = at.strftime("%Y-%m-%d %H:%M UTC");
                if emphasis {
                    let second = at.as_second();
                    self.token(&format!("<!date^{second}^{{date_short_pretty}} {{time}}|{read}>"));
                } else {
                    self.token(&read.to_string());
                }
            }
        }
    }

    /// A piece that is written whole or not at all.
    fn token(&mut self, token: &str) {
        if self.full {
            return;
        }
        // One character is kept for the ellipsis, even if nothing follows.
        if length(token) < self.left {
            self.out.push_str(token);
            self.left -= length(token);
        } else {
            self.end();
        }
    }

    /// Text between two marks of emphasis.
    fn words(&mut self, words: &str, mark: &str, notate: fn(&mut String, Option<char>, char, Option<char>)) {
        if self.full || words.is_empty() {
            return;
        }
        let marks = 2 * length(mark);
        if self.left <= marks + 1 {
            return self.end();
        }
        self.left -= marks;
        self.out.push_str(mark);
        let is_text = mark != "`";
        let codes = if is_text { emoji_codes(words) } else { vec![] };
        let mut chars = words.chars().enumerate().peekable();
        let mut before = None;
        while let Some((at, c)) = chars.next() {
            let mut notation = String::new();
            let line = self.out.rsplit('\n').next().unwrap_or_default();
            if is_text && c == '>' && line.trim().is_empty() {
                // Without it the line would be a quote.
                notation.push(WORD_JOINER);
            }
            notate(&mut notation, before, c, chars.peek().map(|(_, c)| *c));
            if codes.binary_search(&at).is_ok() {
                notation.push(WORD_JOINER);
            }
            let cost = length(&notation);
            if cost >= self.left {
                self.end();
                break;
            }
            self.out.push_str(&notation);
            self.left -= cost;
            before = Some(c);
        }
        self.out.push_str(mark);
    }

    fn end(&mut self) {
        if self.left > 0 && !self.full {
            self.out.push(ELLIPSIS);
            self.left -= 1;
        }
        self.full = true;
    }
}

/// Slack has no emphasis that spans lines or is empty.
fn can_be_wrapped(words: &str) -> bool {
    !words.trim().is_empty() && !words.contains('\n')
}

/// Whether it can stand in a link: a web address, not too long, and without characters that end the link or hide its neighbours.
pub(super) fn is_linkable(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && length(url) <= LONGEST_URL && !url.chars().any(|c| c.is_whitespace() || hides(c) || c == '|')
}

/// A character of plain text. Emphasis begins with a mark after a non-word character and before a non-blank.
fn neutral(out: &mut String, before: Option<char>, c: char, after: Option<char>) {
    push_escaped(out, c);
    let may_begin = before.is_none_or(|before| !before.is_alphanumeric())
        && after.is_none_or(|after| !after.is_whitespace());
    if matches!(c, '*' | '_' | '~' | '`') && may_begin {
        out.push(WORD_JOINER);
    }
}

/// A character of code. A backtick would end it, and a line break would break it.
fn literal(out: &mut String, _before: Option<char>, c: char, _after: Option<char>) {
    match c {
        '`' => out.push('\''),
        control if control.is_control() => out.push(' '),
        other => push_escaped(out, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_model::UserId;

    #[test]
    fn user_input_is_never_markup() {
        let text = Text::plain("<!channel> <@U1> & *bold* _x_ snake_case_name 2 * 3").code("a`b<c");
        assert_eq!(
            mrkdwn(&text, 3_000),
            "&lt;!channel&gt; &lt;@U1&gt; &amp; *\u{2060}bold* _\u{2060}x_ snake_case_name 2 * 3`a'b&lt;c`"
        );
        assert!(!fallback(&text, 3_000).contains('<'));
    }

    #[test]
    fn user_input_is_not_a_quote_or_an_emoji_and_hides_nothing() {
        let said = |words: &str| mrkdwn(&Text::plain(words), 3_000);
        assert_eq!(said("> no"), "\u{2060}&gt; no");
        assert_eq!(said("a\n  >>> b > c"), "a\n  \u{2060}&gt;&gt;&gt; b &gt; c");
        assert_eq!(said(":tada: at 9:30:15, a::b"), ":\u{2060}tada: at 9:\u{2060}30:15, a::b");
        assert_eq!(said("x\u{202e}y\u{7}z\u{85}"), "xyz");
        assert_eq!(mrkdwn(&Text::default().code(":tada: > x\u{2066}y"), 3_000), "`:tada: &gt; xy`");
        assert!(fallback(&Text::plain(":x: > "), 300).starts_with(":\u{2060}x:"));
    }

    #[test]
    fn a_link_stays_within_its_brackets() {
        let text = Text::default().link("https://x.y/?a=1&b=<2>", "see > | this");
        assert_eq!(mrkdwn(&text, 3_000), "<https://x.y/?a=1&amp;b=&lt;2&gt;|see &gt; / this>");
        let text = Text::default().link("javascript:alert(1)", "click");
        assert_eq!(mrkdwn(&text, 3_000), "click");
    }

    #[test]
    fn a_cut_closes_marks_and_keeps_tokens_whole() {
        let user = UserId::new("U024BE7LH").unwrap();
        let text = Text::default().bold("0123456789").then(" by ").user(&user);
        assert_eq!(mrkdwn(&text, 8), "*01234…*");
        assert_eq!(mrkdwn(&text, 20), "*0123456789* by …");
        assert_eq!(mrkdwn(&text, 100), "*0123456789* by <@U024BE7LH>");
        for limit in 0..40 {
            assert!(length(&mrkdwn(&text, limit)) <= limit, "{limit}");
        }
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("🧨🧨", 4), "🧨🧨");
        assert_eq!(cut("🧨🧨", 3), "🧨…");
        assert_eq!(last("a🧨b", 2), "b");
        assert_eq!(last("a🧨b", 3), "🧨b");
        assert_eq!(cut_bytes("abc", 3), "abc");
        assert_eq!(cut_bytes("ab🧨c", 12), "ab…");
        assert_eq!(cut_bytes("ab🧨c", 15), "ab🧨c");
    }

    #[test]
    fn a_time_is_shown_in_the_readers_time_zone() {
        let text = Text::default().time("2026-03-01T10:00:00Z".parse().unwrap());
        assert_eq!(mrkdwn(&text, 300), "<!date^1772359200^{date_short_pretty} {time}|2026-03-01 10:00 UTC>");
        assert_eq!(fallback(&text, 300), "2026-03-01 10:00 UTC");
    }
}
