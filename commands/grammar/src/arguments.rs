//! Which word is which argument: small words name theirs, the others fill what is left, in the form's order.

use super::Command;
use super::misunderstanding::Trouble;
use super::normalise::reason;
use super::reserved::is_numbered;
use super::table::{Argument, Form, Slot};
use super::values::{Values, missing};
use super::words::Word;

/// Words before which a release might be meant, in a reason that nobody quoted.
pub(super) const BEFORE_A_RELEASE: [&str; 4] = ["to", "from", "release", "version"];

/// Reads the words after a form's own as its arguments.
pub(super) fn command(form: &'static Form, line: &str, words: &[Word]) -> Result<Command, Box<Trouble>> {
    let split;
    let words = match words {
        [first, rest @ ..] if form.has(Slot::Reference) => {
            split = reference_apart(first).chain(rest.iter().cloned()).collect::<Vec<_>>();
            &split
        }
        words => words,
    };
    let mut reader = Reader { form, line, values: Values::default(), filled: Vec::new() };
    match reader.read(words) {
        Ok(()) => {
            (form.make)(reader.values).ok_or_else(|| Trouble::new("missing", "something is missing").of(form))
        }
        Err(trouble) => Err(trouble.of(form).understood(&reader.values)),
    }
}

/// `orders@main` is a name and a reference.
fn reference_apart(word: &Word) -> impl Iterator<Item = Word> + use<> {
    // `orders<@U1|main>` is what Slack's picker makes of it.
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
    filled: Vec<Slot>,
}

