//! Hostile and huge templates: refused after little work. A reader without a budget does not come to the end of most of
//! these tests.

use serde_json::Map;

use super::*;

/// A text that repeats a variable a thousand times, over and over.
fn laughs(levels: usize, text: &str) -> Value {
    let mut value = json!(text);
    for _ in 0..levels {
        value = json!({ "Fn::Sub": ["${a}".repeat(1_000), { "a": value }] });
    }
    value
}

/// The one problem of a template that is refused for its size.
fn too_large(template: &Value) -> String {
    let errors = World::new().read(template).unwrap_err();
    let too_large: Vec<_> = errors.iter().filter(|error| error.code == TemplateCode::TooLarge).collect();
    assert!(!too_large.is_empty(), "{errors:#?}");
    too_large[0].problem.clone()
}

#[test]
fn nested_subs_are_refused_before_they_are_made() {
    for (levels, text) in [(2, "x".repeat(200_000)), (3, "lol-lol-lol".to_owned()), (12, "x".to_owned())] {
        let problem = too_large(&env(json!({ "COMPOSED": laughs(levels, &text), "AFTER": laughs(3, "x") })));
        assert!(problem.contains("produces more than 4 MiB of text"), "{problem}");
    }
    let statement = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": laughs(3, "x") });
    let policy = json!({ "PolicyName": "x", "PolicyDocument": { "Statement": [statement] } });
    too_large(&template(
        json!({ "Hello": function(json!({})), "HelloRole": role(json!({ "Policies": [policy] })) }),
    ));
    too_large(&template(json!({ "Hello": function(json!({ "Handler": laughs(3, "x") })) })));
}

#[test]
fn joins_and_references_cannot_multiply_either() {
    let long = "d".repeat(20_000);
    too_large(&env(json!({ "JOINED": { "Fn::Join": [long, vec!["x"; 1_000]] } })));
    let mut whole = env(json!({ "MANY": { "Fn::Join": ["", vec![json!({ "Ref": "Long" }); 2_000]] } }));
    whole["Parameters"]["Long"] = json!({ "Type": "String", "Default": "d".repeat(4_000) });
    too_large(&whole);
}

#[test]
fn depth_and_numbers_have_limits() {
    let mut deep = json!("x");
    for _ in 0..25 {
        deep = json!({ "Fn::Join": ["", [deep]] });
    }
    assert!(too_large(&env(json!({ "DEEP": deep }))).contains("more than 48 levels deep"));
    let functions: Map<_, _> = (0..501).map(|n| (format!("F{n}"), function(json!({})))).collect();
    let errors = World::new().read(&template(Value::Object(functions))).unwrap_err();
    assert_eq!(errors[0].code, TemplateCode::TooLarge, "{errors:?}");
    let mut whole = env(json!({}));
    whole["Metadata"] = json!(vec![0; 100_001]);
    assert!(too_large(&whole).contains("more than 100000 values"));
}

#[test]
fn files_that_are_too_large_are_not_parsed() {
    let large = " ".repeat(LARGEST_FILE + 1);
    let errors = World::new().read_as(&large, &Manifest::default()).unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, TemplateCode::TooLarge));
    assert!(Manifest::parse(&large).unwrap_err().problem.contains("larger than 1 MiB"));
}

#[test]
fn findings_are_bounded_in_number_and_in_length() {
    let mut whole = env(json!({}));
    for n in 0..20_000 {
        whole["Resources"]["Hello"]["Properties"][format!("U{n}")] = json!(0);
    }
    assert!(World::new().read(&whole).unwrap_err().len() <= 1_000);
    let whole = template(json!({ "Hello": function(json!({ "Runtime": "é".repeat(100_000) })) }));
    assert_eq!(refused(&whole).problem.chars().count(), 401);
}

#[test]
fn a_large_honest_template_passes() {
    let functions: Map<_, _> = (0..300)
        .map(|n| {
            let variables: Map<_, _> = (0..20)
                .map(|v| (format!("VARIABLE_{v}"), json!({ "Fn::Sub": "${Stage}-${Other.Arn}" })))
                .collect();
            let id = if n == 0 { "Other".to_owned() } else { format!("F{n}") };
            (id, function(json!({ "Environment": { "Variables": variables } })))
        })
        .collect();
    let app = World::new().read(&template(Value::Object(functions))).unwrap();
    assert_eq!(app.functions.len(), 300);
}
