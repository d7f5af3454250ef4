//! Hostile and huge templates: refused after little work. A reader without a budget does not come to the end of most of
//! these tests.

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
    assert_eq!(too_large.len(), 1, "{errors:#?}");
    too_large[0].problem.clone()
}

#[test]
fn nested_subs_are_refused_before_they_are_made() {
    for (levels, text) in [(2, "x".repeat(200_000)), (3, "lol-lol-lol".to_owned()), (12, "x".to_owned())] {
        let told = too_large(&env(json!({ "COMPOSED": laughs(levels, &text), "AFTER": laughs(3, "x") })));
        assert_eq!(told, "the template produces more than 4 MiB of text once its references are resolved");
    }
    let policy =
        json!({ "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": laughs(3, "x") }] });
    too_large(&template(json!({ "Hello": function(json!({ "Policies": policy })) })));
    too_large(&template(json!({ "Hello": function(json!({ "Handler": laughs(3, "x") })) })));
    let event =
        json!({ "E": { "Type": "HttpApi", "Properties": { "Method": "GET", "Path": laughs(3, "x") } } });
    too_large(&template(json!({ "Hello": function(json!({ "Events": event })) })));
}

#[test]
fn joins_and_references_cannot_multiply_either() {
    let long = "d".repeat(20_000);
    too_large(&env(json!({ "JOINED": { "Fn::Join": [long, vec!["x"; 1_000]] } })));
    let mut whole = env(json!({ "MANY": { "Fn::Join": ["", vec![json!({ "Ref": "Long" }); 1_000]] } }));
    whole["Parameters"]["Long"] = json!({ "Type": "String", "Default": long });
    too_large(&whole);
    let lists = vec![json!({ "Ref": "List" }); 1_000];
    let statement = json!({ "Effect": "Allow", "Action": lists, "Resource": "*" });
    let mut whole = template(json!({ "Hello": function(json!({ "Policies": { "Statement": statement } })) }));
    whole["Parameters"]["List"] = json!({ "Type": "CommaDelimitedList", "Default": ",".repeat(1_000) });
    assert!(too_large(&whole).contains("more than 100,000 values"));
}

#[test]
fn a_variable_of_a_sub_is_resolved_once() {
    let costly = json!({ "Fn::Join": ["", vec![""; 10_000]] });
    let app =
        World::new().read(&env(json!({ "ONCE": { "Fn::Sub": ["x${a}".repeat(1_000), { "a": costly }] } })));
    assert_eq!(app.unwrap().functions["Hello"].environment["ONCE"], "x".repeat(1_000));
}

#[test]
fn globals_count_once_for_each_function() {
    let functions: Map<_, _> = (0..400).map(|n| (format!("F{n}"), function(json!({})))).collect();
    let mut whole = template(Value::Object(functions));
    let variables: Map<_, _> = (0..1_000).map(|n| (format!("V{n}"), json!(n))).collect();
    whole["Globals"] = json!({ "Function": { "Environment": { "Variables": variables } } });
    assert!(too_large(&whole).contains("more than 100,000 values"));
}

#[test]
fn depth_and_numbers_have_limits() {
    let mut deep = json!("x");
    for _ in 0..25 {
        deep = json!({ "Fn::Join": ["", [deep]] });
    }
    assert!(too_large(&env(json!({ "DEEP": deep }))).contains("more than 48 levels deep"));

    let functions: Map<_, _> = (0..501).map(|n| (format!("F{n}"), function(json!({})))).collect();
    assert!(too_large(&template(Value::Object(functions))).contains("more than 500 functions"));

    let events: Map<_, _> = (0..1_001)
        .map(|n| {
            let route = json!({ "Method": "GET", "Path": format!("/{n}") });
            (format!("E{n}"), json!({ "Type": "HttpApi", "Properties": route }))
        })
        .collect();
    let whole = template(json!({ "Hello": function(json!({ "Events": events })) }));
    assert!(too_large(&whole).contains("more than 1000 routes"));

    let mut whole = env(json!({}));
    for n in 0..201 {
        whole["Parameters"][format!("P{n}")] = json!({ "Type": "String", "Default": "x" });
    }
    assert!(too_large(&whole).contains("more than 200 parameters"));

    let mut whole = env(json!({}));
    whole["Metadata"] = json!(vec![0; 100_001]);
    assert!(too_large(&whole).contains("more than 100000 values"));
}

#[test]
fn files_that_are_too_large_are_not_parsed() {
    let (world, manifest) = (World::new(), Manifest::default());
    let (small, large) = ("{}".to_owned(), " ".repeat(LARGEST_FILE + 1));
    for (packaged, original, file) in [(&large, &small, "packaged.json"), (&small, &large, "template.yaml")] {
        let errors = read(packaged, original, &manifest, &world.deploying()).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].problem, format!("{file} is larger than 1 MiB"));
    }
    assert!(Manifest::parse(&large).unwrap_err().problem.contains("larger than 1 MiB"));
}

#[test]
fn findings_are_bounded_in_number_and_in_length() {
    let mut whole = env(json!({}));
    for n in 0..20_000 {
        whole["Resources"]["Hello"]["Properties"][format!("U{n}")] = json!(0);
    }
    assert_eq!(World::new().read(&whole).unwrap_err().len(), 1_000);

    let whole = template(json!({ "Hello": function(json!({ "Runtime": "é".repeat(100_000) })) }));
    let errors = World::new().read(&whole).unwrap_err();
    assert_eq!(errors[0].problem.chars().count(), 401);
}

#[test]
fn a_list_is_compared_with_its_allowed_values_once() {
    let mut whole = env(json!({}));
    let list = vec!["x"; 40_000].join(",");
    let mut values = vec!["y"; 40_000];
    values.push("x");
    whole["Parameters"]["List"] =
        json!({ "Type": "CommaDelimitedList", "Default": list, "AllowedValues": values });
    World::new().read(&whole).unwrap();
}

#[test]
fn a_large_honest_template_passes() {
    let functions: Map<_, _> = (0..300)
        .map(|n| {
            let variables: Map<_, _> =
                (0..20).map(|v| (format!("VARIABLE_{v}"), json!({ "Fn::Sub": "${Stage}-${Other.Arn}" }))).collect();
            let statement = json!({ "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": { "Fn::Sub": "arn:${AWS::Partition}:s3:::x" } });
            let events: Map<_, _> = (0..3)
                .map(|e| (format!("E{e}"), json!({ "Type": "HttpApi", "Properties": { "Method": "GET", "Path": format!("/{n}/{e}") } })))
                .collect();
            let properties = json!({
                "Environment": { "Variables": variables }, "Policies": { "Statement": [statement] }, "Events": events,
            });
            (if n == 0 { "Other".to_owned() } else { format!("F{n}") }, function(properties))
        })
        .collect();
    let mut whole = template(Value::Object(functions));
    whole["Globals"] =
        json!({ "Function": { "Timeout": 5, "Environment": { "Variables": { "LEVEL": "info" } } } });
    let text = whole.to_string();
    assert!(text.len() < LARGEST_FILE);
    let app = read(&text, "", &manifest_of(&whole), &World::new().deploying()).unwrap();
    assert_eq!((app.functions.len(), app.routes.len()), (300, 900));
}
