//! `/deploy`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{BUCKET, LONG, SUBJECT, TEN, denied, hostile, throttled};
use crate::deploy;
use crate::operation::StepId;
use crate::ports::{ResourceStatus, StackEvent, StackStatus};
use crate::records::Change;
use crate::resources::image_samples;
use crate::resources::stack::{Pass, first_failure, pass_failed, progress};
use crate::steps::{ReadArtifact, first_minutes_samples, template_refused};
use crate::testing::samples::outputs::Outputs;
use crate::testing::samples::records::{BEGIN, artifact, change};
use crate::testing::samples::{Journal, Sample};
use crate::testing::target;
use sluice_model::{BuildNumber, Refusal, ReleaseNumber};
use sluice_template::plain::{Stage, StageNames, SystemAnswer, SystemAnswers, SystemParameter};
use sluice_template::{Deploying, Images, KnownValues, Manifest};

fn deploying(name: &str, number: u32, commit: Change, functions: &[&str]) -> Journal {
    let outputs = Outputs::of_versions(name, "dev", functions, number == 1);
    let params = parameters(name, number, commit, functions);
    Journal::accepted("deploy", &format!("/deploy {name}"), name, params, outputs)
}

pub(in super::super) fn parameters(
    name: &str,
    number: u32,
    commit: Change,
    functions: &[&str],
) -> deploy::Params {
    let is_first = number == 1;
    deploy::Params {
        system_before: Default::default(),
        name: name.parse().expect("a name"),
        stage: "dev".parse().expect("a stage"),
        build: BuildNumber(number),
        commit,
        artifact: artifact(number, functions),
        bucket: BUCKET.into(),
        release: ReleaseNumber(number),
        before: (!is_first).then(|| ReleaseNumber(number - 1)),
        apis: Default::default(),
        settings: Default::default(),
        has_stack: false,
        has_next: !is_first,
        next: (!is_first).then(|| "staging".parse().expect("a stage")),
        smoke: None,
        outside: None,
        parameters: Default::default(),
        parameters_before: Default::default(),
        stack: Default::default(),
        newer: None,
    }
}

fn system(value: &str, version: i64) -> SystemParameter {
    SystemParameter { value: value.into(), version, is_list: false, is_hidden: false }
}

/// A deploy of the build that runs already, with another value of Systems Manager.
fn with_value() -> Journal {
    let before = [("/orders/table".to_owned(), system("orders-a", 3))].into();
    let params = deploy::Params { system_before: before, ..parameters("orders", 2, change(2), &["Hello"]) };
    let outputs = Outputs::of_versions("orders", "dev", &["Hello"], false);
    let artifact: ReadArtifact =
        serde_json::from_value(outputs.of(&StepId::new("artifact"))).expect("an artifact");
    let read = json!({
        "digest": artifact.digest, "functions": 1,
        "system": { "/orders/table": system("orders-b", 4), "/orders/url": system("https://shop.example", 1) },
    });
    Journal::accepted("deploy", "/deploy orders", "orders", params, outputs.with("artifact", read))
}

