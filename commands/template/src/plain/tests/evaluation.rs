//! What each intrinsic function gives: known, or deferred with an expression that gives the same in the stack.

use std::collections::BTreeSet;

use super::*;

fn template() -> Value {
    with(json!({
        "Parameters": {
            "Stage": { "Type": "String" },
            "Names": { "Type": "CommaDelimitedList", "Default": "a,b,c" },
            "Image": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image" },
            "Dynamic": { "Type": "String", "Default": "{{resolve:ssm:/x}}" }
        },
        "Mappings": { "M": { "eu-central-1": { "size": "512", "zones": ["x", "y"] } } },
        "Conditions": {
            "Prod": { "Fn::Equals": [{ "Ref": "Stage" }, "prod"] },
            "Dev": { "Fn::Not": [{ "Condition": "Prod" }] },
            "Both": { "Fn::And": [{ "Condition": "Prod" }, { "Condition": "Dev" }] },
            "Either": { "Fn::Or": [{ "Condition": "Prod" }, { "Condition": "Dev" }] },
            "True": { "Fn::Equals": [true, "true"] },
            "Later": { "Fn::Equals": [{ "Ref": "Image" }, "x"] },
            "Short": { "Fn::Or": [{ "Condition": "Later" }, { "Condition": "Prod" }] }
        }
    }))
}

#[test]
fn what_needs_no_resource_is_known() {
    let table: Vec<(Value, Value)> = vec![
        (json!("x"), json!("x")),
        (json!({ "a": [1, true, null] }), json!({ "a": [1, true, null] })),
        (json!({ "Ref": "Stage" }), json!("prod")),
        (json!({ "Ref": "Names" }), json!(["a", "b", "c"])),
        (json!({ "Ref": "AWS::Region" }), json!("eu-central-1")),
        (json!({ "Ref": "AWS::AccountId" }), json!("123456789012")),
        (json!({ "Ref": "AWS::Partition" }), json!("aws")),
        (json!({ "Ref": "AWS::URLSuffix" }), json!("amazonaws.com")),
        (json!({ "Ref": "AWS::StackName" }), json!("sluice-orders-prod")),
        (json!({ "Ref": "AWS::NotificationARNs" }), json!([])),
        (json!([{ "Ref": "AWS::NoValue" }, 1]), json!([1])),
        (json!({ "a": { "Ref": "AWS::NoValue" }, "b": 1 }), json!({ "b": 1 })),
        (json!({ "Fn::Sub": "${Stage}-${!Stage}-${AWS::Region}${" }), json!("prod-${Stage}-eu-central-1${")),
        (json!({ "Fn::Sub": ["${a}${a}${Stage}", { "a": { "Ref": "Stage" } }] }), json!("prodprodprod")),
        (json!({ "Fn::Sub": ["x"] }), json!("x")),
        (json!({ "Fn::Join": ["-", ["a", 1, true, { "Ref": "Stage" }]] }), json!("a-1-true-prod")),
        (json!({ "Fn::Join": ["-", { "Ref": "Names" }] }), json!("a-b-c")),
        (json!({ "Fn::Join": ["", []] }), json!("")),
        (json!({ "Fn::Split": ["-", "a-b"] }), json!(["a", "b"])),
        (json!({ "Fn::Select": ["1", { "Ref": "Names" }] }), json!("b")),
        (json!({ "Fn::Select": [0, { "Fn::Split": ["/", "a/b"] }] }), json!("a")),
        (json!({ "Fn::Base64": "é" }), json!("w6k=")),
        (json!({ "Fn::Cidr": ["10.0.0.0/16", 2, "8"] }), json!(["10.0.0.0/24", "10.0.1.0/24"])),
        (json!({ "Fn::FindInMap": ["M", { "Ref": "AWS::Region" }, "size"] }), json!("512")),
        (json!({ "Fn::FindInMap": ["M", "eu-central-1", "zones"] }), json!(["x", "y"])),
        (json!({ "Fn::FindInMap": ["M", "nowhere", "size", { "DefaultValue": "1" }] }), json!("1")),
        (json!({ "Fn::If": ["Prod", "yes", "no"] }), json!("yes")),
        (json!({ "Fn::If": ["Dev", { "Ref": "Table" }, "no"] }), json!("no")),
        (json!({ "Fn::If": ["Both", "yes", "no"] }), json!("no")),
        (json!({ "Fn::If": ["Either", "yes", "no"] }), json!("yes")),
        (json!({ "Fn::If": ["True", "yes", "no"] }), json!("yes")),
        (json!({ "Fn::If": ["Short", "yes", "no"] }), json!("yes")),
    ];
    for (expression, expected) in table {
        assert_eq!(
            World::new().value(&template(), &expression),
            Ok(Some(Partial::Known(expected))),
            "{expression}"
        );
    }
    let none = json!({ "Fn::If": ["Dev", "x", { "Ref": "AWS::NoValue" }] });
    assert_eq!(World::new().value(&template(), &none), Ok(None));
}

