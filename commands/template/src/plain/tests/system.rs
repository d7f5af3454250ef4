//! What a template reads of Systems Manager, and what is wrong with what was found.

use super::*;

fn template() -> Value {
    with(json!({
        "Parameters": {
            "Stage": { "Type": "String" },
            "Vpc": { "Type": "AWS::SSM::Parameter::Value<AWS::EC2::VPC::Id>", "Default": "/network/vpc" },
            "Subnets": { "Type": "AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>", "Default": "/network/subnets" },
            "Unused": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/version" },
            "Name": { "Type": "AWS::SSM::Parameter::Name", "Default": "/orders/key" }
        },
        "Conditions": { "Dev": { "Fn::Equals": [{ "Ref": "Stage" }, "dev"] } },
        "Resources": {
            "Hello": { "Type": "AWS::Lambda::Function", "Properties": {
                "VpcConfig": { "SubnetIds": { "Ref": "Subnets" } },
                "Environment": { "Variables": {
                    "HOST": { "Fn::Sub": "https://{{resolve:ssm:/orders/${Stage}/host}}/{{resolve:ssm:/orders/path:3}}" },
                    "KEY": { "Ref": "Name" }
                } }
            } },
            "Group": { "Type": "AWS::EC2::SecurityGroup", "Properties": { "VpcId": { "Ref": "Vpc" } } },
            "Seed": { "Type": "AWS::SQS::Queue", "Condition": "Dev", "Properties": { "QueueName": "{{resolve:ssm:/dev}}" } },
            "Key": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "{{resolve:ssm-secure:/secret}}" } }
        }
    }))
}

fn uses(world: &World, template: &Value) -> (Vec<String>, Result<(), Vec<TemplateError>>) {
    let template = read(&template.to_string(), &sources()).unwrap();
    let values = ParameterValues::of(&template, &world.stage(), &sources()).unwrap();
    let uses = Uses::of(&Evaluator::new(&template, world.stage(), &values, &later));
    let unread = uses.unread(&world.system_parameters).into_iter().collect();
    (unread, uses.check(&world.stage(), &sources()))
}

#[test]
fn what_a_stage_uses_is_read_and_secrets_and_unused_parameters_are_not() {
    let (unread, checked) = uses(&World::new(), &template());
    assert_eq!(unread, ["/network/subnets", "/network/vpc", "/orders/path:3", "/orders/prod/host"]);
    assert_eq!(checked, Ok(()));
    let world = World::new().holding("/network/vpc", "vpc-1").with("Vpc", "/other/vpc");
    let (unread, _) = uses(&world, &template());
    assert!(unread.contains(&"/other/vpc".to_owned()), "{unread:?}");
}

#[test]
fn a_value_is_part_of_every_expression_once_it_was_read() {
    let mut world = World::new().holding("/orders/prod/host", "shop.example").holding("/orders/path:3", "v3");
    world.system_parameters.insert("/network/subnets".into(), stored_list("subnet-1,subnet-2"));
    let of = |expression: Value| world.value(&template(), &expression).unwrap().unwrap();
    let url = "https://{{resolve:ssm:/orders/${Stage}/host}}/{{resolve:ssm:/orders/path:3}}";
    assert_eq!(of(json!({ "Fn::Sub": url })), Partial::Known("https://shop.example/v3".into()));
    assert_eq!(of(json!({ "Ref": "Subnets" })), Partial::Known(json!(["subnet-1", "subnet-2"])));
    let partly = of(json!("{{resolve:ssm:/orders/path:3}}/{{resolve:ssm:/later}}"));
    assert_eq!(partly.expression(), json!({ "Fn::Join": ["", ["v3/", "{{resolve:ssm:/later}}"]] }));
    let secret = of(json!("{{resolve:ssm-secure:/orders/path:3}}"));
    assert_eq!(secret.expression(), json!("{{resolve:ssm-secure:/orders/path:3}}"));
}

