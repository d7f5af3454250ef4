//! Rust source as tokens, and its production code. This is not a parser: it knows only enough of the grammar to find modules,
//! imports and paths.

/// A token, with its line (from 1). A string is one token with its quotes; comments, characters and lifetimes are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.text == text
    }

    pub(crate) fn is_ident(&self) -> bool {
        self.text.starts_with(|c: char| c == '_' || c.is_alphabetic()) && !self.text.ends_with('"')
    }
}

/// The tokens of a file.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut found, mut at, mut line) = (vec![], 0, 1);
    while at < chars.len() {
        let from = at;
        let token = token(&chars, &mut at);
        let text: String = chars[from..at].iter().collect();
        if token {
            found.push(Token { text: text.trim_start_matches("r#").to_owned(), line });
        }
        line += text.matches('\n').count();
    }
    found
}

/// Moves past the next piece of source. Returns whether it is a token.
fn token(chars: &[char], at: &mut usize) -> bool {
    let rest = |from: usize| chars[from.min(chars.len())..].iter();
    let starts = |text: &str| rest(*at).take(text.len()).copied().eq(text.chars());
    let first = chars[*at];
    if starts("//") {
        *at += rest(*at).take_while(|c| **c != '\n').count();
        return false;
    }
    if starts("/*") {
        *at = after_comment(chars, *at);
        return false;
    }
    if first.is_whitespace() {
        *at += 1;
        return false;
    }
    // A raw string: `r"…"`, `r#"…"#`, `br"…"`.
    let prefix = rest(*at).take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
    let hashes = rest(*at + prefix).take_while(|c| **c == '#').count();
    let is_quoted = chars.get(*at + prefix + hashes) == Some(&'"');
    if is_quoted && prefix > 0 && chars[*at + prefix - 1] == 'r' {
        let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
        *at += prefix + hashes + 1;
        while *at < chars.len() && !rest(*at).take(end.len()).copied().eq(end.chars()) {
            *at += 1;
        }
        *at += end.len();
        return true;
    }
    if is_quoted && hashes == 0 && prefix <= 1 {
        *at += prefix + 1;
        after_quoted(chars, at, '"');
        return true;
    }
    if first == '\'' {
        let is_char = chars.get(*at + 1) == Some(&'\\') || chars.get(*at + 2) == Some(&'\'');
        *at += 1;
        if is_char {
            after_quoted(chars, at, '\'');
        } else {
            *at += rest(*at).take_while(|c| c.is_alphanumeric() || **c == '_').count();
        }
        return false;
    }
    if starts("::") {
        *at += 2;
        return true;
    }
    let word = rest(*at).take_while(|c| c.is_alphanumeric() || **c == '_').count();
    if starts("r#") {
        *at += 2 + rest(*at + 2).take_while(|c| c.is_alphanumeric() || **c == '_').count();
    } else {
        *at += word.max(1);
    }
    true
}

fn after_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn after_quoted(chars: &[char], at: &mut usize, quote: char) {
    while *at < chars.len() && chars[*at] != quote {
        *at += if chars[*at] == '\\' { 2 } else { 1 };
    }
    *at += 1;
}

/// The tokens without the items that are compiled for tests alone: `#[cfg(test)]` and `#[cfg(any(test, …))]`.
pub(crate) fn production(all: &[Token]) -> Vec<Token> {
    let mut kept = vec![];
    let mut at = 0;
    while at < all.len() {
        let Some((inner, end)) = attribute(all, at) else {
            kept.push(all[at].clone());
            at += 1;
            continue;
        };
        if !is_for_tests(&all[at..end]) {
            kept.extend(all[at..end].iter().cloned());
            at = end;
        } else if inner {
            // `#![cfg(test)]` is about the whole file.
            return vec![];
        } else {
            at = after_item(all, end);
        }
    }
    kept
}

/// The end of the attribute that begins here, and whether it is an inner one.
fn attribute(all: &[Token], at: usize) -> Option<(bool, usize)> {
    let inner = all.get(at + 1)?.is("!");
    let open = at + 1 + usize::from(inner);
    if !all[at].is("#") || !all.get(open)?.is("[") {
        return None;
    }
    Some((inner, after_group(all, open)))
}

fn is_for_tests(attribute: &[Token]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.is(word));
    has("cfg") && has("test") && !has("not")
}

/// The index after the bracket that closes this one.
fn after_group(all: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in all.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    all.len()
}

/// The index after the item, field, arm or statement that begins here.
fn after_item(all: &[Token], mut at: usize) -> usize {
    while let Some((_, end)) = attribute(all, at) {
        at = end;
    }
    let words: Vec<&str> = all[at..].iter().take(8).map(|token| token.text.as_str()).collect();
    let has = |kinds: &[&str]| words.iter().any(|word| kinds.contains(word));
    let ends_with_block = has(&["fn", "struct", "enum", "impl", "trait", "mod", "union", "macro_rules"]);
    while at < all.len() {
        match all[at].text.as_str() {
            ";" => return at + 1,
            "," if !ends_with_block => return at + 1,
            ")" | "]" | "}" => return at,
            "{" if ends_with_block => return after_group(all, at),
            "(" | "[" | "{" => at = after_group(all, at),
            _ => at += 1,
        }
    }
    at
}

#[test]
fn comments_strings_and_lifetimes_are_not_code() {
    let source = r##"
        /* crate::a /* nested */ crate::b */ // crate::c
        fn f<'a>(text: &'a str) -> char { let _ = ("crate::d", r#"crate::"e""#, b"\"crate::f"); 'x' }
        let r#type = crate::g;
    "##;
    let words = tokens(source);
    let words: Vec<&str> = words.iter().filter(|token| token.is_ident()).map(|t| t.text.as_str()).collect();
    assert_eq!(words, ["fn", "f", "text", "str", "char", "let", "_", "let", "type", "crate", "g"]);
    assert_eq!(tokens("a\n\"b\nc\"\nd").last().unwrap().line, 4);
}

#[test]
fn code_for_tests_only_is_not_production() {
    let source = "
        #[cfg(test)] use a::{b, c};
        #[cfg(test)] #[allow(x)] fn d<A, B>(e: [A; 2]) -> B { f; g }
        struct H { #[cfg(test)] i: J, k: L }
        #[cfg(any(test, feature = \"m\"))] pub mod n;
        #[cfg(not(test))] fn o() {}
        #[cfg(test)] mod p { fn q() {} }
        const R: u8 = 1;
    ";
    let kept = production(&tokens(source));
    let words: String =
        kept.iter().filter(|token| token.is_ident()).map(|t| format!("{} ", t.text)).collect();
    assert_eq!(words, "struct H k L cfg not test fn o const R u8 ");
}
