//! Applications with a stack: what waits for it, and what is complete without it.

use super::application::body;
use super::*;
use crate::plain::{DirectValues, StackTemplate, StackValues, wire};

/// A function that reads a table, one that does not, and an API whose body names a user pool.
fn app() -> Value {
    let reads = json!({ "Environment": { "Variables": {
        "TABLE": { "Ref": "Table" },
        "STREAM": { "Fn::GetAtt": ["Table", "StreamArn"] },
        "API": { "Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.amazonaws.com" },
    } } });
    let mut definition = body();
    definition["x-pool"] = json!({ "Fn::GetAtt": ["Pool", "Arn"] });
    template(json!({
        "Hello": function(json!({})),
        "Reads": function(reads),
        "Api": { "Type": "AWS::ApiGatewayV2::Api", "Properties": { "Body": definition } },
        "ApiStage": { "Type": "AWS::ApiGatewayV2::Stage", "Properties": {
            "ApiId": { "Ref": "Api" }, "StageName": "$default", "AutoDeploy": true
        } },
        "Table": { "Type": "AWS::DynamoDB::Table", "Properties": { "BillingMode": "PAY_PER_REQUEST" } },
        "Pool": { "Type": "AWS::Cognito::UserPool", "Properties": {} },
        "Note": { "Type": "AWS::SSM::Parameter", "Properties": {
            "Type": "String", "Value": { "Fn::GetAtt": ["Api", "ApiEndpoint"] }
        } },
    }))
}

fn read_knowing(known: KnownValues<'_>) -> Application {
    let app = app();
    World::new().read_knowing(&app.to_string(), &manifest_of(&app), known).unwrap()
}

fn apis() -> DirectValues {
    let mut direct = DirectValues::default();
    direct.insert_api("Api", "a1b2", Some("https://a1b2.example"));
    direct
}

#[test]
fn what_needs_the_stack_or_an_api_waits_and_the_rest_is_complete() {
    let first = read_knowing(KnownValues::Nothing);
    assert_eq!(first.functions.keys().collect::<Vec<_>>(), ["Hello"]);
    assert_eq!(first.waiting.keys().collect::<Vec<_>>(), ["Api", "Reads"]);
    let needs: Vec<_> = first.waiting["Reads"].needs.iter().map(String::as_str).collect();
    assert_eq!(needs, ["`Api`", "`Table.StreamArn`", "`Table`"]);
    let api = first.waiting["Api"].api.as_ref().unwrap();
    assert!(api.body.is_null() && api.kind == sluice_model::ApiKind::Http, "{api:?}");
    assert_eq!(first.all_apis().count(), 1);
    let stack = first.stack.as_ref().unwrap();
    assert!(stack.has_placeholders());
    assert!(stack.needed.contains("Table") && stack.needed.contains("Pool"), "{:?}", stack.needed);
    assert_eq!(serde_json::from_value::<Application>(json!(first)).unwrap(), first);

    let with_apis = read_knowing(KnownValues::Apis(&apis()));
    assert!(!with_apis.stack.as_ref().unwrap().has_placeholders());
    assert_eq!((&with_apis.functions, with_apis.is_complete()), (&first.functions, false));
}

#[test]
fn all_is_complete_once_the_stack_is_as_wanted_and_what_was_complete_stays_the_same() {
    let first = read_knowing(KnownValues::Nothing);
    let desired = read_knowing(KnownValues::Apis(&apis())).stack.unwrap();
    let template = StackTemplate::read(&desired.template).unwrap();
    let outputs = template.outputs.keys().filter(|name| name.starts_with("Sluice"));
    let values = StackValues {
        resources: [("Table".to_owned(), "orders-prod-table".to_owned())].into(),
        outputs: outputs.map(|name| (name.clone(), format!("value-of-{name}"))).collect(),
        direct: apis(),
        ..StackValues::default()
    };
    let all = read_knowing(KnownValues::All(&values));
    assert!(all.is_complete());
    assert_eq!(all.functions["Hello"], first.functions["Hello"]);
    assert_eq!(all.stack.as_ref(), Some(&desired));
    let environment = &all.functions["Reads"].environment;
    assert_eq!(environment["TABLE"], "orders-prod-table");
    assert!(environment["STREAM"].starts_with("value-of-Sluice"), "{environment:?}");
    assert_eq!(environment["API"], "https://a1b2.execute-api.eu-central-1.amazonaws.com");
    assert!(all.apis["Api"].body["x-pool"].as_str().unwrap().starts_with("value-of-Sluice"));
}

#[test]
fn a_stack_that_was_kept_is_the_one_that_was_read() {
    let kept = read_knowing(KnownValues::Apis(&apis())).stack.unwrap();
    let wired = wire(None, &kept.desired().unwrap(), &crate::plain::Kept::default(), "r1").unwrap();
    assert_eq!(wired.unwrap().template.text(), kept.template);
}

