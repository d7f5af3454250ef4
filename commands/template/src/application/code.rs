//! Where a function's code is: the object that the build pinned, below the pipeline's own prefix and nowhere else, or the image that
//! it pinned, in a repository that the pipeline may use.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{Deploying, Images};
use super::reading::{Reading, known};
use crate::error::{TemplateCode, Violation};
use crate::manifest::Manifest;
use crate::names::is_own_repository;
use crate::plain::{CodeObject, Partial, PlainCode};
use crate::shape;
use sluice_model::{CodeRef, ImageUri, PinnedCode};

const AGAIN: &str =
    "build again: the packaged template and the manifest are from different builds, or were edited by hand";

/// The code of a function, and its settings.
pub(super) fn read(
    logical_id: &str,
    code: PlainCode,
    reading: &Reading<'_>,
) -> Result<(PinnedCode, BTreeMap<String, String>), Violation> {
    let Reading { manifest, deploying, .. } = reading;
    let mut object = match code {
        PlainCode::Object(object) => object,
        PlainCode::Image { uri } => {
            return Ok((image(logical_id, uri, manifest, deploying)?.into(), BTreeMap::new()));
        }
    };
    let settings = std::mem::take(&mut object.settings).into_iter();
    let settings = settings.map(|(name, value)| Ok((name, shape::scalar(&known(value)?)?)));
    let settings = settings.collect::<Result<_, _>>()?;
    let found = match manifest.functions.get(logical_id) {
        Some(PinnedCode::Archive(object)) => Some(object),
        _ => None,
    };
    let function = Pinned { found, noun: "function", folder: "CodeUri" };
    Ok((pinned(*object, &function, deploying)?.into(), settings))
}

/// Refuses an image of a function in the stack that a function of Sluice's own could not have: CloudFormation creates it with the
/// rights of the stage, and Lambda does not care who the author is.
pub(super) fn check_in_stack(
    logical_id: &str,
    code: Option<Partial>,
    reading: &Reading<'_>,
) -> Result<(), Violation> {
    let uri = match code {
        Some(Partial::Known(Value::Object(mut parts))) => parts.remove("ImageUri").map(Partial::Known),
        Some(Partial::Map(parts)) => parts.into_iter().find(|(key, _)| key == "ImageUri").map(|(_, uri)| uri),
        _ => None,
    };
    let Some(uri) = uri else { return Ok(()) };
    image(logical_id, uri, reading.manifest, reading.deploying).map(drop)
}

/// The image of a function. The author of a template chooses it, and can run any program in it, which reads everything that the
/// image has. So it has to be the pipeline's own, or an admin has to allow its repository.
fn image(
    logical_id: &str,
    uri: Partial,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<ImageUri, Violation> {
    let wrong = |problem: String, hint: String| Violation::new(TemplateCode::Code, problem, hint);
    let uri = shape::scalar(&known(uri)?)?;
    let Some(image) = ImageUri::new(&uri) else {
        let hint = "build again: the packager pins each image of ECR, and leaves no tag";
        return Err(wrong("its image has no digest, or is not in a registry".to_owned(), hint.to_owned()));
    };
    let (stage, repository) = (&deploying.stage, image.repository());
    let registry = stage.target.image_registry();
    if image.registry() != registry {
        let problem = format!(
            "its image is in the registry {}, and Lambda needs it in the account and region of the stage",
            image.registry()
        );
        return Err(wrong(problem, format!("push the image to {registry}, and name it there")));
    }
    let pipeline = stage.pipeline.as_str();
    let is_allowed = match deploying.images {
        Images::Accepted => true,
        Images::Allowed(names) => names.contains(repository),
    };
    if !is_own_repository(repository, stage.pipeline) && !is_allowed {
        return Err(wrong(
            format!("its image is in the repository {repository}, which is not one of the pipeline's own"),
            format!(
                "push it to {pipeline} or {pipeline}/…, or ask an admin to allow it: /stage set {pipeline} {} images={repository}",
                stage.name
            ),
        ));
    }
    match manifest.functions.get(logical_id) {
        Some(PinnedCode::Image { image: pinned }) if *pinned == image => Ok(image),
        Some(PinnedCode::Image { image: pinned }) => {
            Err(wrong(format!("sluice-manifest.json pins {pinned}, not {image}"), AGAIN.into()))
        }
        _ => Err(wrong("sluice-manifest.json does not have this function's image".to_owned(), AGAIN.into())),
    }
}

/// What a build pinned of a function or a layer.
pub(super) struct Pinned<'a> {
    found: Option<&'a CodeRef>,
    noun: &'static str,
    /// SAM's property for the folder.
    folder: &'static str,
}

impl<'a> Pinned<'a> {
    pub(super) fn layer(manifest: &'a Manifest, logical_id: &str) -> Self {
        Self { found: manifest.layers.get(logical_id), noun: "layer", folder: "ContentUri" }
    }
}

/// The object of a function or a layer. The template and the manifest have to name the same one.
pub(super) fn pinned(
    object: CodeObject,
    pinned: &Pinned<'_>,
    deploying: &Deploying<'_>,
) -> Result<CodeRef, Violation> {
    let Pinned { found, noun, folder } = *pinned;
    let CodeObject { bucket, key, version, settings } = object;
    let text = |value| shape::scalar(&known(value)?);
    let (bucket, key, version) = (text(bucket)?, text(key)?, version.map(text).transpose()?);
    if let Some(setting) = settings.keys().next() {
        let problem = format!("a {noun} has no setting `{setting}` of its content");
        return Err(Violation::new(TemplateCode::Unsupported, problem, "remove it"));
    }
    let wrong = |problem: String, hint: String| Violation::new(TemplateCode::Code, problem, hint);
    let prefix = deploying.code_prefix.trim_end_matches('/');
    let below = key.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.starts_with('/'));
    if bucket != deploying.code_bucket || !below {
        return Err(wrong(
            format!("its code s3://{bucket}/{key} is outside s3://{}/{prefix}/", deploying.code_bucket),
            format!(
                "set {folder} to a folder of the repository: code must come from this pipeline's own builds"
            ),
        ));
    }
    let Some(pinned) = found else {
        return Err(wrong(format!("sluice-manifest.json does not have this {noun}"), AGAIN.into()));
    };
    let is_pinned = pinned.bucket == bucket
        && pinned.key == key
        && version.is_none_or(|version| version == pinned.version);
    if !is_pinned {
        let problem = format!(
            "sluice-manifest.json pins s3://{}/{}, not s3://{bucket}/{key}",
            pinned.bucket, pinned.key
        );
        return Err(wrong(problem, AGAIN.into()));
    }
    Ok(pinned.clone())
}
