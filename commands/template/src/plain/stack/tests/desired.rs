//! One rule of the emission at a time.

use super::*;

const NAME: &str = "sluice-orders-prod-Fn";
const ALIAS: &str = "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Fn:prod";

/// The properties of `X`.
fn properties(resource: Value) -> Value {
    emitted(&with(json!({ "X": resource })))["Resources"]["X"]["Properties"].clone()
}

#[test]
fn what_belongs_to_a_function_names_its_alias() {
    let function = || json!({ "Ref": "Fn" });
    let table: Vec<(&str, Value, Value)> = vec![
        (
            "AWS::Lambda::EventInvokeConfig",
            json!({ "FunctionName": function(), "Qualifier": "$LATEST" }),
            json!({ "FunctionName": NAME, "Qualifier": "prod" }),
        ),
        (
            "AWS::Lambda::EventSourceMapping",
            json!({ "FunctionName": "hello" }),
            json!({ "FunctionName": ALIAS }),
        ),
        ("AWS::Lambda::Permission", json!({ "FunctionName": function() }), json!({ "FunctionName": ALIAS })),
        (
            "AWS::Lambda::Url",
            json!({ "TargetFunctionArn": function(), "AuthType": "AWS_IAM" }),
            json!({ "TargetFunctionArn": NAME, "AuthType": "AWS_IAM", "Qualifier": "prod" }),
        ),
    ];
    for (kind, given, expected) in table {
        assert_eq!(properties(typed(kind, given)), expected, "{kind}");
    }
}

#[test]
fn a_function_in_a_text_is_its_alias_where_something_invokes_it() {
    let table = [
        (json!({ "Fn::GetAtt": ["Fn", "Arn"] }), ALIAS.to_owned()),
        (json!({ "Ref": "Fn" }), NAME.to_owned()),
        (json!({ "Fn::Sub": "${Fn.Arn}:live" }), ALIAS.to_owned()),
        (json!({ "Fn::Sub": "${Fn.Arn}:$LATEST" }), ALIAS.to_owned()),
        (json!({ "Fn::Join": [":", [{ "Fn::GetAtt": ["Fn", "Arn"] }, "*"]] }), ALIAS.to_owned()),
        (json!({ "Fn::Sub": "${Fn}:7" }), format!("{NAME}:prod")),
        (
            json!({ "Fn::Sub": "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${Fn}" }),
            ALIAS.to_owned(),
        ),
        (
            json!({ "Fn::Sub": "/2015-03-31/functions/${Fn.Arn}/invocations" }),
            format!("/2015-03-31/functions/{ALIAS}/invocations"),
        ),
        (json!({ "Fn::Sub": "/aws/lambda/${Fn}" }), format!("/aws/lambda/{NAME}")),
        (
            json!({ "Fn::Sub": "arn:aws:logs:x:1:log-group:/aws/lambda/${Fn}:*" }),
            format!("arn:aws:logs:x:1:log-group:/aws/lambda/{NAME}:*"),
        ),
        (json!("/aws/lambda/hello"), format!("/aws/lambda/{NAME}")),
        (json!("arn:aws:lambda:eu-central-1:123456789012:function:hello:live"), ALIAS.to_owned()),
        // Of another region, or not of the function at all.
        (
            json!("arn:aws:lambda:us-east-1:123456789012:function:hello"),
            "arn:aws:lambda:us-east-1:123456789012:function:hello".to_owned(),
        ),
        (json!("hello"), "hello".to_owned()),
    ];
    for (value, expected) in table {
        let found = properties(typed("AWS::SSM::Parameter", json!({ "Value": value })));
        assert_eq!(found["Value"], expected, "{value}");
    }
    let flow = json!({ "DefinitionString": { "Fn::Sub": "{\"FunctionName\":\"${Fn}\"}" } });
    let found = properties(typed("AWS::StepFunctions::StateMachine", flow));
    assert_eq!(found["DefinitionString"], format!("{{\"FunctionName\":\"{NAME}:prod\"}}"));
    let alarm = json!({ "Dimensions": [{ "Name": "FunctionName", "Value": "hello" }] });
    let found = properties(typed("AWS::CloudWatch::Alarm", alarm));
    assert_eq!(found["Dimensions"][0]["Value"], NAME);
}