fn table(attribute: Attribute) -> Need {
    Need::Resource { logical_id: "Table".into(), attribute }
}

/// (expression, what the stack has to evaluate, what is missing)
#[test]
fn what_needs_something_is_deferred_with_everything_known_in_it() {
    let (name, arn) = (table(Attribute::Ref), table(Attribute::Named("Arn".into())));
    let image = Need::SystemParameter("/image".into());
    let rows: Vec<(Value, Value, Vec<Need>)> = vec![
        (json!({ "Ref": "Table" }), json!({ "Ref": "Table" }), vec![name.clone()]),
        (json!({ "Fn::GetAtt": "Table.Arn" }), json!({ "Fn::GetAtt": ["Table", "Arn"] }), vec![arn.clone()]),
        (
            json!({ "Fn::Sub": "${Stage}/${Table}/${Table.Arn}" }),
            json!({ "Fn::Join": ["", ["prod/", { "Ref": "Table" }, "/", { "Fn::GetAtt": ["Table", "Arn"] }]] }),
            vec![name.clone(), arn.clone()],
        ),
        (
            json!({ "Fn::Join": [",", ["a", { "Ref": "Stage" }, { "Ref": "Table" }]] }),
            json!({ "Fn::Join": ["", ["a,prod,", { "Ref": "Table" }]] }),
            vec![name.clone()],
        ),
        (
            json!({ "a": { "Ref": "Table" }, "b": [{ "Ref": "Stage" }] }),
            json!({ "a": { "Ref": "Table" }, "b": ["prod"] }),
            vec![name.clone()],
        ),
        (
            json!({ "Fn::Select": [1, { "Fn::Split": ["/", { "Fn::Sub": "x/${Table}" }] }] }),
            json!({ "Fn::Select": ["1", { "Fn::Split": ["/", { "Fn::Join": ["", ["x/", { "Ref": "Table" }]] }] }] }),
            vec![name.clone()],
        ),
        (json!({ "Fn::Select": [0, ["a", { "Ref": "Table" }]] }), json!("a"), vec![]),
        (
            json!({ "Fn::Select": [0, { "Fn::GetAZs": "" }] }),
            json!({ "Fn::Select": ["0", { "Fn::GetAZs": "" }] }),
            vec![Need::Zones("eu-central-1".into())],
        ),
        (
            json!({ "Fn::ImportValue": { "Fn::Sub": "${Stage}-vpc" } }),
            json!({ "Fn::ImportValue": "prod-vpc" }),
            vec![Need::Import("prod-vpc".into())],
        ),
        (
            json!({ "Fn::Base64": { "Ref": "Table" } }),
            json!({ "Fn::Base64": { "Ref": "Table" } }),
            vec![name.clone()],
        ),
        (
            json!({ "Fn::Cidr": [{ "Fn::GetAtt": ["Table", "Arn"] }, 2, 8] }),
            json!({ "Fn::Cidr": [{ "Fn::GetAtt": ["Table", "Arn"] }, 2, 8] }),
            vec![arn],
        ),
        (
            json!({ "Fn::FindInMap": ["M", { "Ref": "Image" }, "size", { "DefaultValue": { "Ref": "Table" } }] }),
            json!({ "Fn::FindInMap": ["M", { "Ref": "Image" }, "size", { "DefaultValue": { "Ref": "Table" } }] }),
            vec![image.clone(), name.clone()],
        ),
        (json!({ "Ref": "AWS::StackId" }), json!({ "Ref": "AWS::StackId" }), vec![Need::StackId]),
        (
            json!({ "Fn::If": ["Later", { "Ref": "Table" }, { "Ref": "AWS::NoValue" }] }),
            json!({ "Fn::If": ["Later", { "Ref": "Table" }, { "Ref": "AWS::NoValue" }] }),
            vec![image, name.clone()],
        ),
        (
            json!({ "Fn::Sub": "{{resolve:ssm:/${Stage}/key}}" }),
            json!("{{resolve:ssm:/prod/key}}"),
            vec![Need::Dynamic(DynamicService::Ssm, "/prod/key".into())],
        ),
        (
            json!({ "Fn::Join": ["", ["{{resolve:ssm:", { "Ref": "Table" }, "}}"]] }),
            json!({ "Fn::Join": ["", ["{{resolve:ssm:", { "Ref": "Table" }, "}}"]] }),
            vec![
                name.clone(),
                Need::Dynamic(
                    DynamicService::Ssm,
                    r#"{"Fn::Join":["",["{{resolve:ssm:",{"Ref":"Table"},"}}"]]}"#.into(),
                ),
            ],
        ),
        (
            json!({ "Ref": "Dynamic" }),
            json!("{{resolve:ssm:/x}}"),
            vec![Need::Dynamic(DynamicService::Ssm, "/x".into())],
        ),
    ];
    for (expression, expected, needs) in rows {
        let value = World::new().value(&template(), &expression).unwrap().unwrap();
        assert_eq!(value.expression(), expected, "{expression}");
        assert_eq!(value.needs(), needs.into_iter().collect::<BTreeSet<_>>(), "{expression}");
        assert_eq!(value.known().is_some(), value.needs().is_empty(), "{expression}");
    }
}