/// What a deploy says of names in Systems Manager that it cannot read.
fn unreadable_values() -> Refusal {
    let packaged = json!({
        "Parameters": { "Table": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/orders/table" } },
        "Resources": {
            "Hello": { "Type": "AWS::Lambda::Function", "Properties": { "Environment": { "Variables": {
                "TABLE": { "Ref": "Table" },
                "VPC": "{{resolve:ssm:/network/vpc}}",
                "KEY": "{{resolve:ssm:/orders/key}}",
            } } } },
        },
    });
    let lines = r#"{"Hello": {"file": "template.yaml", "line": 20}}"#;
    let (none, name, pipeline) =
        (BTreeMap::new(), "dev".parse().expect("a stage"), "orders".parse().expect("a name"));
    let found = [
        ("/orders/table", SystemAnswer::Missing),
        ("/network/vpc", SystemAnswer::Denied),
        ("/orders/key", SystemAnswer::Secret),
    ];
    let found = found.map(|(name, answer)| (name.to_owned(), answer)).into();
    let target = target();
    let stage = Stage {
        pipeline: &pipeline,
        name: &name,
        target: &target,
        parameters: &none,
        system_parameters: &found,
    };
    let deploying = Deploying {
        stage,
        code_bucket: BUCKET,
        code_prefix: "orders/",
        wild_rights: false,
        images: Images::Allowed(&BTreeSet::new()),
        boundary: None,
        names: StageNames::First,
        known: KnownValues::Nothing,
    };
    let errors = sluice_template::unread(&packaged.to_string(), lines, &Manifest::default(), &deploying);
    template_refused(&errors.expect_err("names that cannot be read"))
}

/// A deploy to a stage with a stack.
fn with_stack(outputs: impl FnOnce(Outputs) -> Outputs) -> Journal {
    let params = deploy::Params { has_stack: true, ..parameters("orders", 2, change(2), &["Hello"]) };
    let of_stack = outputs(Outputs::of_versions("orders", "dev", &["Hello"], false).and_stack());
    Journal::accepted("deploy", "/deploy orders", "orders", params, of_stack)
}

/// What CloudFormation says of a resource.
fn event(status: &str, reason: &str) -> StackEvent {
    StackEvent {
        id: "1".into(),
        at: BEGIN,
        logical_id: "Orders".into(),
        physical_id: None,
        resource_type: "AWS::DynamoDB::Table".into(),
        status: ResourceStatus(status.into()),
        reason: Some(reason.into()),
        token: None,
        is_of_stack: false,
    }
}

fn table_exists(pass: Pass) -> (Refusal, String) {
    let event = event("CREATE_FAILED", "Table orders already exists <!channel>");
    let failure = first_failure(Some(&event), StackStatus::UpdateRollbackComplete);
    (pass_failed(pass, &failure), failure)
}

/// Why a template with a layer without content and an image without its digest is refused.
fn bad_template() -> Refusal {
    let packaged = json!({
        "Resources": {
            "Deps": { "Type": "AWS::Lambda::LayerVersion", "Properties": {} },
            "Hello": { "Type": "AWS::Lambda::Function", "Properties": {
                "Code": { "ImageUri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello:1" },
                "PackageType": "Image", "Role": { "Fn::GetAtt": ["HelloRole", "Arn"] },
            } },
            "HelloRole": { "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": {} } },
        },
    });
    let lines =
        r#"{"Deps": {"file": "template.yaml", "line": 12}, "Hello": {"file": "template.yaml", "line": 20}}"#;
    let (none, stage) = (BTreeMap::new(), "dev".parse().expect("a stage"));
    let stage = Stage {
        pipeline: &"orders".parse().expect("a name"),
        name: &stage,
        target: &target(),
        parameters: &none,
        system_parameters: &SystemAnswers::new(),
    };
    let deploying = Deploying {
        stage,
        code_bucket: BUCKET,
        code_prefix: "orders/",
        wild_rights: false,
        images: Images::Allowed(&BTreeSet::new()),
        boundary: None,
        names: StageNames::First,
        known: KnownValues::Nothing,
    };
    let errors = sluice_template::read(&packaged.to_string(), lines, &Manifest::default(), &deploying);
    template_refused(&errors.expect_err("a template that is not supported"))
}

pub(super) fn samples() -> Vec<Sample> {
    let [unreadable, other_package] = image_samples(&target(), &"orders".parse().expect("a name"));
    vec![
        deploying("orders", 1, change(1), &["Hello"]).sample("just accepted"),
        deploying("orders", 1, change(1), &["Hello"]).until("create:Hello").sample("half way"),
        deploying("orders", 1, change(1), &["Hello"]).succeeded().sample("succeeded: the first"),
        deploying("orders", 2, change(2), &["Hello"]).succeeded().sample("succeeded: only code"),
        deploying("orders", 2, change(2), &["Hello"])
            .succeeded()
            .followed_up(first_minutes_samples::good())
            .sample("followed up: no errors"),
        deploying("orders", 2, change(2), &["Hello"])
            .succeeded()
            .followed_up(first_minutes_samples::silent())
            .sample("followed up: nobody called it"),
        deploying("orders", 2, change(2), &["Hello"])
            .succeeded()
            .followed_up(first_minutes_samples::denied())
            .sample("followed up: denied"),
        deploying("orders", 1, change(1), &["Hello"])
            .failed("deployment", denied("apigatewayv2:CreateDeployment"))
            .sample("failed: denied, with things left"),
        deploying("orders", 1, change(1), &["Hello"])
            .failed("create:Hello", unreadable)
            .sample("failed: Lambda may not read the image"),
        deploying("orders", 2, change(2), &["Hello"])
            .failed("look:Hello", other_package)
            .sample("failed: an image instead of an archive"),
        deploying("orders", 1, change(1), &["Hello"])
            .failed("artifact", bad_template())
            .sample("failed: template"),
        with_value().succeeded().sample("succeeded: another value of Systems Manager"),
        deploying("orders", 2, change(2), &["Hello"])
            .failed("artifact", unreadable_values())
            .sample("failed: values of Systems Manager"),
        with_stack(|outputs| outputs)
            .until("stack-done:grow")
            .note("stack-done:grow", progress(2, Some(&event("CREATE_IN_PROGRESS", ""))))
            .sample("half way: the stack grows"),
        with_stack(|outputs| outputs).succeeded().sample("succeeded: with a stack"),
        with_stack(|outputs| outputs)
            .failed("stack-done:grow", table_exists(Pass::Grow).0)
            .sample("failed: the stack"),
        {
            let (refusal, failure) = table_exists(Pass::Wire(1));
            with_stack(|outputs| outputs.with("stack-done:wire-1", json!({ "failure": failure })))
                .stuck_at("stack-verdict:wire-1", refusal)
                .sample("stuck: triggers are not connected")
        },
        deploying(LONG, 1, hostile(SUBJECT), &TEN)
            .until("create:Greet")
            .sample("extreme: ten functions, half way"),
        deploying(LONG, 1, hostile(SUBJECT), &TEN)
            .failed("deployment", throttled("apigatewayv2:CreateDeployment"))
            .sample("extreme: ten functions, failed"),
    ]
}
