//! Did you mean: small changes to a line that was not understood, of which the first that makes a command is offered.

use super::misunderstanding::Trouble;
use super::names::Slash;
use super::parse::understand;
use super::table::{Slot, forms};
use super::words::{is_reserved, quote, words};
use super::{Command, Language, Role, Verb, table};

/// The nearest right line; one that can be used yet comes before one that cannot.
pub(super) fn nearest(head: Slash, line: &str, trouble: &Trouble) -> Option<String> {
    if matches!(trouble.code, "empty" | "not-available") {
        return None;
    }
    let fixed = trouble.fix.iter().map(|line| (head, line.clone()));
    let changed =
        changes(head, line, trouble).into_iter().map(|(verb, words)| (Slash::Verb(verb), words.join(" ")));
    let mut unavailable = None;
    for (head, line) in fixed.chain(changed) {
        match understand(head, &line) {
            Ok(Command::Help { command }) if trouble.code != "unknown-topic" => drop(command),
            Ok(command) if command.available() => return Some(command.to_string()),
            Ok(command) => unavailable = unavailable.or(Some(command.to_string())),
            Err(_) => {}
        }
    }
    unavailable
}

/// The nearest right line for a slash command that is not ours.
pub(super) fn verb(slash: &str, line: &str) -> Option<String> {
    let typed = slash.trim().trim_start_matches('/').to_lowercase();
    let verb = Verb::ALL.into_iter().find(|verb| similar(&typed, verb.word()))?;
    understand(Slash::Verb(verb), line).ok().map(|command| command.to_string())
}

type Line = (Verb, Vec<String>);

/// Changed lines, the likelier first.
fn changes(head: Slash, line: &str, trouble: &Trouble) -> Vec<Line> {
    let found = words(line);
    let mut pieces: Vec<String> =
        found.iter().filter_map(|word| line.get(word.at.clone())).map(str::to_owned).collect();
    // Which piece is wrong.
    let mut wrong =
        trouble.span.as_ref().and_then(|span| found.iter().position(|word| word.at.start == span.start));
    let verb = match head {
        Slash::Verb(verb) => Some(verb),
        Slash::Umbrella => {
            let verb =
                found.first().and_then(|word| Verb::from_word(word.keyword()?.trim_start_matches('/')));
            if verb.is_some() {
                pieces.remove(0);
                wrong = wrong.and_then(|at| at.checked_sub(1));
            }
            verb
        }
    };
    let mut lines = Vec::new();
    first_words(verb, &pieces, &mut lines);
    let Some(verb) = verb else { return lines };
    if let Some(at) = wrong {
        wrong_word(verb, &pieces, at, trouble, &mut lines);
    }
    moved_words(verb, &pieces, &mut lines);
    lines
}

/// The verb or its word is misspelt, missing, or another command's.
fn first_words(verb: Option<Verb>, pieces: &[String], lines: &mut Vec<Line>) {
    let Some((first, rest)) = pieces.split_first() else { return };
    let first = first.trim_start_matches('/').to_lowercase();
    let own = table().iter().filter(|form| Some(form.verb) == verb);
    let others = table().iter().filter(|form| Some(form.verb) != verb);
    for form in own.chain(others) {
        let Some(word) = form.word else { continue };
        if (first == word && Some(form.verb) != verb) || (first != word && similar(&first, word)) {
            lines.push((form.verb, join([word], rest)));
        }
    }
    for other in Verb::ALL {
        if first == other.word() || similar(&first, other.word()) {
            lines.push((other, rest.to_vec()));
        }
    }
    // `/stage orders add staging`, `/pipeline orders`
    let Some(verb) = verb else { return };
    for form in forms(verb).filter(|form| form.word.is_some()) {
        let Some(at) = pieces.iter().position(|piece| Some(piece.to_lowercase().as_str()) == form.word)
        else {
            continue;
        };
        let mut moved = pieces.to_vec();
        let word = moved.remove(at);
        lines.push((verb, join([word.as_str()], &moved)));
    }
    if forms(verb).all(|form| form.word.is_some()) {
        for form in forms(verb).filter(|form| form.available && form.has(Slot::Name)) {
            lines.push((verb, join(form.word, pieces)));
        }
    }
}

/// One word is misspelt, or no name, or one too many.
fn wrong_word(verb: Verb, pieces: &[String], at: usize, trouble: &Trouble, lines: &mut Vec<Line>) {
    let Some(word) = pieces.get(at) else { return };
    let with = |new: &str| {
        let mut pieces = pieces.to_vec();
        if let Some(piece) = pieces.get_mut(at) {
            *piece = new.to_owned();
        }
        (verb, pieces)
    };
    let lower = word.to_lowercase();
    let small = forms(verb).flat_map(|form| form.arguments).flat_map(|argument| argument.words).copied();
    let listed = Role::ALL.map(Role::word).into_iter().chain(Language::ALL.map(Language::word));
    for keyword in small.chain(listed) {
        if similar(&lower, keyword) {
            lines.push(with(keyword));
        }
    }
    if is_reserved(&lower) {
        lines.push(with(&quote(&lower)));
    }
    let slug = slug(word);
    if slug != *word && !slug.is_empty() {
        lines.push(with(&if is_reserved(&slug) { quote(&slug) } else { slug }));
    }
    // `/stage add orders staging dev` and `/promote orders staging to prod` lack a word.
    for argument in trouble.form.iter().flat_map(|form| form.arguments).filter(|argument| argument.needs_word)
    {
        let mut named = pieces.to_vec();
        named.splice(at..at, argument.words.first().map(|word| (*word).to_owned()));
        lines.push((verb, named));
    }
    if let Some(before) = at.checked_sub(1).and_then(|before| pieces.get(before)).filter(|_| lower == "to") {
        let mut turned = pieces.to_vec();
        let from = ["from".to_owned(), before.clone()];
        turned.remove(at - 1);
        turned.extend(from);
        lines.push((verb, turned));
    }
    // `/repo create my service` is one name; at last, the word may be one too many.
    if let (Some(before), "extra" | "bad-language") = (at.checked_sub(1), trouble.code) {
        let mut joined = pieces.to_vec();
        let second = joined.remove(at);
        if let Some(first) = joined.get_mut(before) {
            *first = format!("{first}-{}", self::slug(&second));
        }
        lines.push((verb, joined));
    }
    let mut without = pieces.to_vec();
    without.remove(at);
    lines.push((verb, without));
}

/// The right words in the wrong order: `/deploy #12 orders`.
fn moved_words(verb: Verb, pieces: &[String], lines: &mut Vec<Line>) {
    for at in 1..pieces.len().min(4) {
        let mut swapped = pieces.to_vec();
        swapped.swap(at - 1, at);
        lines.push((verb, swapped));
    }
}

fn join<'a>(front: impl IntoIterator<Item = &'a str>, rest: &[String]) -> Vec<String> {
    front.into_iter().map(str::to_owned).chain(rest.iter().cloned()).collect()
}

/// What a name might have been meant to be: `Ord_ers!` is `ord-ers`.
fn slug(word: &str) -> String {
    let plain = word.to_lowercase().replace(['_', '.', ' '], "-");
    let slug: String = plain.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    slug.trim_matches('-').to_owned()
}

/// Whether a word is a slip of the thumb away from another: one letter for a short word, two for a longer one.
fn similar(typed: &str, word: &str) -> bool {
    let length = word.chars().count();
    let slips = if length <= 4 { 1 } else { 2 };
    length > 2 && typed.chars().count() <= 20 && strsim::osa_distance(typed, word) <= slips
}
