//! `/build log`.

use crate::build_op::messages;
use crate::installation::{Installation, Invocation, Reject};
use crate::operation::EngineError;
use crate::records::{Build, PipelineState, from_item};
use crate::rules::redact;
use sluice_model::{Answer, BuildNumber, PipelineName};

/// How many lines of a log are shown. As many fit into a message.
const LOG_LINES: u32 = 40;

impl Installation {
    /// `/build log`.
    pub(crate) async fn build_log(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        build: Option<BuildNumber>,
    ) -> Result<Answer, Reject> {
        let state = self.state(name).await?;
        self.may_read_logs(invocation, &state, name).await?;
        let build = self.build_or_newest(&state, name, build).await?;
        let world = self.engine.world();
        let lines = match &build.log {
            Some(log) => {
                world.ports.logs.tail(&world.target, log, LOG_LINES).await.map_err(EngineError::from)?
            }
            None => vec![],
        };
        let lines =
            (!lines.is_empty()).then(|| redact::tail(&redact::lines(lines.iter().map(String::as_str))));
        Ok(Answer::private(messages::log(name, build.number, build.state, lines, build.log_link.as_deref())))
    }

    /// The build of that number, or the newest.
    pub(super) async fn build_or_newest(
        &self,
        state: &PipelineState,
        name: &PipelineName,
        build: Option<BuildNumber>,
    ) -> Result<Build, Reject> {
        let newest = u32::try_from(state.counters.builds).ok().filter(|number| *number > 0).map(BuildNumber);
        let number = build.or(newest).ok_or_else(|| Reject::answer(messages::no_builds(name)))?;
        let world = self.engine.world();
        let item = world.store.get(&world.keys.build(name, number)).await?;
        Ok(from_item(&item.ok_or_else(|| messages::no_such_build(name, number))?)?)
    }
}
