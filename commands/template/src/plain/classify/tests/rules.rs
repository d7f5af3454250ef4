//! One rule at a time.

use serde_json::json;

use super::*;
use crate::plain::Attribute;

fn template(resources: Value) -> Value {
    let mut all = json!({
        "Fn": { "Type": "AWS::Lambda::Function", "Properties": { "FunctionName": "hello", "Role": { "Fn::GetAtt": ["Role", "Arn"] } } },
        "Role": { "Type": "AWS::IAM::Role" },
    });
    for (id, resource) in resources.as_object().into_iter().flatten() {
        all[id] = resource.clone();
    }
    json!({ "Parameters": { "Stage": { "Type": "String" }, "Name": { "Type": "String", "Default": "x" } }, "Resources": all })
}

pub(super) fn typed(kind: &str, properties: Value) -> Value {
    json!({ "Type": kind, "Properties": properties })
}

pub(super) fn split(resources: Value) -> Split {
    World::new().split(&template(resources)).unwrap()
}

pub(super) fn refused(resources: Value) -> String {
    let errors = World::new().split(&template(resources)).unwrap_err();
    errors.iter().map(|error| format!("{error} ({})\n", error.hint)).collect()
}

#[test]
fn a_role_is_direct_only_while_nothing_else_uses_it() {
    let role = json!({ "Fn::GetAtt": ["Role", "Arn"] });
    let document = json!({ "Statement": [] });
    let table: Vec<(Value, Part)> = vec![
        (json!({}), Part::Role),
        (json!({ "Other": typed("AWS::Lambda::Function", json!({ "Role": role })) }), Part::Role),
        (
            json!({ "P": typed("AWS::IAM::Policy", json!({ "Roles": [{ "Ref": "Role" }], "PolicyDocument": document })) }),
            Part::Role,
        ),
        (json!({ "P": typed("AWS::IAM::RolePolicy", json!({ "RoleName": { "Ref": "Role" } })) }), Part::Role),
        (
            json!({ "Flow": typed("AWS::StepFunctions::StateMachine", json!({ "RoleArn": role })) }),
            Part::Stack,
        ),
        (
            json!({ "P": typed("AWS::IAM::Policy", json!({ "Roles": [{ "Ref": "Role" }, "other"] })) }),
            Part::Stack,
        ),
        (
            json!({ "P": typed("AWS::IAM::Policy", json!({ "Roles": [{ "Ref": "Role" }], "Users": ["ann"] })) }),
            Part::Stack,
        ),
        // The policy is also attached to a role of the stack, so both stay there.
        (
            json!({
                "Two": typed("AWS::IAM::Role", json!({})),
                "P": typed("AWS::IAM::Policy", json!({ "Roles": [{ "Ref": "Role" }, { "Ref": "Two" }] })),
            }),
            Part::Stack,
        ),
    ];
    for (resources, expected) in table {
        let split = split(resources.clone());
        assert_eq!(split.part("Role"), Some(&expected), "{resources}");
        let policy = split.part("P").is_none_or(|part| (*part != Part::Stack) == (expected == Part::Role));
        assert!(policy, "a policy follows its roles: {resources}");
        let shared = split.notices.iter().any(|notice| matches!(notice, Notice::SharedRole { .. }));
        assert_eq!(shared, expected == Part::Stack, "{resources}");
    }
}

#[test]
fn a_managed_policy_is_folded_only_while_nothing_else_names_it() {
    let part = |policy: Value, outputs: Value| {
        let mut whole = template(json!({
            "Role": typed("AWS::IAM::Role", json!({ "ManagedPolicyArns": [{ "Ref": "P" }, "arn:aws:iam::aws:policy/X"] })),
            "P": typed("AWS::IAM::ManagedPolicy", policy),
        }));
        whole["Outputs"] = outputs;
        let split = World::new().split(&whole).unwrap();
        let (role, policy) = (split.part("Role").cloned(), split.part("P").cloned());
        assert_eq!(role == Some(Part::Stack), policy == Some(Part::Stack), "{role:?} {policy:?}");
        policy
    };
    let folded = Some(Part::Policy(["Role".to_owned()].into()));
    assert_eq!(part(json!({}), json!({})), folded);
    assert_eq!(part(json!({ "Users": ["ann"] }), json!({})), Some(Part::Stack));
    assert_eq!(part(json!({}), json!({ "X": { "Value": { "Ref": "P" } } })), Some(Part::Stack));
}

