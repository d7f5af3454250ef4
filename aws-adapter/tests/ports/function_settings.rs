//! Settings of functions and layers on the wire: what is sent, and what is read back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sluice_commands::ports::{
    FunctionCode, FunctionConfig, LayerContent, LayerVersion, Readiness, SeparateSetting, Tags,
};
use sluice_model::{Class, CodeRef, ImageUri};

use crate::harness::recorded_server::{RecordedServer, rest};
use crate::harness::{aws, target};

/// An answer about version 3 with everything that Lambda adds to settings.
const FULL: &str = r#"{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f:3",
    "Version":"3","CodeSha256":"c2hh","RevisionId":"r2","Runtime":"python3.12","Handler":"app.handler","Role":"arn:r",
    "MemorySize":256,"Timeout":9,"Architectures":["arm64"],"Environment":{"Variables":{"A":"1"}},
    "Description":"Counts","Layers":[{"Arn":"arn:l:1","CodeSize":9},{"Arn":"arn:m:2","CodeSize":9}],
    "VpcConfig":{"VpcId":"vpc-1","SubnetIds":["b","a"],"SecurityGroupIds":["s"],"Ipv6AllowedForDualStack":false},
    "DeadLetterConfig":{"TargetArn":"arn:q"},"KMSKeyArn":"arn:k","TracingConfig":{"Mode":"Active"},
    "FileSystemConfigs":[{"Arn":"arn:a","LocalMountPath":"/mnt/a"}],"EphemeralStorage":{"Size":1024},
    "SnapStart":{"ApplyOn":"PublishedVersions","OptimizationStatus":"On"},
    "LoggingConfig":{"LogFormat":"JSON","ApplicationLogLevel":"INFO","SystemLogLevel":"WARN","LogGroup":"/aws/lambda/f"},
    "DurableConfig":{"ExecutionTimeout":60,"RetentionPeriodInDays":14},"TenancyConfig":{"TenantIsolationMode":"PER_TENANT"},
    "CapacityProviderConfig":{"LambdaManagedInstancesCapacityProviderConfig":{"CapacityProviderArn":"arn:c"}},
    "PackageType":"Zip","State":"Inactive","StateReasonCode":"Idle","LastUpdateStatus":"Successful"}"#;

/// The same as a template says it.
fn full() -> FunctionConfig {
    let of =
        |value: Value| value.as_object().expect("an object").clone().into_iter().collect::<BTreeMap<_, _>>();
    let config = FunctionConfig {
        runtime: Some("python3.12".into()),
        handler: Some("app.handler".into()),
        role: "arn:r".into(),
        memory: 256,
        timeout: 9,
        architecture: "arm64".into(),
        environment: [("A".to_owned(), "1".to_owned())].into(),
        description: "Counts".into(),
        layers: vec!["arn:l:1".into(), "arn:m:2".into()],
        settings: of(json!({
            "CapacityProviderConfig": {
                "LambdaManagedInstancesCapacityProviderConfig": { "CapacityProviderArn": "arn:c" },
            },
            "DeadLetterConfig": { "TargetArn": "arn:q" },
            "DurableConfig": { "ExecutionTimeout": 60 },
            "EphemeralStorage": { "Size": 1024 },
            "FileSystemConfigs": [{ "Arn": "arn:a", "LocalMountPath": "/mnt/a" }],
            "KMSKeyArn": "arn:k",
            "LoggingConfig": { "LogFormat": "JSON", "SystemLogLevel": "WARN" },
            "SnapStart": { "ApplyOn": "PublishedVersions" },
            "TracingConfig": { "Mode": "Active" },
            "VpcConfig": { "SubnetIds": ["a", "b"], "SecurityGroupIds": ["s"] },
        })),
        at_creation: of(json!({ "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" } })),
    };
    config.normalised("f")
}

fn object() -> CodeRef {
    CodeRef { bucket: "b".into(), key: "k".into(), version: "v".into(), sha256: "c2hh".into() }
}

fn body(server: &RecordedServer, nth: usize) -> Value {
    serde_json::from_str(&server.requests()[nth].body).expect("a body in JSON")
}

#[tokio::test]
async fn every_setting_is_read_back_as_it_was_wanted() {
    let answer = format!("{{\"Configuration\": {FULL}}}");
    let server = RecordedServer::answering(vec![rest(200, "", answer.leak())]);
    let version = aws(&server.url).await.functions.version(&target(), "f", "3").await.unwrap().unwrap();
    assert_eq!(version.config, full());
    assert_eq!(version.readiness, Readiness::Inactive("Idle".into()));
}

