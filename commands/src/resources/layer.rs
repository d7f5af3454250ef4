//! Versions of an application's layers. They are found by content: Sluice uses a version that exists, no matter who made it, and
//! the stages of a pipeline share it. No version changes or is deleted, because an older release may use it.
//!
//! Two stages that are prepared at the same time may both publish a version. Both have the same content; the next deploys
//! use the newer one.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::effects::{Mutation, PUBLISH_LAYER_VERSION};
use crate::operation::{
    Context, Effect, EngineError, Node, Observed, OperationState, Progress, Step, StepId,
};
use crate::ports::{LayerContent, LayerVersion};
use crate::records::prepare_slot;
use crate::resources::messages;
use crate::resources::own::ours;
use crate::resources::plan::LayerArns;
use crate::resources::resource::{Duty, Part, Preparation, Prepared, Resource, ToPrepare};
use crate::resources::watch::Watch;
use sluice_model::Target;
use sluice_template::{AppLayer, Application};

pub(crate) struct Layer;

/// The first parts of the ids of its steps.
const LOOK: &str = "layer-look";
const PUBLISH: &str = "layer";

impl Resource for Layer {
    fn name(&self) -> &'static str {
        "version of a layer"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&PUBLISH_LAYER_VERSION]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        Some(match duty {
            Duty::Drift => "versions are immutable, and a function keeps the ones that it has",
            Duty::Description => "the functions that use it are described",
        })
    }

    fn look(&self, of: &Preparation, part: Part, _: &Watch) -> Option<Node> {
        let Part::Layer(logical, layer) = part else { return None };
        Some(Node::new(StepId::of(LOOK, logical), "", LookAtLayer(Wanted::of(of.target, layer))))
    }

    fn prepare(&self, ToPrepare { of, part, .. }: ToPrepare) -> Result<Prepared, EngineError> {
        let Part::Layer(logical, layer) = part else { return Ok(Prepared::default()) };
        if looked(of.op, logical)?.is_some() {
            return Ok(Prepared::default());
        }
        let step = PublishLayer(Wanted::of(of.target, layer));
        let node = Node::new(StepId::of(PUBLISH, logical), messages::publish_layer(logical), step);
        Ok(Prepared { nodes: vec![node.holding(prepare_slot(of.stage))], ..Prepared::default() })
    }
}

/// What the look found.
fn looked(op: &OperationState, logical: &str) -> Result<Arc<Option<LayerVersion>>, EngineError> {
    let look = op.shared_output(&StepId::of(LOOK, logical))?;
    look.ok_or_else(|| EngineError::Corrupt(format!("layer {logical} was not looked at")))
}

/// The ARNs of the versions that exist.
pub(crate) fn layer_arns(op: &OperationState, application: &Application) -> Result<LayerArns, EngineError> {
    let mut arns = BTreeMap::new();
    for logical in application.layers.keys() {
        let arn = match &*looked(op, logical)? {
            Some(found) => Some(found.arn.clone()),
            None => op.output::<String>(&StepId::of(PUBLISH, logical))?,
        };
        arns.extend(arn.map(|arn| (logical.clone(), arn)));
    }
    Ok(arns)
}

/// A layer with its content.
#[derive(Clone)]
struct Wanted {
    target: Target,
    name: String,
    content: LayerContent,
}

impl Wanted {
    fn of(target: &Target, layer: &AppLayer) -> Self {
        let content = LayerContent {
            archive: layer.content.clone(),
            description: layer.description.clone(),
            runtimes: layer.runtimes.clone(),
            architectures: layer.architectures.clone(),
            license: layer.license.clone(),
        };
        Self { target: target.clone(), name: layer.name.clone(), content }
    }

    async fn found(&self, cx: &Context) -> Result<Option<LayerVersion>, EngineError> {
        let Self { target, name, content } = self;
        Ok(cx.world.ports.layers.layer_version_like(target, name, content).await?)
    }
}

/// Looks for a version with the content.
struct LookAtLayer(Wanted);

#[async_trait]
impl Step<Sluice> for LookAtLayer {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        Progress::done(self.0.found(cx).await?)
    }
}

/// Publishes a version. Its output is the ARN.
struct PublishLayer(Wanted);

#[async_trait]
impl Step<Sluice> for PublishLayer {
    fn effect(&self) -> Effect {
        Effect::Mutate(&PUBLISH_LAYER_VERSION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Wanted { target, name, content } = &self.0;
        let made = cx.world.ports.layers.publish_layer_version(target, name, content).await?;
        if made.sha256 != content.archive.sha256 {
            return Err(EngineError::Refused(messages::layer_differs(name)));
        }
        Progress::done(made.arn)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match self.0.found(cx).await? {
            Some(version) => ours(version.arn),
            None => Ok(Observed::Absent),
        }
    }
}
