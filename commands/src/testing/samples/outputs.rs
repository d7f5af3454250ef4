//! The outputs of steps, as far as later steps and messages read them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::API;
use super::records::{STORED_REVISION, code};
use crate::names;
use crate::operation::{OperationState, StepId};
use crate::ports::FunctionConfig;
use crate::records::Change;
use crate::resources::rights::ImmutableRole;
use crate::resources::{ApiLook, Deployable, FunctionLook, Latest, config_digest};
use crate::steps::{ReadArtifact, STAGE_REVISION};
use crate::testing::target;
use sluice_model::{ApiKind, PipelineName, StageName};
use sluice_template::{
    AppApi, AppFunction, AppRights, Application, function_arn, function_name, version_variable,
};

const STACK: &str = "arn:aws:cloudformation:eu-central-1:123456789012:stack/sluice-orders-dev/51af3dc0";

/// The outputs of a sample's steps.
#[derive(Default)]
pub struct Outputs {
    of: BTreeMap<String, Value>,
    /// The content of the artifact's digest.
    deployable: Option<Arc<Deployable>>,
}

fn value(output: impl serde::Serialize) -> Value {
    serde_json::to_value(output).expect("an output")
}

impl Outputs {
    /// Sets the output of that step.
    pub fn with(mut self, step: &str, output: impl serde::Serialize) -> Self {
        self.of.insert(step.into(), value(output));
        self
    }

    /// Attaches the contents that the outputs refer to.
    pub(super) fn attach(&self, op: &mut OperationState) {
        if let Some(deployable) = &self.deployable {
            op.attach(&deployable.digest, Arc::<Deployable>::clone(deployable));
        }
    }

    pub(super) fn of(&self, step: &StepId) -> Value {
        let by_kind = step.0.split_once(':').map(|(kind, _)| kind);
        let known = self.of.get(&step.0).or_else(|| self.of.get(by_kind?));
        known.cloned().unwrap_or(Value::Null)
    }

    /// How long a step takes, in milliseconds: it differs by step, and is deterministic.
    pub(super) fn pause(&self, step: &StepId) -> i64 {
        match step.0.as_str() {
            "follow" => 41_300,
            step => 8 + 37 * (step.len() as i64 * 7 % 29),
        }
    }

    /// Nothing is there yet when a pipeline is created.
    pub fn of_creation(clone_url: &str) -> Self {
        let found = json!({
            "clone_url": null, "commit": false, "role": false, "project": false,
        });
        Self::default().with("look", found).with("repository", clone_url)
    }

    /// A build of that commit.
    pub fn of_build(change: &Change, green: bool, tail: Option<&str>) -> Self {
        let log = json!({ "group": "/aws/codebuild/sluice-orders", "stream": "5f0c" });
        let link = "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logEvent:group=/aws/codebuild/sluice-orders;stream=5f0c";
        let failed = (!green).then_some("BUILD");
        let message = (!green).then_some("COMMAND_EXECUTION_ERROR: Error while executing command: python3 -m unittest discover -s tests. Reason: exit status 1");
        Self::default()
            .with("source", change)
            .with("start", json!({ "id": "sluice-orders:5f0c", "log": log, "link": link }))
            .with("follow", json!({
                "green": green, "log": log, "link": link, "phase": failed, "message": message, "tail": tail,
            }))
    }

    /// The passes of a stack: a table is added before the stage moves, and a schedule after it.
    #[must_use]
    pub fn and_stack(self) -> Self {
        let change = |id: &str, kind: &str| json!({ "what": "add", "logical_id": id, "kind": kind });
        let mut table = change("Orders", "AWS::DynamoDB::Table");
        table["name"] = "orders".into();
        let plan = json!({
            "grow": { "digest": "5f0c" }, "wire": { "digest": "81ea" }, "template": "7d2b",
            "wires": [change("Nightly", "AWS::Events::Rule")],
        });
        let ids = json!({ "change_set": "arn:aws:cloudformation:…", "stack": STACK });
        self.with("stack-plan", plan)
            .with("stack-compare", ids)
            .with("stack-changes", json!({ "is_empty": false, "changes": 1, "shown": [table] }))
            .with("stack-done", json!({}))
    }

    /// The change sets of a stack succeed.
    pub fn and_change_set(self) -> Self {
        let ids = json!({ "change_set": "arn:aws:cloudformation:…", "stack": STACK });
        self.with("stack-compare", ids)
            .with("stack-changes", json!({ "is_empty": false }))
            .with("stack-done", json!({}))
    }