#[tokio::test]
async fn a_new_function_is_sent_with_every_setting() {
    let server = RecordedServer::answering(vec![rest(201, "", FULL)]);
    let functions = aws(&server.url).await.functions;
    let code = FunctionCode::Archive {
        object: object(),
        settings: [("S3ObjectStorageMode".to_owned(), "REFERENCE".to_owned())].into(),
    };
    functions.create_function(&target(), "f", &full(), &code, &Tags::new()).await.unwrap();
    let sent = body(&server, 0);
    for (name, value) in full().settings.iter().chain(&full().at_creation) {
        assert_eq!(&sent[name], value, "{name}");
    }
    assert_eq!((&sent["PackageType"], &sent["Description"]), (&json!("Zip"), &json!("Counts")));
    assert_eq!(sent["Layers"], json!(["arn:l:1", "arn:m:2"]));
    assert_eq!(sent["Code"]["S3ObjectStorageMode"], "REFERENCE");
}

#[tokio::test]
async fn an_update_resets_what_is_no_longer_set() {
    let server = RecordedServer::answering(vec![rest(200, "", FULL)]);
    let functions = aws(&server.url).await.functions;
    let plain = FunctionConfig { settings: BTreeMap::new(), layers: vec![], ..full() };
    let reset: BTreeSet<String> =
        ["DeadLetterConfig", "VpcConfig", "LoggingConfig", "KMSKeyArn"].map(str::to_owned).into();
    functions.update_config(&target(), "f", &plain, &reset, "r1").await.unwrap();
    let sent = body(&server, 0);
    assert_eq!(sent["VpcConfig"]["SubnetIds"], json!([]));
    assert_eq!(sent["DeadLetterConfig"], json!({ "TargetArn": "" }));
    assert_eq!(sent["LoggingConfig"], json!({ "LogFormat": "Text", "LogGroup": "/aws/lambda/f" }));
    assert_eq!((&sent["KMSKeyArn"], &sent["Layers"]), (&json!(""), &json!([])));
    assert!(sent.get("TracingConfig").is_none() && sent.get("TenancyConfig").is_none(), "{sent}");

    let permanent = BTreeSet::from(["DurableConfig".to_owned()]);
    let error = functions.update_config(&target(), "f", &plain, &permanent, "r1").await.unwrap_err();
    assert_eq!((error.class, server.requests().len()), (Class::Invalid, 1), "nothing is sent");
}

#[tokio::test]
async fn an_image_has_neither_runtime_nor_handler() {
    let hex = "0123456789abcdef".repeat(4);
    let uri = format!("000000000000.dkr.ecr.us-east-1.amazonaws.com/orders@sha256:{hex}");
    let answer = format!(
        r#"{{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f","Version":"1",
        "CodeSha256":"{hex}","RevisionId":"r","Role":"arn:r","MemorySize":128,"Timeout":3,"PackageType":"Image",
        "Architectures":["x86_64"],"State":"Pending",
        "ImageConfigResponse":{{"ImageConfig":{{"Command":["app.handler"]}}}}}}"#
    );
    let answer: &'static str = answer.leak();
    let server = RecordedServer::answering(vec![rest(201, "", answer), rest(200, "", answer)]);
    let functions = aws(&server.url).await.functions;
    let code = FunctionCode::from(&ImageUri::new(&uri).unwrap());
    let settings = [("ImageConfig".to_owned(), json!({ "Command": ["app.handler"] }))].into();
    let config = FunctionConfig { role: "arn:r".into(), settings, ..FunctionConfig::default() };
    let made = functions.create_function(&target(), "f", &config, &code, &Tags::new()).await.unwrap();
    assert_eq!((&made.config, made.code_sha256.as_str()), (&config, code.sha256()));
    let sent = body(&server, 0);
    assert_eq!((&sent["PackageType"], &sent["Code"]), (&json!("Image"), &json!({ "ImageUri": uri })));
    functions.update_config(&target(), "f", &config, &BTreeSet::new(), "r").await.unwrap();
    for sent in [sent, body(&server, 1)] {
        let refused = ["Runtime", "Handler", "Layers"].iter().any(|member| sent.get(member).is_some());
        assert!(!refused, "{sent}");
    }
}

