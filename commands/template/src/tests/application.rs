//! Functions and APIs of an application, and the errors of an artifact.

use super::*;

const ALIAS: &str = "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Other:prod";

#[test]
fn a_small_template_has_lambdas_defaults() {
    let app = World::new().read(&template(json!({ "Hello": function(json!({})) }))).unwrap();
    let hello = &app.functions["Hello"];
    assert_eq!((hello.memory, hello.timeout, hello.architecture.as_str()), (128, 3, "x86_64"));
    assert_eq!(hello.name, "sluice-orders-prod-Hello");
    assert!(
        matches!(&hello.code, PinnedCode::Archive(object) if object.version == "v1" && object.sha256 == SHA)
    );
    assert!(hello.environment.is_empty() && hello.settings.is_empty() && app.apis.is_empty());
    assert_eq!(hello.rights, AppRights::default());
}

#[test]
fn every_setting_of_a_function_is_kept() {
    let properties = json!({
        "MemorySize": "512", "Timeout": 30, "Architectures": ["arm64"], "Description": "Says hello",
        "Layers": ["arn:aws:lambda:eu-central-1:1:layer:x:3"], "Tags": [{ "Key": "team", "Value": "a" }],
        "Code": {
            "S3Bucket": BUCKET, "S3Key": "orders/code/abc", "S3ObjectVersion": "v1",
            "S3ObjectStorageMode": "REFERENCE", "SourceKMSKeyArn": "arn:k",
        },
        "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" },
        "TracingConfig": { "Mode": "Active" }, "EphemeralStorage": { "Size": "1024" },
        "Environment": { "Variables": { "AA": 7, "BB": true } },
    });
    let app = World::new().read(&template(json!({ "Hello": function(properties) }))).unwrap();
    let hello = &app.functions["Hello"];
    assert_eq!((hello.memory, hello.timeout, hello.architecture.as_str()), (512, 30, "arm64"));
    assert_eq!((hello.description.as_str(), hello.tags["team"].as_str()), ("Says hello", "a"));
    assert_eq!(hello.layers, [AppLayerRef::Arn("arn:aws:lambda:eu-central-1:1:layer:x:3".into())]);
    assert_eq!(hello.settings["TracingConfig"], json!({ "Mode": "Active" }));
    assert_eq!(hello.at_creation["TenancyConfig"], json!({ "TenantIsolationMode": "PER_TENANT" }));
    let stored = [("S3ObjectStorageMode", "REFERENCE"), ("SourceKMSKeyArn", "arn:k")];
    assert_eq!(hello.code_settings, stored.map(|(name, value)| (name.into(), value.into())).into());
    assert_eq!(hello.settings["EphemeralStorage"], json!({ "Size": 1024 }));
    assert_eq!(hello.environment, BTreeMap::from([("AA".into(), "7".into()), ("BB".into(), "true".into())]));
}

#[test]
fn references_are_resolved_for_the_stage() {
    for (value, text) in [
        (json!({ "Ref": "Stage" }), "prod"),
        (json!({ "Ref": "Size" }), "256"),
        (json!({ "Ref": "Other" }), "sluice-orders-prod-Other:prod"),
        (json!({ "Ref": "Hello" }), "sluice-orders-prod-Hello:prod"),
        (json!({ "Fn::GetAtt": ["Other", "Arn"] }), ALIAS),
        (json!({ "Fn::Sub": "${Other.Arn}" }), ALIAS),
        (json!({ "Fn::Sub": "t-${Stage}-${AWS::Region}-${!Stage}-$5" }), "t-prod-eu-central-1-${Stage}-$5"),
        (json!({ "Fn::Join": ["|", { "Ref": "Zones" }] }), "a|b|c"),
    ] {
        let app =
            World::new().read(&env(json!({ "VALUE": value }))).unwrap_or_else(|e| panic!("{value}: {e:?}"));
        assert_eq!(app.functions["Hello"].environment["VALUE"], text, "{value}");
    }
}

