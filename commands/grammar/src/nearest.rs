//! "Did you mean": tries small changes to a line with a mistake, and offers the first that is a command.

use super::command::{Command, forms, table};
use super::error::Diagnostic;
use super::form::ArgumentKind;
use super::language::Language;
use super::line;
use super::names::Slash;
use super::reserved::{is_numbered, is_reserved};
use super::table::PipelineCommand;
use super::verb::Verb;
use super::words::{quote, words};
use sluice_model::Role;

/// A longer line is prose, and no slip of the thumb is looked for in it.
const LONGEST: usize = 300;

/// The nearest correct line. An available command is preferred.
pub(super) fn nearest(head: Slash, line: &str, mistake: &Diagnostic) -> Option<String> {
    let fixed = mistake.fix.iter().map(|line| (head, line.clone()));
    let changed = match mistake.code {
        "empty" | "not-available" | "unknown-topic" => Vec::new(),
        _ if line.chars().count() > LONGEST => Vec::new(),
        _ => changes(head, line, mistake),
    };
    let changed = changed.into_iter().map(|(verb, words)| (Slash::Verb(verb), words.join(" ")));
    let mut unavailable = None;
    for (head, line) in fixed.chain(changed) {
        match line::read(head, &line) {
            Ok(command) if is_help(&command) && mistake.code != "unknown-topic" => {}
            // A waiver of a safeguard is never suggested.
            Ok(command) if command.waives() => {}
            Ok(command) if command.available() => return Some(command.to_string()),
            Ok(command) => unavailable = unavailable.or(Some(command.to_string())),
            Err(_) => {}
        }
    }
    unavailable
}

/// The known name that is nearest to a typed one, if any is near: for "there is no pipeline `ordrs`".
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().filter(|name| similar(typed, name));
    near.min_by_key(|name| strsim::osa_distance(typed, name))
}

impl Command {
    /// The line that was probably meant if the pipeline does not exist: `/build lgo orders` parses as a pipeline `lgo` and a
    /// branch `orders`.
    pub fn other_reading(&self) -> Option<String> {
        let form = self.form();
        // In the printed command, the second word is a branch or a stage: `craete to orders`.
        let text = self.to_string().replace('@', " ");
        let pieces: Vec<_> =
            text.split(' ').skip(1).filter(|word| *word != "to").map(str::to_owned).collect();
        let mut lines = Vec::new();
        if form.word.is_none() {
            first_words(Some(form.verb), &pieces, &mut lines);
        }
        let readings = lines
            .into_iter()
            .filter_map(|(verb, words)| line::read(Slash::Verb(verb), &words.join(" ")).ok());
        let mut readings = readings.into_iter();
        readings.find(|command| command.available() && !command.waives()).map(|command| command.to_string())
    }
}

/// The nearest correct line for an unknown slash command.
pub(super) fn nearest_verb(slash: &str, line: &str) -> Option<String> {
    let typed = slash.trim().trim_start_matches('/').to_lowercase();
    let verb = Verb::ALL.into_iter().find(|verb| similar(&typed, verb.word()))?;
    let command = line::read(Slash::Verb(verb), line).ok().filter(|command| !command.waives())?;
    Some(command.to_string())
}

type Line = (Verb, Vec<String>);

fn is_help(command: &Command) -> bool {
    matches!(command, Command::Pipeline(PipelineCommand::Help { .. }))
}

/// Changed lines, the more likely ones first.
fn changes(head: Slash, line: &str, mistake: &Diagnostic) -> Vec<Line> {
    let found = words(line);
    let mut pieces: Vec<String> =
        found.iter().filter_map(|word| line.get(word.at.clone())).map(str::to_owned).collect();
    // The index of the mistake.
    let mut wrong =
        mistake.span.as_ref().and_then(|span| found.iter().position(|word| word.at.start == span.start));
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
    if mistake.form.is_none_or(|form| form.word.is_none()) {
        first_words(verb, &pieces, &mut lines);
    }
    if let Some((verb, at)) = verb.zip(wrong) {
        wrong_word(verb, &pieces, at, mistake, &mut lines);
    }
    lines
}

