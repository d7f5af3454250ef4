//! Prepares a version set: for one release and one stage, an immutable version of every function with that stage's
//! environment and role, and every other part of the release that is not served yet.
//!
//! The looks already hold the slot of the stage's preparation, because the mutations rely on what the looks saw. A resource with equal content
//! is reused without a call.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::application::Sluice;
use crate::operation::{Content, EngineError, Node, StepId};
use crate::records::{VersionSet, prepare_slot};
use crate::resources;
use crate::resources::{Deployable, Part, Preparation, Prepared, Seen, ToPrepare, Watch};
use crate::steps::stack::{StackSteps, resolved_content, stack_steps};
use crate::steps::*;

/// The steps of a version set, and the set itself once they are done.
pub(crate) struct Preparing {
    pub(crate) nodes: Vec<Node>,
    pub(crate) set: Option<ReadySet>,
    /// Whether the rest has to wait until people let the stack change.
    pub(crate) waits: bool,
}

/// A version set that exists in AWS, and what was seen on the stage before.
pub(crate) struct ReadySet {
    pub(crate) set: VersionSet,
    pub(crate) seen: Seen,
    pub(crate) stack: Option<StagedStack>,
}

/// Every step that can be named so far.
pub(crate) fn preparation_nodes(of: &Preparation) -> Result<Preparing, EngineError> {
    let mut nodes = looks(of)?;
    let not_yet = |nodes| Ok(Preparing { nodes, set: None, waits: false });
    let Some(first) = application(of.op)? else { return not_yet(nodes) };
    nodes.extend(looks_at_named(of, &first)?);
    if !all_done(of.op, &nodes) {
        return not_yet(nodes);
    }
    let StackSteps { nodes: more, complete, stack, waits } = stack_steps(of, &artifact(of)?, &first)?;
    nodes.extend(more);
    let arns = resources::layer_arns(of.op, &first.application)?;
    let mut set = complete.as_ref().map(|_| VersionSet {
        parameters: of.parameters.clone(),
        system: first.application.system.clone(),
        stack: stack.as_ref().map(|stack| stack.pinned.clone()),
        events_off: of.choices.events_off,
        ..VersionSet::default()
    });
    // What is complete without the stack need not wait for it.
    let plan = complete.unwrap_or(first);
    let mut seen = Seen::default();
    let functions = plan.application.functions.values();
    let functions = functions.map(|function| Part::Function(&function.logical_id));
    let layers = plan.application.layers.iter().map(|(logical, layer)| Part::Layer(logical, layer));
    let is_callable = |function: &String| plan.application.functions.contains_key(function);
    let apis = plan.application.apis.iter().filter(|(_, api)| api.functions().iter().all(is_callable));
    let apis = apis.map(Part::of_app);
    let mut shared = vec![];
    for part in layers.chain(functions).chain([Part::Shared]).chain(apis) {
        if let Part::Function(logical) = part
            && plan.planned(logical)?.with_layers(&arns).is_none()
        {
            set = None;
            continue;
        }
        let mut needs = if let Part::Api(_) = part { shared.clone() } else { vec![] };
        for kind in resources::all() {
            let Prepared { nodes: more, set: adds, seen: saw } = kind.prepare(ToPrepare {
                of,
                plan: &plan,
                part,
                needs: &needs,
                layers: &arns,
                set: set.as_ref(),
            })?;
            needs.extend(more.iter().map(|node| node.id.clone()));
            nodes.extend(more);
            seen = seen.and(saw);
            set = set.zip(adds).map(|(mut set, adds)| {
                set.versions.extend(adds.versions);
                set.apis.extend(adds.apis);
                set.settings.extend(adds.settings);
                set
            });
        }
        if part == Part::Shared {
            shared = needs;
        }
    }
    // An API may have to exist before the stack, and is among the steps of both.
    let mut ids = BTreeSet::new();
    nodes.retain(|node| ids.insert(node.id.clone()));
    Ok(Preparing { nodes, set: set.map(|set| ReadySet { set, seen, stack }), waits })
}

/// The contents that the steps refer to.
pub(crate) fn preparation_contents(of: &Preparation) -> Result<Vec<Arc<dyn Content<Sluice>>>, EngineError> {
    let read = artifact(of)?;
    let resolved = resolved_content(&read, of.op)?;
    let mut contents = read.contents(of.op)?;
    contents.extend(resolved);
    Ok(contents)
}

fn artifact(of: &Preparation) -> Result<ReadApplication, EngineError> {
    let read = read_artifact(of.op)?;
    Ok(ReadApplication {
        target: of.target.clone(),
        pipeline: of.pipeline.clone(),
        stage: of.stage.clone(),
        bucket: of.bucket.to_owned(),
        artifact: of.artifact.clone(),
        parameters: of.parameters.clone(),
        exceptions: Exceptions::AsSet,
        is_first: of.is_first,
        system: read.map_or(SystemSource::Now, |read| SystemSource::Pinned(read.system)),
        known: KnownStage::Nothing,
    })
}

/// The first looks, in parallel. The build's record names the functions.
fn looks(of: &Preparation) -> Result<Vec<Node>, EngineError> {
    let mut nodes = vec![Node::new(StepId::new("artifact"), messages::READ_ARTIFACT, artifact(of)?)];
    // Before every other look: the gate detects a move of the stage after it.
    let revision = ReadRevision { pipeline: of.pipeline.clone(), stage: of.stage.clone() };
    nodes.push(Node::new(StepId::new(STAGE_REVISION), "", revision).holding(prepare_slot(of.stage)));
    nodes.extend(looks_at(of, of.artifact.code.keys().map(|logical| Part::Function(logical)))?);
    Ok(nodes)
}

/// The looks at the APIs and the layers, in parallel. Only the template names them.
fn looks_at_named(of: &Preparation, plan: &Deployable) -> Result<Vec<Node>, EngineError> {
    let layers = plan.application.layers.iter().map(|(logical, layer)| Part::Layer(logical, layer));
    looks_at(of, plan.application.all_apis().map(Part::of_app).chain(layers))
}

fn looks_at<'a>(of: &Preparation, parts: impl Iterator<Item = Part<'a>>) -> Result<Vec<Node>, EngineError> {
    let watch = Watch {
        pipeline: of.pipeline.clone(),
        stage: of.stage.clone(),
        before: of.before,
        mark: of.op.output(&StepId::new(STAGE_REVISION))?,
        accepted: of.outside.cloned(),
        line: drift_note(of.op),
    };
    let looks = parts.flat_map(|part| {
        resources::all().into_iter().filter_map(|kind| kind.look(of, part, &watch)).collect::<Vec<_>>()
    });
    let after = |node: Node| node.after([StepId::new(STAGE_REVISION)]).holding(prepare_slot(of.stage));
    Ok(looks.map(after).collect())
}
