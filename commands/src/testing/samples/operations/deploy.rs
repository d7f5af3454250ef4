//! `/deploy`.

use std::collections::BTreeMap;

use serde_json::json;

use super::{BUCKET, LONG, SUBJECT, TEN, denied, hostile, throttled};
use crate::deploy;
use crate::records::Change;
use crate::steps::template_refused;
use crate::testing::samples::outputs::Outputs;
use crate::testing::samples::records::{artifact, change, code};
use crate::testing::samples::{Journal, Sample};
use crate::testing::target;
use sluice_model::{BuildNumber, Refusal, ReleaseNumber};
use sluice_template::{Deploying, Manifest};

fn deploying(name: &str, number: u32, commit: Change, functions: &[&str]) -> Journal {
    let is_first = number == 1;
    let params = deploy::Params {
        name: name.parse().expect("a name"),
        stage: "dev".parse().expect("a stage"),
        build: BuildNumber(number),
        commit,
        artifact: artifact(number, functions),
        bucket: BUCKET.into(),
        release: ReleaseNumber(number),
        before: (!is_first).then(|| ReleaseNumber(number - 1)),
        api: None,
        has_next: !is_first,
        next: (!is_first).then(|| "staging".parse().expect("a stage")),
        smoke: None,
        outside: None,
        parameters: Default::default(),
        parameters_before: Default::default(),
        newer: None,
    };
    let outputs = Outputs::of_versions(name, "dev", functions, is_first);
    Journal::accepted("deploy", &format!("/deploy {name}"), name, params, outputs)
}

/// Why a template with a queue and a layer is refused.
fn bad_template() -> Refusal {
    let code = code("Hello");
    let function = json!({
        "Runtime": "python3.13", "Handler": "app.handler", "CodeUri": format!("s3://{}/{}", code.bucket, code.key),
        "Layers": [],
    });
    let packaged = json!({
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Queue": { "Type": "AWS::SQS::Queue" },
            "Hello": { "Type": "AWS::Serverless::Function", "Properties": function },
        },
    });
    let original =
        "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n  Hello:\n    Properties:\n      Layers: []\n";
    let manifest = Manifest { functions: [("Hello".to_owned(), code)].into() };
    let deploying = Deploying {
        pipeline: &"orders".parse().expect("a name"),
        stage: &"dev".parse().expect("a stage"),
        target: &target(),
        parameters: &BTreeMap::new(),
        code_bucket: BUCKET,
        code_prefix: "orders/",
        wild_rights: false,
    };
    let errors = sluice_template::read(&packaged.to_string(), original, &manifest, &deploying);
    template_refused(&errors.expect_err("a template that is not supported"))
}

pub(super) fn samples() -> Vec<Sample> {
    vec![
        deploying("orders", 1, change(1), &["Hello"]).sample("just accepted"),
        deploying("orders", 1, change(1), &["Hello"]).until("create:Hello").sample("half way"),
        deploying("orders", 1, change(1), &["Hello"]).succeeded().sample("succeeded: the first"),
        deploying("orders", 2, change(2), &["Hello"]).succeeded().sample("succeeded: only code"),
        deploying("orders", 1, change(1), &["Hello"])
            .failed("deployment", denied("apigatewayv2:CreateDeployment"))
            .sample("failed: denied, with things left"),
        deploying("orders", 2, change(2), &["Hello"])
            .failed("artifact", bad_template())
            .sample("failed: template"),
        deploying(LONG, 1, hostile(SUBJECT), &TEN)
            .until("create:Greet")
            .sample("extreme: ten functions, half way"),
        deploying(LONG, 1, hostile(SUBJECT), &TEN)
            .failed("deployment", throttled("apigatewayv2:CreateDeployment"))
            .sample("extreme: ten functions, failed"),
    ]
}