#[test]
fn a_value_that_only_an_unfinished_stack_lacks_is_an_error() {
    let app = app();
    let values = StackValues { direct: apis(), ..StackValues::default() };
    let known = KnownValues::All(&values);
    let errors = World::new().read_knowing(&app.to_string(), &manifest_of(&app), known).unwrap_err();
    assert!(errors.iter().any(|error| error.problem.contains("is not known")), "{errors:?}");
}

#[test]
fn a_further_stage_has_names_of_its_own_and_asks_where_the_code_may_have_the_name() {
    let named = |variable: Value| {
        template(json!({
            "Hello": function(json!({ "Environment": { "Variables": { "TABLE": variable } } })),
            "Orders": { "Type": "AWS::DynamoDB::Table", "Properties": { "TableName": "orders" } },
        }))
    };
    // The key of the code begins with the pipeline's name, which is the table's as well.
    let world = World { is_further: true, ..World::new() };
    let app = world.read(&named("orders".into())).unwrap();
    assert_eq!(app.functions["Hello"].environment["TABLE"], "orders-prod");
    assert!(app.stack.unwrap().template.contains(r#""TableName":"orders-prod""#));
    let errors = world.read(&named("other".into())).unwrap_err();
    assert!(errors[0].problem.contains("the name orders is the first stage's"), "{errors:?}");
    let template = named("other".into());
    for (is_in_code, is_read) in [(false, true), (true, false)] {
        let fixed_names = [("orders".to_owned(), is_in_code)].into();
        let manifest = Manifest { fixed_names, ..manifest_of(&template) };
        assert_eq!(
            world.read_as(&template.to_string(), &manifest).is_ok(),
            is_read,
            "in the code: {is_in_code}"
        );
    }
    assert!(World::new().read(&named("other".into())).is_ok(), "the first stage has the template's names");
}

#[test]
fn a_further_stage_has_values_of_its_own_for_parameters_that_name_a_resource() {
    let mut whole = template(json!({
        "Hello": function(json!({ "Environment": { "Variables": { "TABLE": { "Ref": "Table" } } } })),
        "Orders": { "Type": "AWS::DynamoDB::Table", "Properties": { "TableName": { "Ref": "Table" } } },
    }));
    whole["Parameters"]["Table"] = json!({ "Type": "String", "Default": "orders" });
    let world = World { is_further: true, ..World::new() };
    let app = world.read(&whole).unwrap();
    assert_eq!(app.functions["Hello"].environment["TABLE"], "orders-prod");
    assert!(app.stack.unwrap().template.contains(r#""TableName":"orders-prod""#));
    let first = World::new().read(&whole).unwrap();
    assert_eq!(first.functions["Hello"].environment["TABLE"], "orders");
    for (pattern, value) in [("^[a-z_]+$", "orders_prod"), ("^orders$", "orders")] {
        let mut narrow = whole.clone();
        narrow["Parameters"]["Table"]["AllowedPattern"] = pattern.into();
        assert_eq!(world.read(&narrow).unwrap().functions["Hello"].environment["TABLE"], value);
    }
    let set = World { parameters: [("Table".to_owned(), "carts".to_owned())].into(), ..world };
    assert_eq!(set.read(&whole).unwrap().functions["Hello"].environment["TABLE"], "carts");
}

#[test]
fn people_see_what_waits_for_the_stack() {
    let shown = read_knowing(KnownValues::Shown(&DirectValues::default()));
    assert!(shown.is_complete());
    let environment = &shown.functions["Reads"].environment;
    assert_eq!(environment["TABLE"], "${Table}");
    assert_eq!(environment["STREAM"], "arn:aws:cloudformation:::${Table.StreamArn}");
    assert_eq!(shown.apis["Api"].body["x-pool"], "arn:aws:cloudformation:::${Pool.Arn}");
}

#[test]
fn an_api_may_use_a_role_of_its_own_stack_alone() {
    let calls = |role: Value| {
        let mut definition = body();
        definition["paths"]["/jobs"]["post"]["x-amazon-apigateway-integration"] = json!({
            "type": "aws_proxy", "integrationSubtype": "SQS-SendMessage", "payloadFormatVersion": "1.0", "credentials": role,
        });
        let trust = json!({ "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "Service": "apigateway.amazonaws.com" } }] });
        template(json!({
            "Hello": function(json!({})),
            "Api": { "Type": "AWS::ApiGatewayV2::Api", "Properties": { "Body": definition } },
            "Sends": { "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": trust } },
        }))
    };
    let app = calls(json!({ "Fn::GetAtt": ["Sends", "Arn"] }));
    let with = |arn: &str| {
        let desired = World::new().read(&app).unwrap().stack.unwrap();
        let template = StackTemplate::read(&desired.template).unwrap();
        let outputs = template.outputs.keys().map(|name| (name.clone(), arn.to_owned())).collect();
        let values = StackValues { outputs, direct: apis(), ..StackValues::default() };
        World::new().read_knowing(&app.to_string(), &manifest_of(&app), KnownValues::All(&values))
    };
    let own = "arn:aws:iam::123456789012:role/sluice/orders/prod/sluice-orders-prod-Sends-1ABC";
    assert!(with(own).unwrap().apis["Api"].body.to_string().contains(own));
    for foreign in [
        "arn:aws:iam::123456789012:role/sluice/orders/dev/sluice-orders-dev-Sends-1ABC",
        "arn:aws:iam::123456789012:role/sluice/orders/prod/x/Admin",
        "arn:aws:iam::123456789012:role/Admin",
    ] {
        let errors = with(foreign).unwrap_err();
        assert!(errors[0].problem.contains("gives API Gateway the role"), "{errors:?}");
    }
    let literal = World::new().read(&calls(own.into()));
    assert!(literal.is_ok(), "{literal:?}");
}

/// `!Select [3, !Split ["/", !GetAtt Table.StreamArn]]`, as in AWS's own pattern: no text has four parts there.
#[test]
fn people_see_statements_whose_resource_is_a_part_of_a_value() {
    let part = |nth: u8| json!({ "Fn::Select": [nth, { "Fn::Split": ["/", { "Fn::GetAtt": ["Table", "StreamArn"] }] }] });
    let stream =
        "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/orders/stream/${part}";
    let resources = json!([{ "Fn::Sub": [stream, { "part": part(3) }] }, part(2)]);
    let statement = json!({ "Effect": "Allow", "Action": "dynamodb:GetRecords", "Resource": resources });
    let mut app = app();
    app["Resources"]["HelloRole"] =
        role(json!({ "Policies": [{ "PolicyName": "p", "PolicyDocument": { "Statement": [statement] } }] }));
    let world = World { wild_rights: true, ..World::new() };
    let shown = world
        .read_knowing(&app.to_string(), &manifest_of(&app), KnownValues::Shown(&DirectValues::default()))
        .unwrap();
    let rights = json!(shown.functions["Hello"].rights).to_string();
    for text in ["table/orders/stream/${Table.StreamArn}", "arn:aws:cloudformation:::${Table.StreamArn}"] {
        assert!(rights.contains(text), "{rights}");
    }
}

/// A topic's `Ref` is its ARN. Its text is no ARN, and nobody could approve the promotion.
#[test]
fn people_see_statements_about_a_resource_whose_name_is_an_arn() {
    let statement = json!({ "Effect": "Allow", "Action": "sns:Publish", "Resource": { "Ref": "Topic" } });
    let mut app = app();
    app["Resources"]["Topic"] = json!({ "Type": "AWS::SNS::Topic", "Properties": {} });
    app["Resources"]["HelloRole"] =
        role(json!({ "Policies": [{ "PolicyName": "p", "PolicyDocument": { "Statement": [statement] } }] }));
    let world = World { wild_rights: true, ..World::new() };
    let shown = world
        .read_knowing(&app.to_string(), &manifest_of(&app), KnownValues::Shown(&DirectValues::default()))
        .unwrap();
    assert!(json!(shown.functions["Hello"].rights).to_string().contains("${Topic}"));
}

/// A parameter of the stack may hold anything, and its value is known only once the stack has it.
#[test]
fn a_value_of_the_stack_that_makes_a_statement_wild_is_refused() {
    let statement = json!({ "Effect": "Allow", "Action": "sns:Publish", "Resource": { "Fn::GetAtt": ["Note", "Value"] } });
    let mut app = app();
    app["Resources"]["HelloRole"] =
        role(json!({ "Policies": [{ "PolicyName": "p", "PolicyDocument": { "Statement": [statement] } }] }));
    let world = World::new();
    let read = |known| world.read_knowing(&app.to_string(), &manifest_of(&app), known);
    let direct = apis();
    let desired = read(KnownValues::Apis(&direct)).unwrap().stack.unwrap();
    let template = StackTemplate::read(&desired.template).unwrap();
    let outputs = template.outputs.keys().map(|name| (name.clone(), "*".to_owned())).collect();
    let resources = [("Table".to_owned(), "orders".to_owned())].into();
    let values = StackValues { outputs, resources, direct: direct.clone(), ..StackValues::default() };
    let errors = read(KnownValues::All(&values)).unwrap_err();
    assert!(errors.iter().any(|error| error.code == TemplateCode::WildRights), "{errors:?}");
}
