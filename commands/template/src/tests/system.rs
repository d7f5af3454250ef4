//! Applications that read parameters of Systems Manager.

use std::collections::BTreeSet;

use super::*;
use crate::plain::{SystemAnswer, SystemParameter};

fn stored(value: &str, version: i64) -> SystemAnswer {
    SystemAnswer::Value(SystemParameter { value: value.into(), version, is_list: false, is_hidden: false })
}

/// A function and a queue that read the same name, and a queue that exists only if another one says so.
fn app() -> Value {
    let variables = json!({ "Environment": { "Variables": {
        "HOST": { "Ref": "Host" },
        "PATH": { "Fn::Sub": "{{resolve:ssm:/${Host}/path}}" },
    } } });
    let mut app = template(json!({
        "Hello": function(variables),
        "Named": { "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": "{{resolve:ssm:/host}}" } },
        "Extra": { "Type": "AWS::SNS::Topic", "Condition": "Wanted", "Properties": { "DisplayName": "x" } },
    }));
    app["Parameters"]["Host"] = json!({ "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/host" });
    app["Parameters"]["Extras"] =
        json!({ "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/extras", "NoEcho": true });
    app["Conditions"] = json!({ "Wanted": { "Fn::Equals": [{ "Ref": "Extras" }, "yes"] } });
    app
}

fn unread_of(world: &World, app: &Value) -> Result<BTreeSet<String>, Vec<TemplateError>> {
    unread(&app.to_string(), LINES, &manifest_of(app), &world.deploying(KnownValues::Nothing))
}

#[test]
fn values_are_read_in_rounds_and_pinned_for_functions_and_stack() {
    for is_further in [false, true] {
        let mut world = World { is_further, ..World::new() };
        assert_eq!(unread_of(&world, &app()), Ok(["/extras".to_owned(), "/host".to_owned()].into()));
        world.system.insert("/host".into(), stored("shop", 4));
        world.system.insert("/extras".into(), stored("no", 1));
        assert_eq!(
            unread_of(&world, &app()),
            Ok(["/shop/path".to_owned()].into()),
            "a name that depends on a value"
        );
        world.system.insert("/shop/path".into(), stored("v1", 2));
        assert_eq!(unread_of(&world, &app()), Ok(BTreeSet::new()));
        let read = world.read(&app()).unwrap();
        let environment = &read.functions["Hello"].environment;
        assert_eq!((environment["HOST"].as_str(), environment["PATH"].as_str()), ("shop", "v1"));
        let stack = &read.stack.as_ref().unwrap().template;
        assert!(stack.contains(r#""DisplayName":"shop""#) && !stack.contains("resolve"), "{stack}");
        assert!(!stack.contains("Extra"), "{stack}");
        let pinned: Vec<_> =
            read.system.iter().map(|(name, of)| (name.as_str(), of.version, of.is_hidden)).collect();
        assert_eq!(pinned, [("/extras", 1, true), ("/host", 4, false), ("/shop/path", 2, false)]);
        assert_eq!(serde_json::from_value::<Application>(json!(read)).unwrap(), read);
    }
}

#[test]
fn a_value_that_changed_changes_the_application_and_a_version_alone_is_kept_too() {
    let mut world = World::new();
    let mut with = |value: &str, version| {
        for name in ["/host", "/extras", "/a/path", "/b/path"] {
            world.system.insert(name.into(), stored(if name == "/host" { value } else { "no" }, version));
        }
        world.read(&app()).unwrap()
    };
    let (first, other, again) = (with("a", 1), with("b", 2), with("a", 3));
    assert_ne!(first.functions, other.functions);
    assert_ne!(first.stack, other.stack);
    assert_eq!((&first.functions, &first.stack), (&again.functions, &again.stack));
    assert_eq!(again.system["/host"].version, 3);
}

/// A secret would be readable in the configuration of the function.
#[test]
fn a_function_gets_no_secret_by_a_reference() {
    for (reference, named) in [
        ("{{resolve:ssm-secure:/db/password:1}}", "/db/password:1"),
        ("{{resolve:secretsmanager:db:SecretString:password}}", "db:SecretString:password"),
    ] {
        let errors = World::new().read(&env(json!({ "KEY": reference }))).unwrap_err();
        for error in &errors {
            assert!(
                error.problem.contains(&format!("the dynamic reference to {named} is a secret")),
                "{error}"
            );
            assert!(
                error.hint.contains("pass the name of the secret or parameter to the function"),
                "{}",
                error.hint
            );
        }
        assert!(errors.len() <= 2, "{errors:#?}");
    }
}

#[test]
fn a_name_that_only_the_stack_knows_is_refused_where_it_is_needed_directly() {
    let by_table = json!({ "Fn::Sub": "{{resolve:ssm:/tables/${Table}}}" });
    let mut app = env(json!({ "KEY": by_table }));
    app["Resources"]["Table"] =
        json!({ "Type": "AWS::DynamoDB::Table", "Properties": { "BillingMode": "PAY_PER_REQUEST" } });
    let error = refused(&app);
    assert!(error.problem.contains("depends on a resource of the stack"), "{error}");
    assert_eq!((error.resource.as_deref(), error.line), (Some("Hello"), Some(7)));
}
