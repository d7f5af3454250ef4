//! The change set that releases what holds no data: it changes nothing but deletion policies.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::described::described;
use super::super::gather::parameters;
use super::super::messages;
use super::super::of::LOOK_AGAIN;
use super::super::upload::{key, source};
use super::look::{Planned, planned};
use super::what::StackOfStage;
use crate::application::Sluice;
use crate::names;
use crate::operation::effects::{CREATE_CHANGE_SET, PUT_OBJECT};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::{Capability, ChangeSetIds, ChangeSetKind, ChangeSetState, NewChangeSet, OnStackFailure};
use crate::resources::own::ours;
use sluice_model::shown;
use sluice_template::plain::assert_shed;

/// The plan from the template that is live now.
async fn plan(cx: &Context, of: &StackOfStage, stack: &str) -> Result<Planned, EngineError> {
    let template = cx.world.ports.stacks.template(&of.target, stack).await?;
    planned(&cx.world, template.unwrap_or_default()).await
}

/// Writes the template into the artifact bucket.
pub(super) struct UploadRelease {
    pub(super) of: StackOfStage,
    pub(super) stack: String,
}

#[async_trait]
impl Step<Sluice> for UploadRelease {
    fn effect(&self) -> Effect {
        Effect::Mutate(&PUT_OBJECT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { of, stack } = self;
        let Some(release) = plan(cx, of, stack).await?.release else { return Progress::done(()) };
        let text = release.template.text();
        let (bucket, key) = (names::bucket(&of.target), key(&text));
        cx.world.ports.objects.create_object(&of.target, &bucket, &key, Bytes::from(text)).await?;
        Progress::done(())
    }
}

/// Creates the change set. Its output is `null` if there is nothing to release any more.
pub(super) struct CreateRelease {
    pub(super) of: StackOfStage,
    pub(super) stack: String,
    /// The token of the request, and the name of the change set.
    pub(super) token: String,
}

#[async_trait]
impl Step<Sluice> for CreateRelease {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_CHANGE_SET)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { of, stack, token } = self;
        let found = cx.world.ports.stacks.stack(&of.target, stack).await?;
        let stack_now = found.and_then(|found| Some((found.tags, found.role?)));
        let Some(((tags, role), emission)) = stack_now.zip(plan(cx, of, stack).await?.release) else {
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
        match cx.world.ports.stacks.change_set(&self.of.target, &self.stack, &self.token).await? {
            Some(found) => ours(found.ids),
            None => Ok(Observed::Absent),
        }
    }
}

/// Waits until the change set is computed, and compares it with what it may do.
pub(super) struct AwaitRelease {
    pub(super) of: StackOfStage,
    pub(super) ids: ChangeSetIds,
}

/// The output of [`AwaitRelease`].
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FoundRelease {
    /// Whether there is nothing to do.
    pub(super) is_empty: bool,
    /// Why it cannot be executed, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
}

impl FoundRelease {
    fn failed(failure: String) -> Result<Progress, EngineError> {
        Progress::done(Self { failure: Some(failure), ..Self::default() })
    }
}

#[async_trait]
impl Step<Sluice> for AwaitRelease {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { of, ids } = self;
        let found = cx.world.ports.stacks.change_set(&of.target, &ids.stack, &ids.change_set).await?;
        let Some(found) = found else { return FoundRelease::failed(messages::RELEASE_GONE.to_owned()) };
        match found.state {
            ChangeSetState::Pending => {
                let after = (cx.begun.elapsed() / 2).clamp(std::time::Duration::from_secs(1), LOOK_AGAIN);
                return Ok(Progress::NotYet { after, note: None });
            }
            ChangeSetState::Empty => {
                return Progress::done(FoundRelease { is_empty: true, failure: None });
            }
            ChangeSetState::Ready => {}
            ChangeSetState::Failed(reason) => return FoundRelease::failed(shown(&reason)),
            _ => return FoundRelease::failed(messages::RELEASE_GONE.to_owned()),
        }
        let Some(shed) = plan(cx, of, &ids.stack).await?.shed else {
            return FoundRelease::failed(messages::RELEASE_GONE.to_owned());
        };
        let changes: Vec<_> = found.changes.iter().map(described).collect();
        match assert_shed(&changes, &shed) {
            Ok(()) => Progress::done(FoundRelease::default()),
            Err(forbidden) => Err(EngineError::Refused(messages::release_forbidden(&forbidden))),
        }
    }
}
