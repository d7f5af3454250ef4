//! Plain templates as a whole: what application they give for a stage, and what is refused.

mod application;
mod budget;
mod fuzz;
mod images;
mod json;
mod layers;
mod rights;
mod stack;
mod system;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use json::resembling;

use serde_json::{Value, json};

use super::*;
use crate::plain::{Stage, StageNames, SystemAnswers};
use sluice_model::{CodeRef, ImageUri, PinnedCode, PipelineName, StageName, Target};

const SHA: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const BUCKET: &str = "sluice-bucket";
const FUNCTION: &str = "AWS::Lambda::Function";
const LINES: &str =
    r#"{"Hello": {"file": "template.yaml", "line": 7}, "HelloRole": {"file": "template.yaml", "line": 9}}"#;

/// Everything that a reading needs, with the values most tests want.
struct World {
    pipeline: PipelineName,
    stage: StageName,
    target: Target,
    parameters: BTreeMap<String, String>,
    wild_rights: bool,
    images: BTreeSet<String>,
    is_further: bool,
    system: SystemAnswers,
}

impl World {
    fn new() -> Self {
        Self {
            pipeline: PipelineName::new("orders").unwrap(),
            stage: StageName::new("prod").unwrap(),
            target: Target { account: "123456789012".into(), region: "eu-central-1".into() },
            parameters: BTreeMap::new(),
            wild_rights: false,
            images: BTreeSet::new(),
            is_further: false,
            system: SystemAnswers::new(),
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    fn names(&self) -> StageNames<'_> {
        if self.is_further { StageNames::Further(&self.stage) } else { StageNames::First }
    }

    fn read_knowing(
        &self,
        template: &str,
        manifest: &Manifest,
        known: KnownValues<'_>,
    ) -> Result<Application, Vec<TemplateError>> {
        read(template, LINES, manifest, &self.deploying(known))
    }

    fn deploying<'a>(&'a self, known: KnownValues<'a>) -> Deploying<'a> {
        let stage = Stage {
            pipeline: &self.pipeline,
            name: &self.stage,
            target: &self.target,
            parameters: &self.parameters,
            system_parameters: &self.system,
        };
        Deploying {
            stage,
            code_bucket: BUCKET,
            code_prefix: "orders/",
            wild_rights: self.wild_rights,
            images: Images::Allowed(&self.images),
            boundary: None,
            names: self.names(),
            known,
        }
    }

    fn read_as(&self, template: &str, manifest: &Manifest) -> Result<Application, Vec<TemplateError>> {
        self.read_knowing(template, manifest, KnownValues::Nothing)
    }

    fn read(&self, template: &Value) -> Result<Application, Vec<TemplateError>> {
        self.read_as(&template.to_string(), &manifest_of(template))
    }
}

/// The one error of a template.
fn refused(template: &Value) -> TemplateError {
    let mut errors = World::new().read(template).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.remove(0)
}

/// A manifest that pins every function of a template at the key it names.
fn manifest_of(template: &Value) -> Manifest {
    let functions = template["Resources"].as_object().into_iter().flatten();
    let pinned = functions.filter(|(_, resource)| resource["Type"] == FUNCTION).map(|(id, resource)| {
        let code = &resource["Properties"]["Code"];
        if let Some(image) = code["ImageUri"].as_str().and_then(ImageUri::new) {
            return (id.clone(), image.into());
        }
        let text = |key: &str| code[key].as_str().unwrap_or("x").to_owned();
        let code = CodeRef {
            bucket: text("S3Bucket"),
            key: text("S3Key"),
            version: "v1".into(),
            sha256: SHA.into(),
        };
        (id.clone(), code.into())
    });
    Manifest { functions: pinned.collect(), ..Manifest::default() }
}

/// A function with these properties besides what every function needs.
fn function(properties: Value) -> Value {
    let mut all = json!({
        "Code": { "S3Bucket": BUCKET, "S3Key": "orders/code/abc", "S3ObjectVersion": "v1" },
        "Handler": "app.handler", "Runtime": "python3.12", "Role": { "Fn::GetAtt": ["HelloRole", "Arn"] },
    });
    for (name, value) in properties.as_object().unwrap() {
        all[name] = value.clone();
    }
    json!({ "Type": FUNCTION, "Properties": all })
}

/// A role with these properties besides what every role needs.
fn role(properties: Value) -> Value {
    let trusts = json!({ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" });
    let mut all = json!({ "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [trusts] } });
    for (name, value) in properties.as_object().unwrap() {
        all[name] = value.clone();
    }
    json!({ "Type": "AWS::IAM::Role", "Properties": all })
}

/// A template with these resources, and a role for its functions.
fn template(resources: Value) -> Value {
    let mut resources = resources;
    if resources.get("HelloRole").is_none() {
        resources["HelloRole"] = role(json!({}));
    }
    json!({
        "Parameters": {
            "Stage": { "Type": "String" },
            "Zones": { "Type": "CommaDelimitedList", "Default": "a, b,c" },
            "Size": { "Type": "Number", "Default": 256 },
        },
        "Resources": resources,
    })
}

fn env(variables: Value) -> Value {
    template(json!({
        "Hello": function(json!({ "Environment": { "Variables": variables } })), "Other": function(json!({})),
    }))
}
