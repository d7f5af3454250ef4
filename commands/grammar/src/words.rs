//! Splits a normalised line into words with their positions and quotes.
//!
//! Double quotes, and single quotes or backticks around a whole word or value, keep spaces together and make a reserved word a
//! name. An unclosed quote is an ordinary character. An escaped person (`<@U1|ann lee>`) or group is one word.

use std::ops::Range;

/// A word of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text without quotes.
    pub(super) text: String,
    /// Its position in bytes, quotes included.
    pub(super) at: Range<usize>,
    /// It begins with a quote, so it is a name and not a keyword.
    pub(super) quoted: bool,
    /// It is one pair of quotes and nothing else.
    pub(super) whole: bool,
    /// It ends with a quote, so its last character is not punctuation that a phone added.
    pub(super) closed: bool,
}

impl Word {
    /// The word as a keyword: in lower case, without the full stop that phones add. `None` for a quoted word.
    pub(super) fn keyword(&self) -> Option<String> {
        (!self.quoted).then(|| self.bare().to_lowercase())
    }

    /// The word without punctuation at its end, unless that was quoted.
    pub(super) fn bare(&self) -> &str {
        if self.closed {
            &self.text
        } else {
            self.text.trim_end_matches(['.', ',', ';', ':', '!', '?', '…'])
        }
    }
}

/// Splits a normalised line into words.
pub(super) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = Rest { line, at: 0 };
    loop {
        rest.skip_spaces();
        if rest.text().is_empty() {
            return words;
        }
        words.push(rest.word());
    }
}

struct Rest<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn text(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        let text = self.text();
        self.at += text.len() - text.trim_start().len();
    }

    fn word(&mut self) -> Word {
        let start = self.at;
        let mut word =
            Word { text: String::new(), at: start..start, quoted: false, whole: false, closed: false };
        while let Some(c) = self.text().chars().next().filter(|c| !c.is_whitespace()) {
            let may_open = self.at == start || word.text.ends_with(['=', '@']);
            let may_hold = self.at == start || word.text.ends_with('=');
            let quoted = if may_open { quoted(self.text(), may_hold) } else { None };
            if let Some((inside, length)) = quoted {
                word.quoted |= self.at == start;
                word.text.push_str(&inside);
                self.at += length;
                word.closed = true;
                word.whole = word.quoted && self.at - start == length;
                continue;
            }
            let length = mention(self.text()).unwrap_or(c.len_utf8());
            word.text.extend(self.text().get(..length));
            self.at += length;
            word.closed = false;
            word.whole = false;
        }
        word.at.end = self.at;
        word
    }
}

/// The content of the quotes that a text begins with, and its length in bytes with the quotes.
fn quoted(text: &str, may_hold: bool) -> Option<(String, usize)> {
    let mut chars = text.char_indices();
    let (_, open) = chars.next()?;
    if open != '"' {
        // An apostrophe is not a quote: these two must enclose a whole word, or everything after a `=`.
        let inside = text.strip_prefix(open).filter(|_| may_hold && matches!(open, '\'' | '`'))?;
        let (inside, after) = inside.split_once(open)?;
        let whole = !inside.is_empty() && (after.is_empty() || after.starts_with([' ', '@']));
        return whole.then(|| (inside.to_owned(), inside.len() + 2));
    }
    let mut inside = String::new();
    let mut escaped = false;
    for (at, c) in chars {
        match c {
            '"' if !escaped => return Some((inside, at + 1)),
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '"' | '\\' => {}
            _ if escaped => inside.push('\\'),
            _ => {}
        }
        escaped = false;
        inside.push(c);
    }
    None
}

/// The length in bytes of the escaped person or group that a text begins with.
fn mention(text: &str) -> Option<usize> {
    let (inside, _) = text.strip_prefix('<')?.split_once('>')?;
    super::normalise::mention(inside).map(|_| inside.len() + 2)
}

/// A text in double quotes, which [`words`] reads as the same text.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        words(line).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_keep_spaces_together() {
        assert_eq!(texts("set  w=\"Mon-Fri 09:00\" \"list\"@main"), ["set", "w=Mon-Fri 09:00", "list@main"]);
        assert_eq!(texts("a 5\" disk isn't \"open"), ["a", "5\"", "disk", "isn't", "\"open"]);
        assert_eq!(texts("'list' `log` 'tis"), ["list", "log", "'tis"]);
        assert_eq!(texts("set s='go {\"a\":1}' t=`x y` u='v"), ["set", "s=go {\"a\":1}", "t=x y", "u='v"]);
        assert_eq!(texts(r#""a \"b\" \\ \n""#), [r#"a "b" \ \n"#]);
        assert_eq!(
            texts("x <@U1|ann lee> y <@nobody at all>"),
            ["x", "<@U1|ann lee>", "y", "<@nobody", "at", "all>"]
        );
    }

    #[test]
    fn a_word_has_its_position_and_quotes() {
        let found = words(" ö \"list\". b");
        assert_eq!(found[1].at, 4..11);
        assert!(found[1].quoted && !found[1].whole && !found[1].closed);
        assert_eq!(found[1].bare(), "list");
        assert!(words("\"a b\"")[0].whole);
    }
}
