//! What the bot says, independent of Slack: a document that `bot/src/render` turns into Block Kit.
//!
//! Cards are made by named pure functions from recorded state. Text is a list of spans. Text that people typed is
//! never markup: the renderer escapes every [`Span::Plain`] and [`Span::Code`], and cuts to Slack's limits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::refusal::is_fault;
use crate::{ChannelId, Click, GroupId, Member, OperationId, UserId};

/// A piece of running text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// As it is.
    Plain(String),
    /// Emphasised.
    Bold(String),
    /// A name, a command, a version: set in a fixed width.
    Code(String),
    /// A person; notifies them where the message is new.
    User(UserId),
    /// A user group; notifies everybody in it where the message is new.
    Group(GroupId),
    /// A channel.
    Channel(ChannelId),
    /// A link with its label.
    Link {
        /// Where it leads.
        url: String,
        /// What is read.
        label: String,
    },
    /// A point in time, shown in the reader's own time zone.
    Time(Timestamp),
}

/// Running text, built by chaining: `Text::plain("Deploying ").code("orders")`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Span>);

impl Text {
    /// Text that begins with plain words.
    pub fn plain(words: impl Into<String>) -> Self {
        Self::default().then(words)
    }
    /// Adds plain words.
    pub fn then(self, words: impl Into<String>) -> Self {
        self.span(Span::Plain(words.into()))
    }
    /// Adds emphasised words.
    pub fn bold(self, words: impl Into<String>) -> Self {
        self.span(Span::Bold(words.into()))
    }
    /// Adds a name, command or version.
    pub fn code(self, words: impl Into<String>) -> Self {
        self.span(Span::Code(words.into()))
    }
    /// Adds a person.
    pub fn user(self, user: &UserId) -> Self {
        self.span(Span::User(user.clone()))
    }
    /// Adds a user group.
    pub fn group(self, group: &GroupId) -> Self {
        self.span(Span::Group(group.clone()))
    }
    /// Adds a person or a user group.
    pub fn member(self, member: &Member) -> Self {
        match member {
            Member::User(user) => self.user(user),
            Member::Group(group) => self.group(group),
        }
    }
    /// Adds a channel.
    pub fn channel(self, channel: &ChannelId) -> Self {
        self.span(Span::Channel(channel.clone()))
    }
    /// Adds a link.
    pub fn link(self, url: impl Into<String>, label: impl Into<String>) -> Self {
        self.span(Span::Link { url: url.into(), label: label.into() })
    }
    /// Adds a point in time.
    pub fn time(self, at: Timestamp) -> Self {
        self.span(Span::Time(at))
    }
    /// Adds another text's spans.
    pub fn join(mut self, other: Text) -> Self {
        self.0.extend(other.0);
        self
    }
    /// Joins texts, with a separator between them.
    pub fn joined(texts: impl IntoIterator<Item = Text>, separator: &str) -> Self {
        let all = texts.into_iter().reduce(|all, text| all.then(separator).join(text));
        all.unwrap_or_default()
    }
    fn span(mut self, span: Span) -> Self {
        self.0.push(span);
        self
    }
    /// Whether there is nothing to read in it.
    pub fn is_empty(&self) -> bool {
        self.flat().is_empty()
    }
    /// The text without markup, for notifications, screen readers and terminals.
    pub fn flat(&self) -> String {
        let mut flat = String::new();
        for span in &self.0 {
            match span {
                Span::Plain(s) | Span::Bold(s) | Span::Code(s) => flat.push_str(s),
                Span::User(id) => flat.push_str(&format!("@{id}")),
                Span::Group(id) => flat.push_str(&format!("@{id}")),
                Span::Channel(id) => flat.push_str(&format!("#{id}")),
                Span::Link { label, .. } => flat.push_str(label),
                Span::Time(at) => flat.push_str(&at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
            }
        }
        flat
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Text::plain(words)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Text::plain(words)
    }
}

/// The mood of a card: the renderer puts a sign before the title, never a colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// An answer to a question.
    Neutral,
    /// Work is in progress.
    Running,
    /// It waits for somebody or something.
    Waiting,
    /// Success.
    Good,
    /// A failure or a refusal.
    Bad,
}

/// The state of a step of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It has not started.
    Pending,
    /// It has started.
    Running,
    /// It waits for a person or for its turn.
    Waiting,
    /// It succeeded.
    Done,
    /// It succeeded and was undone.
    Undone,
    /// It failed.
    Failed,
}

/// A line of an operation's list of steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLine {
    /// Its state.
    pub state: StepState,
    /// What it does: "publish `hello`".
    pub title: Text,
    /// How long it took or has been taking, in milliseconds.
    pub took_ms: Option<u64>,
    /// What is worth saying of it: the version, the error.
    pub note: Option<Text>,
}

/// A part of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A paragraph.
    Text(Text),
    /// Label and value, side by side where there is room.
    Fields(Vec<(String, Text)>),
    /// The steps of an operation.
    Steps(Vec<StepLine>),
    /// Rows under a header; every row has as many cells as the header.
    Table {
        /// The header's cells.
        header: Vec<String>,
        /// The rows.
        rows: Vec<Vec<Text>>,
    },
    /// Lines in a fixed width: a log's tail, commands to type.
    Code(String),
    /// A line across.
    Divider,
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonStyle {
    /// Like the others.
    Default,
    /// The expected choice.
    Primary,
    /// It takes something away.
    Danger,
}