#[test]
fn a_direct_http_api_has_no_stage_in_urls_and_a_rest_api_keeps_its_own() {
    let api = |version: &str, kind: &str| {
        let (api, stage) =
            (format!("AWS::ApiGateway{version}::{kind}"), format!("AWS::ApiGateway{version}::Stage"));
        let owner = if version.is_empty() { "RestApiId" } else { "ApiId" };
        let url =
            json!({ "Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/Prod/hello" });
        let found = emitted(&with(json!({
            "Api": typed(&api, json!({ "Body": {} })),
            "ApiStage": typed(&stage, json!({ "StageName": "Prod", owner: { "Ref": "Api" } })),
            "X": typed("AWS::SSM::Parameter", json!({ "Value": url, "Name": { "Ref": "ApiStage" } })),
        })));
        found["Resources"]["X"]["Properties"].clone()
    };
    let host = format!("https://{API}.execute-api.eu-central-1.amazonaws.com");
    assert_eq!(api("V2", "Api"), json!({ "Value": format!("{host}/hello"), "Name": "$default" }));
    assert_eq!(api("", "RestApi"), json!({ "Value": format!("{host}/Prod/hello"), "Name": "Prod" }));
}

#[test]
fn everything_stays_when_it_is_removed_but_triggers_go() {
    let policies = |resource: Value| {
        let all = emitted(&with(json!({ "X": resource })));
        let body = &all["Resources"]["X"];
        (body["DeletionPolicy"].clone(), body["UpdateReplacePolicy"].clone())
    };
    let table = |own: Value| {
        let mut table = typed("AWS::DynamoDB::Table", json!({}));
        for (key, value) in own.as_object().unwrap() {
            table[key] = value.clone();
        }
        policies(table)
    };
    let pair = |deletion: &str, replacement: &str| (json!(deletion), json!(replacement));
    let usual = pair("RetainExceptOnCreate", "Retain");
    assert_eq!(table(json!({})), usual);
    assert_eq!(table(json!({ "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete" })), usual);
    assert_eq!(table(json!({ "DeletionPolicy": "Retain" })), pair("Retain", "Retain"));
    assert_eq!(
        table(json!({ "DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Snapshot" })),
        pair("Snapshot", "Snapshot")
    );
    let mut rule = typed("AWS::Events::Rule", json!({}));
    rule["DeletionPolicy"] = "Retain".into();
    assert_eq!(policies(rule), (Value::Null, Value::Null));
}

#[test]
fn a_role_of_the_stack_gets_the_boundary_and_the_path_of_the_stage() {
    let world = World::new();
    let template = with(json!({ "Other": typed("AWS::IAM::Role", json!({ "Path": "/x/" })) }));
    let template = read(&template.to_string(), &sources()).unwrap();
    let values = ParameterValues::of(&template, &world.stage(), &sources()).unwrap();
    let evaluator = Evaluator::new(&template, world.stage(), &values, &later);
    let split = classify(&evaluator, &sources()).unwrap();
    let mut direct = DirectValues::default();
    direct.boundary = Some("arn:boundary".into());
    let stack = super::super::desired(&evaluator, &split, &direct, &sources()).unwrap().stack.unwrap();
    let properties = &stack.template.resources["Other"].properties;
    assert_eq!(
        json!(properties),
        json!({ "Path": "/sluice/orders/prod/", "PermissionsBoundary": "arn:boundary" })
    );
}

