//! Answers to `/promote diff` and `/deploy plan`.

use std::sync::Arc;

use super::operations::{changes, deployment, promotion};
use super::records::{BEGIN, change};
use crate::comparison::{Changes, Commits, Preview, preview_card};
use crate::rules::{Gate, GateState};
use crate::steps::template_refused;
use crate::{deploy, promote};
use sluice_model::{Card, Refusal, ReleaseNumber, Text};
use sluice_template::{TemplateCode, TemplateError};

/// The answers, with their names.
pub fn previews() -> Vec<(&'static str, Card)> {
    let changes = |is_much| serde_json::from_value::<Changes>(changes(is_much)).expect("changes");
    let open = || Gate { name: "lock", state: GateState::Open(Text::plain("not locked")) };
    let closed =
        |name| Gate { name, state: GateState::Closed(Refusal::new("closed", "It is closed.", "Wait.")) };
    let of_promotion = |gates: Vec<Gate>, preview: Preview| {
        let question = promote::question(&promotion("orders", change(2), &["Hello"]), gates, false);
        preview_card(question, Ok((BEGIN, Arc::new(preview))))
    };
    let found = || Preview { changes: Some(changes(false)), functions: 2, ..Preview::default() };
    let list: Vec<_> = (1..=3).rev().map(change).collect();
    let (error, later) = template_errors();
    let first = deploy::question(&deployment("orders", 2, change(2), &["Hello"]), None, vec![open()], false);
    let mixed = deploy::question(
        &deployment("orders", 2, change(2), &["Hello"]),
        Some((ReleaseNumber(1), change(1))),
        vec![open()],
        true,
    );
    let unknown =
        deploy::question(&deployment("orders", 2, change(2), &["Hello"]), None, vec![open()], false);
    vec![
        ("a diff", of_promotion(vec![open()], found())),
        (
            "a diff with commits and closed gates",
            of_promotion(
                vec![open(), closed("soak"), closed("window")],
                Preview { commits: Commits { list, is_whole: true }, ..found() },
            ),
        ),
        (
            "a diff with more than an answer shows",
            of_promotion(vec![], Preview { changes: Some(changes(true)), ..found() }),
        ),
        (
            "a diff without changes",
            of_promotion(vec![open()], Preview { changes: Some(Changes::default()), ..found() }),
        ),
        (
            "a diff that cannot compare the stack",
            of_promotion(
                vec![open()],
                Preview {
                    gaps: vec![
                        "The stack could not be compared: cloudformation:GetTemplate failed (Throttling)."
                            .into(),
                    ],
                    ..found()
                },
            ),
        ),
        ("a plan of a first deploy", preview_card(first, Ok((BEGIN, Arc::new(found()))))),
        (
            "a plan that is refused",
            preview_card(
                mixed,
                Ok((
                    BEGIN,
                    Arc::new(Preview {
                        refusal: Some(template_refused(&[error, later])),
                        ..Preview::default()
                    }),
                )),
            ),
        ),
        ("a plan without an answer of AWS", preview_card(unknown, Err("AWS did not answer in time".into()))),
    ]
}

fn template_errors() -> (TemplateError, TemplateError) {
    let error = |line, problem: &str, hint: &str| TemplateError {
        file: None,
        resource: Some("Hello".into()),
        line: Some(line),
        code: TemplateCode::Value,
        problem: problem.into(),
        hint: hint.into(),
    };
    (
        error(7, "the runtime `python2.7` is not known <!channel>", "use one that Lambda supports"),
        error(9, "it needs the value of /orders/key, which cannot be looked up", "make it a parameter"),
    )
}
