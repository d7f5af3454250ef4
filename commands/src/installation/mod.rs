//! One installation as commands see it: the engine with its ports, the names of the commands, and the latest drift.
//!
//! The verbs read and plan with it (`impl Installation` in their folders). [`Service`](crate::service::Service) dispatches
//! deliveries to them.

mod drift;
mod drift_cache;
mod invocation;
mod messages;
mod plan;
mod preview_cache;
mod previews;
mod reads;
mod reject;
mod signals;
mod stacks;
mod suggest;

pub(crate) use self::drift::moved;
pub(crate) use self::drift_cache::{DriftReport, StackReport};
pub(crate) use self::invocation::delivery_of;
pub use self::invocation::{Input, Invocation};
pub(crate) use self::messages::{cannot_be_read, no_operation, refused};
pub(crate) use self::plan::{Plan, Planning, misdirected};
pub(crate) use self::reads::{SIDE_BY_SIDE, newest};
pub(crate) use self::reject::{Extras, Reject, TRIES};
pub(crate) use self::stacks::stack_changed;

use std::sync::Arc;

use ulid::Ulid;

use crate::installation::drift_cache::DriftCache;
use crate::installation::preview_cache::Previews;
use crate::operation::{Engine, EngineError};
use sluice_grammar::Names;
use sluice_model::{Card, ChannelId, OperationId};

/// See the [module](self).
pub(crate) struct Installation {
    pub(crate) engine: Arc<Engine>,
    pub(crate) names: Names,
    pub(crate) drift: Arc<DriftCache>,
    previews: Previews,
}

impl Installation {
    pub(crate) fn new(engine: Arc<Engine>, names: Names) -> Self {
        Self { engine, names, drift: Arc::default(), previews: Previews::default() }
    }

    /// A new id. Ids sort by time.
    pub(crate) fn new_id(&self) -> Result<OperationId, EngineError> {
        let now = u64::try_from(self.engine.world().clock.now().as_millisecond()).unwrap_or(0);
        let id = Ulid::from_parts(now, Ulid::new().random());
        OperationId::new(id.to_string()).map_err(|error| EngineError::Corrupt(error.to_string()))
    }

    /// The answer to a command that is already running, with a link to its message: the one in `asked_in`, if there is one.
    pub(crate) async fn already_running(
        &self,
        line: &str,
        open: &OperationId,
        asked_in: Option<&ChannelId>,
    ) -> Result<Card, Reject> {
        let Ok(Some(loaded)) = self.load(open).await else {
            return Ok(messages::already_running(line, None));
        };
        let spec = loaded.head.spec;
        let channels = spec.channels();
        let here = channels.iter().find(|channel| Some(*channel) == asked_in);
        let channel = here.unwrap_or(&spec.home);
        let url = self.engine.world().notifier.link(open, channel).await;
        Ok(messages::already_running(line, Some((&spec, channel, url))))
    }
}
