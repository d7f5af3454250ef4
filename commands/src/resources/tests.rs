//! Every kind fulfils its duties: it notices what somebody moved, describes what changes, and undoes what it moves.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::*;
use crate::application::Sluice;
use crate::operation::effects::{CREATE_ALIAS, CREATE_ROLE, INVOKE, Mutation};
use crate::operation::{
    Context, DEPLOY, Effect, EngineError, Node, PROMOTE, Progress, Settings, Step, StepId, Undone,
};
use crate::ports::{Alias, SeparateSetting};
use crate::records::{PinnedSettings, Served, VersionSet};
use crate::resources::resource::Duty;
use crate::resources::watch::MOVES;
use crate::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock, samples, target, world};
use sluice_model::ReleaseNumber;

const HELLO: &str = "sluice-orders-prod-Hello";

fn served(version: &str, deployment: &str) -> Served {
    let variables = [("Hello".to_owned(), version.to_owned())].into();
    Served { deployment: deployment.to_owned(), variables }
}

/// All settings of a function that have calls of their own.
fn settings() -> PinnedSettings {
    let values = SeparateSetting::ALL.into_iter().map(|setting| (setting, json!("a value")));
    [(HELLO.to_owned(), values.collect())].into()
}

/// A version set that differs from what runs in everything.
fn next() -> VersionSet {
    let mut apis = samples::stage("prod", 1).current.map(|current| current.apis).unwrap_or_default();
    apis.values_mut().for_each(|api| api.served = served("2", "d2"));
    VersionSet {
        versions: [(HELLO.to_owned(), "2".to_owned())].into(),
        apis,
        settings: settings(),
        ..VersionSet::default()
    }
}

/// What is seen of a stage that runs this version and deployment.
fn seen(version: &str, deployment: &str) -> Seen {
    let alias = Alias {
        name: "prod".into(),
        arn: String::new(),
        version: version.into(),
        weights: Default::default(),
        revision: "rev-1".into(),
    };
    Seen::of_alias(HELLO, Some(&alias)).and(Seen::of_api(samples::API, Some(served(version, deployment))))
}

/// Whether the kind notices that every part of a stage was moved.
fn notices(kind: &dyn Resource) -> bool {
    let set = VersionSet { versions: [(HELLO.to_owned(), "1".to_owned())].into(), ..next() };
    let recorded = Recorded::of(&samples::stage("prod", 1), Some(&set));
    assert!(kind.drift(&recorded, &seen("1", "d1")).is_none(), "{}: nothing was moved", kind.name());
    !kind.drift(&recorded, &seen("7", "d7")).is_none()
}

/// Whether the kind describes a release that changes everything.
fn describes(kind: &dyn Resource) -> bool {
    let application =
        |names: &[&str]| samples::application(&"orders".parse().unwrap(), &"prod".parse().unwrap(), names);
    let (before, mut now) = (application(&["Hello"]), application(&["Hello", "World"]));
    let hello = now.functions.get_mut("Hello").unwrap();
    hello.code = samples::other_code();
    hello.rights.statements = vec![json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" })];
    assert!(kind.describe(&Change::new(Some(&before), &before, &target())).is_empty());
    !kind.describe(&Change::new(Some(&before), &now, &target())).is_empty()
}

/// The steps by which the kind moves a stage: where nothing is, and from another release.
fn moves(kind: &dyn Resource) -> Vec<Node> {
    let before = RanBefore {
        pipeline: "orders".parse().unwrap(),
        stage: "prod".parse().unwrap(),
        release: Some(ReleaseNumber(1)),
    };
    let (set, target) = (next(), target());
    let mut nodes = vec![];
    for seen in [Seen::default(), seen("1", "d1")] {
        let recorded = Default::default();
        let to = Move {
            target: &target,
            before: &before,
            set: &set,
            seen: &seen,
            recorded: &recorded,
            settings: &PinnedSettings::new(),
            accepted: None,
        };
        let apis = set.apis.iter().map(Part::of_pinned);
        let parts = [Part::Function(HELLO), Part::Shared].into_iter().chain(apis);
        nodes.extend(parts.filter_map(|part| kind.moves(&to, part)));
        // A release without the APIs that are recorded.
        let (recorded, none) = (&set.apis, VersionSet::default());
        nodes.extend(kind.stops(&Move { set: &none, recorded, ..to }));
        for when in [Around::Before, Around::After] {
            nodes.extend(kind.adjusts(&to, when));
            nodes.extend(kind.adjusts(&Move { set: &none, settings: &settings(), ..to }, when));
        }
    }
    nodes
}

/// Whether a step has an `undo` of its own, which fails here for want of AWS.
async fn can_undo(node: &Node) -> bool {
    let world = world(
        Settings::new("test"),
        samples::access(),
        Arc::new(MemoryStore::new()),
        Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().unwrap())),
        Arc::new(RecordingNotifier::default()),
        Arc::new(RecordingRunner::default()),
    );
    let cx = Context {
        world: Arc::new(world),
        operation: crate::operation::testing::operation_id(1),
        signals: vec![],
        begun: tokio::time::Instant::now(),
    };
    !matches!(node.step.undo(&cx, &Value::Null).await, Err(EngineError::Corrupt(_)))
}