#[test]
fn a_wrong_expression_is_an_error_with_its_place() {
    let table: Vec<(Value, &str)> = vec![
        (json!({ "Ref": "Nope" }), "`Nope` is not a parameter or a resource"),
        (json!({ "Ref": "Stage", "x": 1 }), "`Ref` is next to other keys"),
        (json!({ "Fn::GetAtt": ["Table"] }), "takes a resource and an attribute"),
        (json!({ "Fn::Join": ["-"] }), "takes a delimiter and a list"),
        (json!({ "Fn::Join": ["-", "a"] }), "takes a delimiter and a list"),
        (json!({ "Fn::Select": [9, ["a"]] }), "beyond the end"),
        (json!({ "Fn::Select": [-1, ["a"]] }), "takes an index and a list"),
        (json!({ "Fn::Split": ["", "a"] }), "is empty"),
        (json!({ "Fn::Sub": ["a", {}, 1] }), "takes a string"),
        (json!({ "Fn::Sub": "${Names}" }), "found a list, but expected a string"),
        (json!({ "Fn::Sub": "{{resolve:vault:${Table}}}" }), "is no service of dynamic references"),
        (json!({ "Fn::If": ["Prod", 1] }), "takes a condition and two values"),
        (json!({ "Fn::FindInMap": ["M", "x", "y"] }), "has no value for `x` and `y`"),
        (json!({ "Fn::Length": [1] }), "`Fn::Length` is not supported here"),
        (json!({ "Fn::Cidr": ["10.0.0.0/16"] }), "takes a block"),
        (json!({ "Fn::Base64": { "Ref": "AWS::NoValue" } }), "is no value here"),
    ];
    for (expression, expected) in table {
        let found = problems(World::new().value(&template(), &expression));
        assert!(found.contains(expected) && found.contains("Outputs.X: "), "{expression}: {found}");
    }
}

#[test]
fn what_the_caller_knows_is_used_and_what_it_never_will_is_an_error() {
    let text = read(&template().to_string(), &sources()).unwrap();
    let world = World::new();
    let values = ParameterValues::of(&text, &world.stage(), &sources()).unwrap();
    let answer = |_: &str, attribute: &Attribute| match attribute {
        Attribute::Ref => Known::Value("orders".into()),
        Attribute::Named(_) => Known::Never("changes with every release".into()),
    };
    let evaluator = Evaluator::new(&text, world.stage(), &values, &answer);
    let known = evaluator.value(&[], &json!({ "Fn::Sub": "t-${Table}" }), &sources());
    assert_eq!(known, Ok(Some(Partial::Known("t-orders".into()))));
    let never = problems(evaluator.value(
        &["Outputs", "X"],
        &json!({ "Fn::GetAtt": ["Table", "Version"] }),
        &sources(),
    ));
    assert!(never.contains("`Table.Version` changes with every release"), "{never}");
    assert_eq!(
        (evaluator.holds("Prod"), evaluator.holds("Later"), evaluator.holds("Nope")),
        (Some(true), None, None)
    );
}

#[test]
fn text_and_values_are_counted_before_they_are_made() {
    let mut bomb = json!("x".repeat(1_000));
    for _ in 0..20 {
        bomb = json!({ "Fn::Sub": ["${a}${a}${a}${a}", { "a": bomb }] });
    }
    let found = problems(World::new().value(&template(), &bomb));
    assert!(found.contains("more than 4 MiB of text"), "{found}");
}

#[test]
fn thousands_of_conditions_in_a_row_cost_little() {
    const COUNT: usize = 4_001;
    let mut conditions: serde_json::Map<String, Value> = (1..COUNT)
        .map(|n| (format!("C{n}"), json!({ "Fn::Not": [{ "Condition": format!("C{}", n - 1) }] })))
        .collect();
    conditions.insert("C0".into(), json!({ "Fn::Equals": [{ "Ref": "Stage" }, "prod"] }));
    let queue = |n: usize| {
        let name = json!({ "Fn::If": [format!("C{}", COUNT - 1 - n), "a", "b"] });
        (format!("Q{n}"), json!({ "Type": "AWS::SQS::Queue", "Properties": { "QueueName": name } }))
    };
    let template = json!({
        "Parameters": { "Stage": { "Type": "String" } },
        "Conditions": conditions,
        "Resources": (0..400).map(queue).collect::<serde_json::Map<_, _>>(),
    });
    let names = World::new().split(&template).unwrap().names;
    assert_eq!(names.len(), 400);
    assert!(names.iter().all(|name| name.origin.parameters.contains("Stage")));
    assert_eq!(names.iter().filter(|name| name.name.as_deref() == Some("a")).count(), 200);
}
