//! Functions whose code is a container image. Nothing here can run an image, so it stands for a zip archive, which its manifest
//! carries in an annotation: the local AWS gets a function with that archive, and its answers are shown as those about the image.
//!
//! As at AWS, the image has to be in ECR, for one platform, and the repository's policy has to let Lambda read it.

use std::collections::HashMap;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::access::{Access, Action};
use super::super::account::{ACCOUNT, REGION, arn};
use super::super::upstream::Upstream;
use super::answers::{Refusable, refuse};

/// The annotations of a manifest: an archive in base64, and what it needs to run.
const ZIP: &str = "sluice.sandbox/zip";
const HANDLER: (&str, &str) = ("sluice.sandbox/handler", "app.handler");
const RUNTIME: (&str, &str) = ("sluice.sandbox/runtime", "python3.12");

/// The manifests that Lambda takes: <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>.
const MANIFESTS: [&str; 2] =
    ["application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"];
const ECR: &str = "AmazonEC2ContainerRegistry_V20150921.";
const LAMBDA: &str = "lambda.amazonaws.com";

/// The length of the record that ends an archive without a comment.
const END_OF_ARCHIVE: usize = 22;

/// An image that a function has.
#[derive(Debug, Clone)]
struct Known {
    /// `REGISTRY/REPOSITORY@sha256:DIGEST`.
    uri: String,
    digest: String,
    handler: String,
}

/// The archive of an image.
pub struct Unpacked {
    /// In base64.
    pub zip: String,
    pub runtime: String,
    pub handler: String,
}

/// The images that functions have, by `CodeSha256` of their archives.
pub struct Images {
    upstream: Upstream,
    access: Access,
    known: Mutex<HashMap<String, Known>>,
}

impl Images {
    pub fn new(upstream: Upstream, access: Access) -> Self {
        Self { upstream, access, known: Mutex::default() }
    }

    /// The archive of an image that a function shall have; AWS's refusal if Lambda could not use it.
    pub async fn unpack(&self, function: &str, uri: &str) -> Refusable<Unpacked> {
        let (repository, id) = parsed(uri).ok_or_else(|| {
            invalid(&format!("Source image {uri} is not valid. Provide a valid source image."))
        })?;
        self.readable(function, repository).await?;
        let asked = json!({ "repositoryName": repository, "imageIds": [id] });
        let answer = self.ecr("BatchGetImage", &asked).await?;
        let Some(image) = answer.as_ref().and_then(|answer| answer["images"].get(0)) else {
            return Err(invalid(&format!(
                "Source image {uri} does not exist. Provide a valid source image."
            )));
        };
        let kind = image["imageManifestMediaType"].as_str().unwrap_or_default();
        let manifest: Value =
            serde_json::from_str(image["imageManifest"].as_str().unwrap_or_default()).unwrap_or_default();
        if !MANIFESTS.contains(&kind) {
            let message = format!(
                "The image manifest, config or layer media type for the source image {uri} is not supported."
            );
            return Err(invalid(&message));
        }
        let annotation = |(name, default): (&str, &str)| {
            manifest["annotations"][name].as_str().unwrap_or(default).to_owned()
        };
        let digest = image["imageId"]["imageDigest"].as_str().unwrap_or_default();
        let digest = digest.trim_start_matches("sha256:");
        let zip = STANDARD.decode(annotation((ZIP, ""))).ok().and_then(|zip| marked(zip, digest));
        let Some(zip) = zip else {
            let message =
                format!("the sandbox runs no images: give the manifest of {uri} an archive in `{ZIP}`");
            return Err(invalid(&message));
        };
        let uri = format!("{}/{repository}@sha256:{digest}", registry());
        let handler = annotation(HANDLER);
        let known = Known { uri, digest: digest.to_owned(), handler: handler.clone() };
        self.known.lock().insert(STANDARD.encode(Sha256::digest(&zip)), known);
        Ok(Unpacked { zip: STANDARD.encode(zip), runtime: annotation(RUNTIME), handler })
    }

    /// Whether a function of the local AWS is an image.
    pub fn is_image(&self, config: &Value) -> bool {
        self.of(config).is_some()
    }

    /// The handler of a function with that `ImageConfig`; `None` if it is no image.
    pub fn handler(&self, config: &Value, image_config: &Value) -> Option<String> {
        let own = self.of(config)?.handler;
        Some(image_config["Command"][0].as_str().map_or(own, str::to_owned))
    }

    /// Shows the configuration of a function as AWS shows that of its image.
    pub fn show(&self, config: &mut Value) {
        let Some(image) = self.of(config) else { return };
        config["CodeSha256"] = image.digest.into();
        config["PackageType"] = "Image".into();
        if let Some(fields) = config.as_object_mut() {
            fields.retain(|field, _| !["Runtime", "Handler", "Layers"].contains(&field.as_str()));
        }
    }