/// The duties that a kind neglects.
async fn neglected(kind: &dyn Resource) -> Vec<String> {
    let mut found = vec![];
    let duties = [(Duty::Drift, notices(kind)), (Duty::Description, describes(kind))];
    for (duty, is_done) in duties {
        match (is_done, kind.exempt(duty)) {
            (false, None) => found.push(format!("{duty:?}")),
            (true, Some(_)) => found.push(format!("{duty:?}, from which it is exempt")),
            _ => {}
        }
    }
    for node in moves(kind) {
        let Effect::Mutate(effect) = node.step.effect() else { continue };
        if !effect.is_undone() || !can_undo(&node).await {
            found.push(format!("Undo of {}", node.id));
        }
        if !kind.effects().contains(&effect) {
            found.push(format!("{} among its effects", effect.call));
        }
        if !MOVES.contains(&node.id.0.split(':').next().unwrap()) {
            found.push(format!("{} among the steps that move a stage", node.id));
        }
    }
    found.dedup();
    found
}

#[tokio::test(start_paused = true)]
async fn every_kind_has_drift_description_and_undo() {
    for kind in all() {
        assert!(neglected(kind).await.is_empty(), "{} lacks {:?}", kind.name(), neglected(kind).await);
    }
    let moving: Vec<_> = all().into_iter().flat_map(moves).map(|node| node.id.to_string()).collect();
    let once = ["api-stage", "stop-api"].map(|step| format!("{step}:{}", samples::API));
    let settings = SeparateSetting::ALL.map(|setting| format!("setting:{HELLO}:{}", setting.name()));
    let once = once.into_iter().chain([format!("alias:{HELLO}")]).chain(settings);
    let once: Vec<String> = once.collect();
    assert!(once.iter().all(|id| moving.contains(id)), "{moving:?}");
}

/// A kind that moves a stage by a call with this row, and does nothing else.
struct Toy(&'static Mutation);

struct ToyStep(&'static Mutation);

#[async_trait]
impl Step<Sluice> for ToyStep {
    fn effect(&self) -> Effect {
        Effect::Mutate(self.0)
    }
    async fn run(&self, _: &Context) -> Result<Progress, EngineError> {
        Progress::done(())
    }
}

impl Resource for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[]
    }
    fn moves(&self, _: &Move, part: Part) -> Option<Node> {
        (part == Part::Shared).then(|| Node::new(StepId::new("toy"), "", ToyStep(self.0)))
    }
}

/// A kind with drift and a step that can be undone, and no description.
struct Half;

struct HalfStep;

#[async_trait]
impl Step<Sluice> for HalfStep {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_ALIAS)
    }
    async fn run(&self, _: &Context) -> Result<Progress, EngineError> {
        Progress::done(())
    }
    async fn undo(&self, _: &Context, _: &Value) -> Result<Undone, EngineError> {
        Ok(Undone::Yes)
    }
}

impl Resource for Half {
    fn name(&self) -> &'static str {
        "half"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&CREATE_ALIAS]
    }
    fn moves(&self, _: &Move, part: Part) -> Option<Node> {
        (part == Part::Shared).then(|| Node::new(StepId::new("api-stage"), "", HalfStep))
    }
    fn drift(&self, recorded: &Recorded, seen: &Seen) -> Drift {
        recorded.of_api(samples::API, seen.apis.get(samples::API).and_then(Option::as_ref))
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_neglects_its_duties_is_found() {
    let all = [
        "Drift",
        "Description",
        "Undo of toy",
        "iam:CreateRole among its effects",
        "toy among the steps that move a stage",
    ];
    let lacks = |kind: Toy| async move { neglected(&kind).await };
    assert_eq!(lacks(Toy(&CREATE_ROLE)).await[..5], all, "its row says that it stays");
    assert!(lacks(Toy(&CREATE_ALIAS)).await.contains(&"Undo of toy".to_owned()), "its step cannot undo");
    assert_eq!(neglected(&Half).await, ["Description"]);
}

#[test]
fn every_call_of_a_deploy_or_promotion_belongs_to_one_kind() {
    let mut calls: Vec<&Mutation> = vec![];
    for sample in
        samples::all().iter().filter(|sample| [DEPLOY, PROMOTE].contains(&sample.op.spec.kind.as_str()))
    {
        for node in sample.definition.nodes(&sample.op, &target()).unwrap() {
            if let Effect::Mutate(effect) = node.step.effect() {
                calls.push(effect);
            }
        }
    }
    assert!(calls.contains(&&CREATE_ROLE) && calls.contains(&&CREATE_ALIAS));
    for call in calls.into_iter().filter(|call| **call != INVOKE) {
        let kinds: Vec<_> = all().into_iter().filter(|kind| kind.effects().contains(&call)).collect();
        assert_eq!(kinds.len(), 1, "{}", call.call);
    }
}

#[test]
fn the_page_is_written_from_the_registry() {
    sluice_testkit::docs::hold("docs/resources.md", &document());
}
