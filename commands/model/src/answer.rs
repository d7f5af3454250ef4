//! The answer to a delivery, and who sees it.

use serde::{Deserialize, Serialize};

use crate::{Card, Text, Tone};

/// The readers of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The author alone: wrong commands, refusals, private facts.
    Author,
    /// Everybody in the channel.
    Channel,
}

/// The answer in the acknowledgement of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub card: Card,
    /// Its readers.
    pub audience: Audience,
    /// What the message becomes that was clicked; without it, it stays as it is.
    pub replaces: Option<Box<Card>>,
}

impl Answer {
    /// An answer to the author alone.
    pub fn private(card: Card) -> Self {
        Self { card, audience: Audience::Author, replaces: None }
    }
    /// An answer that everybody in the channel sees.
    pub fn public(card: Card) -> Self {
        Self { audience: Audience::Channel, ..Self::private(card) }
    }
    /// With this in place of the message that was clicked.
    pub fn replacing(self, card: Option<Card>) -> Self {
        Self { replaces: card.map(Box::new), ..self }
    }
    /// A refusal to the author alone, with its stable code.
    pub fn refusal(problem: impl Into<Text>, code: &'static str) -> Self {
        Self::private(Card::new(Tone::Bad, problem.into()).code(code))
    }
}
