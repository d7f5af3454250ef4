//! The steps of one change set of SHED.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::described::described;
use super::super::gather::parameters;
use super::super::messages;
use super::super::of::LOOK_AGAIN;
use super::super::upload::{key, source};
use super::super::what::StackOfStage;
use crate::application::{Sluice, World};
use crate::names;
use crate::operation::effects::{CREATE_CHANGE_SET, PUT_OBJECT};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step, Undone};
use crate::ports::{Capability, ChangeSetIds, ChangeSetKind, ChangeSetState, NewChangeSet, OnStackFailure};
use crate::resources::own::ours;
use sluice_model::shown;
use sluice_template::plain::{Emission, Shed, assert_shed};

/// Computes a template of SHED from the live one. Each step computes it again, because the journal keeps no templates.
#[async_trait]
pub(in crate::resources::stack) trait ShedPlan: Send + Sync {
    /// The template to apply, and what its change set may do; `None` if nothing is left to do.
    async fn plan(&self, world: &World, live: String) -> Result<Option<(Emission, Shed)>, EngineError>;
}

/// A change set of SHED.
#[derive(Clone)]
pub(in crate::resources::stack) struct ShedChange {
    pub(in crate::resources::stack) of: StackOfStage,
    /// The stack's id.
    pub(in crate::resources::stack) stack: String,
    pub(in crate::resources::stack) plan: Arc<dyn ShedPlan>,
}

impl ShedChange {
    async fn planned(&self, cx: &Context) -> Result<Option<(Emission, Shed)>, EngineError> {
        let template = cx.world.ports.stacks.template(&self.of.target, &self.stack).await?;
        self.plan.plan(&cx.world, template.unwrap_or_default()).await
    }
}

/// Writes the template into the artifact bucket.
pub(super) struct UploadShed {
    pub(super) change: ShedChange,
}

#[async_trait]
impl Step<Sluice> for UploadShed {
    fn effect(&self) -> Effect {
        Effect::Mutate(&PUT_OBJECT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let target = &self.change.of.target;
        let Some((emission, _)) = self.change.planned(cx).await? else { return Progress::done(()) };
        let text = emission.template.text();
        let (bucket, key) = (names::bucket(target), key(&text));
        cx.world.ports.objects.create_object(target, &bucket, &key, Bytes::from(text)).await?;
        Progress::done(())
    }
}

/// Creates the change set. Its output is `null` if nothing is left to do.
pub(super) struct CreateShed {
    pub(super) change: ShedChange,
    /// The token of the request, and the name of the change set.
    pub(super) token: String,
}

#[async_trait]
impl Step<Sluice> for CreateShed {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_CHANGE_SET)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { change: change @ ShedChange { of, stack, .. }, token } = self;
        let found = cx.world.ports.stacks.stack(&of.target, stack).await?;
        let stack_now = found.and_then(|found| Some((found.tags, found.role?)));
        let Some(((tags, role), (emission, _))) = stack_now.zip(change.planned(cx).await?) else {
            return Progress::done(None::<ChangeSetIds>);
        };
        let types = emission.template.resource_types().into_iter().map(str::to_owned);
        let request = NewChangeSet {
            stack: stack.clone(),
            name: token.clone(),
            kind: ChangeSetKind::Update,
            token: token.clone(),
            template: source(&of.target, &emission.template),
            parameters: parameters(&emission),
            capabilities: vec![Capability::NamedIam],
            role,
            resource_types: types.collect(),
            // Other tags would change every resource.
            tags,
            on_failure: OnStackFailure::Rollback,
            includes_nested: true,
        };
        Progress::done(cx.world.ports.stacks.create_change_set(&of.target, &request).await?)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match cx
            .world
            .ports
            .stacks
            .change_set(&self.change.of.target, &self.change.stack, &self.token)
            .await?
        {
            Some(found) => ours(found.ids),
            None => Ok(Observed::Absent),
        }
    }
    async fn undo(&self, cx: &Context, output: &Value) -> Result<Undone, EngineError> {
        let ids: Option<ChangeSetIds> = serde_json::from_value(output.clone())
            .map_err(|error| EngineError::Corrupt(error.to_string()))?;
        if let Some(ids) = ids {
            let stacks = &cx.world.ports.stacks;
            stacks.delete_change_set(&self.change.of.target, &ids.stack, &ids.change_set).await?;
        }
        Ok(Undone::Yes)
    }
}

/// Waits until the change set is computed, and compares it with what it may do.
pub(super) struct AwaitShed {
    pub(super) change: ShedChange,
    pub(super) ids: ChangeSetIds,
}

/// The output of [`AwaitShed`].
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FoundShed {
    /// Whether there is nothing to do.
    pub(super) is_empty: bool,
    /// Why it cannot be executed, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
}

impl FoundShed {
    fn failed(failure: String) -> Result<Progress, EngineError> {
        Progress::done(Self { failure: Some(failure), ..Self::default() })
    }
}

#[async_trait]
impl Step<Sluice> for AwaitShed {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { change, ids } = self;
        let found = cx.world.ports.stacks.change_set(&change.of.target, &ids.stack, &ids.change_set).await?;
        let Some(found) = found else { return FoundShed::failed(messages::GONE_MEANWHILE.to_owned()) };
        match found.state {
            ChangeSetState::Pending => {
                let after = (cx.begun.elapsed() / 2).clamp(std::time::Duration::from_secs(1), LOOK_AGAIN);
                return Ok(Progress::NotYet { after, note: None });
            }
            ChangeSetState::Empty => {
                return Progress::done(FoundShed { is_empty: true, failure: None });
            }
            ChangeSetState::Ready => {}
            ChangeSetState::Failed(reason) => return FoundShed::failed(shown(&reason)),
            _ => return FoundShed::failed(messages::GONE_MEANWHILE.to_owned()),
        }
        let Some((_, shed)) = change.planned(cx).await? else {
            return FoundShed::failed(messages::GONE_MEANWHILE.to_owned());
        };
        let changes: Vec<_> = found.changes.iter().map(described).collect();
        match assert_shed(&changes, &shed) {
            Ok(()) => Progress::done(FoundShed::default()),
            Err(forbidden) => Err(EngineError::Refused(messages::shed_forbidden(&forbidden))),
        }
    }
}
