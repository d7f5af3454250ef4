//! What a plain template may hold, and the errors of one that holds something else.

use super::*;

fn read_json(template: &Value) -> Result<PlainTemplate, Vec<TemplateError>> {
    read(&template.to_string(), &sources())
}

#[test]
fn every_attribute_of_a_resource_and_of_an_output_is_read() {
    let template = read_json(&json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Orders",
        "Metadata": { "Tool": { "Fn::Transform": "not evaluated" } },
        "Parameters": { "Secret": { "Type": "String", "NoEcho": true, "Default": "x" } },
        "Mappings": { "Sizes": { "eu-central-1": { "memory": 512, "zones": ["a", "b"] } } },
        "Conditions": { "Big": { "Fn::Equals": ["a", "b"] } },
        "Rules": { "CheckBootstrapVersion": { "Assertions": [] } },
        "Transform": [],
        "Resources": {
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": { "TableName": "orders" },
                "Condition": "Big",
                "DependsOn": "Hello",
                "Metadata": { "note": 1 },
                "DeletionPolicy": "RetainExceptOnCreate",
                "UpdateReplacePolicy": "Snapshot",
                "UpdatePolicy": { "A": 1 }
            },
            "Hello": { "Type": "Custom::Seed-it_1", "DependsOn": ["Table"] }
        },
        "Outputs": { "Url": { "Value": "x", "Description": "d", "Condition": "Big", "Export": { "Name": "url" } } }
    }))
    .unwrap();
    let table = &template.resources["Table"];
    assert_eq!((table.kind.as_str(), table.condition.as_deref()), ("AWS::DynamoDB::Table", Some("Big")));
    assert_eq!((table.depends_on.as_slice(), table.properties.len()), (&["Hello".to_owned()][..], 1));
    assert_eq!(table.deletion_policy.as_deref(), Some("RetainExceptOnCreate"));
    assert_eq!(table.update_replace_policy.as_deref(), Some("Snapshot"));
    assert_eq!((table.metadata.len(), table.policies.len()), (1, 1));
    assert!(template.resources["Hello"].is_custom() && template.is_no_echo("Secret"));
    let output = &template.outputs["Url"];
    assert_eq!((output.export.as_ref(), output.description.as_deref()), (Some(&json!("url")), Some("d")));
    assert_eq!(template.mappings["Sizes"]["eu-central-1"]["zones"], json!(["a", "b"]));
}

