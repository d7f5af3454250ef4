//! Functions of plain templates.

use super::*;

fn function(properties: Value) -> Result<PlainFunction, Vec<TemplateError>> {
    let mut all = json!({
        "Code": { "S3Bucket": "bucket", "S3Key": "orders/key" },
        "Role": { "Fn::GetAtt": ["Role", "Arn"] },
        "Runtime": "python3.12",
        "Handler": "app.handler",
    });
    for (name, value) in properties.as_object().into_iter().flatten() {
        match value {
            Value::Null => _ = all.as_object_mut().unwrap().remove(name),
            value => all[name] = value.clone(),
        }
    }
    let template = json!({
        "Parameters": { "Size": { "Type": "Number", "Default": 512 } },
        "Resources": {
            "Table": { "Type": "AWS::DynamoDB::Table" },
            "Role": { "Type": "AWS::IAM::Role" },
            "Hello": { "Type": "AWS::Lambda::Function", "Properties": all },
        }
    });
    let template = read(&template.to_string(), &sources())?;
    let world = World::new();
    let values = ParameterValues::of(&template, &world.stage(), &sources())?;
    PlainFunction::read("Hello", &Evaluator::new(&template, world.stage(), &values, &later), &sources())
}

#[test]
fn every_property_arrives_under_the_name_and_with_the_type_of_the_api() {
    let read = function(json!({
        "FunctionName": "hello",
        "MemorySize": { "Ref": "Size" },
        "Timeout": "30",
        "Architectures": ["arm64"],
        "Description": "d",
        "Environment": { "Variables": { "TABLE": { "Ref": "Table" }, "COUNT": 3, "ON": true } },
        "Layers": [{ "Fn::Sub": "arn:aws:lambda:${AWS::Region}:1:layer:x:1" }],
        "Tags": [{ "Key": "team", "Value": "orders" }],
        "KmsKeyArn": "arn:key",
        "EphemeralStorage": { "Size": "1024" },
        "TracingConfig": { "Mode": "Active" },
        "VpcConfig": { "SubnetIds": [{ "Fn::GetAtt": ["Table", "Subnet"] }], "Ipv6AllowedForDualStack": "true" },
        "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" },
        "ReservedConcurrentExecutions": "5",
        "RecursiveLoop": "Terminate",
    }))
    .unwrap();
    assert_eq!(read.given_name, Some(Partial::Known("hello".into())));
    assert_eq!((&read.memory, &read.timeout), (&Field::Known(512), &Field::Known(30)));
    assert_eq!(read.architecture, Field::Known("arm64".to_owned()));
    let Field::Known(environment) = &read.environment else { panic!("{read:?}") };
    assert_eq!(environment["COUNT"].known_str(), Some("3"));
    assert_eq!(environment["ON"].known_str(), Some("true"));
    assert_eq!(environment["TABLE"].expression(), json!({ "Ref": "Table" }));
    assert_eq!(read.tags["team"].known_str(), Some("orders"));
    assert_eq!(read.configuration["KMSKeyArn"].known_str(), Some("arn:key"));
    assert_eq!(read.configuration["EphemeralStorage"].known(), Some(&json!({ "Size": 1024 })));
    assert_eq!(
        read.configuration["VpcConfig"].expression(),
        json!({ "SubnetIds": [{ "Fn::GetAtt": ["Table", "Subnet"] }], "Ipv6AllowedForDualStack": true })
    );
    assert!(read.at_creation.contains_key("TenancyConfig"));
    assert_eq!(read.separate["ReservedConcurrentExecutions"].known(), Some(&json!(5)));
    assert_eq!(read.separate["RecursiveLoop"].known_str(), Some("Terminate"));
    let needs: Vec<String> = read.needs().iter().map(|need| format!("{need:?}")).collect();
    assert_eq!(needs.len(), 3, "role, table and subnet: {needs:?}");
}

#[test]
fn a_function_has_the_defaults_of_lambda() {
    let read = function(json!({})).unwrap();
    assert_eq!((read.memory, read.timeout), (Field::Known(128), Field::Known(3)));
    assert_eq!(read.architecture, Field::Known("x86_64".to_owned()));
    let image = function(
        json!({ "Code": { "ImageUri": "1.dkr.ecr/x:1" }, "PackageType": "Image", "Runtime": null, "Handler": null }),
    );
    let image = image.unwrap();
    assert_eq!((image.runtime, image.handler), (None, None));
    assert!(matches!(image.code, PlainCode::Image { .. }));
}

/// (properties, words of the problem)
#[test]
fn what_lambda_or_sluice_would_refuse_is_an_error_with_its_place() {
    let table: Vec<(Value, &str)> = vec![
        (json!({ "Role": null }), "Properties.Role: the function has no Role"),
        (json!({ "Runtime": null, "Handler": null }), "no Runtime"),
        (json!({ "Code": null }), "no Code"),
        (json!({ "Code": { "ZipFile": "x" } }), "the code is written in the template"),
        (json!({ "Code": { "S3Bucket": "b" } }), "neither an object in S3 nor an image"),
        (json!({ "Code": { "S3Bucket": "b", "S3Kee": "k" } }), "no property `Code.S3Kee`"),
        (json!({ "MemorySize": 64 }), "MemorySize is `64`"),
        (json!({ "MemorySize": "large" }), "expected a value of the type integer"),
        (json!({ "Timeout": 901 }), "Timeout is `901`"),
        (json!({ "Architectures": ["sparc"] }), "Architectures is"),
        (json!({ "MemorySise": 128 }), "a function has no property `MemorySise`"),
        (json!({ "VpcConfig": { "Subnets": [] } }), "no property `VpcConfig.Subnets`"),
        (json!({ "PublishToLatestPublished": true }), "Sluice publishes"),
        (
            json!({ "Environment": { "Variables": { "AWS_REGION": "x" } } }),
            "Variables.AWS_REGION: Lambda sets",
        ),
        (json!({ "Environment": { "Variables": { "A_LIST": ["x"] } } }), "expected a string"),
        (json!({ "Environment": { "Variables": { "BIG": "x".repeat(4_096) } } }), "has 4099 bytes"),
        (json!({ "Tags": [{ "Key": { "Ref": "Table" }, "Value": "x" }] }), "a tag has no Key"),
        (json!({ "Tags": { "team": "x" } }), "expected a value of the type list"),
    ];
    for (properties, expected) in table {
        let found = problems(function(properties.clone()));
        assert!(found.contains(expected), "{properties}: {found}");
        assert!(found.starts_with("app/template.yaml line 7, Hello: "), "{found}");
    }
}
