//! Running text in Slack's two notations: mrkdwn for blocks, and plain text for notifications and screen readers.
//!
//! Nothing that a person typed can become markup: `& < >` are escaped, and a sign that would begin emphasis is followed
//! by a word joiner, which nobody sees. Cutting counts characters of the *result* and never cuts inside a token.

use sluice_model::{Span, Text};

/// Stands where something was cut off.
const ELLIPSIS: char = '…';
/// Invisible, of no width, and no break.
const WORD_JOINER: char = '\u{2060}';
/// A link longer than this is shown as its label alone.
const LONGEST_URL: usize = 1_500;

/// How many signs Slack counts.
pub(crate) fn length(text: &str) -> usize {
    text.chars().count()
}

/// Cuts plain text to `limit` signs.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    kept.push(ELLIPSIS);
    kept
}

/// Cuts plain text so that it takes at most `limit` bytes even where every sign beyond ASCII is written as `\u….`
pub(crate) fn cut_bytes(text: &str, limit: usize) -> String {
    let cost = |sign: char| match sign {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        other => 6 * other.len_utf16(),
    };
    if text.chars().map(cost).sum::<usize>() <= limit {
        return text.to_owned();
    }
    let mut left = limit.saturating_sub(cost(ELLIPSIS));
    let fits = |sign: &char| {
        let fits = cost(*sign) <= left;
        left = left.saturating_sub(cost(*sign));
        fits
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    kept.push(ELLIPSIS);
    kept
}

/// The three signs that Slack reads as its own.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    text.chars().for_each(|sign| push_escaped(&mut escaped, sign));
    escaped
}

fn push_escaped(out: &mut String, sign: char) {
    match sign {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        hidden if hides(hidden) => {}
        other => out.push(other),
    }
}

