//! The stack of a stage in the preparation of a release: its APIs exist first, because the stack may name them; then GROW; and then
//! the template is read again, because functions and APIs may need values of the stack.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::application::{Sluice, World};
use crate::names;
use crate::operation::{
    Content, Context, Effect, EngineError, LoadedContent, Node, OperationState, Progress, Step, StepId,
};
use crate::records::{PinnedStack, Release, StackChoices, VersionSet, prepare_slot};
use crate::resources::stack::{
    PassNodes, StackOf, StackPlan, WantedStack, plan_nodes, planned, service_role_nodes, stack_values,
};
use crate::resources::{ApiValues, Deployable, Preparation, created_apis, direct_values, pinned_values};
use crate::steps::artifact::{Exceptions, KnownStage, ReadApplication};
use crate::steps::done::all_done;
use crate::steps::messages;
use crate::steps::system::SystemSource;
use sluice_model::{PipelineName, StageName, Target};
use sluice_template::AppStack;
use sluice_template::plain::DirectValues;

/// The step that reads the template with all values.
const RESOLVED: &str = "resolved";

/// A stage's stack, and the plan of its passes.
pub(crate) struct StagedStack {
    pub(crate) of: StackOf,
    pub(crate) plan: StackPlan,
    pub(crate) pinned: PinnedStack,
}

/// The steps of the stack before the stage moves.
#[derive(Default)]
pub(super) struct StackSteps {
    pub(super) nodes: Vec<Node>,
    /// The application with all values, once they are known.
    pub(super) complete: Option<Arc<Deployable>>,
    /// The stack, once its passes are planned.
    pub(super) stack: Option<StagedStack>,
    /// Whether only the execution of GROW is left, which waits for people.
    pub(super) waits: bool,
}

/// Every step that can be named so far. `first` is the application as it is read without any values.
pub(super) fn stack_steps(
    of: &Preparation,
    read: &ReadApplication,
    first: &Arc<Deployable>,
) -> Result<StackSteps, EngineError> {
    let app = &first.application;
    let has_stack = app.stack.is_some() || of.has_stack;
    let mut steps = StackSteps::default();
    if !has_stack && app.is_complete() {
        steps.complete = Some(Arc::clone(first));
        return Ok(steps);
    }
    let needs_apis = !app.is_complete() || app.stack.as_ref().is_some_and(AppStack::has_placeholders);
    let mut apis = ApiValues::new();
    if needs_apis {
        let (nodes, values) = created_apis(of, app)?;
        steps.nodes.extend(nodes);
        let Some(values) = values else { return Ok(steps) };
        apis = values;
    }
    if has_stack && !steps.grown(of, read, first, &apis)? {
        return Ok(steps);
    }
    if app.is_complete() {
        steps.complete = Some(Arc::clone(first));
        return Ok(steps);
    }
    let stack = steps.stack.as_ref().map(|stack| stack.of.name());
    // With `AsSet`: only now are all statements of the functions known that waited.
    let step = ReadResolved { read: read.clone(), stack, apis };
    let after: Vec<StepId> = steps.nodes.iter().map(|node| node.id.clone()).collect();
    let node = Node::new(StepId::new(RESOLVED), messages::READ_VALUES, step).after(after);
    steps.nodes.push(node.holding(prepare_slot(of.stage)));
    if let Some(resolved) = resolved(of.op)? {
        steps.complete = Some(of.op.content(&resolved.digest)?);
    }
    Ok(steps)
}

impl StackSteps {
    /// Adds the steps of GROW. Gives whether the stack is as GROW wants it.
    fn grown(
        &mut self,
        of: &Preparation,
        read: &ReadApplication,
        first: &Deployable,
        apis: &ApiValues,
    ) -> Result<bool, EngineError> {
        let wanted = first.application.stack.as_ref();
        let is_final = wanted.is_none_or(|stack| !stack.has_placeholders());
        let source =
            StackSource { read: accepted(read), known: is_final.then(|| first.application.stack.clone()) };
        let stack = StackOf::new(of, direct_values(apis), Arc::new(source));
        let holding = |node: Node| node.holding(prepare_slot(of.stage));
        let after: Vec<StepId> = self.nodes.iter().map(|node| node.id.clone()).collect();
        let (plans, last) = plan_nodes(of.op, &stack, after)?;
        let mut needs = vec![last];
        self.nodes.extend(plans.into_iter().map(holding));
        let Some(plan) = planned(of.op)? else { return Ok(false) };
        if plan.grow.is_some() || plan.wire.is_some() {
            for node in service_role_nodes(&stack, &plan)? {
                needs.push(node.id.clone());
                self.nodes.push(node);
            }
            if !all_done(of.op, &self.nodes) {
                return Ok(false);
            }
        }
        let PassNodes { nodes, is_done, is_ready } =
            PassNodes::grow(of.op, &stack, &plan, (&needs, of.stack_after))?;
        self.nodes.extend(nodes.into_iter().map(holding));
        self.waits = is_ready;
        let pinned = PinnedStack {
            template: plan.template.clone(),
            needed: wanted.map(|stack| stack.needed.clone()).unwrap_or_default(),
            wanted: wanted.map(|stack| stack.resources.clone()).unwrap_or_default(),
        };
        self.stack = Some(StagedStack { of: stack, plan, pinned });
        Ok(is_done)
    }
}

