//! Plans a promotion: a stage will run a release that runs or ran on an earlier stage. The plan has the required approvers,
//! and the release that the stage runs at the time of the request. The approval is bound to that release.

use crate::installation::{Installation, Plan, Planning, Reject, misdirected};
use crate::operation::Snapshot;
use crate::promote::{Before, Params, messages, refusals};
use crate::records::{Current, StackChoices};
use crate::rules::{Attempt, pass};
use sluice_grammar::{Command, PromoteCommand};
use sluice_model::{PipelineName, ReleaseNumber, StageName};

/// The number of approvers to record: more than a message mentions, fewer than a large group has.
const MOST_APPROVERS: usize = 30;

/// What the requester explicitly accepts.
#[derive(Clone, Copy)]
pub(crate) struct Overrides<'a> {
    /// A release from which the stage was rolled back.
    pub(crate) again: bool,
    /// A resource with data that is replaced by an empty one.
    pub(crate) replace: bool,
    /// The reason for overriding gates.
    pub(crate) override_reason: Option<&'a str>,
}

impl Installation {
    /// The promotion of what the previous stage runs, unless the command names another stage or release. Gates are not checked.
    pub(super) async fn promotion(
        &self,
        snapshot: &Snapshot,
        name: &PipelineName,
        to: &StageName,
        from: Option<&StageName>,
        release: Option<ReleaseNumber>,
        overriding: Overrides<'_>,
    ) -> Result<Params, Reject> {
        let (state, access) = (&snapshot.state, &snapshot.access);
        let pipeline = state.pipeline(name)?;
        let target = state.stage(name, to)?;
        let Some(before) = pipeline.before(to) else {
            return Err(refusals::first_stage(name, to).into());
        };
        let from = from.unwrap_or(before);
        let source = state.stage(name, from)?;
        let position = |stage: &StageName| pipeline.stages.iter().position(|known| known == stage);
        if position(from) >= position(to) {
            return Err(refusals::not_earlier(name, from, to, before).into());
        }
        let Some(running) = &source.current else {
            let is_first = Some(from) == pipeline.stages.first();
            return Err(refusals::runs_nothing(name, from, is_first).into());
        };
        if source.mixed.is_some() {
            return Err(refusals::mixed(name, from).into());
        }
        let number = release.unwrap_or(running.release);
        if !source.has_run(number) {
            return Err(refusals::never_ran(name, from, to, number, running).into());
        }
        let is_whole = target.mixed.is_none();
        let policy = state.policy(to);
        let is_same = |current: &Current| {
            current.release == number
                && current.parameters == policy.parameters
                && current.events_off == policy.events_off
        };
        if let Some(current) = target.current.as_ref().filter(|current| is_whole && is_same(current))
            && !self.has_changed_outside(name, target, current).await?
        {
            return Err(Reject::answer(messages::already_runs(name, to, number)));
        }
        let release = self.release(name, number).await?;
        let now = self.engine.world().clock.now();
        let reason = overriding.override_reason;
        let (approvers, _) = access.deciders(&policy.approvers);
        let expires = match (policy.expires, policy.approvals) {
            (0, _) | (_, 0) => None,
            (seconds, _) => now.checked_add(std::time::Duration::from_secs(seconds)).ok(),
        };
        Ok(Params {
            name: name.clone(),
            to: to.clone(),
            from: from.clone(),
            release,
            bucket: pipeline.bucket.clone(),
            before: target.current.as_ref().map(|current| Before {
                release: current.release,
                commit: current.commit.clone(),
                parameters: current.parameters.clone(),
                system: current.system.clone(),
            }),
            has_stack: target.current.as_ref().is_some_and(|current| current.has_stack),
            apis: target.current.as_ref().map(|current| current.apis.clone()).unwrap_or_default(),
            settings: target.current.as_ref().map(|current| current.settings.clone()).unwrap_or_default(),
            approvals: if reason.is_some() {
                0
            } else {
                usize::try_from(policy.approvals).unwrap_or(usize::MAX)
            },
            approvers: approvers.into_iter().take(MOST_APPROVERS).collect(),
            named: policy.approvers.clone(),
            self_approval: policy.self_approval,
            expires,
            again: overriding.again,
            override_reason: reason.map(str::to_owned),
            repository: Some(pipeline.repository.clone()),
            passed: vec![],
            smoke: policy.smoke.clone(),
            outside: None,
            parameters: policy.parameters.clone(),
            stack: StackChoices { events_off: policy.events_off, replace: overriding.replace },
            next: pipeline.next(to).cloned(),
        })
    }

    /// Plans that promotion, if the gates of the stage are open.
    pub(crate) async fn promote(
        &self,
        snapshot: &Snapshot,
        name: &PipelineName,
        to: &StageName,
        from: Option<&StageName>,
        release: Option<ReleaseNumber>,
        overriding: Overrides<'_>,
    ) -> Result<Plan, Reject> {
        let (state, reason) = (&snapshot.state, overriding.override_reason);
        let params = self.promotion(snapshot, name, to, from, release, overriding).await?;
        let at = self.engine.world().clock.now();
        let mut passed = pass(state, &Attempt { pipeline: name, stage: to, want: params.want(), at })?;
        if reason.is_some() && state.policy(to).approvals > 0 {
            passed.push(messages::APPROVALS_SKIPPED.to_owned());
        }
        let params = Params { passed, ..params };
        let (from, number) = (&params.from, params.release.number);
        let answer = messages::promoting(name, number, from, to);
        let command = Command::Promote(PromoteCommand::Promote {
            name: name.clone(),
            to: to.clone(),
            from: Some(from.clone()),
            release: Some(number),
            again: overriding.again,
            replace: overriding.replace,
            anyway: false,
            override_reason: reason.map(str::to_owned),
        });
        Plan::new(params, command, answer)
    }
}

impl Installation {
    /// Plans a `/promote` command.
    pub(crate) async fn plan_promote(
        &self,
        planning: Planning<'_>,
        command: &PromoteCommand,
    ) -> Result<Plan, Reject> {
        let PromoteCommand::Promote { to, from, release, again, replace, override_reason, .. } = command
        else {
            return Err(misdirected(planning.command));
        };
        let overriding =
            Overrides { again: *again, replace: *replace, override_reason: override_reason.as_deref() };
        self.promote(planning.snapshot, planning.name, to, from.as_ref(), *release, overriding).await
    }
}
