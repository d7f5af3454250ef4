//! An expression that is deferred now gives, once everything is known, what the template's own expression gives.

use proptest::prelude::*;

use super::*;

/// Expressions that give a string.
fn text() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        "[a-z/]{0,6}".prop_map(Value::from),
        Just(json!({ "Ref": "Stage" })),
        Just(json!({ "Ref": "Image" })),
        Just(json!({ "Ref": "Table" })),
        Just(json!("{{resolve:ssm:/host}}")),
        Just(json!({ "Fn::Sub": "a{{resolve:ssm:/ho${Last}}}/${Table}" })),
        Just(json!({ "Ref": "AWS::StackName" })),
        Just(json!({ "Fn::GetAtt": ["Table", "Arn"] })),
        Just(json!({ "Fn::GetAtt": "Table.Arn" })),
        Just(json!({ "Fn::Sub": "a/${Stage}/${Table}${!x}${Image}" })),
        Just(json!({ "Fn::FindInMap": ["M", { "Ref": "Stage" }, "size"] })),
        Just(json!({ "Fn::FindInMap": ["M", { "Ref": "Image" }, "size", { "DefaultValue": "9" }] })),
    ];
    leaf.prop_recursive(3, 24, 3, |inner| {
        let list = prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
            inner.clone().prop_map(|text| json!({ "Fn::Split": ["/", text] })),
            Just(json!({ "Ref": "Names" })),
            (condition(), inner.clone()).prop_map(|(name, text)| {
                json!({ "Fn::If": [name, [text.clone(), { "Ref": "AWS::NoValue" }], { "Fn::Split": ["/", text] }] })
            }),
        ];
        prop_oneof![
            (list.clone(), "[-/]?").prop_map(|(list, by)| json!({ "Fn::Join": [by, list] })),
            (list, 0usize..2).prop_map(|(list, index)| json!({ "Fn::Select": [index, list] })),
            inner.clone().prop_map(|text| json!({ "Fn::Base64": text })),
            inner.clone().prop_map(|text| json!({ "Fn::Sub": ["<${v}${Table}${v}>", { "v": text }] })),
            (condition(), inner.clone(), inner).prop_map(|(name, yes, no)| json!({ "Fn::If": [name, yes, no] })),
        ]
    })
    .boxed()
}

fn condition() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["Prod", "Later", "Both"])
}

fn template() -> PlainTemplate {
    let template = with(json!({
        "Parameters": {
            "Stage": { "Type": "String" },
            "Last": { "Type": "String", "Default": "st" },
            "Names": { "Type": "CommaDelimitedList", "Default": "a,b/c" },
            "Image": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image" }
        },
        "Mappings": { "M": { "prod": { "size": "512" } } },
        "Conditions": {
            "Prod": { "Fn::Equals": [{ "Ref": "Stage" }, "prod"] },
            "Later": { "Fn::Equals": [{ "Ref": "Image" }, "img/1"] },
            "Both": { "Fn::And": [{ "Condition": "Prod" }, { "Fn::Not": [{ "Condition": "Later" }] }] }
        }
    }));
    read(&template.to_string(), &sources()).unwrap()
}

/// What an expression gives, first where nothing is known, then where all is.
fn both(
    expression: &Value,
    image: &str,
) -> (Option<Partial>, Option<Option<Partial>>, Option<Option<Partial>>) {
    let template = template();
    let mut world = World::new();
    let values = ParameterValues::of(&template, &world.stage(), &sources()).unwrap();
    let before = Evaluator::new(&template, world.stage(), &values, &later);
    let before = before.value(&[], expression, &sources()).ok().flatten();
    world.system_parameters.insert("/image".into(), stored(image));
    world.system_parameters.insert("/host".into(), stored("host"));
    let values = ParameterValues::of(&template, &world.stage(), &sources()).unwrap();
    let answer = |_: &str, attribute: &Attribute| match attribute {
        Attribute::Ref => Known::Value("orders".into()),
        Attribute::Named(_) => Known::Value("arn:table/orders".into()),
    };
    let after = Evaluator::new(&template, world.stage(), &values, &answer);
    let own = after.value(&[], expression, &sources()).ok();
    let handed = before.as_ref().and_then(|before| after.value(&[], &before.expression(), &sources()).ok());
    (before, own, handed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn a_deferred_expression_gives_what_the_original_gives(expression in text(), image in "img/1|x|prod") {
        let (before, own, handed) = both(&expression, &image);
        if let (Some(before), Some(own)) = (before, own) {
            prop_assert_eq!(handed, Some(own.clone()), "{}: {}", expression, before.expression());
            prop_assert!(own.is_none_or(|own| own.known().is_some()), "{}", expression);
            if let Some(known) = before.known() {
                prop_assert!(before.needs().is_empty(), "{known}");
            }
        }
    }
}
