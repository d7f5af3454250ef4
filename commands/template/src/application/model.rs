//! An application as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::openapi::{self, AppRoute};
use super::stack::AppStack;
use crate::plain::{DirectValues, StackValues, Stage, StageNames, SystemParameters};
use crate::rights;
use sluice_model::{ApiKind, ApiStageSettings, CodeRef, PinnedCode};

/// The stage that a template is read for, and the only location its code may come from.
#[derive(Debug, Clone, Copy)]
pub struct Deploying<'a> {
    /// The pipeline, the stage, and the values of the template's parameters there.
    pub stage: Stage<'a>,
    /// The artifact bucket.
    pub code_bucket: &'a str,
    /// The pipeline's prefix in it, with or without a trailing slash. All code is below it.
    pub code_prefix: &'a str,
    /// Whether an admin allowed statements without a specific action or resource.
    pub wild_rights: bool,
    /// The repositories from which images may come, beside the pipeline's own.
    pub images: Images<'a>,
    /// The ARN of the permissions boundary of roles that are in the stack.
    pub boundary: Option<&'a str>,
    /// Whose physical names the stage has.
    pub names: StageNames<'a>,
    /// What is known of other resources of the stage.
    pub known: KnownValues<'a>,
}

/// The repositories of ECR from which the images of functions may come, beside `{pipeline}` and `{pipeline}/…`.
#[derive(Debug, Clone, Copy)]
pub enum Images<'a> {
    /// Any: the template was read and accepted before.
    Accepted,
    /// These, which an admin allowed for the stage.
    Allowed(&'a BTreeSet<String>),
}

/// What is known of a stage's resources when a template is read for it. A template is read at most three times: each reading knows
/// more than the one before it, and what was complete then stays the same.
#[derive(Debug, Clone, Copy, Default)]
pub enum KnownValues<'a> {
    /// Nothing. The stack's template has placeholders for the ids of APIs.
    #[default]
    Nothing,
    /// The APIs, which exist: the stack's template is final.
    Apis(&'a DirectValues),
    /// The stack, too, which is as the template wants it: no function or API has to wait.
    All(&'a StackValues),
    /// These values of APIs, and what is read is only shown to people: a text with the resource's logical id stands for each value. The
    /// stack's template has placeholders for the APIs that do not exist yet.
    Shown(&'a DirectValues),
}

/// An application as a template describes it, for one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// The functions by logical id; at least one.
    pub functions: BTreeMap<String, AppFunction>,
    /// The layers by logical id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layers: BTreeMap<String, AppLayer>,
    /// The APIs by logical id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apis: BTreeMap<String, AppApi>,
    /// What the stage's stack has to contain; `None` if nothing belongs to a stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<AppStack>,
    /// The functions and APIs that are complete only once other resources exist, by logical id. They are not among
    /// [`Application::functions`] and [`Application::apis`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting: BTreeMap<String, Waiting>,
    /// The parameters that have a value for the stage but are not declared by the template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_parameters: Vec<String>,
    /// The parameters of Systems Manager with which it was read.
    #[serde(default, skip_serializing_if = "SystemParameters::is_empty")]
    pub system: SystemParameters,
}

/// A function or an API that needs values of resources that do not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The values in words: `` `Table` ``, `` `Queue.Arn` ``.
    pub needs: BTreeSet<String>,
    /// What is known of an API: all but its definition. `None` for a function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<AppApi>,
}

/// A function, ready to be compared with the one in Lambda. Names are those of Lambda's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppFunction {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in Lambda: `function_name`.
    pub name: String,
    /// `python3.12`, …; `None` for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// `app.handler`; `None` for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// Its description; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Megabytes; 128 by default.
    pub memory: u32,
    /// Seconds; 3 by default.
    pub timeout: u32,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// Versions of layers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<AppLayerRef>,
    /// More members of `CreateFunction` and `UpdateFunctionConfiguration`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// More members of `CreateFunction` that no later call changes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub at_creation: BTreeMap<String, Value>,
    /// The settings that have calls of their own, by property.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub separate: BTreeMap<String, Value>,
    /// Its tags beside those of Sluice. They are set when the function is created.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The rights of its role.
    #[serde(flatten)]
    pub rights: AppRights,
    /// Its code, pinned.
    pub code: PinnedCode,
    /// How Lambda stores the code: `S3ObjectStorageMode` and `SourceKMSKeyArn`. They are given with each upload.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub code_settings: BTreeMap<String, String>,
}