#[test]
fn a_policy_attached_to_the_role_of_a_provider_leads_to_the_functions_it_may_call() {
    let statement = json!({ "Statement": [{ "Resource": { "Fn::GetAtt": ["Called", "Arn"] } }] });
    let split = split(json!({
        "Provider": typed("AWS::Lambda::Function", json!({ "Role": { "Fn::GetAtt": ["ProviderRole", "Arn"] } })),
        "ProviderRole": typed("AWS::IAM::Role", json!({})),
        "P": typed("AWS::IAM::Policy", json!({ "Roles": [{ "Ref": "ProviderRole" }], "PolicyDocument": statement })),
        "Called": typed("AWS::Lambda::Function", json!({})),
        "X": typed("Custom::X", json!({ "ServiceToken": { "Fn::GetAtt": ["Provider", "Arn"] } })),
    }));
    assert_eq!(ids(&split, |part| *part == Part::Function), BTreeSet::from(["Fn"]));
    assert_eq!(split.part("P"), Some(&Part::Stack));
}

#[test]
fn an_api_is_direct_only_if_its_body_is_all_of_it() {
    let api = json!({ "Ref": "Api" });
    let direct = |resources: Value| {
        let mut all = json!({
            "Api": typed("AWS::ApiGateway::RestApi", json!({ "Body": { "openapi": "3.0.1" } })),
            "Deployment": typed("AWS::ApiGateway::Deployment", json!({ "RestApiId": api })),
            "StageOf": typed("AWS::ApiGateway::Stage", json!({ "RestApiId": api, "DeploymentId": { "Ref": "Deployment" }, "StageName": "Prod" })),
        });
        for (id, resource) in resources.as_object().into_iter().flatten() {
            all[id] = resource.clone();
        }
        let split = split(all);
        let is_direct = split.part("Api") == Some(&Part::Api);
        assert_eq!(split.part("StageOf").unwrap().is_direct(), is_direct);
        assert_eq!(split.part("Deployment").unwrap().is_direct(), is_direct);
        is_direct
    };
    let table: Vec<(Value, bool)> = vec![
        (json!({}), true),
        (
            json!({ "Plan": typed("AWS::ApiGateway::UsagePlan", json!({ "ApiStages": [{ "ApiId": api, "Stage": { "Ref": "StageOf" } }] })) }),
            true,
        ),
        (
            json!({ "Map": typed("AWS::ApiGateway::BasePathMapping", json!({ "RestApiId": api, "Stage": { "Ref": "StageOf" } })) }),
            true,
        ),
        (json!({ "Api": typed("AWS::ApiGateway::RestApi", json!({ "Name": "x" })) }), false),
        (json!({ "Model": typed("AWS::ApiGateway::Model", json!({ "RestApiId": api })) }), false),
        (
            json!({ "Other": typed("AWS::SSM::Parameter", json!({ "Value": { "Ref": "Deployment" } })) }),
            false,
        ),
    ];
    for (resources, expected) in table {
        assert_eq!(direct(resources.clone()), expected, "{resources}");
    }
}

#[test]
fn a_permission_of_a_direct_api_is_dropped_and_others_wait() {
    let permission = |principal: &str, source: Value| {
        let properties = json!({ "FunctionName": { "Fn::GetAtt": ["Fn", "Arn"] }, "Principal": principal, "SourceArn": source });
        typed("AWS::Lambda::Permission", properties)
    };
    let split = split(json!({
        "Api": typed("AWS::ApiGatewayV2::Api", json!({ "Body": {} })),
        "Open": typed("AWS::ApiGatewayV2::Api", json!({ "Name": "x" })),
        "Direct": permission("apigateway.amazonaws.com", json!({ "Fn::Sub": "arn:${AWS::Partition}:execute-api:::${Api}/*" })),
        "InStack": permission("apigateway.amazonaws.com", json!({ "Fn::Sub": "arn:${AWS::Partition}:execute-api:::${Open}/*" })),
        "Events": permission("events.amazonaws.com", json!({ "Fn::Sub": "${Api}" })),
        "Partner": permission("999999999999", json!("x")),
        "ByName": typed("AWS::Lambda::Permission", json!({ "FunctionName": "hello", "Principal": "sns.amazonaws.com" })),
    }));
    assert_eq!(split.part("Direct"), Some(&Part::Dropped(Why::ApiPermission)));
    for id in ["InStack", "Events", "Partner", "ByName"] {
        assert_eq!(
            (split.part(id), &split.placements[id].held),
            (Some(&Part::Stack), &Some(Held::Type)),
            "{id}"
        );
    }
    assert_eq!(split.attention.len(), 1);
    assert!(split.attention[0].what.contains("`999999999999`"), "{:?}", split.attention);
}

