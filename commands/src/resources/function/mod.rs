//! A function and its published versions. Its steps do not change what is served: only aliases decide that.

mod describe;
mod image;
mod look;
mod steps;
mod wake;

use std::sync::Arc;

use serde_json::Value;

use crate::operation::effects::*;
use crate::operation::{EngineError, Node, OperationState, StepId};
use crate::records::{VersionSet, prepare_slot};
use crate::resources::describe::{Change, Line};
use crate::resources::messages;
use crate::resources::plan::PlannedFunction;
use crate::resources::resource::{Duty, Part, Preparation, Prepared, Resource, ToPrepare};
use crate::resources::watch::Watch;
use sluice_template::function_name;

pub(crate) use describe::count_changed;
#[cfg(any(test, feature = "testing"))]
pub(crate) use image::samples as image_samples;
pub(crate) use look::{Diff, FunctionLook, Latest};
pub(crate) use wake::Asleep;

use look::LookAtFunction;
use steps::{ASLEEP, AwaitConfig, AwaitVersion, CreateFunction, Publish, UpdateConfig, Wanted};

pub(crate) struct Function;

impl Resource for Function {
    fn name(&self) -> &'static str {
        "function and version"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&CREATE_FUNCTION, &UPDATE_CONFIG, &UPDATE_CODE, &PUBLISH_VERSION, &INVOKE]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        (duty == Duty::Drift).then_some("versions are immutable, and nobody can call `$LATEST`")
    }

    fn look(&self, of: &Preparation, part: Part, watch: &Watch) -> Option<Node> {
        let Part::Function(logical) = part else { return None };
        let step = LookAtFunction {
            target: of.target.clone(),
            function: function_name(of.pipeline, of.stage, logical),
            stage: of.stage.clone(),
            code: of.artifact.code.get(logical)?.clone(),
            watch: watch.clone(),
        };
        Some(Node::new(StepId::of(LOOK, logical), "", step))
    }

    fn prepare(&self, to: ToPrepare) -> Result<Prepared, EngineError> {
        let (of, Part::Function(logical)) = (to.of, to.part) else { return Ok(Prepared::default()) };
        let planned = to.planned(logical)?;
        let mut versions = Versions { of, planned: &planned, logical, nodes: vec![] };
        let look = looked(of.op, logical)?;
        let version = versions.version(&look, to.needs)?;
        let versions_set = |version| VersionSet {
            versions: [(planned.name.clone(), version)].into(),
            ..VersionSet::default()
        };
        Ok(Prepared { nodes: versions.nodes, set: version.map(versions_set), ..Prepared::default() })
    }

    fn describe(&self, change: &Change) -> Vec<Line> {
        describe::lines(change)
    }
}

/// The first part of the id of the look.
const LOOK: &str = "look";

/// The output of the look at a function.
pub(crate) fn looked(op: &OperationState, logical: &str) -> Result<Arc<FunctionLook>, EngineError> {
    let look = op.shared_output(&StepId::of(LOOK, logical))?;
    look.ok_or_else(|| EngineError::Corrupt(format!("function {logical} was not looked at")))
}

/// Plans the steps to a version of one function.
struct Versions<'a> {
    of: &'a Preparation<'a>,
    planned: &'a PlannedFunction,
    logical: &'a str,
    nodes: Vec<Node>,
}

impl Versions<'_> {
    /// The version that can be called, once it is known. Adds the steps that lead to it.
    fn version(&mut self, look: &FunctionLook, needs: &[StepId]) -> Result<Option<String>, EngineError> {
        let publishing = match look.diff(self.planned) {
            Diff::Reuse(published) if published.ready => return Ok(Some(published.version.clone())),
            Diff::Reuse(published) => return self.callable(published.version.clone(), None),
            Diff::Create => {
                let id = self.id("create");
                let node = Node::new(
                    id.clone(),
                    messages::create_function(self.logical),
                    CreateFunction(self.wanted()),
                );
                self.nodes.push(node.after(needs.iter().cloned()).holding(prepare_slot(self.of.stage)));
                id
            }
            Diff::Configure(latest) => {
                let (configure, applied) = (self.id("config"), self.id("configured"));
                let step = UpdateConfig { wanted: self.wanted(), seen: latest.clone() };
                let node = Node::new(configure.clone(), messages::update_configuration(self.logical), step);
                self.nodes.push(node.after(needs.iter().cloned()).holding(prepare_slot(self.of.stage)));
                let node = Node::new(applied.clone(), "", AwaitConfig(self.wanted()));
                self.nodes.push(node.after([configure]));
                let revision = self.of.op.output::<String>(&applied)?.unwrap_or_default();
                let print = self.planned.digest_on(&latest.architecture);
                self.publish(Latest { revision, print, ..latest.clone() }, Some(applied))
            }
            Diff::Publish(latest) => self.publish(latest.clone(), None),
        };
        let version = self.of.op.output::<String>(&publishing)?;
        version.map_or(Ok(None), |version| self.callable(version, Some(publishing)))
    }

    /// The step that publishes: new code, or `$LATEST` as it is.
    fn publish(&mut self, seen: Latest, after: Option<StepId>) -> StepId {
        let planned = self.planned;
        let upload = seen.sha256 != planned.code.sha256() || seen.architecture != planned.config.architecture;
        let id = self.id(if upload { "code" } else { "publish" });
        let node = Node::new(
            id.clone(),
            messages::publish_version(self.logical),
            Publish { wanted: self.wanted(), seen, upload },
        );
        self.nodes.push(node.after(after).holding(prepare_slot(self.of.stage)));
        id
    }

    /// The version, once a look finds that it can be called. No alias points to it before that.
    fn callable(&mut self, version: String, after: Option<StepId>) -> Result<Option<String>, EngineError> {
        let id = self.id("version");
        let step = AwaitVersion { wanted: self.wanted(), version: version.clone() };
        self.nodes.push(Node::new(id.clone(), "", step).after(after));
        if self.of.op.output::<Value>(&id)?.is_none_or(|found| found != ASLEEP) {
            return Ok(self.of.op.is_done(&id).then_some(version));
        }
        let asleep = Asleep {
            target: self.of.target.clone(),
            function: self.planned.name.clone(),
            version: version.clone(),
        };
        let slot = prepare_slot(self.of.stage);
        let nodes = asleep.nodes(self.logical, id).map(|node| node.holding(slot.clone()));
        let is_awake = nodes.iter().all(|node| self.of.op.is_done(&node.id));
        self.nodes.extend(nodes);
        Ok(is_awake.then_some(version))
    }

    fn id(&self, name: &str) -> StepId {
        StepId::of(name, self.logical)
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            target: self.of.target.clone(),
            pipeline: self.of.pipeline.clone(),
            stage: self.of.stage.clone(),
            function: self.planned.name.clone(),
            config: Arc::clone(&self.planned.config),
            code: self.planned.code.clone(),
            tags: self.planned.tags.clone(),
        }
    }
}