/// The stack of a stage that goes back to a release.
pub(crate) struct StackBack<'a> {
    pub(crate) target: &'a Target,
    pub(crate) pipeline: &'a PipelineName,
    pub(crate) stage: &'a StageName,
    pub(crate) release: &'a Release,
    /// What the release is on the stage.
    pub(crate) set: &'a VersionSet,
    /// Whether the stage is the pipeline's first.
    pub(crate) is_first: bool,
}

impl StackBack<'_> {
    /// The steps that connect its triggers, after that step.
    pub(crate) fn nodes(&self, op: &OperationState, after: &StepId) -> Result<Vec<Node>, EngineError> {
        let read = ReadApplication {
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            bucket: names::bucket(self.target),
            artifact: self.release.artifact.clone(),
            parameters: self.set.parameters.clone(),
            // It ran already.
            exceptions: Exceptions::Accepted,
            is_first: self.is_first,
            // As when its versions were made.
            system: SystemSource::Pinned(self.set.system.clone()),
            known: KnownStage::Nothing,
        };
        let stack = StackOf {
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            release: self.release.number,
            is_rollback: true,
            choices: StackChoices { events_off: self.set.events_off, replace: false },
            apis: pinned_values(&self.set.apis),
            source: Arc::new(StackSource { read, known: None }),
        };
        let (mut nodes, last) = plan_nodes(op, &stack, vec![after.clone()])?;
        let mut needs = vec![last];
        let Some(plan) = planned(op)? else { return Ok(nodes) };
        if plan.wire.is_some() {
            for node in service_role_nodes(&stack, &plan)? {
                needs.push(node.id.clone());
                nodes.push(node.after([after.clone()]));
            }
            nodes.extend(PassNodes::wire(op, &stack, &plan, &needs)?.nodes);
        }
        Ok(nodes)
    }
}

/// The gate of the stage checks whether wildcard rights are still allowed.
fn accepted(read: &ReadApplication) -> ReadApplication {
    ReadApplication { exceptions: Exceptions::Accepted, ..read.clone() }
}

/// Reads what a release wants of its stack.
struct StackSource {
    read: ReadApplication,
    /// The stack, if no value of an API is missing.
    #[expect(clippy::option_option, reason = "not known, or no stack")]
    known: Option<Option<AppStack>>,
}

#[async_trait]
impl WantedStack for StackSource {
    async fn wanted(&self, world: &World, apis: &DirectValues) -> Result<Option<AppStack>, EngineError> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let read = ReadApplication { known: KnownStage::Apis(apis.clone()), ..self.read.clone() };
        Ok(read.application(world).await?.stack)
    }
}

/// The reference to an application with all values.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Resolved {
    /// The digest of a [`Deployable`].
    digest: String,
    /// The stack that gave values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stack: Option<String>,
    /// The APIs that gave values.
    #[serde(default, skip_serializing_if = "ApiValues::is_empty")]
    apis: ApiValues,
}

fn resolved(op: &OperationState) -> Result<Option<Resolved>, EngineError> {
    op.output(&StepId::new(RESOLVED))
}

/// Reads the template again, with all values.
struct ReadResolved {
    read: ReadApplication,
    /// The name of the stack.
    stack: Option<String>,
    apis: ApiValues,
}

impl ReadResolved {
    async fn deployable(&self, world: &World) -> Result<Deployable, EngineError> {
        let apis = direct_values(&self.apis);
        let values = stack_values(world, &self.read.target, self.stack.as_deref(), &apis).await?;
        let read = ReadApplication { known: KnownStage::All(Box::new(values)), ..self.read.clone() };
        read.deployable(world).await
    }
}

#[async_trait]
impl Step<Sluice> for ReadResolved {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let read = self.deployable(&cx.world).await.map_err(|error| match error {
            EngineError::Refused(refusal) => EngineError::Refused(messages::refused_after_stack(refusal)),
            error => error,
        })?;
        let read = Arc::new(read);
        let digest = read.digest.clone();
        cx.world.contents.keep(&digest, read);
        Progress::done(Resolved { digest, stack: self.stack.clone(), apis: self.apis.clone() })
    }
}

/// An application that was read with all values.
struct KnownResolved {
    digest: String,
    read: ReadResolved,
}

#[async_trait]
impl Content<Sluice> for KnownResolved {
    fn digest(&self) -> &str {
        &self.digest
    }
    async fn read(&self, cx: &Context) -> Result<LoadedContent, EngineError> {
        let read = self.read.deployable(&cx.world).await?;
        if read.digest != self.digest {
            return Err(EngineError::Refused(messages::values_changed()));
        }
        Ok(Arc::new(read))
    }
}

/// The content that [`ReadResolved`] leaves in the journal as a digest.
pub(super) fn resolved_content(
    read: &ReadApplication,
    op: &OperationState,
) -> Result<Option<Arc<dyn Content<Sluice>>>, EngineError> {
    let Some(Resolved { digest, stack, apis }) = resolved(op)? else { return Ok(None) };
    let read = ReadResolved { read: accepted(read), stack, apis };
    Ok(Some(Arc::new(KnownResolved { digest, read })))
}