#[test]
fn what_calls_functions_waits_and_so_does_what_refers_to_it() {
    let split = split(json!({
        "Url": typed("AWS::Lambda::Url", json!({ "TargetFunctionArn": { "Ref": "Fn" }, "AuthType": "AWS_IAM" })),
        "Cdn": typed("AWS::CloudFront::Distribution", json!({ "DistributionConfig": { "Origin": { "Fn::GetAtt": ["Url", "FunctionUrl"] } } })),
        "Record": typed("AWS::Route53::RecordSet", json!({ "Alias": { "Fn::GetAtt": ["Cdn", "DomainName"] } })),
        "Bucket": typed("AWS::S3::Bucket", json!({ "NotificationConfiguration": {} })),
        "Plain": typed("AWS::S3::Bucket", json!({})),
        "Policy": typed("AWS::S3::BucketPolicy", json!({ "Bucket": { "Ref": "Bucket" } })),
        "Flow": typed("AWS::StepFunctions::StateMachine", json!({})),
        "Pool": typed("AWS::Cognito::UserPool", json!({ "LambdaConfig": {} })),
    }));
    let held = |id: &str| split.placements[id].held.clone();
    assert_eq!(held("Url"), Some(Held::Type));
    assert_eq!(held("Cdn"), Some(Held::RefersTo("Url".into())));
    assert_eq!(held("Record"), Some(Held::RefersTo("Cdn".into())));
    assert_eq!(held("Bucket"), Some(Held::Properties(["NotificationConfiguration".to_owned()].into())));
    assert_eq!((held("Plain"), held("Policy")), (None, None));
    assert_eq!(held("Flow"), Some(Held::IfChanged));
    assert_eq!(held("Pool"), Some(Held::Properties(["LambdaConfig".to_owned()].into())));
    assert!(split.placements["Bucket"].is_stateful && split.placements["Pool"].is_stateful);
}

#[test]
fn a_function_that_names_what_waits_is_reported() {
    let split = split(json!({
        "Rule": typed("AWS::Events::Rule", json!({})),
        "Worker": typed("AWS::Lambda::Function", json!({ "Environment": { "Variables": { "RULE": { "Ref": "Rule" } } } })),
    }));
    let expected = Notice::NeedsHeld { direct: "Worker".into(), held: "Rule".into() };
    assert!(split.notices.contains(&expected), "{:?}", split.notices);
}

#[test]
fn a_resource_whose_condition_does_not_hold_is_absent() {
    let mut whole = template(json!({
        "Table": { "Type": "AWS::DynamoDB::Table", "Condition": "IsDev" },
        "Worker": typed("AWS::Lambda::Function", json!({ "Description": { "Fn::If": ["IsDev", { "Ref": "Table" }, "none"] } })),
    }));
    whole["Conditions"] = json!({ "IsDev": { "Fn::Equals": [{ "Ref": "Stage" }, "dev"] } });
    let split = World::new().split(&whole).unwrap();
    assert_eq!(split.part("Table"), Some(&Part::Absent));
    whole["Resources"]["Worker"]["Properties"]["Description"] = json!({ "Ref": "Table" });
    let error = World::new().split(&whole).unwrap_err().remove(0).to_string();
    assert!(
        error.contains("Worker: Properties.Description: `Table` does not exist on this stage"),
        "{error}"
    );
}

#[test]
fn a_body_or_a_list_of_roles_counts_as_the_stage_takes_it() {
    let place = |yes: Value, no: Value| {
        let body = json!({ "Fn::If": ["IsDev", yes, no] });
        let mut whole = template(json!({
            "Api": typed("AWS::ApiGatewayV2::Api", json!({ "Body": body })),
            "P": typed("AWS::IAM::Policy", json!({ "Roles": { "Fn::If": ["IsDev", ["other"], [{ "Ref": "Role" }]] } })),
        }));
        whole["Conditions"] = json!({ "IsDev": { "Fn::Equals": [{ "Ref": "Stage" }, "dev"] } });
        let split = World::new().split(&whole).unwrap();
        assert_eq!(split.part("P"), Some(&Part::Policy(["Role".to_owned()].into())));
        split.part("Api").cloned()
    };
    let none = json!({ "Ref": "AWS::NoValue" });
    assert_eq!(place(none.clone(), json!({ "openapi": "3.0.1" })), Some(Part::Api));
    assert_eq!(place(json!({ "openapi": "3.0.1" }), none), Some(Part::Stack));
}

