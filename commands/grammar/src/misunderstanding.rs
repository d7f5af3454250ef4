//! What is said to somebody whose line was not understood: what was, what was not, and what to type instead.

use std::ops::Range;

use super::names::{Names, Verb};
use super::table::{Form, forms};
use super::values::Values;
use super::words::Word;
use sluice_model::{Card, Member, Part, PipelineName, Text, Tone};

/// Why a line is no command. Lines in it name commands as `/build`; [`Misunderstanding::card`] puts the names of the
/// installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misunderstanding {
    /// Stable, for tests and for searching logs.
    pub code: &'static str,
    /// What is wrong, in a sentence without its full stop; names are in backticks.
    pub problem: String,
    /// What was understood before that.
    pub understood: Option<String>,
    /// Did you mean: a line that can be typed as it is.
    pub nearest: Option<String>,
    /// A line that shows how it is done.
    pub example: String,
    /// What was typed, normalised, without the slash command.
    pub typed: String,
    /// The characters of `typed` that are meant.
    pub span: Option<Range<usize>>,
    /// The usage lines that may help.
    pub usage: Vec<String>,
    /// The pipeline whose stage is not named, if that is what is missing.
    pub lacks_stage_of: Option<PipelineName>,
}

impl Misunderstanding {
    /// The answer, to its author only.
    pub fn card(&self, names: &Names) -> Card {
        let tone = if self.code == "empty" { Tone::Neutral } else { Tone::Bad };
        let mut card = Card::new(tone, marked(&names.adapt(&self.problem)));
        if let Some(span) = self.span.as_ref().filter(|_| self.typed.chars().count() <= 120) {
            let marks = "^".repeat(span.len().max(1));
            card = card.part(Part::Code(format!("{}\n{}{marks}", self.typed, " ".repeat(span.start))));
        }
        if let Some(understood) = &self.understood {
            card = card.text(Text::plain("Understood: ").join(marked(&names.adapt(understood))));
        }
        if !self.usage.is_empty() {
            card = card.part(Part::Code(names.adapt(&self.usage.join("\n"))));
        }
        let example = Text::plain("For example: ").code(names.adapt(&self.example));
        let card = match &self.nearest {
            Some(nearest) => {
                card.text(example).hint(Text::plain("Did you mean ").code(names.adapt(nearest)).then("?"))
            }
            None => card.hint(example),
        };
        card.foot(self.code)
    }
}

/// Of what somebody typed, so much is quoted.
const QUOTED: usize = 80;

/// Running text in which backticks mark names; a name that fills the screen is cut.
pub(super) fn marked(sentence: &str) -> Text {
    sentence.split('`').enumerate().filter(|(_, piece)| !piece.is_empty()).fold(
        Text::default(),
        |text, (index, piece)| match index % 2 {
            1 if piece.chars().count() > QUOTED => {
                text.code(piece.chars().take(QUOTED - 1).chain(['…']).collect::<String>())
            }
            1 => text.code(piece),
            _ => with_people(text, piece),
        },
    )
}

/// Adds words in which people and groups stand as Slack escapes them.
fn with_people(mut text: Text, words: &str) -> Text {
    for (nth, piece) in words.split('<').enumerate() {
        let marked = piece.split_once('>').filter(|_| nth > 0);
        let member = marked.and_then(|(mark, behind)| Some((Member::marked(mark)?, behind)));
        text = match member {
            Some((member, "")) => text.member(&member),
            Some((member, behind)) => text.member(&member).then(behind),
            None if nth > 0 => text.then(format!("<{piece}")),
            None if piece.is_empty() => text,
            None => text.then(piece),
        };
    }
    text
}

/// What is wrong with a line, before anybody looked for a better one.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) code: &'static str,
    pub(super) problem: String,
    /// In bytes of the normalised line.
    pub(super) span: Option<Range<usize>>,
    /// The word has the shape of this argument, and can be meant for no other.
    pub(super) is_near: bool,
    pub(super) verb: Option<Verb>,
    pub(super) form: Option<&'static Form>,
    pub(super) understood: Option<String>,
    /// The pipeline, for examples.
    pub(super) name: Option<String>,
    /// The whole line, put right.
    pub(super) fix: Option<String>,
    /// See [`Misunderstanding::lacks_stage_of`].
    pub(super) lacks_stage_of: Option<PipelineName>,
}

impl Trouble {
    pub(super) fn new(code: &'static str, problem: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            code,
            problem: problem.into(),
            span: None,
            is_near: false,
            verb: None,
            form: None,
            understood: None,
            name: None,
            fix: None,
            lacks_stage_of: None,
        })
    }

    pub(super) fn at(mut self: Box<Self>, word: &Word) -> Box<Self> {
        self.span = Some(word.at.clone());
        self
    }

    pub(super) fn at_end(mut self: Box<Self>, line: &str) -> Box<Self> {
        self.span = Some(line.len()..line.len());
        self
    }

    pub(super) fn near(mut self: Box<Self>) -> Box<Self> {
        self.is_near = true;
        self
    }

    pub(super) fn fix(mut self: Box<Self>, line: String) -> Box<Self> {
        self.fix = Some(line);
        self
    }

    pub(super) fn about(mut self: Box<Self>, verb: Verb) -> Box<Self> {
        self.verb = Some(verb);
        self
    }

    /// In which form it happened. One that nobody can use yet is not explained.
    pub(super) fn of(mut self: Box<Self>, form: &'static Form) -> Box<Self> {
        if !form.available {
            self = Self::new("not-available", format!("`/{}` is not available yet", form.topic()));
        }
        self.form = Some(form);
        self.about(form.verb)
    }

    pub(super) fn understood(mut self: Box<Self>, values: &Values) -> Box<Self> {
        let parts = values.describe();
        self.understood = (!parts.is_empty()).then(|| parts.join(", "));
        self.name = values.name.as_ref().map(ToString::to_string);
        self
    }

    /// The answer, with the nearest right line if there is one.
    pub(super) fn answer(self, typed: &str, nearest: Option<String>) -> Box<Misunderstanding> {
        let characters = |at: usize| typed.get(..at).map_or(0, |before| before.chars().count());
        let form = self.form.filter(|form| form.available);
        let example = form.or_else(|| forms(self.verb?).find(|form| form.available));
        let example = example.and_then(|form| form.examples.first()).copied().unwrap_or("/pipeline help");
        let usage = match (form, self.verb) {
            (Some(form), _) => vec![form.usage()],
            (None, Some(verb)) => forms(verb).filter(|form| form.available).map(Form::usage).collect(),
            (None, None) => Vec::new(),
        };
        Box::new(Misunderstanding {
            code: self.code,
            problem: self.problem,
            understood: self.understood,
            nearest,
            example: with_name(&super::help::shown(&[example]), self.name.as_deref()),
            span: self.span.map(|span| characters(span.start)..characters(span.end)),
            typed: typed.to_owned(),
            usage,
            lacks_stage_of: self.lacks_stage_of,
        })
    }
}

/// An example with the pipeline that was meant.
fn with_name(example: &str, name: Option<&str>) -> String {
    let Some(name) = name else { return example.to_owned() };
    let rename = |word: &str| match word.strip_prefix("orders") {
        Some(rest) => format!("{}{rest}", super::display::name(name)),
        None => word.to_owned(),
    };
    example.split(' ').map(rename).collect::<Vec<_>>().join(" ")
}
