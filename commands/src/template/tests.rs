//! Tables of good and bad templates. Each is written as JSON, which is YAML too: so one text is the packaged template
//! and the original, and a refusal's line can be checked against the text itself.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SHA: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const BUCKET: &str = "sluice-bucket";

/// Everything that a reading needs, with the values most tests want.
struct World {
    pipeline: PipelineName,
    stage: StageName,
    target: Target,
    parameters: BTreeMap<String, String>,
}

impl World {
    fn new() -> Self {
        Self {
            pipeline: PipelineName::new("orders").unwrap(),
            stage: StageName::new("prod").unwrap(),
            target: Target { account: "123456789012".into(), region: "eu-central-1".into() },
            parameters: BTreeMap::new(),
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
                ManifestFunction {
                    bucket: bucket.into(),
                    key: key.into(),
                    version: "v1".into(),
                    sha256: SHA.into(),
                },
            );
        }
    }
    Manifest { schema: 1, functions }
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

/// The only problem of a template, as (code, resource, text of the line, problem and hint).
fn only_problem(template: &Value) -> (TemplateCode, Option<String>, String, String) {
    let errors = World::new().read(template).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let text = serde_json::to_string_pretty(template).unwrap();
    let line = errors[0].line.map(|line| text.lines().nth(line - 1).unwrap().trim().to_owned());
    assert!(!errors[0].hint.is_empty(), "{errors:?}");
    let words = format!("{} ({})", errors[0], errors[0].hint);
    (errors[0].code, errors[0].resource.clone(), line.unwrap_or_default(), words)
}

#[test]
fn a_small_template_has_sams_defaults() {
    let app = World::new().read(&template(json!({ "Hello": function(json!({})) }))).unwrap();
    let hello = &app.functions["Hello"];
    assert_eq!((hello.memory, hello.timeout, hello.architecture.as_str()), (128, 3, "x86_64"));
    assert_eq!(hello.name, "sluice-orders-Hello");
    assert_eq!(hello.code.version, "v1");
    assert_eq!(hello.code.sha256, SHA);
    assert!(hello.environment.is_empty() && hello.statements.is_empty() && app.routes.is_empty());
}