#[test]
fn the_tables_know_the_types_that_templates_use_most() {
    let tables = [
        ("AWS::DynamoDB::Table", "TableName"),
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::SQS::Queue", "QueueName"),
        ("AWS::SNS::Topic", "TopicName"),
        ("AWS::Logs::LogGroup", "LogGroupName"),
        ("AWS::Events::Rule", "Name"),
        ("AWS::Events::EventBus", "Name"),
        ("AWS::StepFunctions::StateMachine", "StateMachineName"),
        ("AWS::SecretsManager::Secret", "Name"),
        ("AWS::SSM::Parameter", "Name"),
        ("AWS::Kinesis::Stream", "Name"),
        ("AWS::Pipes::Pipe", "Name"),
        ("AWS::Scheduler::Schedule", "Name"),
        ("AWS::IAM::Role", "RoleName"),
        ("AWS::CloudWatch::Alarm", "AlarmName"),
        ("AWS::KMS::Alias", "AliasName"),
        ("AWS::Cognito::UserPoolDomain", "Domain"),
    ];
    for (kind, property) in tables {
        let names = split(json!({ "X": typed(kind, json!({ property: "orders" })) })).names;
        assert_eq!(names.len(), 1, "{kind}.{property}: {names:?}");
        assert!(names[0].origin.is_fixed() && names[0].property == property, "{names:?}");
    }
}

#[test]
fn a_name_tells_what_it_depends_on() {
    let name = |value: Value| {
        let mut whole = template(json!({ "Queue": typed("AWS::SQS::Queue", json!({ "QueueName": value })) }));
        whole["Conditions"] = json!({ "IsDev": { "Fn::Equals": [{ "Ref": "Stage" }, "dev"] } });
        whole["Mappings"] = json!({ "M": { "prod": { "name": "big" }, "dev": { "name": "small" } } });
        World::new().split(&whole).unwrap().names.remove(0)
    };
    let parameters = |value: Value| name(value).origin.parameters.into_iter().collect::<Vec<_>>();
    let fixed = name(json!({ "Fn::Sub": "orders-${AWS::Region}" }));
    assert_eq!((fixed.name.as_deref(), fixed.origin.is_fixed()), (Some("orders-eu-central-1"), true));
    let by_stack = name(json!({ "Fn::Sub": "${AWS::StackName}-jobs" }));
    assert_eq!((by_stack.name.as_deref(), by_stack.origin.stack), (Some("sluice-orders-prod-jobs"), true));
    assert_eq!(parameters(json!({ "Fn::Join": ["-", ["a", { "Ref": "Name" }]] })), ["Name"]);
    assert_eq!(parameters(json!({ "Fn::If": ["IsDev", "a", "b"] })), ["Stage"]);
    assert_eq!(parameters(json!({ "Fn::FindInMap": ["M", { "Ref": "Stage" }, "name"] })), ["Stage"]);
    let by_function = name(json!({ "Fn::Sub": "${Fn}-dead" }));
    assert_eq!((by_function.name, by_function.origin.resources.len()), (None, 1));
}

#[test]
fn exports_are_names_too_and_direct_parts_have_none() {
    let mut whole = template(json!({}));
    whole["Outputs"] =
        json!({ "Arn": { "Value": { "Fn::GetAtt": ["Fn", "Arn"] }, "Export": { "Name": "orders-arn" } } });
    let names = World::new().split(&whole).unwrap().names;
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(
        names[0].is_export && names[0].origin.is_fixed() && names[0].name.as_deref() == Some("orders-arn")
    );
}

