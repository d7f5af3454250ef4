//! Assigns the words of a line to the arguments of a form: keywords name theirs, and the other words fill the open arguments
//! in the form's order.

use super::command::Command;
use super::error::Diagnostic;
use super::form::{Argument, ArgumentKind, Form};
use super::normalise::reason;
use super::read;
use super::reserved::{BEFORE_A_RELEASE, is_numbered};
use super::values::Values;
use super::words::Word;

/// Reads the words after a form's own as its arguments.
pub(super) fn command(form: &'static Form, line: &str, words: &[Word]) -> Result<Command, Box<Diagnostic>> {
    let split;
    let words = match words {
        [first, rest @ ..] if form.has(ArgumentKind::Reference) => {
            split = split_reference(first).chain(rest.iter().cloned()).collect::<Vec<_>>();
            &split
        }
        words => words,
    };
    let mut reader = Reader { form, line, values: Values::default(), filled: Vec::new() };
    match reader.read(words) {
        Ok(()) => Command::from_values(form, &reader.values)
            .ok_or_else(|| Diagnostic::new("missing", "something is missing").of(form)),
        Err(wrong) => Err(wrong.of(form).understood(&reader.values)),
    }
}

/// Splits `orders@main` into a name and a reference.
fn split_reference(word: &Word) -> impl Iterator<Item = Word> + use<> {
    // Slack's picker may have made `orders<@U1|main>` of it.
    let text = reason(&word.text);
    let (name, reference) = match text.split_once('@') {
        Some((name, reference)) => (name.to_owned(), Some(format!("@{reference}"))),
        None => (word.text.clone(), None),
    };
    let is_alone = reference.is_none();
    let first =
        Word { text: name, closed: word.closed || !is_alone, whole: word.whole && is_alone, ..word.clone() };
    let second = reference.map(|text| Word { text, quoted: false, whole: false, ..word.clone() });
    [Some(first), second].into_iter().flatten()
}

struct Reader<'a> {
    form: &'static Form,
    line: &'a str,
    values: Values,
    filled: Vec<ArgumentKind>,
}

