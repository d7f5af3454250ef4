//! The modules, imports and items of a file, and the paths in its code.

use std::collections::BTreeSet;

use crate::source::Token;

/// One imported name: `use a::b as c` is the path `a::b` under the name `c`, `use a::*` has the name `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    pub(crate) name: String,
    /// `pub use`, also `pub(crate) use`: the name is offered to others.
    pub(crate) is_offered: bool,
    pub(crate) line: usize,
}

/// A module's own text; a module that is written inline is one of its `inline`.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// The modules that have a file of their own.
    pub(crate) files: Vec<String>,
    pub(crate) inline: Vec<(String, Text)>,
    pub(crate) imports: Vec<Import>,
    pub(crate) items: BTreeSet<String>,
    /// Every path of two names or more, and every single name, with its line.
    pub(crate) paths: Vec<(Vec<String>, usize)>,
}

/// Reads a module from its tokens.
pub(crate) fn read(tokens: &[Token]) -> Text {
    let mut text = Text::default();
    let (mut at, mut depth) = (0, 0_usize);
    while at < tokens.len() {
        let (token, next) = (&tokens[at], tokens.get(at + 1));
        let names_next = next.is_some_and(Token::is_ident);
        let is_use = token.is("use") && next.is_some_and(|next| !next.is("<"));
        match token.text.as_str() {
            "mod" if names_next => {
                let name = tokens[at + 1].text.clone();
                if tokens.get(at + 2).is_some_and(|token| token.is("{")) {
                    let end = closing(tokens, at + 2);
                    text.inline.push((name, read(&tokens[at + 3..end])));
                    at = end + 1;
                } else {
                    text.files.push(name);
                    at += 2;
                }
            }
            _ if is_use => {
                let is_offered = at > 0 && (tokens[at - 1].is("pub") || is_restricted(&tokens[..at]));
                let end = (at..tokens.len()).find(|end| tokens[*end].is(";")).unwrap_or(tokens.len());
                imports(&tokens[at + 1..end], vec![], is_offered, &mut text.imports);
                at = end + 1;
            }
            "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union" if names_next => {
                let is_modifier = tokens[at + 1].is("fn");
                if depth == 0 && !is_modifier {
                    text.items.insert(tokens[at + 1].text.clone());
                }
                at += if is_modifier { 1 } else { 2 };
            }
            _ if token.is_ident() => at = path(tokens, at, &mut text.paths),
            other => {
                depth = match other {
                    "{" | "(" | "[" => depth + 1,
                    "}" | ")" | "]" => depth.saturating_sub(1),
                    _ => depth,
                };
                at += 1;
            }
        }
    }
    text
}

/// Whether these tokens end with `pub(…)`.
fn is_restricted(before: &[Token]) -> bool {
    let open = before.iter().rposition(|token| token.is("("));
    before.last().is_some_and(|token| token.is(")"))
        && open.is_some_and(|open| open > 0 && before[open - 1].is("pub") && before.len() - open <= 5)
}

fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += i32::from(token.is("{")) - i32::from(token.is("}"));
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// Reads the path that begins here, and returns where it ends. A field or method after a dot is no path, and neither is a
/// macro of the crate (`crate::name!`), which is found by name alone.
fn path(tokens: &[Token], from: usize, found: &mut Vec<(Vec<String>, usize)>) -> usize {
    let mut names = vec![tokens[from].text.clone()];
    let mut at = from + 1;
    while tokens.get(at).is_some_and(|token| token.is("::"))
        && tokens.get(at + 1).is_some_and(Token::is_ident)
    {
        names.push(tokens[at + 1].text.clone());
        at += 2;
    }
    let is_member = from > 0 && (tokens[from - 1].is(".") || tokens[from - 1].is("::"));
    let is_macro = tokens.get(at).is_some_and(|token| token.is("!")) && names[0] == "crate";
    if !is_member && !is_macro {
        found.push((names, tokens[from].line));
    }
    at
}

/// Reads a tree of imports: `a::{b, c::{self, d as e}, *}`.
fn imports(tokens: &[Token], prefix: Vec<String>, is_offered: bool, found: &mut Vec<Import>) {
    let mut path = prefix;
    let mut name = None;
    let mut line = 0;
    let mut at = 0;
    while at < tokens.len() {
        line = tokens[at].line;
        match tokens[at].text.as_str() {
            "{" => {
                let end = closing(tokens, at);
                for part in split(&tokens[at + 1..end]) {
                    imports(part, path.clone(), is_offered, found);
                }
                return;
            }
            "as" => {
                name = tokens.get(at + 1).map(|token| token.text.clone());
                at += 1;
            }
            "::" => {}
            "*" => name = Some("*".to_owned()),
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    found.push(Import { path, name, is_offered, line });
}

/// The parts between the commas of one group.
fn split(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut parts, mut from, mut depth) = (vec![], 0, 0);
    for (at, token) in tokens.iter().enumerate() {
        depth += i32::from(token.is("{")) - i32::from(token.is("}"));
        if token.is(",") && depth == 0 {
            parts.push(&tokens[from..at]);
            from = at + 1;
        }
    }
    parts.push(&tokens[from..]);
    parts.retain(|part| !part.is_empty());
    parts
}

#[test]
fn imports_modules_items_and_paths_are_read() {
    let source = "
        pub(crate) mod a;
        pub(super) use a::{B, c::{self, d as e}, f::*};
        use super::g;
        mod h { use super::I; }
        pub const fn j(k: g::K) -> l::M { self.n.o; crate::p::q::<R>(); crate::s!(); L::t() }
    ";
    let text = read(&crate::source::tokens(source));
    assert_eq!(text.files, ["a"]);
    let imports: Vec<String> =
        text.imports.iter().map(|import| import.path.join("::") + " as " + &import.name).collect();
    assert_eq!(imports, ["a::B as B", "a::c as c", "a::c::d as e", "a::f as *", "super::g as g"]);
    assert_eq!(
        text.imports.iter().map(|import| import.is_offered).collect::<Vec<_>>(),
        [true, true, true, true, false]
    );
    assert_eq!(text.inline[0].0, "h");
    assert_eq!(text.inline[0].1.imports[0].path, ["super", "I"]);
    assert_eq!(text.items.iter().collect::<Vec<_>>(), ["j"]);
    let paths: Vec<String> =
        text.paths.iter().map(|(path, _)| path.join("::")).filter(|path| path.contains("::")).collect();
    assert_eq!(paths, ["g::K", "l::M", "crate::p::q", "L::t"]);
}