#[test]
fn only_what_cloudformation_has_to_evaluate_is_left() {
    let template = json!({
        "Parameters": {
            "Stage": { "Type": "String" },
            "Unused": { "Type": "String", "Default": "x" },
            "Password": { "Type": "String", "NoEcho": true, "Default": "hunter22" },
            "Image": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image" },
        },
        "Mappings": {
            "M": { "prod": { "size": "512" } },
            "ByImage": { "img": { "size": "9" } },
        },
        "Conditions": {
            "Prod": { "Fn::Equals": [{ "Ref": "Stage" }, "prod"] },
            "HasPassword": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": "Password" }, ""] }] },
            "Later": { "Fn::And": [{ "Condition": "Prod" }, { "Fn::Equals": [{ "Ref": "Image" }, { "Ref": "Stage" }] }] },
            "Twice": { "Fn::Not": [{ "Condition": "Later" }] },
            "Idle": { "Fn::Equals": [{ "Ref": "Image" }, "x"] },
        },
        "Resources": {
            "Queue": { "Type": "AWS::SQS::Queue", "Condition": "HasPassword", "Properties": {
                "A": { "Fn::FindInMap": ["M", { "Ref": "Stage" }, "size"] },
                "B": { "Fn::If": ["Prod", "yes", "no"] },
                "C": { "Fn::If": ["Twice", { "Fn::FindInMap": ["ByImage", { "Ref": "Image" }, "size"] }, { "Ref": "AWS::NoValue" }] },
                "D": { "Ref": "AWS::NoValue" },
                "E": { "Fn::Sub": "${Stage}-${Password}-{{resolve:secretsmanager:db}}" },
            } },
            "Gone": { "Type": "AWS::SQS::Queue", "Condition": "Absent" },
        },
    });
    let mut template = template;
    template["Conditions"]["Absent"] = json!({ "Fn::Not": [{ "Condition": "Prod" }] });
    let found = emitted(&template);
    insta::assert_snapshot!(serde_json::to_string_pretty(&found).unwrap());
    assert!(!found.to_string().contains("hunter22"));
}

#[test]
fn a_secret_is_never_an_output() {
    let refused = |outputs: Value, resources: Value| {
        let mut template = with(resources);
        template["Parameters"]["Password"] =
            json!({ "Type": "String", "NoEcho": true, "Default": "hunter22" });
        template["Outputs"] = outputs;
        let errors = stacked(&World::new(), &template).map(|stacked| stacked.desired).unwrap_err();
        errors.iter().map(|error| format!("{error} ({})", error.hint)).collect::<String>()
    };
    let shown = refused(json!({ "X": { "Value": { "Fn::Sub": "x${Password}" } } }), json!({}));
    assert!(shown.contains("is a secret") && !shown.contains("hunter22"), "{shown}");
    let read = refused(
        json!({}),
        json!({ "Other": typed("AWS::Lambda::Function", json!({ "Environment": { "Variables": { "KEY": "{{resolve:secretsmanager:db}}" } } })) }),
    );
    assert!(read.contains("the dynamic reference to db is a secret"), "{read}");
    let named = refused(
        json!({}),
        json!({
            "Client": typed("AWS::Cognito::UserPoolClient", json!({})),
            "Other": typed("AWS::Lambda::Function", json!({
                "Environment": { "Variables": { "KEY": { "Fn::GetAtt": ["Client", "ClientSecret"] } } }
            })),
        }),
    );
    assert!(
        named.contains("`Client.ClientSecret` is a secret") && named.contains("the name of the secret"),
        "{named}"
    );
}

#[test]
fn values_that_functions_need_are_outputs_and_names_are_not() {
    let found = emitted(&with(json!({
        "Table": typed("AWS::DynamoDB::Table", json!({})),
        "Other": typed("AWS::Lambda::Function", json!({ "Environment": { "Variables": {
            "NAME": { "Ref": "Table" },
            "ARN": { "Fn::Sub": "<${Table.Arn}>" },
            "VPC": { "Fn::ImportValue": "vpc" },
            "ZONE": { "Fn::Select": [0, { "Fn::GetAZs": "" }] },
            "SELF": { "Fn::GetAtt": ["Fn", "Arn"] },
        } } })),
    })));
    let outputs: Vec<&Value> =
        found["Outputs"].as_object().unwrap().values().map(|output| &output["Value"]).collect();
    assert_eq!(outputs.len(), 3, "{outputs:?}");
}

