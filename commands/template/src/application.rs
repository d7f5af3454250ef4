//! An application as a template describes it, and the stage that the template is read for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::rights;
use sluice_model::{CodeRef, PipelineName, StageName, Target};

/// The stage that a template is read for, and the only location its code may come from.
#[derive(Debug, Clone, Copy)]
pub struct Deploying<'a> {
    /// The pipeline.
    pub pipeline: &'a PipelineName,
    /// The stage: the value of the parameter `Stage`, and the alias that references to functions resolve to.
    pub stage: &'a StageName,
    /// Account and region, for ARNs and pseudo parameters.
    pub target: &'a Target,
    /// The stage's values of the other parameters. The template need not declare them all.
    pub parameters: &'a BTreeMap<String, String>,
    /// The artifact bucket.
    pub code_bucket: &'a str,
    /// The pipeline's prefix in it, with or without a trailing slash. All code is below it.
    pub code_prefix: &'a str,
    /// Whether an admin allowed statements without a specific action or resource.
    pub wild_rights: bool,
}

/// An application as a template describes it, for one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// The functions by logical id; at least one.
    pub functions: BTreeMap<String, AppFunction>,
    /// The routes, sorted by key; no key twice.
    pub routes: Vec<AppRoute>,
    /// The parameters that have a value for the stage but are not declared by the template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_parameters: Vec<String>,
}

/// A function, ready to be compared with the one in Lambda.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppFunction {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in Lambda: `function_name`.
    pub name: String,
    /// `python3.12`, …
    pub runtime: String,
    /// `app.handler`.
    pub handler: String,
    /// Megabytes; 128 by default.
    pub memory: u32,
    /// Seconds; 3 by default.
    pub timeout: u32,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// The IAM statements of its inline policies, in the template's order.
    pub statements: Vec<Value>,
    /// Its code, pinned.
    pub code: CodeRef,
}

/// A route of the pipeline's HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AppRoute {
    /// `GET /items/{id}`, or `$default`.
    pub key: String,
    /// The logical id of the function that handles it.
    pub function: String,
}

impl Application {
    /// The SHA-256 of the routes and their functions, as hex digits. It differs if and only if the API has to change, and
    /// cannot be made to collide by the author of a template.
    pub fn api_digest(&self) -> String {
        let mut routes: Vec<_> = self.routes.iter().collect();
        routes.sort();
        let mut hash = Sha256::new();
        for AppRoute { key, function } in routes {
            // Neither a route key nor a logical id can hold a line break or a tab.
            hash.update(format!("{key}\t{function}\n"));
        }
        hex::encode(hash.finalize())
    }

    /// Whether a function has a statement without a specific action or resource.
    pub fn has_wild_rights(&self) -> bool {
        let mut statements = self.functions.values().flat_map(|function| &function.statements);
        statements.any(|statement| rights::wild(statement).is_some())
    }
}