/// The question that a button asks before it acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The question's title.
    pub title: String,
    /// What will happen.
    pub text: String,
    /// The label of yes.
    pub confirm: String,
    /// The label of no.
    pub deny: String,
}

/// A button. Its click names the operation and its revision: a decision binds to those, not to the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// The first part of [`Click::encode`].
    pub action_id: String,
    /// What is read.
    pub label: String,
    /// How it looks.
    pub style: ButtonStyle,
    /// The second part.
    pub value: String,
    /// The question before it acts.
    pub confirm: Option<Confirm>,
}

impl Button {
    /// A button that acts at once.
    pub fn new(click: &Click, label: &str) -> Self {
        let (action_id, value) = click.encode();
        Self { action_id, label: label.to_owned(), style: ButtonStyle::Default, value, confirm: None }
    }
    /// With that look.
    pub fn style(self, style: ButtonStyle) -> Self {
        Self { style, ..self }
    }
    /// Asks first, in these words; people who mean it press `yes`.
    pub fn asking(self, text: String, yes: &str) -> Self {
        let (title, deny) = (format!("{}?", self.label), "Not now".to_owned());
        Self { confirm: Some(Confirm { title, text, confirm: yes.to_owned(), deny }), ..self }
    }
}

/// A message, an answer, a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The mood.
    pub tone: Tone,
    /// The headline; alone it must make sense, since notifications and screen readers show it.
    pub title: Text,
    /// The body.
    pub parts: Vec<Part>,
    /// The next action, apart from the message (`STYLE.md` 6).
    pub hint: Option<Text>,
    /// Buttons.
    pub buttons: Vec<Button>,
    /// Small print: who asked, when, the code of a fault.
    pub footer: Vec<Text>,
    /// The stable code of a refusal, for programs. People see it only where Sluice itself is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Card {
    /// A card with a headline alone.
    pub fn new(tone: Tone, title: impl Into<Text>) -> Self {
        Self {
            tone,
            title: title.into(),
            parts: vec![],
            hint: None,
            buttons: vec![],
            footer: vec![],
            code: None,
        }
    }
    /// Adds a part.
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
    /// Adds a paragraph.
    pub fn text(self, text: impl Into<Text>) -> Self {
        let text = text.into();
        self.part(Part::Text(text))
    }
    /// Adds a paragraph of these lines, if there are any.
    pub fn lines(self, lines: impl IntoIterator<Item = Text>) -> Self {
        let text = Text::joined(lines, "\n");
        if text.0.is_empty() { self } else { self.text(text) }
    }
    /// Adds a table.
    pub fn table<const N: usize>(self, header: [&str; N], rows: impl IntoIterator<Item = Vec<Text>>) -> Self {
        self.part(Part::Table { header: header.map(str::to_owned).into(), rows: rows.into_iter().collect() })
    }
    /// Sets the next action.
    pub fn hint(mut self, hint: impl Into<Text>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Adds a button.
    pub fn button(mut self, button: Button) -> Self {
        self.buttons.push(button);
        self
    }
    /// Adds a line of small print.
    pub fn foot(mut self, line: impl Into<Text>) -> Self {
        self.footer.push(line.into());
        self
    }
    /// Sets the code of a refusal.
    pub fn code(self, code: impl Into<String>) -> Self {
        self.coded(code.into(), None)
    }
    /// Sets the code of an operation's failure.
    pub fn code_of(self, operation: &OperationId, code: impl Into<String>) -> Self {
        self.coded(code.into(), Some(operation))
    }
    fn coded(mut self, code: String, operation: Option<&OperationId>) -> Self {
        if is_fault(&code) {
            let line = Text::plain("code ").code(&code);
            self.footer.push(match operation {
                Some(id) => line.then(" · operation ").code(id.as_str()),
                None => line,
            });
        }
        Self { code: Some(code), ..self }
    }
    /// The same card with other texts.
    pub fn map_texts(self, map: impl Fn(Text) -> Text) -> Self {
        let part = |part: Part| match part {
            Part::Text(text) => Part::Text(map(text)),
            Part::Fields(fields) => {
                Part::Fields(fields.into_iter().map(|(label, value)| (label, map(value))).collect())
            }
            Part::Steps(steps) => Part::Steps(
                steps
                    .into_iter()
                    .map(|step| StepLine { title: map(step.title), note: step.note.map(&map), ..step })
                    .collect(),
            ),
            Part::Table { header, rows } => {
                let rows = rows.into_iter().map(|row| row.into_iter().map(&map).collect()).collect();
                Part::Table { header, rows }
            }
            part @ (Part::Code(_) | Part::Divider) => part,
        };
        Self {
            title: map(self.title),
            parts: self.parts.into_iter().map(part).collect(),
            hint: self.hint.map(&map),
            footer: self.footer.into_iter().map(&map).collect(),
            ..self
        }
    }
}