impl Reader<'_> {
    fn read(&mut self, words: &[Word]) -> Result<(), Box<Diagnostic>> {
        let mut words = words;
        while let Some(word) = words.first() {
            let taken = match self.named(word, words)? {
                Some(taken) => taken,
                None => self.placed(word, words)?,
            };
            words = words.get(taken..).unwrap_or_default();
        }
        match self.open().find(|argument| argument.required) {
            Some(argument) => {
                let mut wrong = read::missing(argument, None).at_end(self.line);
                wrong.lacks_stage_of = self
                    .values
                    .name()
                    .filter(|_| argument.kind == ArgumentKind::Stage && !self.is_new_stage());
                Err(wrong)
            }
            None => Ok(()),
        }
    }

    fn open(&self) -> impl Iterator<Item = &'static Argument> + use<'_> {
        self.form.arguments.iter().filter(|argument| !self.filled.contains(&argument.kind))
    }

    /// Whether the stage is a new one.
    fn is_new_stage(&self) -> bool {
        self.form.has(ArgumentKind::After)
    }

    /// Reads a keyword and the argument after it; returns the number of words. `None` if the word is no keyword here.
    fn named(&mut self, word: &Word, words: &[Word]) -> Result<Option<usize>, Box<Diagnostic>> {
        let Some(keyword) = word.keyword() else { return Ok(None) };
        let Some(argument) =
            self.form.arguments.iter().find(|argument| argument.keywords.contains(&keyword.as_str()))
        else {
            return Ok(None);
        };
        let may_be_reason = self.open().any(|argument| argument.kind == ArgumentKind::Reason);
        let after = words.get(1..).unwrap_or_default();
        if self.filled.contains(&argument.kind) {
            // `r6 to r5` is not a target and a reason: it is two targets.
            let again = read::argument(argument, Some(&keyword), self.line, after).is_ok();
            let problem = format!("`{keyword}` repeats an argument: {}", argument.meaning);
            let is_reason = may_be_reason && !again;
            return if is_reason { Ok(None) } else { Err(Diagnostic::new("repeated", problem).at(word)) };
        }
        // A flag has no value, and must not fail because nothing follows it.
        let rest = if argument.kind.is_flag() { words } else { after };
        match read::argument(argument, Some(&keyword), self.line, rest) {
            Ok((value, taken)) => {
                self.values.set(argument.kind, value);
                self.filled.push(argument.kind);
                Ok(Some(taken + 1))
            }
            Err(wrong) if may_be_reason && !wrong.is_near => Ok(None),
            Err(wrong) => Err(if wrong.span.is_some() { wrong } else { wrong.at(word) }),
        }
    }

    /// Reads the first open argument that the words fit; returns the number of words.
    fn placed(&mut self, word: &Word, words: &[Word]) -> Result<usize, Box<Diagnostic>> {
        let is_reason = self.is_reason(word, words);
        let open = self.open().filter(|argument| {
            !argument.needs_keyword && (argument.kind == ArgumentKind::Reason || !is_reason)
        });
        let open: Vec<_> = open.collect();
        let mut refused = Vec::new();
        for argument in open {
            let front = match argument.kind {
                ArgumentKind::Reason => self.without_end(words)?,
                ArgumentKind::Release => {
                    self.release_or_reason(word, words)?;
                    words
                }
                _ => words,
            };
            match read::argument(argument, None, self.line, front) {
                Ok((value, taken)) => {
                    self.values.set(argument.kind, value);
                    self.filled.push(argument.kind);
                    // The end after a reason is taken with it.
                    return Ok(if argument.kind == ArgumentKind::Reason { words.len() } else { taken });
                }
                Err(wrong) if argument.required || wrong.is_near => return Err(wrong),
                // A word that does not look like one of these is meant for another argument.
                Err(_)
                    if matches!(
                        argument.kind,
                        ArgumentKind::Build
                            | ArgumentKind::Release
                            | ArgumentKind::Person
                            | ArgumentKind::Since
                    ) => {}
                Err(wrong) => refused.push(wrong),
            }
        }
        let only = refused.pop().filter(|_| refused.is_empty());
        Err(only.unwrap_or_else(|| {
            Diagnostic::new("extra", format!("`{}` is not expected here", word.text)).at(word)
        }))
    }

    /// Whether the rest can only be the reason that the form requires: it is all in quotes, or follows the end of a lock.
    fn is_reason(&self, word: &Word, words: &[Word]) -> bool {
        let needed = self.open().any(|argument| argument.kind == ArgumentKind::Reason && argument.required);
        needed
            && (word.whole && words.len() == 1 || self.filled.contains(&ArgumentKind::End))
            && self.filled.contains(&ArgumentKind::Name)
    }

    /// The words of a reason without a `for 2h` at their end, which is read as the end of the lock if that is still open.
    /// Words that look like an end but are not understood are an error: the author would not notice that the lock ends at
    /// another time.
    fn without_end<'w>(&mut self, words: &'w [Word]) -> Result<&'w [Word], Box<Diagnostic>> {
        let Some(end) = self.open().find(|argument| argument.kind == ArgumentKind::End) else {
            return Ok(words);
        };
        for at in 1..words.len() {
            let (before, after) = words.split_at(at);
            let Some((first, time)) = after.split_first() else { continue };
            let Some(keyword) = first.keyword().filter(|word| end.keywords.contains(&word.as_str())) else {
                continue;
            };
            match read::argument(end, Some(&keyword), self.line, time) {
                Ok((value, taken)) if taken == time.len() => {
                    self.values.set(ArgumentKind::End, value);
                    self.filled.push(ArgumentKind::End);
                    return Ok(before);
                }
                Ok(_) => return Err(read::no_end(Some(&keyword), time).near()),
                Err(wrong) if wrong.is_near => return Err(wrong),
                Err(_) => {}
            }
        }
        Ok(words)
    }

    /// Refuses words that can be a release as well as the beginning of the reason: a bare number before more words, and
    /// `from r7 to r6`. The author must know what a rollback will do.
    fn release_or_reason(&self, word: &Word, words: &[Word]) -> Result<(), Box<Diagnostic>> {
        let is_number =
            |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.parse::<u32>().is_ok();
        let (Some(first), Some(second)) = (word.keyword(), words.get(1)) else { return Ok(()) };
        if !self.open().any(|argument| argument.kind == ArgumentKind::Reason) {
            return Ok(());
        }
        if is_number(&first) {
            let problem = format!(
                "`{first}` could be release `r{first}` or part of the reason: write `r{first}`, or quote the reason"
            );
            let fixed = [self.line.get(..word.at.start), Some("r"), self.line.get(word.at.start..)];
            return Err(Diagnostic::new("ambiguous", problem)
                .at(word)
                .fix(fixed.into_iter().flatten().collect()));
        }
        let second = second.keyword().unwrap_or_default();
        if BEFORE_A_RELEASE.contains(&first.as_str()) && (is_number(&second) || is_numbered(&second, "r")) {
            let problem = format!(
                "`{first} {second}` could be a release or part of the reason: for a release, write only `r7` or `to r7`; otherwise quote the reason"
            );
            return Err(Diagnostic::new("ambiguous", problem).at(word));
        }
        Ok(())
    }
}
