//! The steps of a pass.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::computed::{Computed, computed};
use super::gather::parameters;
use super::messages;
use super::of::{LOOK_AGAIN, Pass, StackOf};
use super::shown::{MOST_SHOWN, ShownChange};
use super::upload::source;
use crate::application::Sluice;
use crate::names;
use crate::operation::effects::{CREATE_CHANGE_SET, DELETE_CHANGE_SET, EXECUTE_CHANGE_SET};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step, Undone};
use crate::ports::{
    Capability, ChangeSetIds, ChangeSetKind, ChangeSetState, DeleteStack, EventsSince, NewChangeSet,
    OnStackFailure, StackStatus,
};
use crate::resources::own::ours;
use sluice_model::Target;
use sluice_template::plain::{Confirmed, assert_grow, assert_wire};

/// Creates the change set of a pass.
pub(super) struct CreateChangeSet {
    pub(super) of: StackOf,
    pub(super) pass: Pass,
    /// The digest of the pass as it was planned.
    pub(super) digest: String,
    pub(super) kept: BTreeSet<String>,
    /// The ARN of the service role.
    pub(super) role: String,
}

#[async_trait]
impl Step<Sluice> for CreateChangeSet {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_CHANGE_SET)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { of, pass, digest, kept, role } = self;
        let (gathered, _, emission) = match computed(of, *pass, digest, kept, cx).await? {
            Computed::Busy => {
                let note = Some(messages::WAITS_FOR_STACK.into());
                return Ok(Progress::NotYet { after: LOOK_AGAIN, note });
            }
            Computed::Nothing => return Progress::done(None::<ChangeSetIds>),
            Computed::Change(change) => *change,
        };
        let token = pass.token(&cx.operation);
        let types = emission.template.resource_types().into_iter().map(str::to_owned);
        let request = NewChangeSet {
            stack: gathered.stack.as_ref().map_or_else(|| of.name(), |stack| stack.id.clone()),
            name: token.clone(),
            kind: if gathered.stack.is_some() { ChangeSetKind::Update } else { ChangeSetKind::Create },
            token,
            template: source(&of.target, &emission.template),
            parameters: parameters(&emission),
            capabilities: vec![Capability::NamedIam],
            role: role.clone(),
            resource_types: types.collect(),
            tags: names::stack_tags(&of.pipeline, &of.stage),
            on_failure: OnStackFailure::Delete,
            includes_nested: true,
        };
        Progress::done(cx.world.ports.stacks.create_change_set(&of.target, &request).await?)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let (target, name) = (&self.of.target, self.pass.token(&cx.operation));
        match cx.world.ports.stacks.change_set(target, &self.of.name(), &name).await? {
            Some(found) => ours(found.ids),
            None => Ok(Observed::Absent),
        }
    }
    async fn undo(&self, cx: &Context, output: &Value) -> Result<Undone, EngineError> {
        let ids: Option<ChangeSetIds> = serde_json::from_value(output.clone())
            .map_err(|error| EngineError::Corrupt(error.to_string()))?;
        let Some(ids) = ids else { return Ok(Undone::Yes) };
        let stacks = &cx.world.ports.stacks;
        let target = &self.of.target;
        let stack = stacks.stack(target, &ids.stack).await?;
        match stack.map(|stack| stack.status) {
            None => {}
            // It has nothing but change sets.
            Some(StackStatus::ReviewInProgress) => {
                let token = format!("{}-undo", self.pass.token(&cx.operation));
                let request = DeleteStack { stack: ids.stack, role: None, retain: vec![], token };
                stacks.delete_stack(target, &request).await?;
            }
            Some(_) => stacks.delete_change_set(target, &ids.stack, &ids.change_set).await?,
        }
        Ok(Undone::Yes)
    }
}

/// Waits until a change set is computed, and compares it with what the pass may do.
pub(super) struct AwaitChanges {
    pub(super) of: StackOf,
    pub(super) pass: Pass,
    pub(super) digest: String,
    pub(super) kept: BTreeSet<String>,
    pub(super) ids: ChangeSetIds,
}

