//! The contents of a commit and of its build: the same three files as the packaging script of the scaffold makes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An application as a repository holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The functions by logical id, each with its code.
    pub functions: BTreeMap<String, String>,
    /// Memory of all functions, in megabytes: a change of configuration that is no change of code.
    pub memory: u32,
    /// The functions with a route `GET /{name in lower case}`; the first of them answers everything else.
    pub routed: Vec<String>,
    /// The architecture of all functions.
    pub architecture: &'static str,
    /// The runtime of all functions.
    pub runtime: &'static str,
    /// Bytes of variables that every function has.
    pub bulk: usize,
    /// Whether its build succeeds.
    pub green: bool,
}

impl App {
    /// These functions with that code, and a route to each.
    pub fn of(functions: &[&str], code: &str) -> Self {
        Self {
            functions: functions.iter().map(|name| ((*name).to_owned(), format!("{name} {code}"))).collect(),
            memory: 128,
            bulk: 0,
            routed: functions.iter().map(|name| (*name).to_owned()).collect(),
            architecture: "x86_64",
            runtime: "python3.12",
            green: true,
        }
    }

    /// The same on another architecture.
    pub fn on(self, architecture: &'static str) -> Self {
        Self { architecture, ..self }
    }

    /// The same in another runtime.
    pub fn running(self, runtime: &'static str) -> Self {
        Self { runtime, ..self }
    }

    /// The same with another size of memory.
    pub fn memory(self, memory: u32) -> Self {
        Self { memory, ..self }
    }

    /// The same, but its build fails.
    pub fn red(self) -> Self {
        Self { green: false, ..self }
    }

    /// The template, packaged: where each function's code is comes from `code`.
    pub(super) fn template(&self, code: &BTreeMap<String, String>) -> Value {
        let mut variables = json!({ "STAGE": { "Ref": "Stage" } });
        if self.bulk > 0 {
            variables["BULK"] = "x".repeat(self.bulk).into();
        }
        let event = |method: &str, path: &str| json!({ "Type": "HttpApi", "Properties": { "Method": method, "Path": path } });
        let mut resources = serde_json::Map::new();
        for name in self.functions.keys() {
            let mut events = serde_json::Map::new();
            if self.routed.contains(name) {
                events.insert("Own".into(), event("GET", &format!("/{}", name.to_lowercase())));
            }
            if self.routed.first() == Some(name) {
                events.insert("Rest".into(), json!({ "Type": "HttpApi" }));
            }
            let properties = json!({
                "CodeUri": code.get(name).map_or("src", String::as_str), "Handler": "app.handler",
                "Events": events,
            });
            let function = json!({ "Type": "AWS::Serverless::Function", "Properties": properties });
            resources.insert(name.clone(), function);
        }
        json!({
            "AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31",
            "Parameters": { "Stage": { "Type": "String" } },
            "Globals": { "Function": {
                "Runtime": self.runtime, "MemorySize": self.memory, "Timeout": 10,
                "Architectures": [self.architecture],
                "Environment": { "Variables": variables },
            } },
            "Resources": resources,
        })
    }
}

/// SHA-256 in base64, as Lambda reports it.
pub(super) fn digest(content: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(content))
}

/// The key of a function's code: named by its content, as the packaging does.
pub(super) fn code_key(prefix: &str, content: &[u8]) -> String {
    let mut name = hex::encode(Sha256::digest(content));
    name.truncate(32);
    format!("{prefix}/code/{name}")
}

/// A file of an artifact.
pub(super) fn file(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