/// Whether a sign can hide or turn round what stands beside it: marks of direction, and controls but line breaks and tabs.
fn hides(sign: char) -> bool {
    let is_control = sign.is_control() && sign != '\n' && sign != '\t';
    is_control
        || matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Where the emoji codes of a text begin: `:tada:`.
fn emoji_codes(words: &str) -> Vec<usize> {
    let signs: Vec<char> = words.chars().collect();
    let is_code = |sign: &char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || "_+-'".contains(*sign);
    let begins = |at: &usize| {
        let behind = signs.get(at + 1..).unwrap_or_default();
        let length = behind.iter().take_while(|sign| is_code(sign)).count();
        signs.get(*at) == Some(&':') && length > 0 && behind.get(length) == Some(&':')
    };
    (0..signs.len()).filter(begins).collect()
}

/// Text for a mrkdwn object, at most `limit` signs.
pub(crate) fn mrkdwn(text: &Text, limit: usize) -> String {
    let mut line = Line::new(limit);
    text.0.iter().for_each(|span| line.span(span, true));
    line.out
}

/// Text for the `text` of a message, read by notifications and screen readers: no emphasis, but mentions, which notify.
pub(crate) fn fallback(text: &Text, limit: usize) -> String {
    let mut line = Line::new(limit);
    text.0.iter().for_each(|span| line.span(span, false));
    line.out
}

/// Line breaks and other controls have no place in a headline.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

/// Text of one emphasis with what closes it, or a token that is taken whole or not at all.
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

    /// A piece that makes no sense in part.
    fn token(&mut self, token: &str) {
        if self.full {
            return;
        }
        // One sign is kept for the ellipsis, unless nothing follows; that it then stands unused does no harm.
        if length(token) < self.left {
            self.out.push_str(token);
            self.left -= length(token);
        } else {
            self.end();
        }
    }

    /// Words between two marks, sign by sign.
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
        let mut signs = words.chars().enumerate().peekable();
        let mut before = None;
        while let Some((at, sign)) = signs.next() {
            let mut notation = String::new();
            let line = self.out.rsplit('\n').next().unwrap_or_default();
            if is_text && sign == '>' && line.trim().is_empty() {
                // Else the line would be a quote.
                notation.push(WORD_JOINER);
            }
            notate(&mut notation, before, sign, signs.peek().map(|(_, sign)| *sign));
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
            before = Some(sign);
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

/// Emphasis that spans lines, or that is empty, is none for Slack.
fn can_be_wrapped(words: &str) -> bool {
    !words.trim().is_empty() && !words.contains('\n')
}

fn is_linkable(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && length(url) <= LONGEST_URL
        && !url.chars().any(|sign| sign.is_whitespace() || sign.is_control() || sign == '|')
}

/// A sign of plain text. Emphasis begins with a mark between a sign that belongs to no word and one that is no blank.
fn neutral(out: &mut String, before: Option<char>, sign: char, after: Option<char>) {
    push_escaped(out, sign);
    let may_begin = before.is_none_or(|before| !before.is_alphanumeric())
        && after.is_none_or(|after| !after.is_whitespace());
    if matches!(sign, '*' | '_' | '~' | '`') && may_begin {
        out.push(WORD_JOINER);
    }
}

/// A sign of code: a backtick would end it, a line break would break it.
fn literal(out: &mut String, _before: Option<char>, sign: char, _after: Option<char>) {
    match sign {
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
    fn what_people_type_is_never_markup() {
        let text = Text::plain("<!channel> <@U1> & *bold* _x_ snake_case_name 2 * 3").code("a`b<c");
        assert_eq!(
            mrkdwn(&text, 3_000),
            "&lt;!channel&gt; &lt;@U1&gt; &amp; *\u{2060}bold* _\u{2060}x_ snake_case_name 2 * 3`a'b&lt;c`"
        );
        assert!(!fallback(&text, 3_000).contains('<'));
    }

    #[test]
    fn a_reason_is_no_quote_and_no_emoji_and_hides_nothing() {
        let said = |words: &str| mrkdwn(&Text::plain(words), 3_000);
        assert_eq!(said("> no"), "\u{2060}&gt; no");
        assert_eq!(said("a\n  >>> b > c"), "a\n  \u{2060}&gt;&gt;&gt; b &gt; c");
        assert_eq!(said(":tada: at 9:30:15, a::b"), ":\u{2060}tada: at 9:\u{2060}30:15, a::b");
        assert_eq!(said("x\u{202e}y\u{7}z\u{85}"), "xyz");
        assert_eq!(mrkdwn(&Text::default().code(":tada: > x\u{2066}y"), 3_000), "`:tada: &gt; xy`");
        assert!(fallback(&Text::plain(":x: > "), 300).starts_with(":\u{2060}x:"));
    }

    #[test]
    fn a_link_cannot_break_out_of_its_brackets() {
        let text = Text::default().link("https://x.y/?a=1&b=<2>", "see > | this");
        assert_eq!(mrkdwn(&text, 3_000), "<https://x.y/?a=1&amp;b=&lt;2&gt;|see &gt; / this>");
        let text = Text::default().link("javascript:alert(1)", "click");
        assert_eq!(mrkdwn(&text, 3_000), "click");
    }

    #[test]
    fn cutting_keeps_marks_closed_and_tokens_whole() {
        let user = UserId::new("U024BE7LH").unwrap();
        let text = Text::default().bold("0123456789").then(" by ").user(&user);
        assert_eq!(mrkdwn(&text, 8), "*01234…*");
        assert_eq!(mrkdwn(&text, 20), "*0123456789* by …");
        assert_eq!(mrkdwn(&text, 100), "*0123456789* by <@U024BE7LH>");
        for limit in 0..40 {
            assert!(length(&mrkdwn(&text, limit)) <= limit, "{limit}");
        }
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut_bytes("abc", 3), "abc");
        assert_eq!(cut_bytes("ab🧨c", 12), "ab…");
        assert_eq!(cut_bytes("ab🧨c", 15), "ab🧨c");
    }

    #[test]
    fn a_time_is_shown_in_the_readers_zone() {
        let text = Text::default().time("2026-03-01T10:00:00Z".parse().unwrap());
        assert_eq!(mrkdwn(&text, 300), "<!date^1772359200^{date_short_pretty} {time}|2026-03-01 10:00 UTC>");
        assert_eq!(fallback(&text, 300), "2026-03-01 10:00 UTC");
    }
}
