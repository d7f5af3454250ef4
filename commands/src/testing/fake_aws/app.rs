//! The contents of a commit and of its build: the same files as the packager makes.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use sluice_model::Target;

/// An application as a repository holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The functions by logical id, each with its code.
    pub functions: BTreeMap<String, String>,
    /// The functions whose code is a container image.
    pub images: BTreeSet<String>,
    /// The layers by logical id, each with its content. Every function has all of them.
    pub layers: BTreeMap<String, String>,
    /// Memory of all functions, in megabytes: a change of configuration that is no change of code.
    pub memory: u32,
    /// The functions with a route `GET /{name in lower case}`; the first of them answers everything else.
    pub routed: Vec<String>,
    /// How many requests the API's stage accepts at once.
    pub burst: Option<u32>,
    /// The architecture of all functions.
    pub architecture: &'static str,
    /// The runtime of all functions.
    pub runtime: &'static str,
    /// Bytes of variables that every function has.
    pub bulk: usize,
    /// More parameters of the template.
    pub parameters: BTreeMap<String, Value>,
    /// Variables that every function has, as the template has their values.
    pub variables: BTreeMap<String, Value>,
    /// More properties of every function.
    pub properties: BTreeMap<String, Value>,
    /// Other resources of the template, by logical id.
    pub others: BTreeMap<String, Value>,
    /// Whether its build succeeds.
    pub green: bool,
}

