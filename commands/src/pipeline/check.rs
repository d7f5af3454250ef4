//! `/pipeline check` explains whether a stage can be promoted to, and why: it lists every gate with its state for the person
//! who runs it. It uses the same rules as a promotion, and changes nothing.

use crate::installation::{Installation, Invocation, Reject};
use crate::operation::Snapshot;
use crate::pipeline::messages;
use crate::promote::Request;
use crate::rules::{Attempt, Want, gates};
use sluice_grammar::{Command, PipelineCommand};
use sluice_model::{Answer, PipelineName, StageName, Text, UserId};

impl Installation {
    /// Checks one stage, or all but the first.
    pub(crate) async fn check(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        stage: Option<&StageName>,
    ) -> Result<Answer, Reject> {
        let command = Command::Pipeline(PipelineCommand::Check { name: name.clone(), stage: stage.cloned() });
        let snapshot = self.snapshot(name, &command).await?;
        let state = &snapshot.state;
        let pipeline = state.pipeline(name)?;
        let stages: Vec<&StageName> = match stage {
            Some(stage) => vec![&state.stage(name, stage)?.name],
            None => pipeline.stages.iter().skip(1).collect(),
        };
        let mut card = messages::check(name, stage);
        if stages.is_empty() {
            card = card.text(messages::ONE_STAGE);
        }
        let (drift_report, runtimes) =
            futures::future::join(self.drift_report(name, state), self.runtimes(name, state)).await;
        let drift_report = drift_report?;
        for stage in stages {
            let mut lines = self.gates_of(&snapshot, name, stage, &invocation.actor.id);
            let at = self.engine.world().clock.now();
            let waiting = self.requests(state, stage, &mut None).await?.into_iter().filter(Request::waits);
            lines.extend(waiting.map(|request| messages::request(&request, at)));
            lines.extend(messages::drift(&drift_report, name, stage));
            card = card.text(messages::policy(stage, &state.policy(stage))).lines(lines);
        }
        Ok(Answer::private(runtimes.into_iter().fold(card, |card, warnings| card.text(warnings))))
    }

    /// Every gate of a stage for that person, in the order in which a promotion checks them.
    fn gates_of(
        &self,
        snapshot: &Snapshot,
        name: &PipelineName,
        stage: &StageName,
        who: &UserId,
    ) -> Vec<Text> {
        let Snapshot { state, access, .. } = snapshot;
        let mut lines = vec![messages::role(access.operate(who).as_ref().map(|granted| granted.rule()))];
        let source = state.pipeline.as_ref().and_then(|pipeline| pipeline.before(stage));
        let running = source.and_then(|from| Some((from, state.stages.get(from)?.current.as_ref()?)));
        let want = match running {
            Some((from, now)) => {
                let here = state.stages.get(stage).and_then(|stage| stage.current.as_ref());
                let runs_here = here.is_some_and(|here| here.release == now.release);
                lines.push(messages::release(from, now.release, runs_here));
                Want::Promote { from, release: now.release, again: false, overrides: false }
            }
            None => {
                lines.extend(source.map(messages::no_release));
                Want::Deploy
            }
        };
        let attempt = Attempt { pipeline: name, stage, want, at: self.engine.world().clock.now() };
        lines.extend(gates(state, &attempt).into_iter().map(messages::gate));
        let policy = state.policy(stage);
        if policy.approvals > 0 {
            let (approvers, groups) = access.deciders(&policy.approvers);
            let unknown = access.membership.refuse_unknown(&groups, &approvers);
            let others = approvers.iter().filter(|user| policy.self_approval || *user != who);
            lines.push(messages::approvals(policy.approvals, &others.collect::<Vec<_>>(), unknown.as_ref()));
        }
        lines
    }
}