#[tokio::test]
async fn a_refusal_to_an_inactive_version_wakes_it() {
    for (status, code) in [
        (409, "SnapStartNotReadyException"),
        (502, "ResourceNotReadyException"),
        (409, "ResourceConflictException"),
    ] {
        let server = RecordedServer::answering(vec![rest(status, code, r#"{"Message":"not ready"}"#)]);
        let woken = aws(&server.url).await.functions.wake(&target(), "f", "3").await;
        assert_eq!(woken, Ok(()), "{code}");
        let request = &server.requests()[0];
        assert!(request.body.contains("wake"), "{}", request.body);
    }
    let denied = rest(403, "AccessDeniedException", r#"{"Message":"no"}"#);
    let server = RecordedServer::answering(vec![denied]);
    let error = aws(&server.url).await.functions.wake(&target(), "f", "3").await.unwrap_err();
    assert_eq!(error.class, Class::Denied);
}

#[tokio::test]
async fn a_setting_with_a_call_of_its_own_is_read_and_set() {
    use SeparateSetting::*;
    for (setting, answer, expected) in [
        (ReservedConcurrentExecutions, r#"{"ReservedConcurrentExecutions":0}"#, Some(json!(0))),
        (ReservedConcurrentExecutions, "{}", None),
        (RecursiveLoop, r#"{"RecursiveLoop":"Allow"}"#, Some(json!("Allow"))),
        (RecursiveLoop, r#"{"RecursiveLoop":"Terminate"}"#, None),
        (
            CodeSigningConfigArn,
            r#"{"CodeSigningConfigArn":"arn:s","FunctionName":"f"}"#,
            Some(json!("arn:s")),
        ),
        (
            RuntimeManagementConfig,
            r#"{"UpdateRuntimeOn":"Auto","FunctionArn":"a","RuntimeVersionArn":null}"#,
            None,
        ),
        (
            RuntimeManagementConfig,
            r#"{"UpdateRuntimeOn":"Manual","FunctionArn":"a","RuntimeVersionArn":"arn:v"}"#,
            Some(json!({ "UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:v" })),
        ),
        (
            FunctionScalingConfig,
            r#"{"FunctionArn":"a","RequestedFunctionScalingConfig":{"MinExecutionEnvironments":2}}"#,
            Some(json!({ "MinExecutionEnvironments": 2 })),
        ),
    ] {
        let server = RecordedServer::answering(vec![rest(200, "", answer)]);
        let settings = aws(&server.url).await.function_settings;
        let read = settings.separate_setting(&target(), "f", "$LATEST", setting).await;
        assert_eq!(read, Ok(expected.clone()), "{}", setting.name());
        let Some(value) = expected else { continue };
        let server = RecordedServer::answering(vec![rest(200, "", answer)]);
        let settings = aws(&server.url).await.function_settings;
        settings.put_separate_setting(&target(), "f", "$LATEST", setting, Some(&value)).await.unwrap();
        let sent = body(&server, 0);
        let whole = sent == value || sent.as_object().unwrap().values().eq([&value]);
        assert!(whole, "{}: {sent}", setting.name());
    }
    let server = RecordedServer::answering(vec![rest(200, "", "{}")]);
    let settings = aws(&server.url).await.function_settings;
    let wrong = json!({ "UpdateRuntimeOn": "Auto", "Colour": "red" });
    let refused = settings
        .put_separate_setting(&target(), "f", "$LATEST", RuntimeManagementConfig, Some(&wrong))
        .await
        .unwrap_err();
    assert!(refused.detail.contains("Colour") && server.requests().is_empty(), "{refused}");
}

fn layer() -> LayerContent {
    LayerContent {
        archive: object(),
        description: "Tools".into(),
        runtimes: vec!["python3.12".into()],
        architectures: vec!["arm64".into()],
        license: String::new(),
    }
}

#[tokio::test]
async fn an_equal_layer_version_is_found_by_its_archive() {
    let list = r#"{"LayerVersions":[
        {"LayerVersionArn":"arn:l:3","Version":3,"Description":"Other"},
        {"LayerVersionArn":"arn:l:2","Version":2,"Description":"Tools","CompatibleRuntimes":["python3.12"],
         "CompatibleArchitectures":["arm64"]},
        {"LayerVersionArn":"arn:l:1","Version":1,"Description":"Tools","CompatibleRuntimes":["python3.12"],
         "CompatibleArchitectures":["arm64"]}]}"#;
    let other = r#"{"LayerVersionArn":"arn:l:2","Version":2,"Content":{"CodeSha256":"b3RoZXI="}}"#;
    let same = r#"{"LayerVersionArn":"arn:l:1","Version":1,"Content":{"CodeSha256":"c2hh"}}"#;
    let answers = [list, other, same].map(|answer| rest(200, "", answer));
    let server = RecordedServer::answering(answers.into());
    let layers = aws(&server.url).await.layers;
    let found = layers.layer_version_like(&target(), "sluice-orders-Tools", &layer()).await;
    let expected = LayerVersion { arn: "arn:l:1".into(), version: 1, sha256: "c2hh".into() };
    assert_eq!(found, Ok(Some(expected)));
    assert_eq!(server.requests().len(), 3, "version 3 differs in the list already");
}

#[tokio::test]
async fn a_layer_version_is_published_from_s3() {
    let answer = r#"{"LayerVersionArn":"arn:l:4","Version":4,"Content":{"CodeSha256":"c2hh","CodeSize":9}}"#;
    let server = RecordedServer::answering(vec![rest(201, "", answer)]);
    let layers = aws(&server.url).await.layers;
    let made = layers.publish_layer_version(&target(), "sluice-orders-Tools", &layer()).await.unwrap();
    assert_eq!((made.version, made.arn.as_str()), (4, "arn:l:4"));
    let sent = body(&server, 0);
    assert_eq!(sent["Content"], json!({ "S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v" }));
    assert_eq!(sent["CompatibleArchitectures"], json!(["arm64"]));
    assert!(sent.get("LicenseInfo").is_none(), "{sent}");
}
