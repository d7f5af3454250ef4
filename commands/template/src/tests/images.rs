//! Functions whose code is a container image.

use super::*;

const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

fn image(repository: &str) -> String {
    format!("{REGISTRY}/{repository}@sha256:{}", "0a".repeat(32))
}

/// A function of an image, with these properties besides.
fn of_image(uri: &str, properties: Value) -> Value {
    let mut all = json!({
        "Code": { "ImageUri": uri }, "PackageType": "Image", "Role": { "Fn::GetAtt": ["HelloRole", "Arn"] },
    });
    for (name, value) in properties.as_object().unwrap() {
        all[name] = value.clone();
    }
    template(json!({ "Hello": { "Type": FUNCTION, "Properties": all } }))
}

#[test]
fn a_function_of_an_image_has_neither_runtime_nor_handler() {
    let config = json!({ "Command": ["app.handler"], "EntryPoint": ["/run"], "WorkingDirectory": "/work" });
    let whole = of_image(&image("orders"), json!({ "ImageConfig": config, "MemorySize": 512 }));
    let read = World::new().read(&whole).unwrap();
    let hello = &read.functions["Hello"];
    assert_eq!((&hello.runtime, &hello.handler, hello.memory), (&None, &None, 512));
    assert_eq!((hello.code.is_image(), hello.code.sha256()), (true, "0a".repeat(32).as_str()));
    assert_eq!(hello.settings["ImageConfig"], config);
    let text = serde_json::to_string(&read).unwrap();
    assert!(!text.contains("runtime"), "{text}");
    assert_eq!(serde_json::from_str::<Application>(&text).unwrap(), read);
}

/// Lambda would refuse it halfway through a deploy.
#[test]
fn what_lambda_does_not_take_for_an_image_is_refused_with_its_line() {
    for (property, value, words) in [
        ("Runtime", json!("python3.12"), "the image has its runtime"),
        ("Handler", json!("app.handler"), "ImageConfig.Command"),
        (
            "Layers",
            json!(["arn:aws:lambda:eu-central-1:1:layer:x:1"]),
            "copy the layer's content into the image",
        ),
        ("SnapStart", json!({ "ApplyOn": "PublishedVersions" }), "remove it"),
        (
            "CodeSigningConfigArn",
            json!("arn:aws:lambda:eu-central-1:1:code-signing-config:x"),
            "zip archives",
        ),
        ("RuntimeManagementConfig", json!({ "UpdateRuntimeOn": "Auto" }), "the image has its runtime"),
    ] {
        let error = refused(&of_image(&image("orders"), json!({ property: value })));
        let problem = format!("Properties.{property}: Lambda does not take {property} for a container image");
        assert_eq!(error.to_string(), format!("template.yaml line 7, Hello: {problem}"));
        assert!(error.hint.contains(words), "{error:?}");
    }
    let off = of_image(&image("orders"), json!({ "SnapStart": { "ApplyOn": "None" } }));
    World::new().read(&off).unwrap();
}

#[test]
fn package_type_and_code_must_fit() {
    let error = refused(&of_image(&image("orders"), json!({ "PackageType": "Zip" })));
    assert!(error.problem.contains("which is an image"), "{error:?}");
    let archive = |properties| refused(&template(json!({ "Hello": function(properties) })));
    assert!(archive(json!({ "PackageType": "Image" })).problem.contains("which is a zip archive"));
    let error = archive(json!({ "ImageConfig": { "Command": ["a"] } }));
    assert!(error.problem.contains("ImageConfig is for images alone"), "{error:?}");
    let key = json!({ "Code": { "ImageUri": image("orders"), "SourceKMSKeyArn": "arn:k" } });
    assert!(refused(&of_image("", key)).problem.contains("no setting `SourceKMSKeyArn`"));
}

/// The author of a template can run any program in an image, which reads what the image has.
#[test]
fn an_image_comes_from_a_repository_of_the_pipeline_or_from_one_that_an_admin_allowed() {
    for own in ["orders", "orders/api"] {
        let (world, whole) = (World::new(), of_image(&image(own), json!({})));
        world.read(&whole).unwrap();
        assert!(foreign_repositories(manifest_of(&whole).functions.values(), &world.pipeline).is_empty());
    }
    for foreign in ["billing", "orders-eu", "shop/orders"] {
        let whole = of_image(&image(foreign), json!({}));
        let error = refused(&whole);
        assert!(error.problem.contains(&format!("in the repository {foreign}")), "{error:?}");
        let line = format!("/stage set orders prod images={foreign}");
        assert!(error.hint.contains(&line), "{error:?}");
        let world = World { images: [foreign.to_owned()].into(), ..World::new() };
        world.read(&whole).unwrap();
        let found = foreign_repositories(manifest_of(&whole).functions.values(), &world.pipeline);
        assert_eq!(found, [foreign.to_owned()].into());
    }
}

/// The provider of a custom resource stays in the stack, and CloudFormation creates it.
#[test]
fn an_image_of_a_function_in_the_stack_is_checked_alike() {
    let of = |uri: &str| {
        let provider = json!({ "Type": FUNCTION, "Properties": {
            "Code": { "ImageUri": uri }, "PackageType": "Image", "Role": { "Fn::GetAtt": ["ProviderRole", "Arn"] } } });
        let custom = json!({ "Type": "Custom::Seed", "Properties": { "ServiceToken": { "Fn::GetAtt": ["Provider", "Arn"] } } });
        template(json!({
            "Hello": function(json!({})), "Provider": provider, "ProviderRole": role(json!({})), "Seed": custom,
        }))
    };
    let read = World::new().read(&of(&image("orders"))).unwrap();
    assert!(!read.functions.contains_key("Provider"), "it is in the stack");
    let error = refused(&of(&image("billing")));
    assert!(error.problem.contains("in the repository billing"), "{error:?}");
    let error = refused(&of(&format!("{REGISTRY}/orders:1")));
    assert!(error.problem.contains("has no digest"), "{error:?}");
}

#[test]
fn an_image_that_a_release_could_not_pin_is_refused() {
    let digest = "0a".repeat(32);
    for (uri, words) in [
        (format!("{REGISTRY}/orders:1"), "has no digest"),
        ("orders:1".to_owned(), "has no digest"),
        (
            format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/orders@sha256:{digest}"),
            "account and region",
        ),
        (
            format!("210987654321.dkr.ecr.eu-central-1.amazonaws.com/orders@sha256:{digest}"),
            "account and region",
        ),
        (format!("public.ecr.aws/orders@sha256:{digest}"), "account and region"),
    ] {
        let error = refused(&of_image(&uri, json!({})));
        assert!(error.problem.contains(words), "{uri}: {error:?}");
    }
}

#[test]
fn the_manifest_pins_the_same_image() {
    let whole = of_image(&image("orders"), json!({}));
    let (world, mut manifest) = (World::new(), manifest_of(&whole));
    let other = format!("{REGISTRY}/orders@sha256:{}", "0b".repeat(32));
    let archive = manifest_of(&template(json!({ "Hello": function(json!({})) }))).functions["Hello"].clone();
    let pins = [
        (Some(ImageUri::new(&other).unwrap().into()), "pins"),
        (Some(archive), "does not have"),
        (None, "does not have"),
    ];
    for (pin, words) in pins {
        manifest.functions = pin.map(|pin| ("Hello".to_owned(), pin)).into_iter().collect();
        let errors = world.read_as(&whole.to_string(), &manifest).unwrap_err();
        assert!(errors.len() == 1 && errors[0].problem.contains(words), "{errors:?}");
        assert!(errors[0].hint.contains("build again"), "{errors:?}");
    }
}