    /// A deploy or a promotion of these functions. `is_first`: nothing of them is in AWS yet.
    pub fn of_versions(pipeline: &str, stage: &str, functions: &[&str], is_first: bool) -> Self {
        let pipeline: PipelineName = pipeline.parse().expect("a name");
        let stage: StageName = stage.parse().expect("a stage");
        let application = application(&pipeline, &stage, functions);
        let deployable = Deployable::new(&target(), &pipeline, &stage, application);
        let deployable = Arc::new(deployable.expect("an application"));
        let application = &deployable.application;
        let mut outputs = Self::default();
        for function in application.functions.values() {
            let latest = (!is_first).then(|| latest(function, (&pipeline, &stage)));
            let alias = (!is_first).then(|| ("1".to_owned(), "rev-1".to_owned()));
            let look = FunctionLook {
                latest,
                versions: vec![],
                roles: Default::default(),
                alias,
                weights: Default::default(),
            };
            outputs = outputs.with(&format!("look:{}", function.logical_id), look);
        }
        let api = json!({
            "id": "a1b2c3", "name": names::api(&pipeline, &stage, API), "tags": {},
            "endpoint": "https://a1b2c3.execute-api.eu-central-1.amazonaws.com",
        });
        let served: BTreeMap<&str, &str> = functions.iter().map(|logical| (*logical, "1")).collect();
        let look = if is_first {
            value(ApiLook { stage: "$default".to_owned(), ..ApiLook::default() })
        } else {
            json!({ "stage": "$default", "api": api, "deployments": [], "serves": { "deployment": "d1", "variables": served } })
        };
        let version = if is_first { "1" } else { "2" };
        for step in ["create", "code", "publish", "version"] {
            outputs = outputs.with(step, version);
        }
        outputs = outputs.with("artifact", ReadArtifact::of(&deployable, BTreeSet::new()));
        outputs.deployable = Some(deployable);
        outputs
            .with(STAGE_REVISION, STORED_REVISION)
            .with("look-api", look)
            .with("api", api)
            .with("configured", "rev-2")
            .with("deployment", json!({ "id": "d2", "description": "sluice", "state": "deployed" }))
            .with("record", recorded())
    }
}

/// The output of the record of a move.
pub(super) fn recorded() -> Value {
    let url = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/";
    json!({ "urls": [{ "logical": API, "url": url }], "others": false })
}

/// An application of these functions, with a route to each.
pub fn application(pipeline: &PipelineName, stage: &StageName, functions: &[&str]) -> Application {
    let function = |logical: &&str| AppFunction {
        logical_id: (*logical).into(),
        name: function_name(pipeline, stage, logical),
        runtime: Some("python3.12".into()),
        handler: Some("app.handler".into()),
        description: String::new(),
        memory: 128,
        timeout: 3,
        architecture: "arm64".into(),
        environment: [("STAGE".to_owned(), stage.to_string())].into(),
        layers: vec![],
        settings: BTreeMap::new(),
        at_creation: BTreeMap::new(),
        separate: BTreeMap::new(),
        tags: BTreeMap::new(),
        rights: AppRights::default(),
        code: code(logical).into(),
        code_settings: BTreeMap::new(),
    };
    let keys: Vec<String> =
        functions.iter().map(|logical| format!("GET /{}", logical.to_lowercase())).collect();
    let routes: Vec<(&str, &str)> = keys.iter().map(String::as_str).zip(functions.iter().copied()).collect();
    Application {
        system: Default::default(),
        functions: functions.iter().map(|logical| ((*logical).into(), function(logical))).collect(),
        layers: BTreeMap::new(),
        apis: [(API.to_owned(), app_api(pipeline, stage, &routes))].into(),
        stack: None,
        waiting: BTreeMap::new(),
        unknown_parameters: vec![],
    }
}

/// An HTTP API with these routes to functions.
pub fn app_api(pipeline: &PipelineName, stage: &StageName, routes: &[(&str, &str)]) -> AppApi {
    const ANY: &str = "x-amazon-apigateway-any-method";
    let mut paths = json!({});
    for (key, logical) in routes {
        let (method, path) = match key.split_once(' ') {
            Some(("ANY", path)) => (ANY.to_owned(), path.to_owned()),
            Some((method, path)) => (method.to_ascii_lowercase(), path.to_owned()),
            None => (ANY.to_owned(), format!("/{key}")),
        };
        let function = function_arn(&target(), &function_name(pipeline, stage, logical));
        let uri = format!(
            "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{function}:{}/invocations",
            version_variable(logical)
        );
        paths[path][method] =
            json!({ "x-amazon-apigateway-integration": { "type": "aws_proxy", "uri": uri } });
    }
    let body = json!({ "openapi": "3.0.1", "paths": paths });
    AppApi {
        kind: ApiKind::Http,
        stage: None,
        endpoint: None,
        body,
        variables: BTreeMap::new(),
        settings: Default::default(),
    }
}

/// `$LATEST` with other code and the configuration that is wanted.
fn latest(function: &AppFunction, of: (&PipelineName, &StageName)) -> Latest {
    let role = ImmutableRole::of_function(&target(), of, &function.name, &function.rights);
    let config = FunctionConfig {
        runtime: function.runtime.clone(),
        handler: function.handler.clone(),
        role: role.arn(&target()),
        memory: function.memory,
        timeout: function.timeout,
        architecture: function.architecture.clone(),
        environment: function.environment.clone(),
        ..FunctionConfig::default()
    };
    Latest {
        revision: "rev-1".into(),
        sha256: "before".into(),
        print: config_digest(&config),
        set: config.set(),
        role: config.role,
        architecture: config.architecture,
    }
}