impl Reader<'_> {
    fn read(&mut self, words: &[Word]) -> Result<(), Box<Trouble>> {
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
                let mut trouble = missing(argument, None).at_end(self.line);
                trouble.lacks_stage_of =
                    self.values.name.clone().filter(|_| argument.slot == Slot::Stage && !self.is_new_stage());
                Err(trouble)
            }
            None => Ok(()),
        }
    }

    fn open(&self) -> impl Iterator<Item = &'static Argument> + use<'_> {
        self.form.arguments.iter().filter(|argument| !self.filled.contains(&argument.slot))
    }

    /// Whether the stage is one that is to be.
    fn is_new_stage(&self) -> bool {
        self.form.has(Slot::After)
    }

    /// A small word and the argument after it.
    fn named(&mut self, word: &Word, words: &[Word]) -> Result<Option<usize>, Box<Trouble>> {
        let Some(small) = word.keyword() else { return Ok(None) };
        let Some(argument) =
            self.form.arguments.iter().find(|argument| argument.words.contains(&small.as_str()))
        else {
            return Ok(None);
        };
        let may_be_reason = self.open().any(|argument| argument.slot == Slot::Reason);
        let after = words.get(1..).unwrap_or_default();
        if self.filled.contains(&argument.slot) {
            // `r6 to r5` is no target and a reason: it is two targets.
            let again = Values::default().take(argument, Some(&small), self.line, after).is_ok();
            let problem = format!("`{small}` comes too late, that was said already: {}", argument.meaning);
            let is_reason = may_be_reason && !again;
            return if is_reason { Ok(None) } else { Err(Trouble::new("repeated", problem).at(word)) };
        }
        // A flag takes no value, and must not fail for the want of one.
        let value = if argument.is_flag() { words } else { after };
        match self.values.take(argument, Some(&small), self.line, value) {
            Ok(taken) => {
                self.filled.push(argument.slot);
                Ok(Some(taken + 1))
            }
            Err(trouble) if may_be_reason && !trouble.is_near => Ok(None),
            Err(trouble) => Err(if trouble.span.is_some() { trouble } else { trouble.at(word) }),
        }
    }

    /// The first open argument that the words fit.
    fn placed(&mut self, word: &Word, words: &[Word]) -> Result<usize, Box<Trouble>> {
        let is_reason = self.is_reason(word, words);
        let open = self
            .open()
            .filter(|argument| !argument.needs_word && (argument.slot == Slot::Reason || !is_reason));
        let open: Vec<_> = open.collect();
        let mut refused = Vec::new();
        for argument in open {
            let front = match argument.slot {
                Slot::Reason => self.without_end(words)?,
                Slot::Release => {
                    self.release_or_reason(word, words)?;
                    words
                }
                _ => words,
            };
            match self.values.take(argument, None, self.line, front) {
                Ok(taken) => {
                    self.filled.push(argument.slot);
                    // The end behind a reason is taken with it.
                    return Ok(if argument.slot == Slot::Reason { words.len() } else { taken });
                }
                Err(trouble) if argument.required || trouble.is_near => return Err(trouble),
                // What does not even look like one of these was meant as something else.
                Err(_)
                    if matches!(argument.slot, Slot::Build | Slot::Release | Slot::Person | Slot::Since) => {}
                Err(trouble) => refused.push(trouble),
            }
        }
        let only = refused.pop().filter(|_| refused.is_empty());
        Err(only
            .unwrap_or_else(|| Trouble::new("extra", format!("`{}` does not fit here", word.text)).at(word)))
    }

    /// Whether what is left can only be the reason that a form needs: it is all in quotes, or comes after the end.
    fn is_reason(&self, word: &Word, words: &[Word]) -> bool {
        let needed = self.open().any(|argument| argument.slot == Slot::Reason && argument.required);
        needed
            && (word.whole && words.len() == 1 || self.filled.contains(&Slot::End))
            && self.filled.contains(&Slot::Name)
    }

    /// The words of a reason without `for 2h` at their end, which is taken where it is still open. What looks like an end
    /// and is none is refused: nobody would see that the lock ends at another time.
    fn without_end<'w>(&mut self, words: &'w [Word]) -> Result<&'w [Word], Box<Trouble>> {
        let Some(end) = self.open().find(|argument| argument.slot == Slot::End) else { return Ok(words) };
        for at in 1..words.len() {
            let (before, behind) = words.split_at(at);
            let Some((small, time)) = behind.split_first() else { continue };
            let Some(small) = small.keyword().filter(|small| end.words.contains(&small.as_str())) else {
                continue;
            };
            let mut trial = Values::default();
            match trial.take(end, Some(&small), self.line, time) {
                Ok(taken) if taken == time.len() => {
                    self.values.until = trial.until;
                    self.filled.push(Slot::End);
                    return Ok(before);
                }
                Ok(_) => return Err(super::read::no_end(Some(&small), time).near()),
                Err(trouble) if trouble.is_near => return Err(trouble),
                Err(_) => {}
            }
        }
        Ok(words)
    }

    /// A bare number before more words may be a release, or begin the reason, and `from r7 to r6` names one where
    /// none is expected: nobody should have to guess what a rollback will do.
    fn release_or_reason(&self, word: &Word, words: &[Word]) -> Result<(), Box<Trouble>> {
        let is_number =
            |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.parse::<u32>().is_ok();
        let (Some(first), Some(second)) = (word.keyword(), words.get(1)) else { return Ok(()) };
        if !self.open().any(|argument| argument.slot == Slot::Reason) {
            return Ok(());
        }
        if is_number(&first) {
            let problem = format!(
                "`{first}` may be release `r{first}`, or begin the reason: write `r{first}`, or quote the reason"
            );
            let fixed = [self.line.get(..word.at.start), Some("r"), self.line.get(word.at.start..)];
            return Err(Trouble::new("ambiguous", problem)
                .at(word)
                .fix(fixed.into_iter().flatten().collect()));
        }
        let second = second.keyword().unwrap_or_default();
        if BEFORE_A_RELEASE.contains(&first.as_str()) && (is_number(&second) || is_numbered(&second, "r")) {
            let problem = format!(
                "`{first} {second}` may name a release, or begin the reason: write only `r7` or `to r7` for a release, or quote the reason"
            );
            return Err(Trouble::new("ambiguous", problem).at(word));
        }
        Ok(())
    }
}
