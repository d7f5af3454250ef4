//! Why a command or a click has no regular answer, and what its acceptance writes in addition.

use crate::installation::messages;
use crate::operation::EngineError;
use crate::ports::{StoreError, Write};
use sluice_model::{Button, Card, Holds, PipelineName, Refusal};

/// Why a command or a click has no regular answer.
pub(crate) enum Reject {
    /// Another answer: a question, or a suggestion.
    Answer(Box<Card>),
    /// A refusal, which the history may record, with a button for a next step.
    Refused(Box<Refusal>, Option<Box<Button>>),
    /// The engine or one of its ports failed.
    EngineError(EngineError),
}

/// Additional writes and texts, in the transaction that accepts a command, and what it depends on.
#[derive(Default, Clone)]
pub(crate) struct Extras {
    /// Additional writes.
    pub(crate) writes: Vec<Write>,
    /// The card that replaces the clicked message.
    pub(crate) replaces: Option<Card>,
    /// The digest of the state that the author saw before confirming.
    pub(crate) seen: Option<String>,
    /// What a next step was offered for.
    pub(crate) holds: Option<Holds>,
}

impl Extras {
    pub(crate) fn about(seen: Option<&str>) -> Self {
        Self { seen: seen.map(str::to_owned), ..Self::default() }
    }
}

impl Reject {
    pub(crate) fn answer(card: Card) -> Self {
        Reject::Answer(Box::new(card))
    }
}

impl From<Refusal> for Reject {
    fn from(refusal: Refusal) -> Self {
        Reject::Refused(Box::new(refusal), None)
    }
}

impl From<StoreError> for Reject {
    fn from(error: StoreError) -> Self {
        Reject::EngineError(error.into())
    }
}

impl From<EngineError> for Reject {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => refusal.into(),
            other => Reject::EngineError(other),
        }
    }
}

/// How often an acceptance is retried because the pipeline changed meanwhile.
pub(crate) const TRIES: usize = 8;

impl Reject {
    /// Adds a button that requests the missing role: for that pipeline, or for all if it does not exist yet.
    pub(crate) fn with_request_button(self, name: Option<&PipelineName>, wanted: &str) -> Self {
        match self {
            Reject::Refused(refusal, None) => {
                let offer = refusal.lacks.map(|role| Box::new(messages::ask_button(role, name, wanted)));
                Reject::Refused(refusal, offer)
            }
            other => other,
        }
    }
}
