//! `/build log`.

use std::collections::BTreeSet;

use crate::installation::{Installation, Invocation, Reject};
use crate::operation::{EngineError, marked};
use crate::records::{Build, BuildState, PipelineState, from_item};
use crate::rules::{Subjects, redact};
use sluice_model::{Answer, BuildNumber, Card, Part, PipelineName, Refusal, Text, Tone};

/// How many lines of a log are shown: as many as fit into a message.
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
        if invocation.channel.as_ref() != Some(&state.pipeline(name)?.home) {
            self.may_read_logs(invocation, &state, name).await?;
        }
        let newest = u32::try_from(state.counters.builds).ok().filter(|number| *number > 0).map(BuildNumber);
        let Some(number) = build.or(newest) else {
            let card =
                Card::new(Tone::Neutral, Text::default().code(name.as_str()).then(" has no builds yet."));
            return Ok(Answer::private(card.hint(marked(&format!("Build it: `/build {name}`.")))));
        };
        let world = self.engine.world();
        let item = world.store.get(&world.keys.build(name, number)).await?;
        let build: Build = match item {
            Some(item) => from_item(&item)?,
            None => {
                return Err(Refusal::new(
                    "no-such-build",
                    format!("Pipeline `{name}` has no build `{number}`."),
                    format!("See its builds with `/build list {name}`."),
                )
                .into());
            }
        };
        let title = Text::plain("Log of build ").code(number.to_string()).then(" of ").code(name.as_str());
        let mut card = Card::new(
            Tone::Neutral,
            title.then(", which ").then(match build.state {
                BuildState::Running => "is running",
                BuildState::Succeeded => "succeeded",
                BuildState::Failed => "failed",
                BuildState::Cancelled => "cancelled",
            }),
        );
        let lines = match &build.log {
            Some(log) => world.logs.tail(&world.target, log, LOG_LINES).await.map_err(EngineError::from)?,
            None => vec![],
        };
        card = if lines.is_empty() {
            card.text("There is no log yet.")
        } else {
            card.part(Part::Code(redact::tail(&redact::lines(lines.iter().map(String::as_str)))))
        };
        if let Some(link) = &build.log_link {
            card = card.text(Text::default().link(link.clone(), "Full log"));
        }
        card = match build.state {
            BuildState::Running => card,
            BuildState::Succeeded => {
                card.hint(Text::plain("Next: ").code(format!("/deploy {name} {number}")))
            }
            BuildState::Failed | BuildState::Cancelled => {
                card.hint(marked(&format!("Fix it, push, then run `/build {name}`.")))
            }
        };
        Ok(Answer::private(card))
    }

    /// Logs may contain information that is not for the whole workspace. Outside the home channel, only people with a role
    /// for the pipeline and approvers of its stages can read them.
    async fn may_read_logs(
        &self,
        invocation: &Invocation,
        state: &PipelineState,
        name: &PipelineName,
    ) -> Result<(), Reject> {
        let named: BTreeSet<_> =
            state.policies.values().flat_map(|policy| policy.approvers.iter().cloned()).collect();
        let subjects = Subjects::people([&invocation.actor.id]).naming(&named);
        let roles = self.engine.world().roles_about(Some(name), subjects).await?;
        match roles.access().read_logs(&invocation.actor.id, &named) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(refusal.into()),
        }
    }
}
