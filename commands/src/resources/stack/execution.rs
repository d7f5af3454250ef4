//! The end of a pass: CloudFormation executes its change set, or rolls it back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::messages;
use super::of::Pass;
use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::ports::{
    ChangeSetIds, EventsSince, ResourceStatus, StackClass, StackEvent, StackEvents, StackStatus,
};
use sluice_model::{Refusal, Target};

/// How long CloudFormation may take for a pass: a custom resource that never answers takes an hour, and its rollback another.
pub(super) const PATIENCE: Duration = Duration::from_secs(3 * 3_600);

/// How long CloudFormation may take to show a stack that it has just begun to create.
pub(super) const SETTLE: Duration = Duration::from_secs(30);

/// Waits for the end of a change set's execution.
pub(super) struct AwaitExecution {
    pub(super) target: Target,
    /// The token of its events.
    pub(super) token: String,
    /// GROW refuses if it failed; otherwise the failure is the result, because somebody can have it tried again.
    pub(super) is_grow: bool,
    pub(super) ids: ChangeSetIds,
}

/// The output of [`AwaitExecution`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PassEnd {
    /// Why CloudFormation rolled it back, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    /// What it could not delete and left in the account, as sentences: its end is a success nevertheless.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left: Vec<String>,
}

/// How many resources that could not be deleted are named.
const MOST_LEFT: usize = 10;

impl AwaitExecution {
    async fn events(&self, cx: &Context) -> Result<Vec<StackEvent>, EngineError> {
        let since = EventsSince::Token(self.token.clone());
        let found = cx.world.ports.stacks.stack_events(&self.target, &self.ids.stack, &since).await?;
        Ok(found.map(|found| found.events).unwrap_or_default())
    }

    /// What could not be deleted. GROW deletes nothing.
    async fn left(&self, cx: &Context, status: StackStatus) -> Result<Vec<String>, EngineError> {
        if self.is_grow {
            return Ok(vec![]);
        }
        let events = self.events(cx).await?;
        let is_gone = |id: &str| events.iter().any(|event| event.logical_id == id && event.status.is_gone());
        let failed = events.iter().filter(|event| {
            !event.is_of_stack && event.status.0 == "DELETE_FAILED" && !is_gone(&event.logical_id)
        });
        let mut by_id = BTreeMap::new();
        for event in failed {
            by_id.entry(&event.logical_id).or_insert_with(|| messages::first_failure(Some(event), status));
        }
        Ok(by_id.into_values().take(MOST_LEFT).collect())
    }

    async fn failed(&self, cx: &Context, status: StackStatus) -> Result<Progress, EngineError> {
        let events = StackEvents { events: self.events(cx).await?, is_complete: true };
        let failure = messages::first_failure(events.first_failure(), status);
        match self.is_grow {
            true => Err(EngineError::Refused(messages::failed(Pass::Grow, &failure))),
            false => Progress::done(PassEnd { failure: Some(failure), left: vec![] }),
        }
    }

    async fn not_yet(&self, cx: &Context) -> Result<Progress, EngineError> {
        let waited = cx.begun.elapsed();
        if waited > PATIENCE {
            return Err(EngineError::Refused(slow(&self.ids.stack)));
        }
        Ok(waits(&self.events(cx).await?, waited))
    }
}

/// CloudFormation did not end within [`PATIENCE`].
pub(super) fn slow(stack: &str) -> Refusal {
    let name = stack.split('/').nth(1).unwrap_or(stack);
    messages::too_slow(name, PATIENCE.as_secs() / 3_600)
}

/// How far it is.
pub(super) fn waits(events: &[StackEvent], waited: Duration) -> Progress {
    let resources = || events.iter().filter(|event| !event.is_of_stack);
    let is_done = |status: &ResourceStatus| status.0.ends_with("_COMPLETE") || status.is_gone();
    let done = resources().filter(|event| is_done(&event.status));
    let done: BTreeSet<&String> = done.map(|event| &event.logical_id).collect();
    let now = resources().find(|event| !done.contains(&event.logical_id));
    let note = messages::progress(done.len(), now);
    let after = (waited / 4).clamp(Duration::from_secs(2), Duration::from_secs(15));
    Progress::NotYet { after, note: Some(note) }
}

#[async_trait]
impl Step<Sluice> for AwaitExecution {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { target, ids, .. } = self;
        let Some(stack) = cx.world.ports.stacks.stack(target, &ids.stack).await? else {
            // CloudFormation deletes a stack whose creation failed; and for some seconds it may not show a new one.
            return match cx.begun.elapsed() < SETTLE {
                true => self.not_yet(cx).await,
                false => self.failed(cx, StackStatus::DeleteComplete).await,
            };
        };
        // Until CloudFormation shows that it began, the status is of the operation before.
        let is_begun = stack.change_set.as_ref() == Some(&ids.change_set);
        let class = stack.status.class();
        // GROW deletes nothing, so nothing waits for the clean-up after it. WIRE deletes triggers in it.
        let is_final = self.is_grow || class == StackClass::Stable;
        if is_begun && stack.status.succeeded() && is_final {
            return Progress::done(PassEnd { failure: None, left: self.left(cx, stack.status).await? });
        }
        if class == StackClass::InProgress || (!is_begun && class != StackClass::Gone) {
            return self.not_yet(cx).await;
        }
        if class == StackClass::Broken && !self.is_grow {
            // The next attempt continues the rollback.
            let events = StackEvents { events: self.events(cx).await?, is_complete: true };
            let failure = messages::first_failure(events.first_failure(), stack.status);
            let failure = messages::rollback_failed(&failure, stack.reason.as_deref());
            return Progress::done(PassEnd { failure: Some(failure), left: vec![] });
        }
        if class == StackClass::Broken {
            let refusal = messages::broken(&stack.name, stack.status, stack.reason.as_deref());
            return Err(EngineError::Refused(refusal));
        }
        self.failed(cx, stack.status).await
    }
}

/// Refuses to go on after a WIRE that failed, until somebody wants another attempt.
pub(super) struct Verdict {
    pub(super) pass: Pass,
    pub(super) failure: String,
    pub(super) is_retried: bool,
}

#[async_trait]
impl Step<Sluice> for Verdict {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, _: &Context) -> Result<Progress, EngineError> {
        match self.is_retried {
            true => Progress::done(()),
            false => Err(EngineError::Refused(messages::failed(self.pass, &self.failure))),
        }
    }
}
