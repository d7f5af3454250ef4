//! The values of parameters for a stage.

use super::*;

fn values(world: &World, parameters: Value) -> Result<ParameterValues, Vec<TemplateError>> {
    let template = read(&with(json!({ "Parameters": parameters })).to_string(), &sources())?;
    ParameterValues::of(&template, &world.stage(), &sources())
}

#[test]
fn a_value_is_that_of_the_stage_then_the_default_and_stage_is_its_name() {
    let world = World::new().with("Level", "debug").with("Stage", "ignored").with("Gone", "x");
    let values = values(
        &world,
        json!({
            "Stage": { "Type": "String", "Default": "dev" },
            "Level": { "Type": "String", "Default": "info" },
            "Size": { "Type": "Number", "Default": 512 },
            "Sizes": { "Type": "List<Number>", "Default": "1, 2" },
            "Subnets": { "Type": "List<AWS::EC2::Subnet::Id>", "Default": ["a", "b"] },
            "Names": { "Type": "CommaDelimitedList", "Default": "a, b" },
        }),
    )
    .unwrap();
    let known = |name: &str| values.values[name].known().unwrap().clone();
    assert_eq!(known("Stage"), json!("prod"));
    assert_eq!(known("Level"), json!("debug"));
    assert_eq!(known("Size"), json!("512"));
    assert_eq!(known("Sizes"), json!(["1", "2"]));
    assert_eq!(known("Subnets"), json!(["a", "b"]));
    assert_eq!(known("Names"), json!(["a", "b"]));
    assert_eq!(values.unknown, ["Gone"]);
    assert_eq!(values.default_environments, Vec::<String>::new());
}

#[test]
fn an_environment_that_only_has_its_default_is_reported() {
    let declared = json!({
        "Env": { "Type": "String", "Default": "dev" },
        "environment": { "Type": "String", "Default": "dev" },
        "StageName": { "Type": "String", "Default": "dev" },
        "EnvironmentSize": { "Type": "String", "Default": "dev" },
    });
    let world = World::new().with("StageName", "prod");
    assert_eq!(values(&world, declared).unwrap().default_environments, ["Env", "environment"]);
}

#[test]
fn a_parameter_of_systems_manager_is_deferred_until_it_was_read() {
    let declared =
        json!({ "Key": { "Type": "AWS::SSM::Parameter::Value<CommaDelimitedList>", "Default": "/net/ids" } });
    let mut world = World::new();
    let unread = values(&world, declared.clone()).unwrap();
    assert_eq!(unread.values["Key"].needs(), [Need::SystemParameter("/net/ids".into())].into());
    assert_eq!(unread.values["Key"].expression(), json!({ "Ref": "Key" }));
    world.system_parameters.insert("/net/ids".into(), stored_list("a,b"));
    assert_eq!(values(&world, declared).unwrap().values["Key"].known(), Some(&json!(["a", "b"])));
}

/// (declaration, value, words of the problem; none if it is allowed)
#[test]
fn a_value_has_to_be_what_its_declaration_allows() {
    let long = "x".repeat(5_000);
    let table: Vec<(Value, &str, &str)> = vec![
        (json!({ "Type": "String", "AllowedValues": ["a", 1, true] }), "1", ""),
        (json!({ "Type": "String", "AllowedValues": ["a"] }), "b", "is `b`, not one of a"),
        (json!({ "Type": "CommaDelimitedList", "AllowedValues": ["a", "b"] }), "a,b", ""),
        (json!({ "Type": "CommaDelimitedList", "AllowedValues": ["a"] }), "a,b", "is `b`"),
        (json!({ "Type": "String", "AllowedPattern": "^[a-z]+$" }), "abc", ""),
        (json!({ "Type": "String", "AllowedPattern": "^[a-z]+$" }), "ABC", "does not match `^[a-z]+$`"),
        (json!({ "Type": "String", "AllowedPattern": "^(?!x).*$" }), "xyz", ""),
        (
            json!({ "Type": "String", "AllowedPattern": "^a$", "ConstraintDescription": "say a" }),
            "b",
            "(say a)",
        ),
        (json!({ "Type": "String", "AllowedPattern": "^a$", "NoEcho": "TRUE" }), "hunter2", "is hidden"),
        (json!({ "Type": "String", "MinLength": "2", "MaxLength": 3 }), "ä", "shorter than 2"),
        (json!({ "Type": "String", "MinLength": "2", "MaxLength": 3 }), "äääá", "longer than 3"),
        (json!({ "Type": "Number", "MinValue": 1, "MaxValue": "2.5" }), "2.5", ""),
        (json!({ "Type": "Number", "MinValue": 1 }), "0", "below 1"),
        (json!({ "Type": "List<Number>", "MaxValue": 2 }), "1,3", "is `3`, above 2"),
        (json!({ "Type": "Number" }), "ten", "`ten` is not a number"),
        (json!({ "Type": "String" }), &long, "more than 4096 bytes"),
        (json!({ "Type": "String", "MinLength": "two" }), "x", "`two` is not a number for MinLength"),
    ];
    for (declaration, value, expected) in table {
        let world = World::new().with("P", value);
        let found = match values(&world, json!({ "P": declaration })) {
            Ok(_) => String::new(),
            Err(errors) => problems::<()>(Err(errors)),
        };
        assert_eq!(found.is_empty(), expected.is_empty(), "{declaration}: {found}");
        assert!(found.contains(expected) && !found.contains("hunter2"), "{declaration}: {found}");
    }
}

#[test]
fn a_parameter_without_a_value_is_an_error_with_a_command_that_works() {
    let error = values(&World::new(), json!({ "Level": { "Type": "String", "AllowedValues": ["info"] } }));
    let error = error.unwrap_err().remove(0);
    assert!(error.to_string().contains("no value for the stage prod"), "{error}");
    assert!(error.hint.contains("/stage set orders prod param.Level=info"), "{}", error.hint);
}
