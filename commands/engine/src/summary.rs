//! The texts of an operation.

use jiff::Timestamp;

use sluice_model::{Button, Part, Text};

/// The texts of an operation's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// A noun phrase for the operation, followed by its state: "Deploy of `orders` `#1` to `dev`" (failed).
    pub title: Text,
    /// The headline while it runs, in place of the title: "Deploying `orders` `#1` to `dev`".
    pub doing: Option<Text>,
    /// The headline while it waits for people: "Waiting for 1 approval: …".
    pub waiting: Option<Text>,
    /// The headline after success, the result as the requester would put it: "`orders` `r1` is live on `dev`".
    pub done: Option<Text>,
    /// Its state while it waits or after success, if that is neither an approval nor a success: "holds".
    pub state: Option<&'static str>,
    /// The meaning of [`Summary::state`]: "deploys and promotions are blocked".
    pub result: Option<Text>,
    /// Fields of the message: label and value.
    pub fields: Vec<(String, Text)>,
    /// Parts that must stay in the message, before the progress.
    pub leads: Vec<Part>,
    /// Lines that do not fit into the message while it waits for people. Each page becomes a thread reply.
    pub pages: Vec<Vec<String>>,
    /// Further parts, after the progress.
    pub parts: Vec<Part>,
    /// The next step.
    pub hint: Option<Text>,
    /// Buttons, while it waits for people.
    pub buttons: Vec<Button>,
    /// Buttons for the next step, after its end.
    pub next: Vec<Button>,
    /// A message that mentions the people who can decide while it waits for them, and then becomes their decision.
    pub request: Option<Text>,
    /// When its waiting step is checked again without a signal: to send a reminder or to end the wait.
    pub wakes: Option<Timestamp>,
    /// What was seen some time after its success, as a reply in its thread.
    pub follow_up: Option<Text>,
    /// A reminder to the people who can decide, while it waits for them.
    pub reminder: Option<Text>,
    /// Whether its end is also shown to the whole channel because it changed, or failed to change, a
    /// protected stage.
    pub broadcast: bool,
    /// Whether success needs no message of its own, because the requester caused it.
    pub quiet: bool,
}

impl Summary {
    /// A summary that has only a title.
    pub fn new(title: Text) -> Self {
        Self {
            title,
            doing: None,
            waiting: None,
            done: None,
            state: None,
            result: None,
            fields: vec![],
            leads: vec![],
            pages: vec![],
            parts: vec![],
            hint: None,
            buttons: vec![],
            next: vec![],
            request: None,
            wakes: None,
            follow_up: None,
            reminder: None,
            broadcast: false,
            quiet: false,
        }
    }
    /// Adds the headlines while it runs and after success.
    pub fn headlines(self, doing: Text, done: Text) -> Self {
        Self { doing: Some(doing), done: Some(done), ..self }
    }
    /// Adds a field.
    pub fn field(mut self, label: &str, value: impl Into<Text>) -> Self {
        self.fields.push((label.to_owned(), value.into()));
        self
    }
}