#[test]
fn globals_lie_beneath_a_functions_own_settings() {
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
        (json!({ "Ref": "Other" }), "sluice-orders-Other:prod"),
        (json!({ "Ref": "Hello" }), "sluice-orders-Hello:prod"),
        (
            json!({ "Fn::GetAtt": ["Other", "Arn"] }),
            "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-Other:prod",
        ),
        (
            json!({ "Fn::GetAtt": "Other.Arn" }),
            "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-Other:prod",
        ),
        (json!({ "Fn::Sub": "t-${Stage}-${AWS::Region}-${!Stage}-$5" }), "t-prod-eu-central-1-${Stage}-$5"),
        (
            json!({ "Fn::Sub": ["${A}/${Other}", { "A": { "Ref": "Stage" } }] }),
            "prod/sluice-orders-Other:prod",
        ),
        (
            json!({ "Fn::Sub": "${Other.Arn}" }),
            "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-Other:prod",
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
    assert_eq!(app.functions["Aa"].environment["OTHER"], "sluice-orders-Bb:prod");
    assert_eq!(app.functions["Bb"].environment["OTHER"], "sluice-orders-Aa:prod");
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
        "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-Hello:prod"
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
    assert_eq!(one.digest_of_api(), same.digest_of_api());
    assert_ne!(one.digest_of_api(), app.digest_of_api());
}

#[test]
fn parameters_are_set_per_stage_before_their_default() {
    let mut whole = env(json!({ "SIZE": { "Ref": "Size" }, "TABLE": { "Ref": "Table" } }));
    whole["Parameters"]["Table"] = json!({ "Type": "String", "MinLength": 2, "AllowedValues": ["tt", "uu"] });
    let world =
        World::new().with("Size", "1024").with("Table", "uu").with("Stage", "dev").with("Unknown", "x");
    let app = world.read(&whole).unwrap();
    assert_eq!(app.functions["Hello"].environment["SIZE"], "1024");
    assert_eq!(app.functions["Hello"].environment["TABLE"], "uu");

    let errors = World::new().read(&whole).unwrap_err();
    assert_eq!(errors.len(), 1, "a missing value is told once, not at each use: {errors:?}");
    assert!(errors[0].problem.contains("Table") && errors[0].problem.contains("prod"), "{errors:?}");
    assert!(errors[0].hint.contains("/stage set orders prod Table="), "{errors:?}");

    let errors = World::new().with("Table", "vv").read(&whole).unwrap_err();
    assert!(errors[0].problem.contains("not one of tt, uu"), "{errors:?}");
    let errors = World::new().with("Table", "tt").with("Size", "much").read(&whole).unwrap_err();
    assert!(errors[0].problem.contains("`much` is no number"), "{errors:?}");
}

/// (properties of Hello, the key whose line is told, words of the problem or hint)
#[test]
fn a_function_outside_the_subset_is_refused_with_resource_and_line() {
    let table: Vec<(Value, &str, &str)> = vec![
        (json!({ "FunctionName": "x" }), "FunctionName", "sluice-{pipeline}"),
        (json!({ "Role": "arn:x" }), "Role", "Sluice makes the role"),
        (json!({ "Layers": [] }), "Layers", "folder of CodeUri"),
        (json!({ "VpcConfig": {} }), "VpcConfig", "docs/templates.md"),
        (json!({ "AutoPublishAlias": "live" }), "AutoPublishAlias", "/promote"),
        (json!({ "FunctionUrlConfig": {} }), "FunctionUrlConfig", "HttpApi"),
        (json!({ "InlineCode": "x" }), "InlineCode", "CodeUri"),
        (json!({ "Runtime": "python2.7" }), "Runtime", "python2.7"),
        (json!({ "Handler": "a b" }), "Handler", "no handler"),
        (json!({ "MemorySize": 64 }), "MemorySize", "128 to 10240"),
        (json!({ "MemorySize": 10241 }), "MemorySize", "128 to 10240"),
        (json!({ "Timeout": 0 }), "Timeout", "1 to 900"),
        (json!({ "Timeout": "1.5" }), "Timeout", "1 to 900"),
        (json!({ "Timeout": { "Ref": "Zones" } }), "Timeout", "a list stands"),
        (json!({ "Architectures": ["sparc"] }), "Architectures", "[arm64]"),
        (json!({ "Architectures": ["arm64", "x86_64"] }), "Architectures", "[arm64]"),
        (json!({ "Environment": { "Variables": { "A-B": "x" } } }), "A-B", "no name"),
        (json!({ "Environment": { "Variables": { "AWS_REGION": "x" } } }), "AWS_REGION", "Lambda itself"),
        (json!({ "Environment": { "Variables": { "XX": null } } }), "XX", "nothing stands"),
        (json!({ "Environment": { "Variables": { "XX": { "Ref": "Nope" } } } }), "XX", "`Nope`"),
        (json!({ "Environment": { "Variables": { "XX": { "Ref": "AWS::StackName" } } } }), "XX", "no stack"),
        (
            json!({ "Environment": { "Variables": { "XX": { "Fn::If": ["c", "a", "b"] } } } }),
            "XX",
            "`Fn::If`",
        ),
        (
            json!({ "Environment": { "Variables": { "XX": { "Fn::GetAtt": ["Hello", "Name"] } } } }),
            "XX",
            "`Name`",
        ),
        (json!({ "Environment": { "Variables": { "XX": { "Fn::Sub": "${Hello" } } } }), "XX", "no `}`"),
        (
            json!({ "Environment": { "Variables": { "XX": { "Fn::Sub": "${Zones}" } } } }),
            "XX",
            "a list stands",
        ),
        (
            json!({ "Environment": { "Variables": { "XX": { "Ref": "Stage", "y": 1 } } } }),
            "XX",
            "among other keys",
        ),
        (
            json!({ "Environment": { "Variables": { "XX": "{{resolve:ssm:p}}" } } }),
            "XX",
            "name of the secret",
        ),
        (
            json!({ "Environment": { "Variables": { "XX": { "Fn::Sub": ["{{res${A}", { "A": "olve:x}}" }] } } } }),
            "XX",
            "dynamic",
        ),
        (json!({ "Environment": { "Variables": { "XX": "x".repeat(4096) } } }), "Variables", "4098 bytes"),
        (json!({ "Policies": "AdministratorAccess" }), "Policies", "AdministratorAccess"),
        (json!({ "Policies": [{ "S3ReadPolicy": { "BucketName": "b" } }] }), "Policies", "S3ReadPolicy"),
        (
            json!({ "Policies": { "Statement": { "Effect": "Allow", "Action": "*" } } }),
            "Policies",
            "NotResource",
        ),
        (
            json!({ "Policies": { "Statement": { "Effect": "May", "Action": "*", "Resource": "*" } } }),
            "Policies",
            "Allow nor Deny",
        ),
        (
            json!({ "Policies": { "Statement": { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" } } }),
            "Policies",
            "`Principal`",
        ),
        (
            json!({ "Policies": { "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": "x".repeat(9999) } } }),
            "Policies",
            "more than 9216",
        ),
        (json!({ "Events": { "Tick": { "Type": "Schedule" } } }), "Tick", "`Schedule`"),
        (json!({ "Events": { "Rest": { "Type": "Api" } } }), "Rest", "type HttpApi"),
        (json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "ApiId": "x" } } } }), "E", "one API"),
        (
            json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "/" } } } }),
            "E",
            "Path without Method",
        ),
        (
            json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "x", "Method": "GET" } } } }),
            "E",
            "no path",
        ),
        (
            json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "/{a+}/b", "Method": "GET" } } } }),
            "E",
            "no path",
        ),
        (
            json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "/", "Method": "FETCH" } } } }),
            "E",
            "no method",
        ),
        (json!({ "CodeUri": "src" }), "CodeUri", "sluice_package.py"),
        (
            json!({ "CodeUri": "s3://other/orders/code/abc" }),
            "CodeUri",
            "outside of s3://sluice-bucket/orders/",
        ),
        (json!({ "CodeUri": "s3://sluice-bucket/orders-2/code/abc" }), "CodeUri", "outside of"),
        (
            json!({ "CodeUri": { "Bucket": "sluice-bucket", "Key": "orders/code/other" } }),
            "CodeUri",
            "of two builds",
        ),
        (
            json!({ "CodeUri": { "Bucket": "sluice-bucket", "Key": "orders/code/abc", "Version": "v2" } }),
            "CodeUri",
            "of two builds",
        ),
    ];
    for (properties, key, words) in table {
        let mut whole = template(json!({ "Hello": function(properties.clone()) }));
        if properties["CodeUri"] == "src" {
            whole = template(json!({ "Hello": { "Type": FUNCTION, "Properties": {
                "Runtime": "python3.12", "Handler": "a.b", "CodeUri": { "Bucket": "b" } } } }));
        }
        let (_, resource, line, problem) = only_problem(&whole);
        assert_eq!(resource.as_deref(), Some("Hello"), "{properties}");
        assert!(line.starts_with(&format!("\"{key}\"")), "{properties}: the line told is {line}");
        assert!(problem.contains(words), "{properties}: {problem}");
    }
}

