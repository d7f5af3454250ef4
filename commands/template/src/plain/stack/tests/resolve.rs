//! A deferred value of a direct resource is, once the stack is there, what CloudFormation would have made of it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::plain::{Known, Stage, SystemAnswers};

/// Expressions that give a string, in an environment of a function.
fn text() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        "[a-z/]{0,6}".prop_map(Value::from),
        Just(json!({ "Ref": "Stage" })),
        Just(json!({ "Ref": "Table" })),
        Just(json!({ "Ref": "AWS::StackId" })),
        Just(json!({ "Fn::GetAtt": ["Table", "Arn"] })),
        Just(json!({ "Fn::GetAtt": "Queue.Arn" })),
        Just(json!({ "Fn::GetAtt": ["Fn", "Arn"] })),
        Just(json!({ "Fn::Sub": "a/${Stage}/${Table}${!x}${Queue.Arn}" })),
        Just(json!({ "Fn::ImportValue": { "Fn::Sub": "${Stage}-vpc" } })),
        Just(json!({ "Fn::Select": [1, { "Fn::GetAZs": "" }] })),
        Just(json!({ "Ref": "Image" })),
        Just(json!("x{{resolve:ssm:/host}}/y")),
        Just(json!({ "Fn::Join": ["", ["{{resolve:ssm:", { "Ref": "Table" }, "}}"]] })),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let list = prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
            inner.clone().prop_map(|text| json!({ "Fn::Split": ["/", text] })),
            Just(json!({ "Fn::GetAZs": { "Ref": "AWS::Region" } })),
        ];
        prop_oneof![
            (list.clone(), "[-/]?").prop_map(|(list, by)| json!({ "Fn::Join": [by, list] })),
            list.prop_map(|list| json!({ "Fn::Select": [0, list] })),
            inner.clone().prop_map(|text| json!({ "Fn::Base64": text })),
            inner.clone().prop_map(|text| json!({ "Fn::Sub": ["<${v}${Table}>", { "v": text }] })),
            (prop::sample::select(vec!["Prod", "Later"]), inner.clone(), inner)
                .prop_map(|(name, yes, no)| json!({ "Fn::If": [name, yes, no] })),
        ]
    })
    .boxed()
}

const ZONES: [&str; 2] = ["eu-central-1a", "eu-central-1b"];

/// CloudFormation, as a model: what it makes of an expression in a stack with these physical ids.
fn model(expression: &Value, holds: &BTreeMap<&str, bool>) -> Value {
    let text = |value: &Value| model(value, holds).as_str().unwrap_or_default().to_owned();
    let Some((name, argument)) = expression.as_object().and_then(|map| map.iter().next()) else {
        return match expression {
            Value::Array(items) => items.iter().map(|item| model(item, holds)).collect(),
            other => other.clone(),
        };
    };
    let at = |index: usize| &argument[index];
    match name.as_str() {
        "Ref" => match argument.as_str().unwrap() {
            "Stage" => "prod".into(),
            "AWS::Region" => "eu-central-1".into(),
            "AWS::StackId" => "arn:stack/id".into(),
            "Image" => "img/1".into(),
            name => format!("physical/{name}").into(),
        },
        "Fn::GetAtt" => {
            let target = argument
                .as_str()
                .map_or_else(|| argument[0].as_str().unwrap(), |text| text.split('.').next().unwrap());
            match target {
                "Fn" => "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Fn:prod".into(),
                target => format!("arn/{target}").into(),
            }
        }
        "Fn::Sub" => {
            let (pattern, v) = match argument {
                Value::String(pattern) => (pattern.clone(), String::new()),
                _ => (at(0).as_str().unwrap().to_owned(), text(&at(1)["v"])),
            };
            let pattern = pattern.replace("${Stage}", "prod").replace("${Table}", "physical/Table");
            let pattern = pattern.replace("${Queue.Arn}", "arn/Queue").replace("${!x}", "${x}");
            pattern.replace("${v}", &v).into()
        }
        "Fn::ImportValue" => format!("import/{}", text(argument)).into(),
        "Fn::GetAZs" => json!(ZONES),
        "Fn::Join" => {
            let list = model(at(1), holds);
            let parts: Vec<&str> = list.as_array().unwrap().iter().filter_map(Value::as_str).collect();
            parts.join(at(0).as_str().unwrap()).into()
        }
        "Fn::Split" => text(at(1)).split('/').collect::<Vec<_>>().into(),
        "Fn::Select" => model(at(1), holds)[usize::try_from(at(0).as_u64().unwrap()).unwrap()].clone(),
        "Fn::Base64" => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(text(argument)).into()
        }
        "Fn::If" => model(if holds[at(0).as_str().unwrap()] { at(1) } else { at(2) }, holds),
        other => panic!("{other}"),
    }
}