#[test]
fn a_release_records_what_its_functions_refer_to() {
    let template = with(json!({
        "Table": typed("AWS::DynamoDB::Table", json!({})),
        "Queue": typed("AWS::SQS::Queue", json!({})),
        "Unused": typed("AWS::SQS::Queue", json!({})),
        "Other": typed("AWS::Lambda::Function", json!({ "Role": { "Fn::GetAtt": ["OtherRole", "Arn"] }, "Environment": { "Variables": {
            "NAME": { "Ref": "Table" }
        } } })),
        "OtherRole": typed("AWS::IAM::Role", json!({ "Policies": [{ "X": { "Fn::Sub": "${Queue.Arn}/*" } }] })),
    }));
    assert_eq!(stacked(&World::new(), &template).unwrap().desired.needed, set(&["Queue", "Table"]));
}

#[test]
fn nothing_is_emitted_where_nothing_belongs_to_a_stack() {
    let mut template = with(json!({}));
    template["Outputs"] = json!({ "Url": { "Value": { "Fn::GetAtt": ["Fn", "Arn"] } } });
    let nothing = stacked(&World::new(), &template).unwrap().desired;
    assert_eq!(nothing.stack, None);
    assert_eq!(nothing.outputs["Url"].known_str(), Some(ALIAS));
    template["Outputs"]["Url"]["Export"] = json!({ "Name": { "Fn::Sub": "${AWS::StackName}-url" } });
    let found = emitted(&template);
    assert_eq!(
        found["Resources"],
        json!({ "SluiceHandle": { "Type": "AWS::CloudFormation::WaitConditionHandle" } })
    );
    assert_eq!(
        found["Outputs"]["Url"],
        json!({ "Value": ALIAS, "Export": { "Name": "sluice-orders-prod-url" } })
    );
}

#[test]
fn an_export_cannot_name_a_role_of_sluice_and_an_output_of_it_is_left_to_sluice() {
    let mut template = with(json!({ "Table": typed("AWS::DynamoDB::Table", json!({})) }));
    template["Outputs"] = json!({ "R": { "Value": { "Fn::GetAtt": ["Role", "Arn"] } } });
    let found = stacked(&World::new(), &template).unwrap().desired;
    assert!(!found.stack.unwrap().template.outputs.contains_key("R"));
    assert!(found.outputs.contains_key("R"));
    template["Outputs"]["R"]["Export"] = json!({ "Name": "role" });
    let errors = stacked(&World::new(), &template).map(|_| ()).unwrap_err();
    assert!(errors.iter().any(|error| error.problem.contains("a value of Role")), "{errors:?}");
}

#[test]
fn a_dependency_on_what_is_not_in_the_stack_is_dropped() {
    let mut table = typed("AWS::DynamoDB::Table", json!({}));
    table["DependsOn"] = json!(["Fn", "Queue"]);
    let found = emitted(&with(json!({ "X": table, "Queue": typed("AWS::SQS::Queue", json!({})) })));
    assert_eq!(found["Resources"]["X"]["DependsOn"], json!(["Queue"]));
}

#[test]
fn a_circle_is_refused() {
    let refers = |to: &str| typed("AWS::SQS::Queue", json!({ "X": { "Ref": to } }));
    let errors =
        stacked(&World::new(), &with(json!({ "A": refers("B"), "B": refers("A") }))).map(|_| ()).unwrap_err();
    assert!(errors[0].problem.contains("A, B would refer to each other in a circle"), "{errors:?}");
}

#[test]
fn a_template_says_how_it_gets_to_cloudformation() {
    let of = |bytes: usize| {
        let value = "x".repeat(bytes);
        let stack = stacked(
            &World::new(),
            &with(json!({ "X": typed("AWS::SSM::Parameter", json!({ "Value": value })) })),
        );
        stack.unwrap().desired.stack.unwrap().template.delivery()
    };
    assert_eq!((of(50_000), of(51_200)), (Some(Delivery::Body), Some(Delivery::Url)));
}