/// (resource, words of the refusal)
#[test]
fn what_gives_rights_beyond_the_stage_is_refused() {
    let table: Vec<(Value, &str)> = vec![
        (typed("AWS::IAM::User", json!({})), "creates identities"),
        (
            typed("AWS::CloudFormation::Macro", json!({ "FunctionName": { "Fn::GetAtt": ["Fn", "Arn"] } })),
            "changes CloudFormation",
        ),
        (typed("AWS::CodeBuild::Project", json!({})), "runs commands"),
        (typed("AWS::EC2::Instance", json!({})), "starts servers"),
        (typed("AWS::Serverless::Function", json!({})), "was not expanded"),
        (typed("AWS::CloudFormation::Stack", json!({ "TemplateURL": "https://s3/x.yaml" })), "not pinned"),
        (
            typed("Custom::X", json!({ "ServiceToken": "arn:aws:lambda:us-east-1:1:function:other" })),
            "the ServiceToken is not",
        ),
        (typed("AWS::Lambda::Permission", json!({ "FunctionName": "other" })), "outside of this template"),
        (
            typed("AWS::Lambda::Alias", json!({ "FunctionName": { "Ref": "Name" } })),
            "outside of this template",
        ),
        (
            typed("AWS::Lambda::EventSourceMapping", json!({ "FunctionName": { "Fn::ImportValue": "f" } })),
            "outside of this template",
        ),
        (
            typed("AWS::Glue::Job", json!({ "Role": "arn:aws:iam::1:role/admin" })),
            "Role names a role outside",
        ),
        (
            typed("AWS::ECS::TaskDefinition", json!({ "TaskRoleArn": "arn:aws:iam::1:role/admin" })),
            "TaskRoleArn names a role outside",
        ),
    ];
    for (resource, expected) in table {
        let found = refused(json!({ "X": resource }));
        assert!(found.contains(expected) && found.contains(", X: "), "{resource}: {found}");
    }
    let job = typed("AWS::Glue::Job", json!({ "Role": { "Ref": "JobRole" } }));
    split(json!({ "X": job, "JobRole": typed("AWS::IAM::Role", json!({})) }));
    let pinned = format!("https://s3.amazonaws.com/bucket/orders/{}.template", "0a".repeat(32));
    split(json!({ "X": typed("AWS::CloudFormation::Stack", json!({ "TemplateURL": pinned })) }));
}

#[test]
fn a_name_that_only_looks_like_the_template_s_own_is_refused() {
    let token = |token: Value| refused(json!({ "X": typed("Custom::X", json!({ "ServiceToken": token })) }));
    let built = token(json!({ "Fn::Sub": "arn:aws:lambda:x:1:function:${Role}" }));
    assert!(built.contains("the ServiceToken is not"), "{built}");
    for arn in [
        "arn:aws:lambda:us-east-1:123456789012:function:hello",
        "arn:aws:lambda:eu-central-1:999999999999:function:hello",
    ] {
        let found = refused(json!({ "X": typed("AWS::Lambda::Permission", json!({ "FunctionName": arn })) }));
        assert!(found.contains("outside of this template"), "{found}");
    }
    let own = json!({ "FunctionName": "arn:aws:lambda:eu-central-1:123456789012:function:hello:live" });
    split(json!({ "X": typed("AWS::Lambda::Permission", own) }));
}

#[test]
fn a_version_number_in_the_stack_is_refused_and_an_arn_becomes_that_of_the_alias() {
    let version = typed("AWS::Lambda::Version", json!({ "FunctionName": { "Ref": "Fn" } }));
    let user =
        |value: Value| json!({ "V": version, "P": typed("AWS::SSM::Parameter", json!({ "Value": value })) });
    let split = split(user(json!({ "Ref": "V" })));
    let named = |name: &str| split.resolution("V", &Attribute::Named(name.to_owned()));
    assert_eq!(split.resolution("V", &Attribute::Ref), Resolution::AliasArn("Fn".into()));
    assert_eq!(named("FunctionArn"), Resolution::AliasArn("Fn".into()));
    assert!(matches!(named("Version"), Resolution::Never(_)));
    let found = refused(user(json!({ "Fn::GetAtt": ["V", "Version"] })));
    assert!(found.contains("`V.Version` changes with every release"), "{found}");
}

#[test]
fn policies_for_others_are_shown_to_approvers() {
    let statement = |principal: Value| json!({ "PolicyDocument": { "Statement": [{ "Effect": "Allow", "Principal": principal }] } });
    let what = |kind: &str, properties: Value| {
        let split = split(json!({ "X": typed(kind, properties) }));
        split.attention.into_iter().map(|attention| attention.what).collect::<Vec<_>>()
    };
    assert_eq!(
        what("AWS::SQS::QueuePolicy", statement(json!({ "Service": "sns.amazonaws.com" }))),
        Vec::<String>::new()
    );
    assert_eq!(what("AWS::SQS::QueuePolicy", statement(json!("*"))), ["A policy of it gives access to `*`."]);
    assert_eq!(
        what("AWS::S3::BucketPolicy", statement(json!({ "AWS": "999999999999" }))),
        ["A policy of it gives access to AWS `999999999999`."]
    );
    let url = json!({ "TargetFunctionArn": { "Ref": "Fn" }, "AuthType": "NONE" });
    assert_eq!(what("AWS::Lambda::Url", url), ["Everybody may call this function by its URL."]);
}