#[test]
fn a_template_outside_the_subset_is_refused_with_its_line() {
    let hello = || json!({ "Hello": function(json!({})) });
    let with = |path: &[&str], value: Value| {
        let mut whole = template(hello());
        let place = path.iter().fold(&mut whole, |value, key| &mut value[*key]);
        *place = value;
        whole
    };
    let table = [
        (
            with(&["Transform"], json!("AWS::Include")),
            None,
            "\"Transform\"",
            "write `Transform: AWS::Serverless",
        ),
        (with(&["Conditions"], json!({})), None, "\"Conditions\"", "parameter"),
        (with(&["Globals"], json!({ "Api": {} })), None, "\"Api\"", "Globals may set"),
        (with(&["Globals"], json!({ "Function": { "Layers": [] } })), None, "\"Layers\"", "folder"),
        (with(&["Globals"], json!({ "Function": { "Timeout": 901 } })), None, "\"Timeout\"", "1 to 900"),
        (
            with(&["Resources", "Table"], json!({ "Type": "AWS::DynamoDB::Table" })),
            Some("Table"),
            "\"Type\": \"AWS::Dyn",
            "not read",
        ),
        (
            with(&["Resources", "Hello", "DependsOn"], json!("X")),
            Some("Hello"),
            "\"DependsOn\"",
            "side by side",
        ),
        (with(&["Resources", "Hello", "Condition"], json!("X")), Some("Hello"), "\"Condition\"", "parameter"),
        (with(&["Resources"], json!({})), None, "\"Resources\"", "no function"),
        (
            with(&["Parameters", "Key"], json!({ "Type": "AWS::SSM::Parameter::Value<String>" })),
            None,
            "\"Key\"",
            "String",
        ),
        (
            with(&["Parameters", "Key"], json!({ "Type": "String", "NoEcho": true })),
            None,
            "\"Key\"",
            "Secrets Manager",
        ),
        (with(&["Parameters", "Stage"], json!({ "Type": "Number" })), None, "\"Stage\"", "String"),
        (
            with(&["Parameters", "Stage", "AllowedValues"], json!(["dev"])),
            None,
            "\"Stage\"",
            "`prod`, not one of dev",
        ),
    ];
    for (whole, resource, line_start, words) in table {
        let (_, told, line, problem) = only_problem(&whole);
        assert_eq!(told.as_deref(), resource, "{problem}");
        assert!(line.starts_with(line_start), "{problem}: the line told is {line}");
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn what_a_function_needs_and_has_not_is_named() {
    let bare = json!({ "Hello": { "Type": FUNCTION, "Properties": {} } });
    let errors = World::new().read(&template(bare)).unwrap_err();
    let problems: Vec<_> = errors.iter().map(|error| error.problem.as_str()).collect();
    assert_eq!(
        problems,
        ["the function has no Runtime", "the function has no Handler", "the function has no CodeUri"]
    );
    assert!(errors.iter().all(|error| error.code == TemplateCode::Missing && error.line.is_some()));
}

#[test]
fn two_functions_cannot_have_one_route() {
    let get =
        json!({ "Events": { "Get": { "Type": "HttpApi", "Properties": { "Path": "/", "Method": "GET" } } } });
    let (_, resource, line, problem) =
        only_problem(&template(json!({ "Aa": function(get.clone()), "Bb": function(get) })));
    assert_eq!(resource.as_deref(), Some("Bb"));
    assert!(line.starts_with("\"Get\""), "{line}");
    assert!(problem.contains("`GET /` is Aa's already"), "{problem}");
}

#[test]
fn a_trouble_in_globals_is_told_once_for_all_functions() {
    let mut whole = template(json!({ "Aa": function(json!({})), "Bb": function(json!({})) }));
    whole["Globals"] = json!({ "Function": { "MemorySize": 1 } });
    assert_eq!(World::new().read(&whole).unwrap_err().len(), 1);
}

#[test]
fn the_manifest_and_the_template_are_of_one_build() {
    let whole = template(json!({ "Hello": function(json!({})) }));
    let text = whole.to_string();
    let (world, mut manifest) = (World::new(), manifest_of(&whole));
    let pinned = manifest.functions["Hello"].clone();
    manifest.functions.insert("Gone".into(), pinned);
    let errors = read(&text, &text, &manifest, &world.deploying()).unwrap_err();
    assert!(errors[0].problem.contains("the function Gone"), "{errors:?}");
    manifest.functions.clear();
    let errors = read(&text, &text, &manifest, &world.deploying()).unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, TemplateCode::Code));
}