impl App {
    /// These functions with that code, and a route to each.
    pub fn of(functions: &[&str], code: &str) -> Self {
        Self {
            functions: functions.iter().map(|name| ((*name).to_owned(), format!("{name} {code}"))).collect(),
            images: BTreeSet::new(),
            layers: BTreeMap::new(),
            memory: 128,
            bulk: 0,
            parameters: BTreeMap::new(),
            variables: BTreeMap::new(),
            properties: BTreeMap::new(),
            others: BTreeMap::new(),
            routed: functions.iter().map(|name| (*name).to_owned()).collect(),
            burst: None,
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

    /// The same, but the code of that function is a container image.
    pub fn image(mut self, name: &str) -> Self {
        self.images.insert(name.to_owned());
        self
    }

    /// The same with one more layer.
    pub fn layer(mut self, name: &str, content: &str) -> Self {
        self.layers.insert(name.to_owned(), content.to_owned());
        self
    }

    /// The same with another size of memory.
    pub fn memory(self, memory: u32) -> Self {
        Self { memory, ..self }
    }

    /// The same with another resource.
    pub fn resource(mut self, logical_id: &str, kind: &str, properties: Value) -> Self {
        self.others.insert(logical_id.to_owned(), json!({ "Type": kind, "Properties": properties }));
        self
    }

    /// The same with another property of every function.
    pub fn property(mut self, name: &str, value: Value) -> Self {
        self.properties.insert(name.to_owned(), value);
        self
    }

    /// The same with another parameter.
    pub fn parameter(mut self, name: &str, kind: &str, default: &str) -> Self {
        self.parameters.insert(name.to_owned(), json!({ "Type": kind, "Default": default }));
        self
    }

    /// The same with another variable.
    pub fn variable(mut self, name: &str, value: Value) -> Self {
        self.variables.insert(name.to_owned(), value);
        self
    }

    /// The same, but its build fails.
    pub fn red(self) -> Self {
        Self { green: false, ..self }
    }

    /// The plain template, as the packager leaves it: where the code of each function and layer is comes from `code`.
    pub(super) fn template(&self, code: &BTreeMap<String, Value>) -> Value {
        let mut variables = json!({ "STAGE": { "Ref": "Stage" } });
        if self.bulk > 0 {
            variables["BULK"] = "x".repeat(self.bulk).into();
        }
        for (name, value) in &self.variables {
            variables[name] = value.clone();
        }
        let mut resources = serde_json::Map::from_iter(self.others.clone());
        for name in self.functions.keys() {
            let role = format!("{name}Role");
            let layers: Vec<Value> = self.layers.keys().map(|layer| json!({ "Ref": layer })).collect();
            let mut properties = json!({
                "Code": code.get(name), "Handler": "app.handler", "Runtime": self.runtime, "MemorySize": self.memory,
                "Timeout": 10, "Architectures": [self.architecture], "Environment": { "Variables": variables },
                "Role": { "Fn::GetAtt": [role, "Arn"] },
            });
            if self.images.contains(name) {
                properties["PackageType"] = "Image".into();
                for of_archives in ["Handler", "Runtime"] {
                    properties.as_object_mut().map(|all| all.remove(of_archives));
                }
            }
            for (name, value) in &self.properties {
                properties[name] = value.clone();
            }
            if !layers.is_empty() {
                properties["Layers"] = layers.into();
            }
            resources
                .insert(name.clone(), json!({ "Type": "AWS::Lambda::Function", "Properties": properties }));
            let statement = json!({ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" });
            let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
            let properties = json!({ "AssumeRolePolicyDocument": policy });
            resources.insert(role, json!({ "Type": "AWS::IAM::Role", "Properties": properties }));
        }
        for name in self.layers.keys() {
            let properties = json!({ "LayerName": name, "Content": code.get(name) });
            resources.insert(
                name.clone(),
                json!({ "Type": "AWS::Lambda::LayerVersion", "Properties": properties }),
            );
        }
        if !self.routed.is_empty() {
            let body = json!({ "openapi": "3.0.1", "paths": self.paths() });
            let properties = json!({ "Body": body, "FailOnWarnings": true });
            resources
                .insert(API.into(), json!({ "Type": "AWS::ApiGatewayV2::Api", "Properties": properties }));
            let mut properties =
                json!({ "ApiId": { "Ref": API }, "StageName": "$default", "AutoDeploy": true });
            if let Some(burst) = self.burst {
                properties["DefaultRouteSettings"] = json!({ "ThrottlingBurstLimit": burst });
            }
            let stage = json!({ "Type": "AWS::ApiGatewayV2::Stage", "Properties": properties });
            resources.insert(format!("{API}ApiGatewayDefaultStage"), stage);
        }
        let mut parameters = serde_json::Map::from_iter(self.parameters.clone());
        parameters.insert("Stage".into(), json!({ "Type": "String" }));
        json!({
            "AWSTemplateFormatVersion": "2010-09-09", "Parameters": parameters, "Resources": resources,
        })
    }

    /// The paths of the API's definition.
    fn paths(&self) -> Value {
        let operation = |name: &String| {
            let uri = format!(
                "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{name}.Arn}}/invocations"
            );
            let integration = json!({
                "type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": { "Fn::Sub": uri },
            });
            json!({ "x-amazon-apigateway-integration": integration, "responses": {} })
        };
        let mut paths = serde_json::Map::new();
        for name in self.functions.keys().filter(|name| self.routed.contains(name)) {
            paths.insert(format!("/{}", name.to_lowercase()), json!({ "get": operation(name) }));
        }
        if let Some(first) = self.routed.first() {
            let mut all = operation(first);
            all["isDefaultRoute"] = true.into();
            paths.insert("/$default".to_owned(), json!({ "x-amazon-apigateway-any-method": all }));
        }
        paths.into()
    }
}

/// The logical id of the API that SAM makes of events.
pub const API: &str = "ServerlessHttpApi";

/// SHA-256 in base64, as Lambda reports it.
pub(super) fn digest(content: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(content))
}

/// The image of that content, in the pipeline's repository.
pub(super) fn image_of(target: &Target, pipeline: &str, content: &str) -> String {
    let digest = hex::encode(Sha256::digest(content.as_bytes()));
    format!("{}/{pipeline}@sha256:{digest}", target.image_registry())
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
