//! Tables of good and bad templates. Each is written as JSON, which is YAML too: so one text is the packaged template
//! and the original, and a refusal's line can be checked against the text itself.

mod budget;
mod fuzz;
mod json;
mod properties;
mod refusals;

use std::collections::BTreeMap;

pub(crate) use json::resembling;

use serde_json::{Map, Value, json};

use super::read::{FUNCTION, TRANSFORM};
use super::*;
use sluice_model::{CodeRef, PipelineName, StageName, Target};

const SHA: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const BUCKET: &str = "sluice-bucket";

/// Everything that a reading needs, with the values most tests want.
struct World {
    pipeline: PipelineName,
    stage: StageName,
    target: Target,
    parameters: BTreeMap<String, String>,
    wild_rights: bool,
}

impl World {
    fn new() -> Self {
        Self {
            pipeline: PipelineName::new("orders").unwrap(),
            stage: StageName::new("prod").unwrap(),
            target: Target { account: "123456789012".into(), region: "eu-central-1".into() },
            parameters: BTreeMap::new(),
            wild_rights: false,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    fn deploying(&self) -> Deploying<'_> {
        Deploying {
            pipeline: &self.pipeline,
            stage: &self.stage,
            target: &self.target,
            parameters: &self.parameters,
            code_bucket: BUCKET,
            code_prefix: "orders/",
            wild_rights: self.wild_rights,
        }
    }

    fn read(&self, template: &Value) -> Result<Application, Vec<TemplateError>> {
        let text = serde_json::to_string_pretty(template).unwrap();
        read(&text, &text, &manifest_of(template), &self.deploying())
    }
}

/// A manifest that pins every function of a template at the key it names.
fn manifest_of(template: &Value) -> Manifest {
    let mut functions = BTreeMap::new();
    for (logical_id, resource) in template["Resources"].as_object().into_iter().flatten() {
        if resource["Type"] == FUNCTION {
            let uri =
                resource["Properties"]["CodeUri"].as_str().unwrap_or("s3://sluice-bucket/orders/code/abc");
            let (bucket, key) = uri.trim_start_matches("s3://").split_once('/').unwrap();
            functions.insert(
                logical_id.clone(),
                CodeRef { bucket: bucket.into(), key: key.into(), version: "v1".into(), sha256: SHA.into() },
            );
        }
    }
    Manifest { functions }
}

/// A function with these properties besides what every function needs.
fn function(properties: Value) -> Value {
    let mut all = json!({
        "CodeUri": "s3://sluice-bucket/orders/code/abc", "Handler": "app.handler", "Runtime": "python3.12",
    });
    for (name, value) in properties.as_object().unwrap() {
        all[name] = value.clone();
    }
    json!({ "Type": FUNCTION, "Properties": all })
}

fn template(resources: Value) -> Value {
    json!({
        "Transform": TRANSFORM,
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

#[test]
fn a_small_template_has_sams_defaults() {
    let app = World::new().read(&template(json!({ "Hello": function(json!({})) }))).unwrap();
    let hello = &app.functions["Hello"];
    assert_eq!((hello.memory, hello.timeout, hello.architecture.as_str()), (128, 3, "x86_64"));
    assert_eq!(hello.name, "sluice-orders-prod-Hello");
    assert_eq!(hello.code.version, "v1");
    assert_eq!(hello.code.sha256, SHA);
    assert!(hello.environment.is_empty() && hello.statements.is_empty() && app.routes.is_empty());
}

#[test]
fn globals_are_the_defaults_of_a_functions_settings() {
    let mut whole = template(json!({
        "Own": function(json!({ "MemorySize": "512", "Environment": { "Variables": { "AA": "own", "BB": "own" } } })),
        "Plain": { "Type": FUNCTION, "Properties": { "CodeUri": "s3://sluice-bucket/orders/code/abc" } },
    }));
    whole["Globals"] = json!({ "Function": {
        "Runtime": "nodejs22.x", "Handler": "index.handler", "MemorySize": { "Ref": "Size" }, "Timeout": 30,
        "Architectures": ["arm64"], "Environment": { "Variables": { "AA": "all", "CC": 7, "DD": true } },
    } });
    let app = World::new().read(&whole).unwrap();
    let (own, plain) = (&app.functions["Own"], &app.functions["Plain"]);
    assert_eq!((own.memory, plain.memory), (512, 256));
    assert_eq!((own.runtime.as_str(), plain.runtime.as_str()), ("python3.12", "nodejs22.x"));
    assert_eq!((own.timeout, own.architecture.as_str()), (30, "arm64"));
    let pairs: Vec<_> = own.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(pairs, ["AA=own", "BB=own", "CC=7", "DD=true"]);
    assert_eq!(plain.environment["AA"], "all");
}

#[test]
fn every_intrinsic_of_the_subset_is_resolved_for_the_stage() {
    for (value, text) in [
        (json!({ "Ref": "Stage" }), "prod"),
        (json!({ "Ref": "Size" }), "256"),
        (json!({ "Ref": "AWS::Region" }), "eu-central-1"),
        (json!({ "Ref": "AWS::AccountId" }), "123456789012"),
        (json!({ "Ref": "AWS::Partition" }), "aws"),
        (json!({ "Ref": "AWS::URLSuffix" }), "amazonaws.com"),
        (json!({ "Ref": "Other" }), "sluice-orders-prod-Other:prod"),
        (json!({ "Ref": "Hello" }), "sluice-orders-prod-Hello:prod"),
        (
            json!({ "Fn::GetAtt": ["Other", "Arn"] }),
            "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Other:prod",
        ),
        (
            json!({ "Fn::GetAtt": "Other.Arn" }),
            "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Other:prod",
        ),
        (json!({ "Fn::Sub": "t-${Stage}-${AWS::Region}-${!Stage}-$5" }), "t-prod-eu-central-1-${Stage}-$5"),
        (
            json!({ "Fn::Sub": ["${A}/${Other}", { "A": { "Ref": "Stage" } }] }),
            "prod/sluice-orders-prod-Other:prod",
        ),
        (
            json!({ "Fn::Sub": "${Other.Arn}" }),
            "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Other:prod",
        ),
        (json!({ "Fn::Join": ["-", ["a", { "Ref": "Stage" }, 3]] }), "a-prod-3"),
        (json!({ "Fn::Join": ["|", { "Ref": "Zones" }] }), "a|b|c"),
        (json!("ünï ${Stage}"), "ünï ${Stage}"),
    ] {
        let app =
            World::new().read(&env(json!({ "VALUE": value }))).unwrap_or_else(|e| panic!("{value}: {e:?}"));
        assert_eq!(app.functions["Hello"].environment["VALUE"], text, "{value}");
    }
}

#[test]
fn functions_may_name_each_other_in_a_circle() {
    let app = World::new()
        .read(&template(json!({
            "Aa": function(json!({ "Environment": { "Variables": { "OTHER": { "Ref": "Bb" } } } })),
            "Bb": function(json!({ "Environment": { "Variables": { "OTHER": { "Ref": "Aa" } } } })),
        })))
        .unwrap();
    assert_eq!(app.functions["Aa"].environment["OTHER"], "sluice-orders-prod-Bb:prod");
    assert_eq!(app.functions["Bb"].environment["OTHER"], "sluice-orders-prod-Aa:prod");
}

#[test]
fn statements_are_resolved_and_keep_their_order() {
    let app = World::new()
        .read(&template(json!({
            "Hello": function(json!({ "Policies": [
                { "Version": "2012-10-17", "Statement": {
                    "Effect": "Allow", "Action": "dynamodb:GetItem",
                    "Resource": { "Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/t-${Stage}" },
                } },
                { "Statement": [{
                    "Sid": "Call", "Effect": "Allow", "Action": ["lambda:InvokeFunction"],
                    "Resource": [{ "Fn::GetAtt": ["Hello", "Arn"] }],
                    "Condition": { "StringEquals": { "aws:RequestedRegion": { "Ref": "AWS::Region" } } },
                }] },
            ] })),
        })))
        .unwrap();
    let statements = &app.functions["Hello"].statements;
    assert_eq!(statements[0]["Resource"], "arn:aws:dynamodb:eu-central-1:123456789012:table/t-prod");
    assert_eq!(
        statements[1]["Resource"][0],
        "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Hello:prod"
    );
    assert_eq!(statements[1]["Condition"]["StringEquals"]["aws:RequestedRegion"], "eu-central-1");
    assert_eq!(statements.len(), 2);
}

#[test]
fn events_become_routes_and_their_digest_follows_them() {
    let with = |events: Value| {
        World::new().read(&template(json!({ "Hello": function(json!({ "Events": events })) }))).unwrap()
    };
    let app = with(json!({
        "Item": { "Type": "HttpApi", "Properties": { "Path": "/items/{id}", "Method": "get" } },
        "Rest": { "Type": "HttpApi", "Properties": { "Path": "/files/{name+}", "Method": "ANY" } },
        "All": { "Type": "HttpApi" },
    }));
    let keys: Vec<_> = app.routes.iter().map(|route| route.key.as_str()).collect();
    assert_eq!(keys, ["$default", "ANY /files/{name+}", "GET /items/{id}"]);
    let one = with(json!({ "A": { "Type": "HttpApi", "Properties": { "Path": "/", "Method": "GET" } } }));
    let same = with(json!({ "B": { "Type": "HttpApi", "Properties": { "Method": "Get", "Path": "/" } } }));
    assert_eq!(one.api_digest(), same.api_digest());
    assert_ne!(one.api_digest(), app.api_digest());
}

#[test]
fn a_stages_value_of_a_parameter_precedes_its_default() {
    let mut whole = env(json!({ "SIZE": { "Ref": "Size" }, "TABLE": { "Ref": "Table" } }));
    whole["Parameters"]["Table"] = json!({ "Type": "String", "MinLength": 2, "AllowedValues": ["tt", "uu"] });
    let world =
        World::new().with("Size", "1024").with("Table", "uu").with("Stage", "dev").with("Unknown", "x");
    let app = world.read(&whole).unwrap();
    assert_eq!(app.functions["Hello"].environment["SIZE"], "1024");
    assert_eq!(app.functions["Hello"].environment["TABLE"], "uu");

    let errors = World::new().read(&whole).unwrap_err();
    assert_eq!(errors.len(), 1, "a missing value is reported once, not at each use: {errors:?}");
    assert!(errors[0].problem.contains("Table") && errors[0].problem.contains("prod"), "{errors:?}");
    assert!(errors[0].hint.contains("/stage set orders prod param.Table=tt"), "{errors:?}");

    let errors = World::new().with("Table", "vv").read(&whole).unwrap_err();
    assert!(errors[0].problem.contains("not one of tt, uu"), "{errors:?}");
    let errors = World::new().with("Table", "tt").with("Size", "much").read(&whole).unwrap_err();
    assert!(errors[0].problem.contains("`much` is not a number"), "{errors:?}");
}

#[test]
fn ten_functions_are_read_in_one_go() {
    let functions: serde_json::Map<_, _> = (0..10)
        .map(|n| {
            let event =
                json!({ "Type": "HttpApi", "Properties": { "Path": format!("/f{n}"), "Method": "GET" } });
            let next = format!("Function{}", (n + 1) % 10);
            let variables = json!({ "NEXT": { "Ref": next }, "STAGE": { "Ref": "Stage" } });
            let properties = json!({ "Events": { "Get": event }, "Environment": { "Variables": variables } });
            (format!("Function{n}"), function(properties))
        })
        .collect();
    let app = World::new().read(&template(Value::Object(functions))).unwrap();
    assert_eq!((app.functions.len(), app.routes.len()), (10, 10));
    assert_eq!(app.functions["Function9"].environment["NEXT"], "sluice-orders-prod-Function0:prod");
}
