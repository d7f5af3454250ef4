//! Plans a promotion: a stage will run a release that runs or ran on an earlier stage. The plan has the required approvers,
//! and the release that the stage runs at the time of the request. The approval is bound to that release.

use crate::installation::{Installation, Plan, Reject};
use crate::operation::Snapshot;
use crate::promote;
use crate::records::Current;
use crate::rules::{Attempt, pass};
use sluice_grammar::{Command, PromoteCommand};
use sluice_model::{Card, PipelineName, Refusal, ReleaseNumber, StageName, Text, Tone};

/// How many approvers are recorded: more than a message mentions, fewer than a large group has.
const MOST_ASKED: usize = 30;

/// What the requester explicitly accepts.
#[derive(Clone, Copy)]
pub(crate) struct Overrides<'a> {
    /// A release from which the stage was rolled back.
    pub(crate) again: bool,
    /// The reason for overriding gates.
    pub(crate) override_reason: Option<&'a str>,
}

impl Installation {
    /// Promotes what the previous stage runs, unless the command names another stage or release.
    pub(crate) async fn promote(
        &self,
        snapshot: &Snapshot,
        name: &PipelineName,
        to: &StageName,
        from: Option<&StageName>,
        release: Option<ReleaseNumber>,
        overriding: Overrides<'_>,
    ) -> Result<Plan, Reject> {
        let (state, access) = (&snapshot.state, &snapshot.access);
        let pipeline = state.pipeline(name)?;
        let target = state.stage(name, to)?;
        let Some(before) = pipeline.before(to) else {
            return Err(Refusal::new(
                "first-stage",
                format!("`{to}` is the first stage, so there is no earlier stage to promote from."),
                format!("Deploy to it: `/deploy {name}`."),
            )
            .into());
        };
        let from = from.unwrap_or(before);
        let source = state.stage(name, from)?;
        let position = |stage: &StageName| pipeline.stages.iter().position(|known| known == stage);
        if position(from) >= position(to) {
            return Err(Refusal::new(
                "not-earlier",
                format!("`{from}` is not before `{to}`."),
                format!("Promote from an earlier stage, as in `/promote {name} {to} from {before}`."),
            )
            .into());
        }
        let Some(running) = &source.current else {
            return Err(Refusal::new(
                "nothing-runs",
                format!("Stage `{from}` runs nothing yet."),
                if Some(from) == pipeline.stages.first() {
                    format!("Deploy to it first: `/deploy {name}`.")
                } else {
                    format!("Promote to it first: `/promote {name} {from}`.")
                },
            )
            .into());
        };
        if source.mixed.is_some() {
            return Err(Refusal::new(
                "mixed-stage",
                format!("Stage `{from}` is in a mixed state: an operation on it was resolved by hand, and its functions run different releases."),
                format!("First bring all its functions to one release, with a promotion or `/rollback {name} {from}`."),
            )
            .into());
        }
        let number = release.unwrap_or(running.release);
        if !source.has_run(number) {
            return Err(Refusal::new(
                "never-ran",
                format!("Release `{number}` never ran on `{from}`, so it cannot be promoted to `{to}`."),
                format!("`{from}` runs `{}`. To promote that, run `/promote {name} {to}`.", running.release),
            )
            .into());
        }
        let is_whole = target.mixed.is_none();
        let policy = state.policy(to);
        let is_same =
            |current: &Current| current.release == number && current.parameters == policy.parameters;
        if target.current.as_ref().is_some_and(|current| is_whole && is_same(current)) {
            return Err(Reject::say(
                Card::new(
                    Tone::Neutral,
                    Text::default()
                        .code(to.as_str())
                        .then(" of ")
                        .code(name.as_str())
                        .then(format!(" already runs {number}.")),
                )
                .hint("There is nothing to do.")
                .foot(Text::plain("code ").code("already-runs")),
            ));
        }
        let release = self.release(name, number).await?;
        let now = self.engine.world().clock.now();
        let reason = overriding.override_reason;
        let (approvers, _) = access.deciders(&policy.approvers);
        let expires = match (policy.expires, policy.approvals) {
            (0, _) | (_, 0) => None,
            (seconds, _) => now.checked_add(std::time::Duration::from_secs(seconds)).ok(),
        };
        let params = promote::Params {
            name: name.clone(),
            to: to.clone(),
            from: from.clone(),
            release,
            bucket: pipeline.bucket.clone(),
            before: target.current.as_ref().map(|current| promote::Before {
                release: current.release,
                commit: current.commit.clone(),
                parameters: current.parameters.clone(),
            }),
            api: running.api.clone(),
            approvals: if reason.is_some() {
                0
            } else {
                usize::try_from(policy.approvals).unwrap_or(usize::MAX)
            },
            approvers: approvers.into_iter().take(MOST_ASKED).collect(),
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
        };
        let attempt = Attempt { pipeline: name, stage: to, want: params.want(), at: now };
        let mut passed = pass(state, &attempt)?;
        if reason.is_some() && policy.approvals > 0 {
            passed.push("Nobody was asked to approve it.".to_owned());
        }
        let params = promote::Params { passed, ..params };
        let answer = Text::plain("Promoting ")
            .code(name.as_str())
            .then(" ")
            .code(number.to_string())
            .then(" from ")
            .code(from.as_str())
            .then(" to ")
            .code(to.as_str())
            .then(".");
        let command = Command::Promote(PromoteCommand::Promote {
            name: name.clone(),
            to: to.clone(),
            from: Some(from.clone()),
            release: Some(number),
            again: overriding.again,
            anyway: false,
            override_reason: reason.map(str::to_owned),
        });
        Plan::new(promote::KIND, params, command, answer)
    }
}
