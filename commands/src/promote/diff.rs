//! `/promote diff`: what a promotion would change. It reads what a promotion reads for its approvers, and changes nothing.

use crate::comparison::{Previewed, Question, mixed_here, preview_card};
use crate::installation::{Installation, Reject, misdirected};
use crate::promote::command::Overrides;
use crate::promote::{Params, messages};
use crate::rules::{Attempt, Gate, gates};
use sluice_grammar::{Command, PromoteCommand};
use sluice_model::{Answer, PipelineName, StageName};

/// What the person asked. `is_mixed`: whether the functions of the stage run different releases.
pub(crate) fn question(params: &Params, gates: Vec<Gate>, is_mixed: bool) -> Question {
    let Params { name, to, from, release, before, parameters, .. } = params;
    let ran = before.as_ref().map(|before| before.parameters.clone());
    Question {
        doing: messages::promoting_what(name, release.number, from, to),
        current: before.as_ref().map(|before| (before.release, before.commit.clone())),
        new: messages::new_release(release),
        parameters: (ran.unwrap_or_default(), parameters.clone()),
        gates,
        approvals: params.approvals,
        notes: is_mixed.then(|| mixed_here(to)).into_iter().collect(),
        hint: messages::how_to_promote(name, to),
    }
}

impl Installation {
    /// Answers a `/promote` command that changes nothing.
    pub(crate) async fn read_promotion(&self, command: PromoteCommand) -> Result<Answer, Reject> {
        match command {
            PromoteCommand::Diff { name, to } => self.diff(&name, &to).await,
            other => Err(misdirected(Command::Promote(other))),
        }
    }

    async fn diff(&self, name: &PipelineName, to: &StageName) -> Result<Answer, Reject> {
        let command = Command::Promote(PromoteCommand::Diff { name: name.clone(), to: to.clone() });
        let snapshot = self.snapshot(name, &command).await?;
        let overriding = Overrides { again: false, replace: false, override_reason: None };
        let params = self.promotion(&snapshot, name, to, None, None, overriding).await?;
        let (state, world) = (&snapshot.state, self.engine.world());
        let attempt = Attempt { pipeline: name, stage: to, want: params.want(), at: world.clock.now() };
        let is_mixed = state.stages.get(to).is_some_and(|stage| stage.mixed.is_some());
        let question = question(&params, gates(state, &attempt), is_mixed);
        let found = self.preview(Previewed {
            of: params.comparison(&world.target),
            release: params.release.number,
            has_stack: params.has_stack,
            choices: params.stack,
            has_approvers: params.approvals > 0,
            commits: params.commits_between(&world.target),
        });
        Ok(Answer::private(preview_card(question, found.await)))
    }
}
