//! Names of functions; functions of container images over the wire, with the real emulator.

use axum::http::Method;
use serde_json::{Value, json};

use super::function_of;
use crate::aws::strict::{Rule, Strict};
use crate::aws::testing::{Reply, World};

const REGISTRY: &str = "000000000000.dkr.ecr.us-east-1.amazonaws.com";
const KIND: &str = "application/vnd.oci.image.manifest.v1+json";

async fn ecr(world: &World, method: &str, body: Value) -> Reply {
    world.json(&format!("AmazonEC2ContainerRegistry_V20150921.{method}"), body).await
}

/// Pushes an image that answers with this text; gives its digest.
async fn push(world: &World, tag: &str, kind: &str, answer: &str) -> String {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind, "annotations": { "sluice.sandbox/zip": world.package(answer).await },
    });
    let body = json!({
        "repositoryName": "orders", "imageTag": tag, "imageManifest": manifest.to_string(), "imageManifestMediaType": kind,
    });
    let pushed = ecr(world, "PutImage", body).await;
    assert_eq!(pushed.status, 200, "{}", pushed.body);
    let digest = pushed.body["image"]["imageId"]["imageDigest"].as_str().unwrap();
    digest.strip_prefix("sha256:").unwrap().to_owned()
}

async fn admits(world: &World, functions: &str) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" },
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": { "StringLike": { "aws:SourceArn": format!("arn:aws:lambda:us-east-1:*:function:{functions}") } },
    }] });
    let body = json!({ "repositoryName": "orders", "policyText": policy.to_string() });
    assert_eq!(ecr(world, "SetRepositoryPolicy", body).await.status, 200);
}

fn says(reply: &Reply, status: u16, words: &str) {
    assert_eq!(reply.status, status, "{}", reply.body);
    assert!(reply.body.to_string().contains(words), "{}", reply.body);
}

#[test]
fn a_function_is_named_by_its_name_or_arn() {
    assert_eq!(function_of("/2015-03-31/functions/f/versions"), "f");
    let arn = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/code";
    assert_eq!(function_of(arn), "f");
}

#[tokio::test]
async fn an_image_is_refused_and_shown_as_aws_does_and_runs_what_it_stands_for() {
    let lenient = Rule::ALL.into_iter().filter(|rule| *rule != Rule::Policies).collect();
    let world = World::with(Strict::new(lenient)).await;
    world.create_role().await;
    assert_eq!(ecr(&world, "CreateRepository", json!({ "repositoryName": "orders" })).await.status, 200);
    let one = push(&world, "one", KIND, "one").await;
    let of = |uri: &str| {
        json!({
            "FunctionName": "f", "Role": "arn:aws:iam::000000000000:role/sluice/r", "PackageType": "Image", "Publish": true,
            "Code": { "ImageUri": uri }, "ImageConfig": { "Command": ["app.handler"] },
        })
    };
    let create = async |body: Value| world.lambda(Method::POST, "", body).await;
    let uri = |id: &str| format!("{REGISTRY}/orders{id}");
    says(&create(of(&uri(":one"))).await, 403, "does not have permission to access the ECR image");
    admits(&world, "g").await;
    says(&create(of(&uri(":one"))).await, 403, "does not have permission to access the ECR image");
    admits(&world, "f").await;
    says(&create(of(&uri(":two"))).await, 400, "does not exist. Provide a valid source image.");
    says(&create(of("public.ecr.aws/orders:1")).await, 400, "is not valid. Provide a valid source image.");
    push(&world, "many", "application/vnd.oci.image.index.v1+json", "many").await;
    says(&create(of(&uri(":many"))).await, 400, "media type for the source image");
    let mut both = of(&uri(":one"));
    both["Handler"] = "app.handler".into();
    says(&create(both).await, 400, "Please don't provide Handler or Runtime or Layer");

    let created = create(of(&uri(&format!("@sha256:{one}")))).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let latest = world.settled().await;
    let versions = world.lambda(Method::GET, "/f/versions", Value::Null).await.body;
    for config in [&created.body, &latest, &versions["Versions"][1]] {
        assert_eq!((&config["CodeSha256"], &config["PackageType"]), (&json!(one), &json!("Image")));
        assert!(config.get("Runtime").is_none() && config.get("Handler").is_none(), "{config}");
        assert_eq!(config["ImageConfigResponse"]["ImageConfig"]["Command"], json!(["app.handler"]));
    }
    let function = world.lambda(Method::GET, "/f", Value::Null).await.body;
    assert_eq!(function["Code"]["ResolvedImageUri"], uri(&format!("@sha256:{one}")));
    let answer = async || world.lambda(Method::POST, "/f/invocations", json!({})).await.body["body"].clone();
    assert_eq!(answer().await, "one");

    let update = async |body: Value| world.lambda(Method::PUT, "/f/code", body).await;
    says(&update(json!({ "ZipFile": world.package("zip").await })).await, 400, "Please provide ImageUri");
    let two = push(&world, "two", KIND, "two").await;
    let updated = update(json!({ "ImageUri": uri(":two"), "Publish": true })).await;
    assert_eq!((updated.status, &updated.body["CodeSha256"]), (200, &json!(two)), "{}", updated.body);
    let latest = world.settled().await;
    assert_eq!(answer().await, "two");
    let published = world.lambda(Method::POST, "/f/versions", json!({ "CodeSha256": two })).await;
    assert_eq!((published.status, &published.body["Version"]), (201, &json!("2")));
    let layers = world.lambda(Method::PUT, "/f/configuration", json!({ "Layers": [] })).await;
    says(&layers, 400, "container images");
    assert_eq!(latest["CodeSha256"], two);

    let mut archive = world.function("zip").await;
    archive["FunctionName"] = "g".into();
    assert_eq!(create(archive).await.status, 201);
    let converted = async || world.lambda(Method::PUT, "/g/code", json!({ "ImageUri": uri(":two") })).await;
    let mut reply = converted().await;
    while reply.status == 409 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        reply = converted().await;
    }
    says(&reply, 400, "packageType Zip");
}
