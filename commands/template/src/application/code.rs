//! Where a function's code is: the object that the build pinned, below the pipeline's own prefix and nowhere else.

use std::collections::BTreeMap;

use super::model::Deploying;
use super::reading::known;
use crate::error::{TemplateCode, Violation};
use crate::manifest::Manifest;
use crate::plain::{CodeObject, PlainCode};
use crate::shape;
use sluice_model::CodeRef;

const AGAIN: &str =
    "build again: the packaged template and the manifest are from different builds, or were edited by hand";

/// The code of a function, and its settings.
pub(super) fn read(
    logical_id: &str,
    code: PlainCode,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<(CodeRef, BTreeMap<String, String>), Violation> {
    let PlainCode::Object(mut object) = code else {
        let hint = "put the code into a folder of the repository and name it in CodeUri";
        return Err(Violation::new(TemplateCode::Unsupported, "images are not deployed yet", hint));
    };
    let settings = std::mem::take(&mut object.settings).into_iter();
    let settings = settings.map(|(name, value)| Ok((name, shape::scalar(&known(value)?)?)));
    let settings = settings.collect::<Result<_, _>>()?;
    Ok((pinned(logical_id, *object, &Pinned::functions(manifest), deploying)?, settings))
}

/// What a build pinned of one kind of resource.
pub(super) struct Pinned<'a> {
    objects: &'a BTreeMap<String, CodeRef>,
    noun: &'static str,
    /// SAM's property for the folder.
    folder: &'static str,
}

impl<'a> Pinned<'a> {
    fn functions(manifest: &'a Manifest) -> Self {
        Self { objects: &manifest.functions, noun: "function", folder: "CodeUri" }
    }

    pub(super) fn layers(manifest: &'a Manifest) -> Self {
        Self { objects: &manifest.layers, noun: "layer", folder: "ContentUri" }
    }
}

/// The object of a function or a layer. The template and the manifest have to name the same one.
pub(super) fn pinned(
    logical_id: &str,
    object: CodeObject,
    pinned: &Pinned<'_>,
    deploying: &Deploying<'_>,
) -> Result<CodeRef, Violation> {
    let Pinned { objects, noun, folder } = pinned;
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
    let Some(pinned) = objects.get(logical_id) else {
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
