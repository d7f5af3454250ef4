//! `/deploy`.

use super::{BUCKET, LONG, SUBJECT, TEN, denied, hostile, throttled};
use crate::deploy;
use crate::records::Change;
use crate::steps::template_refused;
use crate::testing::samples::outputs::Outputs;
use crate::testing::samples::records::{artifact, change};
use crate::testing::samples::{Journal, Sample};
use sluice_model::{BuildNumber, Refusal, ReleaseNumber};
use sluice_template::{TemplateCode, TemplateError};

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

fn bad_template() -> Refusal {
    let error = |resource: &str, line, problem: &str, hint: &str| TemplateError {
        code: TemplateCode::Unsupported,
        resource: Some(resource.into()),
        line: Some(line),
        problem: problem.into(),
        hint: hint.into(),
    };
    template_refused(&[
        error(
            "Queue",
            31,
            "`AWS::SQS::Queue` is not deployed by Sluice",
            "make it elsewhere and pass its name as a variable",
        ),
        error("Hello", 12, "`Layers` is not read here", "put the library into the function's own folder"),
    ])
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
