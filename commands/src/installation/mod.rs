//! One installation as commands see it: the engine with its ports, the commands' names, and the drift seen last.
//!
//! The verbs read and plan with it (`impl Installation` in their folders); [`Service`](crate::service::Service) decides which of
//! them a delivery reaches.

mod drift;
mod invocation;
mod plan;
mod reads;
mod reject;
mod signals;
mod suggest;

pub(crate) use self::drift::*;
pub use self::invocation::*;
pub(crate) use self::plan::*;
pub(crate) use self::reads::*;
pub(crate) use self::reject::*;
pub(crate) use self::signals::*;

use std::sync::Arc;

use ulid::Ulid;

use crate::operation::{Engine, EngineError};
use sluice_grammar::Names;
use sluice_model::{Card, ChannelId, OperationId, Text, Tone};

/// The engine, the names of the commands, and what AWS showed last.
pub(crate) struct Installation {
    pub(crate) engine: Arc<Engine>,
    pub(crate) names: Names,
    pub(crate) looks: Arc<DriftCache>,
}

impl Installation {
    pub(crate) fn new(engine: Arc<Engine>, names: Names) -> Self {
        Self { engine, names, looks: Arc::default() }
    }

    /// A new id. Ids sort by time.
    pub(crate) fn new_id(&self) -> Result<OperationId, EngineError> {
        let now = u64::try_from(self.engine.world().clock.now().as_millisecond()).unwrap_or(0);
        let id = Ulid::from_parts(now, Ulid::new().random());
        OperationId::new(id.to_string()).map_err(|error| EngineError::Corrupt(error.to_string()))
    }

    /// The answer to a command that is already running: the requester, and a link to its message. The message in
    /// `asked_in` is preferred if there is one.
    pub(crate) async fn already(
        &self,
        line: &str,
        open: &OperationId,
        asked_in: Option<&ChannelId>,
    ) -> Result<Card, Reject> {
        let mut card = Card::new(Tone::Neutral, Text::default().code(line).then(" is already running."));
        let hint = match self.load(open).await {
            Ok(Some(loaded)) => {
                let spec = loaded.head.spec;
                let asked = Text::plain("Requested by ").join(spec.actor.attribution());
                card = card.text(asked.then(" ").time(spec.accepted).then("."));
                let channels = spec.channels();
                let here = channels.iter().find(|channel| Some(*channel) == asked_in);
                let channel = here.unwrap_or(&spec.home);
                let follow = match self.engine.world().notifier.link(open, channel).await {
                    Some(url) => {
                        Text::plain("Follow ").link(url, "its message").then(" in ").channel(channel)
                    }
                    None => Text::plain("Follow it in ").channel(channel),
                };
                follow.then(". Nothing new was started.")
            }
            _ => Text::plain("Its message in the channel shows its state. Nothing new was started."),
        };
        Ok(card.hint(hint).foot(Text::plain("code ").code("already-running")))
    }
}