#[test]
fn what_names_a_version_or_the_bare_function_has_to_name_the_alias() {
    let found = |resource: Value| {
        let split = split(json!({ "X": resource }));
        split.notices.into_iter().find_map(|notice| match notice {
            Notice::NeedsAlias(places) => {
                Some(places.into_iter().map(|(_, key)| key).collect::<Vec<_>>().join(" "))
            }
            _ => None,
        })
    };
    let rule = |arn: Value| typed("AWS::Events::Rule", json!({ "Targets": [{ "Arn": arn }] }));
    let config = |name: Value| {
        typed("AWS::Lambda::EventInvokeConfig", json!({ "FunctionName": name, "Qualifier": "$LATEST" }))
    };
    let mapping = |name: Value| typed("AWS::Lambda::EventSourceMapping", json!({ "FunctionName": name }));
    let role = json!({ "Policies": [{ "PolicyDocument": { "Resource": { "Fn::Sub": "${Fn.Arn}:*" } } }] });
    let table: Vec<(Value, &str)> = vec![
        (config(json!({ "Ref": "Fn" })), "FunctionName Qualifier"),
        (config(json!({ "Fn::GetAtt": ["Fn", "Arn"] })), "Qualifier"),
        (mapping(json!({ "Ref": "Fn" })), "FunctionName"),
        (mapping(json!("hello")), "FunctionName"),
        (mapping(json!({ "Fn::GetAtt": ["Fn", "Arn"] })), ""),
        (rule(json!({ "Fn::GetAtt": ["Fn", "Arn"] })), ""),
        (rule(json!({ "Fn::Sub": "${Fn.Arn}:live" })), "Targets"),
        (rule(json!({ "Fn::Sub": ["${Fn.Arn}:$LATEST", {}] })), "Targets"),
        (rule(json!({ "Fn::Sub": "arn:aws:lambda:x:1:function:${Fn}" })), "Targets"),
        (rule(json!({ "Fn::Sub": "${Fn.Arn}/x" })), ""),
        (typed("AWS::IAM::Role", role), "Policies"),
    ];
    for (resource, expected) in table {
        assert_eq!(found(resource.clone()).unwrap_or_default(), expected, "{resource}");
    }
}

#[test]
fn the_literal_name_of_a_function_is_found_as_a_whole_word() {
    let found = |text: &str| {
        let split = split(json!({ "X": typed("AWS::Logs::LogGroup", json!({ "LogGroupName": text })) }));
        split.notices.iter().any(|notice| matches!(notice, Notice::LiteralFunctionName(_)))
    };
    assert!(found("/aws/lambda/hello") && found("hello"));
    assert!(!found("/aws/lambda/hello-world") && !found("othello"));
}

#[test]
fn the_settings_of_a_dropped_alias_are_reported() {
    let properties =
        json!({ "FunctionName": { "Ref": "Fn" }, "Name": "live", "ProvisionedConcurrencyConfig": {} });
    let split = split(json!({ "A": typed("AWS::Lambda::Alias", properties) }));
    let lost = ("A".to_owned(), "ProvisionedConcurrencyConfig".to_owned());
    assert!(split.notices.contains(&Notice::DroppedSettings([lost].into())), "{:?}", split.notices);
}

#[test]
fn a_refused_resource_hides_no_place_from_a_report() {
    let (world, sources) = (World::new(), SourceMap::default());
    let resources = json!({ "User": typed("AWS::IAM::User", json!({})), "Fleet": typed("AWS::EC2::EC2Fleet", json!({})) });
    let template = crate::plain::read(&template(resources).to_string(), &sources).unwrap();
    let values = crate::plain::ParameterValues::of(&template, &world.stage(), &sources).unwrap();
    let later = |_: &str, _: &Attribute| crate::plain::Known::Later;
    let evaluator = Evaluator::new(&template, world.stage(), &values, &later);
    let (split, errors) = classify_all(&evaluator, &sources);
    let refused: BTreeSet<&str> = errors.iter().filter_map(|error| error.resource.as_deref()).collect();
    assert_eq!(refused, BTreeSet::from(["Fleet", "User"]));
    assert_eq!(split.part("Fn"), Some(&Part::Function));
    assert_eq!(split.placements.len(), 4);
    assert_eq!(classify(&evaluator, &sources), Err(errors));
}