/// The output of [`AwaitChanges`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FoundChanges {
    /// Whether there is nothing to do.
    pub(super) is_empty: bool,
    /// Whether somebody changed the stack, which deletes change sets. Only of WIRE, which is tried again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_gone: bool,
    /// How many resources change.
    pub(super) changes: usize,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) shown: Vec<ShownChange>,
}

#[async_trait]
impl Step<Sluice> for AwaitChanges {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { of, pass, digest, kept, ids } = self;
        let (stacks, name) = (&cx.world.ports.stacks, of.name());
        let refused = |refusal| Err(EngineError::Refused(refusal));
        let found = stacks.change_set(&of.target, &ids.stack, &ids.change_set).await?;
        let gone = || match pass {
            Pass::Grow => refused(messages::change_set_gone(&name)),
            Pass::Wire(_) => Progress::done(FoundChanges { is_gone: true, ..FoundChanges::default() }),
        };
        let Some(found) = found else { return gone() };
        match found.state {
            ChangeSetState::Pending => {
                let after = (cx.begun.elapsed() / 2).clamp(Duration::from_secs(1), LOOK_AGAIN);
                return Ok(Progress::NotYet { after, note: None });
            }
            ChangeSetState::Empty => {
                return Progress::done(FoundChanges { is_empty: true, ..FoundChanges::default() });
            }
            ChangeSetState::Ready => {}
            ChangeSetState::Failed(reason) => {
                return refused(messages::change_set_failed(*pass, &name, &reason));
            }
            _ => return gone(),
        }
        let (passes, emission) = match computed(of, *pass, digest, kept, cx).await? {
            Computed::Change(change) => (change.1, change.2),
            Computed::Busy | Computed::Nothing => return gone(),
        };
        let changes: Vec<_> = found.changes.iter().map(super::described::described).collect();
        let confirmed = Confirmed { replace: of.choices.replace };
        let verdict = match pass {
            Pass::Grow => assert_grow(&changes, &emission, confirmed),
            Pass::Wire(_) => assert_wire(&changes, &passes.grown, &emission, confirmed),
        };
        match verdict {
            Ok(()) => {
                let of = |change| ShownChange::of(change, &emission.template);
                let shown = changes.iter().take(MOST_SHOWN).map(of).collect();
                Progress::done(FoundChanges { changes: changes.len(), shown, ..FoundChanges::default() })
            }
            Err(forbidden) => refused(messages::forbidden(*pass, &forbidden)),
        }
    }
}

/// Deletes a change set that changes nothing: a stack can have only some hundred of them.
pub(super) struct DropChangeSet {
    pub(super) target: Target,
    pub(super) ids: ChangeSetIds,
}

#[async_trait]
impl Step<Sluice> for DropChangeSet {
    fn effect(&self) -> Effect {
        Effect::Mutate(&DELETE_CHANGE_SET)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { target, ids } = self;
        cx.world.ports.stacks.delete_change_set(target, &ids.stack, &ids.change_set).await?;
        Progress::done(())
    }
}

/// Begins to execute a change set.
pub(super) struct ExecuteChangeSet {
    pub(super) target: Target,
    /// The token of its requests and events.
    pub(super) token: String,
    pub(super) ids: ChangeSetIds,
}

#[async_trait]
impl Step<Sluice> for ExecuteChangeSet {
    fn effect(&self) -> Effect {
        Effect::Mutate(&EXECUTE_CHANGE_SET)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { target, token, ids } = self;
        cx.world.ports.stacks.execute_change_set(target, &ids.stack, &ids.change_set, token).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let Self { target, token, ids } = self;
        let stacks = &cx.world.ports.stacks;
        let stack = stacks.stack(target, &ids.stack).await?;
        if stack.is_some_and(|stack| stack.change_set.as_ref() == Some(&ids.change_set)) {
            return ours(());
        }
        let since = EventsSince::Token(token.clone());
        let events = stacks.stack_events(target, &ids.stack, &since).await?;
        match events.is_some_and(|found| !found.events.is_empty()) {
            true => ours(()),
            false => Ok(Observed::Absent),
        }
    }
}
