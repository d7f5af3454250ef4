//! What is wrong with a line, and the answer to its author: the mistake, what was understood, and what to type instead.

use std::ops::Range;

use super::command::forms;
use super::display;
use super::form::Form;
use super::markup::marked;
use super::names::Names;
use super::values::Values;
use super::verb::Verb;
use super::words::Word;
use sluice_model::{Card, Part, PipelineName, Text, Tone};

/// A longer line is not repeated in the answer.
const LONGEST_REPEATED: usize = 120;

/// Why a line is no command. Its lines name commands as `/build`; [`ParseError::card`] puts in the names of the
/// installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// A stable code, for tests and for searching logs.
    pub code: &'static str,
    /// The mistake, as a sentence without its full stop; names are in backticks.
    pub problem: String,
    /// What was understood before the mistake.
    pub understood: Option<String>,
    /// "Did you mean": a line that can be typed as it is.
    pub nearest: Option<String>,
    /// A correct line of the same form.
    pub example: String,
    /// The normalised line without its slash command.
    pub typed: String,
    /// The mistake in `typed`, in characters.
    pub span: Option<Range<usize>>,
    /// Usage lines that may help.
    pub usage: Vec<String>,
    /// The pipeline, if all that is missing is a stage of it.
    pub lacks_stage_of: Option<PipelineName>,
}

impl ParseError {
    /// The answer, for the author only.
    pub fn card(&self, names: &Names) -> Card {
        let tone = if self.code == "empty" { Tone::Neutral } else { Tone::Bad };
        let mut card = Card::new(tone, marked(&names.adapt(&self.problem)));
        if let Some(span) = self.span.as_ref().filter(|_| self.typed.chars().count() <= LONGEST_REPEATED) {
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
        card.code(self.code)
    }
}

/// A mistake in a line, before the nearest correct line is looked for.
#[derive(Debug, Clone)]
pub(super) struct Diagnostic {
    pub(super) code: &'static str,
    pub(super) problem: String,
    /// In bytes of the normalised line.
    pub(super) span: Option<Range<usize>>,
    /// The word has the shape of this argument, so it cannot be meant for another.
    pub(super) is_near: bool,
    pub(super) verb: Option<Verb>,
    pub(super) form: Option<&'static Form>,
    pub(super) understood: Option<String>,
    /// The pipeline, for examples.
    pub(super) name: Option<String>,
    /// The whole line, corrected.
    pub(super) fix: Option<String>,
    /// See [`ParseError::lacks_stage_of`].
    pub(super) lacks_stage_of: Option<PipelineName>,
}

impl Diagnostic {
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

    /// Sets the form in which the mistake is. A form that is not available is not explained.
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
        self.name = values.name().map(|name| name.to_string());
        self
    }

    /// The answer, with the nearest correct line if there is one.
    pub(super) fn answer(self, typed: &str, nearest: Option<String>) -> Box<ParseError> {
        let characters = |at: usize| typed.get(..at).map_or(0, |before| before.chars().count());
        let form = self.form.filter(|form| form.available);
        let example = form.or_else(|| forms(self.verb?).find(|form| form.available));
        let example = example.map_or_else(|| "/pipeline help".to_owned(), Form::shown_example);
        let usage = match (form, self.verb) {
            (Some(form), _) => vec![form.usage()],
            (None, Some(verb)) => forms(verb).filter(|form| form.available).map(Form::usage).collect(),
            (None, None) => Vec::new(),
        };
        Box::new(ParseError {
            code: self.code,
            problem: self.problem,
            understood: self.understood,
            nearest,
            example: with_name(&example, self.name.as_deref()),
            span: self.span.map(|span| characters(span.start)..characters(span.end)),
            typed: typed.to_owned(),
            usage,
            lacks_stage_of: self.lacks_stage_of,
        })
    }
}

/// An example with the pipeline that the author named.
fn with_name(example: &str, name: Option<&str>) -> String {
    let Some(name) = name else { return example.to_owned() };
    let rename = |word: &str| match word.strip_prefix("orders") {
        Some(rest) => format!("{}{rest}", display::name(name)),
        None => word.to_owned(),
    };
    example.split(' ').map(rename).collect::<Vec<_>>().join(" ")
}