/// (name, what was found, words of the problem, words of the hint)
#[test]
fn what_cannot_be_used_is_an_error_that_says_what_to_do() {
    let typed = |kind: &str, name: &str| {
        let kind = format!("AWS::SSM::Parameter::Value<{kind}>");
        with(json!({
            "Parameters": { "Table": { "Type": kind, "Default": name } },
            "Resources": { "Hello": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": { "Ref": "Table" } } } }
        }))
    };
    let dynamic = |name: &str| {
        let name = format!("{{{{resolve:ssm:{name}}}}}");
        with(
            json!({ "Resources": { "Hello": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": name } } } }),
        )
    };
    let secret = SystemAnswer::Secret;
    let table: Vec<(Value, &str, SystemAnswer, &str, &str)> = vec![
        (
            typed("String", "/a"),
            "/a",
            SystemAnswer::Missing,
            "the parameter Table of the template reads `/a`, which is no parameter of Systems Manager",
            "`aws ssm put-parameter --type String --name /a --value VALUE`, or set another name: `/stage set orders prod param.Table=/path`",
        ),
        (
            typed("List<String>", "/a"),
            "/a",
            SystemAnswer::Missing,
            "which is no parameter",
            "--type StringList",
        ),
        (
            dynamic("/a:7"),
            "/a:7",
            SystemAnswer::Missing,
            "it reads `/a:7`, which is no version",
            "--name /a ",
        ),
        (
            typed("String", "/a"),
            "/a",
            SystemAnswer::Denied,
            "does not let Sluice read",
            "below `/sluice/orders/prod/`",
        ),
        (
            dynamic("/a:7"),
            "/a:7",
            SystemAnswer::Denied,
            "does not let Sluice read",
            "ssm:GetParameters on `/a`",
        ),
        (typed("String", "/a"), "/a", secret.clone(), "is a SecureString", "give Table the type `String`"),
        (dynamic("/a"), "/a", secret, "Sluice reads no secrets", "pass this name to the function"),
        (typed("String", "/a"), "/a", stored_list("a"), "is a StringList, but Table", "Value<List<String>>`"),
        (typed("List<String>", "/a"), "/a", stored("a"), "is a String, but Table", "Value<String>`"),
        (
            dynamic("/a"),
            "/a",
            stored("{{resolve:ssm:/b}}"),
            "value is a dynamic reference",
            "store the value itself",
        ),
        (dynamic("/a:latest"), "", SystemAnswer::Missing, "no label", "`/orders/table:3`"),
        (typed("String", "a b"), "", SystemAnswer::Missing, "names no parameter", "`/orders/table`"),
        (
            typed("String", "/sluice/shop/prod/KEY"),
            "",
            SystemAnswer::Missing,
            "belongs to another stage or to Sluice itself",
            "below `/sluice/orders/prod/`, or set another name",
        ),
    ];
    for (template, name, found, problem, hint) in table {
        let mut world = World::new();
        world.system_parameters.insert(name.into(), found);
        let error = uses(&world, &template).1.unwrap_err().remove(0);
        assert_eq!(error.code, crate::TemplateCode::Parameter);
        assert!(error.problem.contains(problem), "{}", error.problem);
        assert!(error.hint.contains(hint), "{}", error.hint);
        let place = error.resource.as_deref().map(|id| (id, error.line));
        assert!(place.is_none_or(|place| place == ("Hello", Some(7))), "{error:?}");
    }
    let (_, fine) = uses(&World::new().holding("/a", "a,b"), &dynamic("/a"));
    assert_eq!(fine, Ok(()));
}

#[test]
fn a_hidden_parameter_reaches_the_stack_as_a_parameter_with_the_value_that_was_read() {
    let template = with(json!({
        "Parameters": {
            "Key": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/key", "NoEcho": true },
            "Names": { "Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/names", "NoEcho": true }
        },
        "Resources": { "Hello": { "Type": "AWS::SQS::Queue", "Properties": {
            "QueueName": { "Ref": "Key" }, "Tags": { "Ref": "Names" }
        } } }
    }));
    let mut world = World::new().holding("/key", "k1");
    world.system_parameters.insert("/names".into(), stored_list("a,b"));
    let template = read(&template.to_string(), &sources()).unwrap();
    let values = ParameterValues::of(&template, &world.stage(), &sources()).unwrap();
    let evaluator = Evaluator::new(&template, world.stage(), &values, &later);
    let split = classify(&evaluator, &sources()).unwrap();
    let stack = desired(&evaluator, &split, &DirectValues::default(), &sources()).unwrap().stack.unwrap();
    assert_eq!(stack.template.parameters["Key"], json!({ "Type": "String", "NoEcho": true }));
    assert_eq!(stack.template.parameters["Names"], json!({ "Type": "CommaDelimitedList", "NoEcho": true }));
    assert_eq!(stack.parameters["Key"], ParameterValue::Text("k1".into()));
    assert_eq!(stack.parameters["Names"], ParameterValue::Text("a,b".into()));
    assert!(!stack.template.text().contains("k1"));
    assert!(pinned(&template, &world.stage()).values().all(|found| found.is_hidden));
}
