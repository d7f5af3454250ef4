//! What is emitted, rule by rule and over generated templates.

mod described;
mod desired;
mod fixtures;
mod generate;
mod passes;
mod properties;
mod rename;
mod resolve;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::TemplateError;
use crate::plain::tests::{World, later, sources, stored};
use crate::plain::{Attribute, Evaluator, ParameterValues, Part, PlainTemplate, Split, classify, read};

/// The id of an API of Sluice's.
const API: &str = "a1b2c3d4e5";

/// A template with its split and its stack.
struct Stacked {
    template: PlainTemplate,
    split: Split,
    desired: Desired,
}

/// What is known of the APIs and layers of a template before its stack changes.
fn direct(split: &Split) -> DirectValues {
    let mut direct = DirectValues::default();
    for (id, placement) in &split.placements {
        let named = |name: &str| Attribute::Named(name.to_owned());
        match placement.part {
            Part::Api => {
                direct.insert(id, Attribute::Ref, API);
                direct.insert(
                    id,
                    named("ApiEndpoint"),
                    format!("https://{API}.execute-api.eu-central-1.amazonaws.com"),
                );
            }
            Part::Layer => direct.insert(id, Attribute::Ref, format!("arn:aws:lambda:::layer:{id}:1")),
            _ => {}
        }
    }
    direct
}

fn stacked(world: &World, template: &Value) -> Result<Stacked, Vec<TemplateError>> {
    let sources = sources();
    let template = read(&template.to_string(), &sources)?;
    let values = ParameterValues::of(&template, &world.stage(), &sources)?;
    let evaluator = Evaluator::new(&template, world.stage(), &values, &later);
    let split = classify(&evaluator, &sources)?;
    let desired = desired(&evaluator, &split, &direct(&split), &sources)?;
    Ok(Stacked { template: template.clone(), split, desired })
}

/// The stack of a template on the stage `prod`, as JSON.
fn emitted(template: &Value) -> Value {
    let stack = stacked(&World::new(), template).unwrap().desired.stack.unwrap();
    serde_json::from_str(&stack.template.text()).unwrap()
}

/// A template with a function, its role and these resources.
fn with(resources: Value) -> Value {
    let mut all = json!({
        "Fn": { "Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "hello", "Role": { "Fn::GetAtt": ["Role", "Arn"] }
        } },
        "Role": { "Type": "AWS::IAM::Role" },
    });
    for (id, resource) in resources.as_object().into_iter().flatten() {
        all[id] = resource.clone();
    }
    json!({ "Parameters": { "Stage": { "Type": "String" } }, "Resources": all })
}

fn typed(kind: &str, properties: Value) -> Value {
    json!({ "Type": kind, "Properties": properties })
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn ids(template: &StackTemplate) -> Vec<&str> {
    template.resources.keys().map(String::as_str).collect()
}