#[test]
fn lines_are_those_of_the_yaml_that_a_person_wrote() {
    let yaml = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    \
                Properties:\n      CodeUri: src\n      Role: !GetAtt Mine.Arn\n      Environment:\n        Variables:\n          \
                XX: !Ref Nope\n";
    let whole = json!({ "Transform": TRANSFORM, "Resources": { "Hello": function(json!({
        "Role": { "Fn::GetAtt": ["Mine", "Arn"] }, "Environment": { "Variables": { "XX": { "Ref": "Nope" } } },
    })) } });
    let errors = read(&whole.to_string(), yaml, &manifest_of(&whole), &World::new().deploying()).unwrap_err();
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "template.yaml line 7, Hello: `Role` is not read here",
            "template.yaml line 10, Hello: `Nope` is no parameter and no function of this template",
        ]
    );
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
    assert_eq!(app.functions["Function9"].environment["NEXT"], "sluice-orders-Function0:prod");
}

#[test]
fn what_is_no_template_is_told_as_such() {
    let manifest = Manifest { schema: 1, functions: BTreeMap::new() };
    for text in ["", "[]", "null", "{", "Resources:", &"[".repeat(100_000)] {
        let errors = read(text, text, &manifest, &World::new().deploying()).unwrap_err();
        assert_eq!((errors.len(), errors[0].code), (1, TemplateCode::Shape));
    }
}

/// JSON that is likely to be about templates, so that the deeper parts of the reader are reached.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "Ref",
        "Fn::Sub",
        "Fn::Join",
        "Fn::GetAtt",
        "Fn::If",
        "Stage",
        "Hello",
        "Arn",
        "Hello.Arn",
        "${Stage}",
        "${!x}",
        "${Hello.Arn}${",
        "AWS::Region",
        "HttpApi",
        "Properties",
        "Type",
        "Path",
        "Method",
        "/a/{b+}",
        "GET",
        "Variables",
        "Statement",
        "Effect",
        "Action",
        "Resource",
        "é",
        "",
        "Default",
        "String",
        "s3://b/orders/k",
        "2012-10-17",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone().prop_map(String::from), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(value in any_json(), slot in 0usize..10, original in "\\PC{0,60}") {
        let mut whole = template(json!({ "Hello": function(json!({})) }));
        match slot {
            0 => whole = value,
            1 => whole["Resources"] = value,
            2 => whole["Parameters"] = value,
            3 => whole["Globals"] = value,
            4 => whole["Resources"]["Hello"] = value,
            5 => whole["Resources"]["Hello"]["Properties"] = value,
            6 => whole["Resources"]["Hello"]["Properties"]["Environment"] = json!({ "Variables": { "XX": value } }),
            7 => whole["Resources"]["Hello"]["Properties"]["Policies"] = value,
            8 => whole["Resources"]["Hello"]["Properties"]["Events"] = value,
            _ => whole["Parameters"]["Other"] = value,
        }
        let manifest = Manifest { schema: 1, functions: BTreeMap::new() };
        let read = read(&whole.to_string(), &original, &manifest, &World::new().deploying());
        // Without a manifest no function has code, so nothing may pass.
        prop_assert!(read.is_err());
    }
}