#[test]
fn a_stages_value_of_a_parameter_precedes_its_default() {
    let whole = env(json!({ "SIZE": { "Ref": "Size" } }));
    let app = World::new().with("Size", "1024").with("Unknown", "x").read(&whole).unwrap();
    assert_eq!(app.functions["Hello"].environment["SIZE"], "1024");
    assert_eq!(app.unknown_parameters, ["Unknown"]);
    let errors = World::new().with("Size", "much").read(&whole).unwrap_err();
    assert!(errors[0].problem.contains("`much` is not a number"), "{errors:?}");
}

/// An HTTP API whose only route calls `Hello`, as AWS's translator writes it.
fn api(body: Value) -> Value {
    let mut whole = template(json!({
        "Hello": function(json!({})),
        "Api": { "Type": "AWS::ApiGatewayV2::Api", "Properties": { "Body": body, "FailOnWarnings": true } },
        "ApiStage": { "Type": "AWS::ApiGatewayV2::Stage", "Properties": {
            "ApiId": { "Ref": "Api" }, "StageName": "$default", "AutoDeploy": true, "StageVariables": { "host": "x" },
        } },
        "HelloPermission": { "Type": "AWS::Lambda::Permission", "Properties": {
            "Action": "lambda:InvokeFunction", "FunctionName": { "Ref": "Hello" }, "Principal": "apigateway.amazonaws.com",
            "SourceArn": { "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/GET/" },
        } },
    }));
    whole["Outputs"] = json!({ "Url": { "Value": { "Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/" } } });
    whole
}

pub(super) fn body() -> Value {
    let uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Hello.Arn}/invocations";
    let integration = json!({ "type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": { "Fn::Sub": uri } });
    json!({ "openapi": "3.0.1", "paths": { "/items": { "get": { "x-amazon-apigateway-integration": integration } } } })
}

#[test]
fn an_api_calls_the_version_that_its_stage_selects() {
    let app = World::new().read(&api(body())).unwrap();
    let api = &app.apis["Api"];
    assert_eq!(
        api.body["paths"]["/items"]["get"]["x-amazon-apigateway-integration"]["uri"],
        "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:\
         function:sluice-orders-prod-Hello:${stageVariables.Hello}/invocations"
    );
    assert_eq!(api.variables, BTreeMap::from([("host".into(), "x".into())]));
    assert_eq!(api.routes(), [AppRoute { key: "GET /items".into(), target: "Hello".into() }]);
    let mut other = body();
    other["paths"]["/more"] = other["paths"]["/items"].clone();
    assert_ne!(World::new().read(&super::application::api(other)).unwrap().api_digest(), app.api_digest());
}

#[test]
fn settings_of_an_api_that_are_not_applied_are_refused() {
    let mut whole = api(body());
    whole["Resources"]["ApiStage"]["Properties"]["DefaultRouteSettings"] = json!({ "LoggingLevel": "INFO" });
    whole["Resources"]["ApiStage"]["Properties"]["StageVariables"] = json!({ "Hello": "7" });
    let errors = World::new().read(&whole).unwrap_err();
    let problems: Vec<_> = errors.iter().map(|error| error.problem.as_str()).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("LoggingLevel")), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("Sluice's own variable")), "{problems:?}");
}

