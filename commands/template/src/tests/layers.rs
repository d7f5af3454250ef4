//! Layers of a template, and the functions that use them.

use super::*;

const LAYER: &str = "AWS::Lambda::LayerVersion";
const PUBLIC: &str = "arn:aws:lambda:eu-central-1:1:layer:x:3";

/// A layer with these properties besides its content.
fn layer(properties: Value) -> Value {
    let mut all = json!({ "Content": { "S3Bucket": BUCKET, "S3Key": "orders/code/layer" } });
    for (name, value) in properties.as_object().unwrap() {
        all[name] = value.clone();
    }
    json!({ "Type": LAYER, "Properties": all })
}

fn archive(manifest: &Manifest) -> CodeRef {
    let PinnedCode::Archive(object) = &manifest.functions["Hello"] else { panic!("{manifest:?}") };
    object.clone()
}

/// An application with a layer `Tools` and a function that has these layers.
fn with(tools: Value, layers: Value) -> Result<Application, Vec<TemplateError>> {
    let whole = template(json!({ "Tools": layer(tools), "Hello": function(json!({ "Layers": layers })) }));
    let mut manifest = manifest_of(&whole);
    let pinned = CodeRef { key: "orders/code/layer".into(), ..archive(&manifest) };
    manifest.layers.insert("Tools".into(), pinned);
    World::new().read_as(&whole.to_string(), &manifest)
}

#[test]
fn a_function_names_layers_of_the_template_and_of_others() {
    let own = AppLayerRef::Own { layer: "Tools".into() };
    for reference in [
        json!({ "Ref": "Tools" }),
        json!({ "Fn::GetAtt": ["Tools", "LayerVersionArn"] }),
        json!({ "Fn::Sub": "${Tools}" }),
    ] {
        let app = with(json!({}), json!([PUBLIC, reference])).unwrap();
        assert_eq!(
            app.functions["Hello"].layers,
            [AppLayerRef::Arn(PUBLIC.into()), own.clone()],
            "{reference}"
        );
    }
    let errors = with(json!({}), json!([{ "Fn::Sub": "${Tools}:1" }])).unwrap_err();
    assert!(errors[0].problem.contains("it needs `Tools`"), "{errors:?}");
}

#[test]
fn every_property_of_a_layer_is_kept() {
    let tools = json!({
        "Description": "Fonts", "LicenseInfo": "MIT", "CompatibleArchitectures": ["arm64"],
        "CompatibleRuntimes": ["python3.12", "python3.13"], "LayerName": { "Fn::Sub": "fonts-${Stage}" },
    });
    let app = with(tools, json!([])).unwrap();
    let tools = &app.layers["Tools"];
    assert_eq!(tools.name, "sluice-orders-fonts-prod");
    assert_eq!((tools.description.as_str(), tools.license.as_str()), ("Fonts", "MIT"));
    assert_eq!((tools.runtimes.len(), tools.architectures.as_slice()), (2, ["arm64".to_owned()].as_slice()));
    assert_eq!((tools.content.key.as_str(), tools.content.version.as_str()), ("orders/code/layer", "v1"));
    assert_eq!(with(json!({}), json!([])).unwrap().layers["Tools"].name, "sluice-orders-Tools");
}

#[test]
fn a_layer_that_cannot_be_published_is_refused() {
    for (tools, words) in [
        (json!({ "Content": { "S3Bucket": "other", "S3Key": "orders/code/layer" } }), "outside s3://"),
        (json!({ "Content": { "S3Bucket": BUCKET, "S3Key": "orders/code/x" } }), "sluice-manifest.json pins"),
        (json!({ "Content": "orders/code/layer" }), "the layer has no content"),
        (json!({ "Description": "x".repeat(257) }), "more than 256 characters"),
        (json!({ "CompatibleRuntimes": vec!["python3.12"; 16] }), "more than 15 entries"),
        (json!({ "CompatibleRuntimes": "python3.12" }), "expected a list"),
        (json!({ "Colour": "red" }), "`Colour` is not supported"),
    ] {
        let errors = with(tools, json!([])).unwrap_err();
        assert!(errors.iter().any(|error| error.problem.contains(words)), "{words}: {errors:?}");
    }
}

#[test]
fn the_manifest_and_the_template_must_have_the_same_layers() {
    let whole = template(json!({ "Tools": layer(json!({})), "Hello": function(json!({})) }));
    let mut manifest = manifest_of(&whole);
    let errors = World::new().read_as(&whole.to_string(), &manifest).unwrap_err();
    assert!(errors[0].problem.contains("does not have this layer"), "{errors:?}");
    let pinned = archive(&manifest);
    manifest.layers.insert("Gone".into(), pinned);
    let errors = World::new().read_as(&whole.to_string(), &manifest).unwrap_err();
    assert!(errors.iter().any(|error| error.problem.contains("the layer Gone")), "{errors:?}");
}

/// Digests of applications are in journals.
#[test]
fn the_arn_of_a_layer_is_written_as_before() {
    let arn = AppLayerRef::Arn(PUBLIC.into());
    assert_eq!(serde_json::to_value(&arn).unwrap(), json!(PUBLIC));
    for layer in [arn, AppLayerRef::Own { layer: "Tools".into() }] {
        let written = serde_json::to_value(&layer).unwrap();
        assert_eq!(serde_json::from_value::<AppLayerRef>(written).unwrap(), layer);
    }
}