fn template(expression: &Value) -> Value {
    let mut template = with(json!({
        "Table": typed("AWS::DynamoDB::Table", json!({})),
        "Queue": typed("AWS::SQS::Queue", json!({})),
        "Other": typed("AWS::Lambda::Function", json!({ "Environment": { "Variables": { "X": expression } } })),
    }));
    template["Parameters"]["Image"] =
        json!({ "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image" });
    template["Conditions"] = json!({
        "Prod": { "Fn::Equals": [{ "Ref": "Stage" }, "prod"] },
        "Later": { "Fn::Equals": [{ "Ref": "Image" }, "img/2"] },
    });
    template
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_value_is_what_cloudformation_would_have_made_of_it(expression in text()) {
        // Dynamic references are read after everything else, and not where their text is taken apart or encoded.
        let shown = expression.to_string();
        let takes_apart = ["Fn::Split", "Fn::Base64"].iter().any(|name| shown.contains(name));
        prop_assume!(!(takes_apart && shown.contains("resolve:ssm")));
        let world = World::new();
        let plain = template(&expression);
        let Ok(stacked) = stacked(&world, &plain) else { return Ok(()) };
        // What CloudFormation has: physical ids, and the outputs that the template asks for.
        let holds = BTreeMap::from([("Prod", true), ("Later", false)]);
        let mut values = StackValues { stack_id: Some("arn:stack/id".into()), ..StackValues::default() };
        for (name, output) in stacked.desired.stack.iter().flat_map(|stack| &stack.template.outputs) {
            let value = model(&output["Value"], &holds);
            values.outputs.insert(name.clone(), value.as_str().unwrap().to_owned());
        }
        for id in ["Table", "Queue"] {
            values.resources.insert(id.into(), format!("physical/{id}"));
        }
        values.dynamic = BTreeMap::from([("/host".into(), "HOST".into()), ("physical/Table".into(), "BY-NAME".into())]);
        // First without the parameter of Systems Manager, as before the stack changes.
        let system = SystemAnswers::from([("/image".to_owned(), stored("img/1"))]);
        let stage = Stage { system_parameters: &system, ..world.stage() };
        let before = ParameterValues::of(&stacked.template, &world.stage(), &sources()).unwrap();
        let after = ParameterValues::of(&stacked.template, &stage, &sources()).unwrap();
        let answer = |id: &str, attribute: &Attribute| match (id, attribute) {
            ("Fn", Attribute::Named(_)) => {
                Known::Value("arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Fn:prod".into())
            }
            _ => Known::Later,
        };
        let early = Evaluator::new(&stacked.template, world.stage(), &before, &answer);
        let late = Evaluator::new(&stacked.template, stage, &after, &answer);
        let Ok(Some(partial)) = early.value(&[], &expression, &sources()) else { return Ok(()) };
        let resolved = super::super::resolve(&["X"], &partial, &values, &late, &sources());
        let expected = model(&expression, &holds).as_str().unwrap().to_owned();
        let expected = expected.replace("{{resolve:ssm:/host}}", "HOST").replace("{{resolve:ssm:physical/Table}}", "BY-NAME");
        prop_assert_eq!(resolved, Ok(Some(json!(expected))), "{}: {}", expression, partial.expression());
    }
}

#[test]
fn a_missing_value_and_a_secret_are_errors() {
    let world = World::new();
    let stacked = stacked(&world, &template(&json!({ "Fn::GetAtt": ["Table", "Arn"] }))).unwrap();
    let values = ParameterValues::of(&stacked.template, &world.stage(), &sources()).unwrap();
    let evaluator = Evaluator::new(&stacked.template, world.stage(), &values, &later);
    let problem = |expression: Value| {
        let partial = evaluator.value(&[], &expression, &sources()).unwrap().unwrap();
        let resolved = super::super::resolve(
            &["Resources", "Other"],
            &partial,
            &StackValues::default(),
            &evaluator,
            &sources(),
        );
        resolved.unwrap_err().remove(0).problem
    };
    for expression in [
        json!({ "Ref": "Table" }),
        json!({ "Fn::GetAtt": ["Table", "Arn"] }),
        json!({ "Fn::ImportValue": "x" }),
        json!({ "Ref": "AWS::StackId" }),
        json!({ "Ref": "Image" }),
        json!("{{resolve:ssm:/x}}"),
    ] {
        let found = problem(expression.clone());
        assert!(found.contains("is not known"), "{expression}: {found}");
    }
    assert!(problem(json!("{{resolve:secretsmanager:db}}")).contains("is a secret"));
}