#[test]
fn settings_of_a_stage_are_read() {
    let mut whole = api(body());
    let stage = &mut whole["Resources"]["ApiStage"]["Properties"];
    stage["DefaultRouteSettings"] = json!({ "ThrottlingBurstLimit": "20", "ThrottlingRateLimit": 10.0 });
    stage["RouteSettings"] =
        json!({ "GET /items": { "DetailedMetricsEnabled": true, "ThrottlingRateLimit": 0.5 } });
    let log = "arn:aws:logs:eu-central-1:123456789012:log-group:access";
    stage["AccessLogSettings"] =
        json!({ "DestinationArn": format!("{log}:*"), "Format": "$context.requestId" });
    let app = World::new().read(&whole).unwrap();
    let settings = serde_json::to_value(&app.apis["Api"].settings).unwrap();
    assert_eq!(
        settings,
        json!({
            "access_log": { "destination": log, "format": "$context.requestId" },
            "routes": { "* *": { "burst": 20, "rate": 10 }, "GET /items": { "metrics": true, "rate": 0.5 } },
        })
    );
    whole["Resources"]["ApiStage"]["Properties"]["DefaultRouteSettings"] =
        json!({ "ThrottlingRateLimit": -1 });
    whole["Resources"]["ApiStage"]["Properties"]["AccessLogSettings"] = json!({ "Format": "x" });
    let problems: Vec<_> =
        World::new().read(&whole).unwrap_err().into_iter().map(|error| error.problem).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn settings_of_another_shape_or_without_bound_are_refused() {
    let mut whole = api(body());
    for (settings, problem) in [
        (json!([{ "GET /items": {} }]), "found a list"),
        ((0..301).map(|nth| (format!("GET /{nth}"), json!({}))).collect(), "more than 300 routes"),
    ] {
        whole["Resources"]["ApiStage"]["Properties"]["RouteSettings"] = settings;
        let error = refused(&whole);
        assert!(error.problem.contains(problem), "{error:?}");
    }
}

/// As AWS's translator writes a stage of `AWS::Serverless::Api`.
#[test]
fn settings_of_the_stage_of_a_rest_api_are_read() {
    let mut whole = api(body());
    whole["Resources"]["Api"] =
        json!({ "Type": "AWS::ApiGateway::RestApi", "Properties": { "Body": body() } });
    let method = json!({
        "DataTraceEnabled": false, "HttpMethod": "GET", "LoggingLevel": "ERROR", "MetricsEnabled": "true",
        "ResourcePath": "/~1items", "CachingEnabled": false, "CacheTtlInSeconds": 300,
    });
    whole["Resources"]["ApiStage"] = json!({ "Type": "AWS::ApiGateway::Stage", "Properties": {
        "RestApiId": { "Ref": "Api" }, "StageName": "Prod", "TracingEnabled": true, "MethodSettings": [method],
    } });
    let app = World::new().read(&whole).unwrap();
    let settings = serde_json::to_value(&app.apis["Api"].settings).unwrap();
    assert_eq!(
        settings,
        json!({
            "traces": true,
            "routes": { "GET /items": { "data_trace": false, "logging": "ERROR", "metrics": true } },
        })
    );
    let stage = &mut whole["Resources"]["ApiStage"]["Properties"];
    stage["CacheClusterEnabled"] = true.into();
    stage["MethodSettings"][0]["CachingEnabled"] = true.into();
    stage["MethodSettings"][0]["LoggingLevel"] = "LOUD".into();
    let problems: Vec<_> =
        World::new().read(&whole).unwrap_err().into_iter().map(|error| error.problem).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
}

/// The bot may pass the roles of all stages: with another stage's, an API could call its functions.
#[test]
fn a_definition_names_no_role_and_no_function_but_those_of_its_own_template() {
    let integration = "x-amazon-apigateway-integration";
    let role = "arn:aws:iam::123456789012:role/sluice/pay/prod/sluice-pay-prod-api-x";
    for key in ["credentials", "Credentials"] {
        let mut foreign = body();
        foreign["components"] = json!({ "anything": [{ key: role }] });
        let error = refused(&api(foreign));
        assert!(error.problem.contains("gives API Gateway the role"), "{error:?}");
    }
    let mut caller = body();
    caller["paths"]["/items"]["get"][integration]["credentials"] = "arn:aws:iam::*:user/*".into();
    World::new().read(&api(caller)).unwrap();
    let mut own = body();
    let uri = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:1:function:${stageVariables.host}/invocations";
    own["paths"]["/items"]["get"][integration]["uri"] = uri.into();
    let error = refused(&api(own));
    assert!(error.problem.contains("the stage variable `host` selects a function"), "{error:?}");
}

#[test]
fn a_version_that_yaml_reads_as_a_number_is_a_text() {
    let mut old = body();
    old["swagger"] = json!(2.0);
    let application = World::new().read(&api(old)).unwrap();
    assert_eq!(application.apis["Api"].body["swagger"], "2.0");
}

/// In OpenAPI 3 the extension belongs into `servers`: at the top, API Gateway would leave the endpoint open.
#[test]
fn an_endpoint_that_is_to_be_closed_is_refused_and_not_left_open() {
    let mut whole = api(body());
    whole["Resources"]["Api"]["Properties"]["DisableExecuteApiEndpoint"] = true.into();
    assert!(refused(&whole).problem.contains("DisableExecuteApiEndpoint"));
}

#[test]
fn code_comes_from_the_builds_of_the_pipeline_alone() {
    for (code, words) in [
        (json!({ "S3Bucket": "other", "S3Key": "orders/code/abc" }), "outside s3://sluice-bucket/orders/"),
        (json!({ "S3Bucket": BUCKET, "S3Key": "ordersX/code/abc" }), "outside s3://sluice-bucket/orders/"),
        (
            json!({ "S3Bucket": BUCKET, "S3Key": "orders/a", "S3ObjectVersion": "v2" }),
            "pins s3://sluice-bucket/orders/a",
        ),
    ] {
        let whole = template(json!({ "Hello": function(json!({ "Code": code })) }));
        let errors = World::new().read(&whole).unwrap_err();
        assert!(errors.iter().any(|error| error.problem.contains(words)), "{words}: {errors:?}");
    }
}

#[test]
fn the_manifest_and_the_template_must_be_from_one_build() {
    let whole = template(json!({ "Hello": function(json!({})) }));
    let (world, mut manifest) = (World::new(), manifest_of(&whole));
    let pinned = manifest.functions["Hello"].clone();
    manifest.functions.insert("Gone".into(), pinned);
    let errors = world.read_as(&whole.to_string(), &manifest).unwrap_err();
    assert!(errors[0].problem.contains("the function Gone"), "{errors:?}");
    let errors = world.read_as(&whole.to_string(), &Manifest::default()).unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, TemplateCode::Code));
}