    /// Shows an answer of `GetFunction`.
    pub fn show_function(&self, answer: &mut Value) {
        if let Some(image) = self.of(&answer["Configuration"]) {
            answer["Code"] =
                json!({ "RepositoryType": "ECR", "ImageUri": image.uri, "ResolvedImageUri": image.uri });
        }
        self.show(&mut answer["Configuration"]);
    }

    fn of(&self, config: &Value) -> Option<Known> {
        self.known.lock().get(config["CodeSha256"].as_str()?).cloned()
    }

    /// Refuses a repository whose policy does not let Lambda read for that function. Lambda would add the permission itself, if its
    /// caller might: that is not done here.
    async fn readable(&self, function: &str, repository: &str) -> Refusable<()> {
        let answer = self.ecr("GetRepositoryPolicy", &json!({ "repositoryName": repository })).await?;
        let text = answer.as_ref().and_then(|answer| answer["policyText"].as_str()).unwrap_or_default();
        let policy: Value = serde_json::from_str(text).unwrap_or_default();
        let allowed = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"].iter().all(|action| {
            let action = Action::new(*action, arn("ecr", &format!("repository/{repository}")))
                .with("aws:SourceAccount", ACCOUNT)
                .with("aws:SourceArn", arn("lambda", &format!("function:{function}")));
            self.access.is_allowed_to_service(&policy, LAMBDA, &action)
        });
        if allowed {
            return Ok(());
        }
        let message = "Lambda does not have permission to access the ECR image. Check the ECR permissions.";
        Err(refuse(StatusCode::FORBIDDEN, "AccessDeniedException", message))
    }

    /// A call to ECR; `None` if it refuses.
    async fn ecr(&self, method: &str, body: &Value) -> Result<Option<Value>, Box<Response>> {
        let target = format!("{ECR}{method}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
        let answer = self.upstream.call("ecr", Method::POST, "/", &headers, body.to_string()).await?;
        Ok(answer.status.is_success().then(|| answer.json()))
    }
}

fn invalid(message: &str) -> Box<Response> {
    refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
}

fn registry() -> String {
    format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com")
}

/// The repository of an image of this account and region, and its id there.
fn parsed(uri: &str) -> Option<(&str, Value)> {
    let name = uri.strip_prefix(&registry())?.strip_prefix('/')?;
    if let Some((name, digest)) = name.split_once('@') {
        let repository = name.split_once(':').map_or(name, |(repository, _)| repository);
        return Some((repository, json!({ "imageDigest": digest })));
    }
    let (repository, tag) = name.split_once(':')?;
    Some((repository, json!({ "imageTag": tag })))
}

/// An archive with the digest of its image as comment: two images are two archives.
fn marked(mut zip: Vec<u8>, digest: &str) -> Option<Vec<u8>> {
    let end = zip.len().checked_sub(END_OF_ARCHIVE)?;
    let record = zip.get_mut(end..).filter(|record| record.starts_with(b"PK\x05\x06"))?;
    let length = u16::try_from(digest.len()).ok()?.to_le_bytes();
    record.get_mut(END_OF_ARCHIVE - 2..)?.copy_from_slice(&length);
    zip.extend(digest.as_bytes());
    Some(zip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_tag_or_digest() {
        let (repository, id) = parsed("000000000000.dkr.ecr.us-east-1.amazonaws.com/shop/orders:1").unwrap();
        assert_eq!((repository, id), ("shop/orders", json!({ "imageTag": "1" })));
        let (repository, id) =
            parsed("000000000000.dkr.ecr.us-east-1.amazonaws.com/orders@sha256:a").unwrap();
        assert_eq!((repository, id), ("orders", json!({ "imageDigest": "sha256:a" })));
        for foreign in ["orders:1", "111111111111.dkr.ecr.us-east-1.amazonaws.com/orders:1"] {
            assert!(parsed(foreign).is_none(), "{foreign}");
        }
        assert!(
            parsed("000000000000.dkr.ecr.us-east-1.amazonaws.com/orders").is_none(),
            "neither tag nor digest"
        );
    }

    #[test]
    fn equal_archives_of_two_images_differ() {
        let mut empty = b"PK\x05\x06".to_vec();
        empty.extend([0; END_OF_ARCHIVE - 4]);
        let (one, two) = (marked(empty.clone(), "one").unwrap(), marked(empty.clone(), "two").unwrap());
        assert_ne!(one, two);
        assert_eq!((one.len(), one[END_OF_ARCHIVE - 2]), (END_OF_ARCHIVE + 3, 3));
        assert!(marked(b"no archive".to_vec(), "one").is_none() && marked(one, "two").is_none());
    }
}