/// Adds lines for a verb or a word of it that is misspelt, missing, or another command's.
fn first_words(verb: Option<Verb>, pieces: &[String], lines: &mut Vec<Line>) {
    let Some((first, rest)) = pieces.split_first() else { return };
    let first = first.trim_start_matches('/').to_lowercase();
    let own = table().filter(|form| Some(form.verb) == verb);
    let others = table().filter(|form| Some(form.verb) != verb);
    for form in own.chain(others) {
        let Some(word) = form.word else { continue };
        if (first == word && Some(form.verb) != verb) || (first != word && may_mean(&first, word)) {
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
        for form in forms(verb).filter(|form| form.available && form.has(ArgumentKind::Name)) {
            lines.push((verb, join(form.word, pieces)));
        }
    }
}

/// Adds lines for one word that is misspelt, not a name, in the wrong place, or superfluous.
fn wrong_word(verb: Verb, pieces: &[String], at: usize, mistake: &Diagnostic, lines: &mut Vec<Line>) {
    let Some(word) = pieces.get(at) else { return };
    let mut changed = |from: usize, until: usize, new: &[&str]| {
        let mut pieces = pieces.to_vec();
        pieces.splice(from..until, new.iter().map(|word| (*word).to_owned()));
        lines.push((verb, pieces));
    };
    // `form staging`; a misspelt keyword that was read as a name is noticed at the word after it.
    let keywords =
        forms(verb).flat_map(|form| form.arguments).flat_map(|argument| argument.keywords).copied();
    let listed = Role::ALL.map(Role::word).into_iter().chain(Language::ALL.map(Language::word));
    for keyword in keywords.chain(listed) {
        for at in [Some(at), at.checked_sub(1)].into_iter().flatten() {
            if pieces.get(at).is_some_and(|piece| similar(&piece.to_lowercase(), keyword)) {
                changed(at, at + 1, &[keyword]);
            }
        }
    }
    let before = at.checked_sub(1).and_then(|before| pieces.get(before));
    match mistake.code {
        // `/deploy orders build 12` has a word too many, `/build deploy` a name that needs quotes.
        // `/deploy billing and orders` is two commands, not a stage `orders`.
        "reserved-word" if ["and", "or"].contains(&word.as_str()) => {}
        "reserved-word" => {
            changed(at, at + 1, &[]);
            changed(at, at + 1, &[&quote(&word.to_lowercase())]);
        }
        "bad-name" | "bad-stage" => {
            let slug = slug(word);
            // An address or a person is not a misspelt name.
            let is_other = word.contains("://") || word.contains('/') || word.contains('@');
            if !is_other && !is_numbered(&slug, "r") {
                changed(at, at + 1, &[&if is_reserved(&slug) { quote(&slug) } else { slug }]);
            }
            // `/deploy #12 orders`
            if let Some(next) = pieces.get(at + 1).filter(|_| !word.starts_with(char::is_alphabetic)) {
                changed(at, at + 2, &[next, word]);
            }
        }
        // `/promote orders staging to prod`
        "repeated" if mistake.form.is_some_and(|form| form.has(ArgumentKind::From)) => {
            if let Some((before, next)) = before.zip(pieces.get(at + 1)) {
                changed(at - 1, at + 2, &["to", next, "from", before]);
            }
        }
        // `/repo create my service`
        "bad-language" => {
            if let Some(before) = before {
                changed(at - 1, at + 1, &[&format!("{before}-{}", slug(word))]);
            }
        }
        // `/stage add orders staging dev`
        "extra" => {
            let is_courtesy =
                COURTESY.contains(&word.to_lowercase().as_str()) || word.starts_with(['@', '<']);
            let form = mistake.form.filter(|_| !is_courtesy);
            let lacking =
                form.iter().flat_map(|form| form.arguments).filter(|argument| argument.needs_keyword);
            for keyword in lacking.filter_map(|argument| argument.keywords.first()) {
                changed(at, at, &[keyword]);
            }
            changed(at, at + 1, &[]);
        }
        _ => {}
    }
}

fn join<'a>(front: impl IntoIterator<Item = &'a str>, rest: &[String]) -> Vec<String> {
    front.into_iter().map(str::to_owned).chain(rest.iter().cloned()).collect()
}

/// The name that was probably meant: `ord-ers` for `Ord_ers!`.
fn slug(word: &str) -> String {
    let plain = word.to_lowercase().replace(['_', '.', ' '], "-");
    let slug: String = plain.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect();
    slug.trim_matches('-').to_owned()
}

/// Words without a meaning here.
const COURTESY: [&str; 8] = ["please", "pls", "plz", "thanks", "thx", "now", "asap", "today"];

/// Words of other tools, with ours.
const ELSEWHERE: &[(&str, &str)] = &[
    ("new", "create"),
    ("init", "create"),
    ("ls", "list"),
    ("logs", "log"),
    ("info", "show"),
    ("rm", "remove"),
    ("ok", "approve"),
    ("deny", "reject"),
    ("abort", "cancel"),
    ("stop", "cancel"),
];

/// Whether a word was meant as another: misspelt, abbreviated, or another tool's.
fn may_mean(typed: &str, word: &str) -> bool {
    let is_short = typed.chars().count() >= 3 && word.starts_with(typed);
    is_short || similar(typed, word) || ELSEWHERE.contains(&(typed, word))
}

/// Whether a word is a slip of the thumb away from another: one letter for a short word, two for a longer one.
fn similar(typed: &str, word: &str) -> bool {
    let length = word.chars().count();
    let slips = if length <= 4 { 1 } else { 2 };
    (2..=20).contains(&typed.chars().count()) && strsim::osa_distance(typed, word) <= slips
}