#[test]
fn errors_have_the_line_of_their_resource() {
    let error = refused(&template(json!({ "Hello": function(json!({ "Runtime": "cobol" })) })));
    assert_eq!(
        error.to_string(),
        "template.yaml line 7, Hello: Properties.Runtime: the runtime `cobol` is unknown"
    );
}

#[test]
fn what_is_missing_is_reported_at_once() {
    let bare = json!({ "Hello": { "Type": FUNCTION, "Properties": {} } });
    let errors = World::new().read(&template(bare)).unwrap_err();
    for missing in ["Code", "Handler", "Role", "Runtime"] {
        assert!(
            errors.iter().any(|error| error.problem.ends_with(&format!("has no {missing}"))),
            "{errors:?}"
        );
    }
    let none = World::new().read(&template(json!({}))).unwrap_err();
    assert!(none.iter().any(|error| error.problem.contains("the template has no function")), "{none:?}");
}

#[test]
fn two_functions_of_one_name_are_refused() {
    let long = |end: &str| format!("{}{end}", "A".repeat(250));
    // Both names are cut; with 32 bits of a hash they still differ.
    let whole = template(json!({ long("A"): function(json!({})), long("B"): function(json!({})) }));
    let app = World::new().read(&whole).unwrap();
    let names: std::collections::BTreeSet<_> = app.functions.values().map(|one| one.name.clone()).collect();
    assert_eq!(names.len(), 2);
}

#[test]
fn input_that_is_no_template_is_refused() {
    for text in ["", "[]", "null", "{", "Resources:", &"[".repeat(100_000)] {
        let errors = World::new().read_as(text, &Manifest::default()).unwrap_err();
        assert_eq!((errors.len(), errors[0].code), (1, TemplateCode::Shape));
    }
}