/// A layer of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AppLayerRef {
    /// The ARN of a version.
    Arn(String),
    /// The version of a layer of the same application.
    Own {
        /// Its logical id.
        layer: String,
    },
}

/// A version of a layer. It never changes: other content is another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppLayer {
    /// The name in Lambda. All stages of a pipeline share it.
    pub name: String,
    /// Its content, pinned.
    pub content: CodeRef,
    /// Its description; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The runtimes that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runtimes: Vec<String>,
    /// The architectures that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
    /// Its license; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
}

/// What a role may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRights {
    /// The IAM statements of its policies, in the template's order.
    pub statements: Vec<Value>,
    /// The ARNs of AWS's managed policies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub managed: BTreeSet<String>,
}

/// An API with a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppApi {
    /// Its kind.
    #[serde(default, skip_serializing_if = "ApiKind::is_http")]
    pub kind: ApiKind,
    /// The name of its API stage; `None` for `$default` of an HTTP API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Where a REST API is reachable: `EDGE`, `REGIONAL` or `PRIVATE`. `None` leaves API Gateway's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Its definition, an OpenAPI document. The version of a function is `${stageVariables.LOGICAL_ID}` in it, wherever it is
    /// called. API Gateway's credentials for these calls are left to the caller.
    pub body: Value,
    /// Stage variables of the template's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// The settings of its API stage.
    #[serde(default, skip_serializing_if = "ApiStageSettings::is_default")]
    pub settings: ApiStageSettings,
}

impl AppApi {
    /// Its routes, by key.
    pub fn routes(&self) -> Vec<AppRoute> {
        openapi::routes(&self.body)
    }

    /// Its operations by the keys of their routes.
    pub fn operations(&self) -> BTreeMap<String, &Value> {
        openapi::by_key(&self.body)
    }

    /// Whether the two differ in anything but operations.
    pub fn settings_differ(&self, other: &Self) -> bool {
        let rest = |api: &Self| Self { body: openapi::without_operations(&api.body), ..api.clone() };
        rest(self) != rest(other)
    }

    /// The functions that it calls.
    pub fn functions(&self) -> BTreeSet<String> {
        openapi::functions(&self.body)
    }
}

impl Application {
    /// The APIs, also those whose definition is not known yet.
    pub fn all_apis(&self) -> impl Iterator<Item = (&String, &AppApi)> {
        let waiting = self.waiting.iter().filter_map(|(id, waiting)| Some((id, waiting.api.as_ref()?)));
        self.apis.iter().chain(waiting)
    }

    /// How many functions it has, with those that are not complete yet.
    pub fn count_functions(&self) -> usize {
        self.functions.len() + self.waiting.values().filter(|waiting| waiting.api.is_none()).count()
    }

    /// Whether every function and API is complete.
    pub fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The SHA-256 of the definitions of its APIs, as hex digits. It differs if and only if an API has to change, and cannot be
    /// made to collide by the author of a template.
    pub fn api_digest(&self) -> String {
        let mut hash = Sha256::new();
        for (logical_id, api) in &self.apis {
            // A logical id cannot hold a line break or a tab, and a document in JSON no line break.
            hash.update(format!("{logical_id}\t{}\n", api.body));
        }
        hex::encode(hash.finalize())
    }

    /// Whether a function has a statement without a specific action or resource.
    pub fn has_wild_rights(&self) -> bool {
        let mut functions = self.functions.values();
        functions.any(|function| {
            let mut statements = function.rights.statements.iter();
            statements.any(|statement| rights::wild(statement).is_some())
                || function.rights.managed.iter().any(|policy| rights::is_wild_policy(policy))
        })
    }
}