/// (sections beside a table, words of the problem)
#[test]
fn what_is_no_plain_template_is_refused_with_its_place() {
    let resource = |value: Value| json!({ "Resources": { "Hello": value } });
    let table: Vec<(Value, &str)> = vec![
        (
            json!({ "Transform": "AWS::Serverless-2016-10-31" }),
            "Transform: the template still has a Transform",
        ),
        (json!({ "Rules": { "Mine": {} } }), "Rules: `Rules` are not supported"),
        (json!({ "Hooks": {} }), "`Hooks` are not supported"),
        (json!({ "Globals": {} }), "`Globals` is not a section"),
        (json!({ "AWSTemplateFormatVersion": "2012-10-17" }), "the only version"),
        (json!({ "Resources": {} }), "no resources"),
        (json!({ "Resources": [] }), "found a list, but expected a mapping"),
        (json!({ "Outputs": { "a-b": { "Value": "x" } } }), "`a-b` is not a logical id"),
        (json!({ "Outputs": { "A": {} } }), "it has no Value"),
        (json!({ "Outputs": { "A": { "Value": "x", "Export": {} } } }), "no Export.Name"),
        (json!({ "Outputs": { "A": { "Value": "x", "Valu": 1 } } }), "no attribute `Valu`"),
        (
            json!({ "Outputs": { "A": { "Value": { "Ref": "Nope" } } } }),
            "`Nope` is not a parameter or a resource",
        ),
        (json!({ "Mappings": { "M": { "a": { "b": { "c": 1 } } } } }), "found a mapping"),
        (
            json!({ "Conditions": { "C": { "Fn::Equals": [{ "Ref": "Table" }, "x"] } } }),
            "a condition cannot use `Table`",
        ),
        (
            json!({ "Conditions": { "C": { "Condition": "D" }, "D": { "Fn::Not": [{ "Condition": "C" }] } } }),
            "depends on itself",
        ),
        (json!({ "Conditions": { "C": { "Condition": "D" } } }), "`D` is not a condition"),
        (json!({ "Parameters": { "P": { "Type": "Text" } } }), "has the type `Text`"),
        (json!({ "Parameters": { "P": { "Typ": "String" } } }), "no attribute `Typ`"),
        (resource(json!({ "Type": "Table" })), "`Table` is not a resource type"),
        (resource(json!({})), "app/template.yaml line 7, Hello: it has no Type"),
        (resource(json!({ "Type": "A::B::C", "Timeout": 3 })), "no attribute `Timeout`"),
        (resource(json!({ "Type": "A::B::C", "DeletionPolicy": "Keep" })), "`Keep` is not a DeletionPolicy"),
        (resource(json!({ "Type": "A::B::C", "DependsOn": "Nope" })), "DependsOn: `Nope` is not"),
        (resource(json!({ "Type": "A::B::C", "Condition": "Nope" })), "Condition: `Nope` is not a condition"),
        (
            resource(json!({ "Type": "A::B::C", "Properties": { "X": { "Fn::Sub": "${Nope.Arn}" } } })),
            "Properties.X: `Nope` is not",
        ),
        (
            resource(json!({ "Type": "A::B::C", "Properties": { "X": { "Fn::If": ["Nope", 1, 2] } } })),
            "`Nope` is not a condition",
        ),
        (
            resource(
                json!({ "Type": "A::B::C", "Properties": { "X": { "Fn::FindInMap": ["Nope", "a", "b"] } } }),
            ),
            "`Nope` is not a mapping",
        ),
        (
            resource(json!({ "Type": "A::B::C", "Properties": { "X": [{ "Fn::Transform": {} }] } })),
            "Properties.X: `Fn::Transform` is expanded",
        ),
        (resource(json!({ "Fn::ForEach::Loop": [] })), "`Fn::ForEach::Loop` is expanded"),
    ];
    for (sections, expected) in table {
        let found = problems(read_json(&with(sections.clone())));
        assert!(found.contains(expected), "{sections}: {found}");
    }
}

#[test]
fn all_errors_are_reported_at_once_in_the_order_of_the_lines() {
    let found = problems(read_json(&json!({
        "Resources": {
            "Table": { "Type": "AWS::DynamoDB::Table", "Condition": "A" },
            "Hello": { "Type": "AWS::Lambda::Function", "Properties": { "Role": { "Ref": "B" } } }
        }
    })));
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(
        lines,
        [
            "app/template.yaml line 7, Hello: Properties.Role: `B` is not a parameter or a resource of this template",
            "app/template.yaml line 20, Table: Condition: `A` is not a condition of this template",
        ]
    );
}

#[test]
fn the_limits_of_cloudformation_hold() {
    let many =
        |count: usize, value: Value| (0..count).map(|n| (format!("X{n}"), value.clone())).collect::<Value>();
    let table = json!({ "Type": "AWS::DynamoDB::Table" });
    for (section, most, value) in [
        ("Resources", 500, table),
        ("Outputs", 200, json!({ "Value": "x" })),
        ("Parameters", 200, json!({ "Type": "String" })),
    ] {
        assert!(read_json(&with(json!({ section: many(most, value.clone()) }))).is_ok(), "{section}");
        let found = problems(read_json(&with(json!({ section: many(most + 1, value) }))));
        assert!(found.contains(&format!("more than {most} {}", section.to_lowercase())), "{found}");
    }
    let large = format!("{{\"Description\": \"{}\"}}", "x".repeat(1 << 20));
    assert!(problems(read(&large, &sources())).contains("larger than 1 MiB"));
    for broken in ["", "[]", "{", "null"] {
        assert!(problems(read(broken, &sources())).contains("not a mapping in JSON"), "{broken}");
    }
}
