//! Where a function's code is: the object that the build pinned, below the pipeline's own prefix and nowhere else.

use serde_json::{Map, Value};

use super::application::Deploying;
use super::error::{TemplateCode, Violation};
use super::manifest::Manifest;
use sluice_model::CodeRef;

const AGAIN: &str =
    "build again: the packaged template and the manifest are from different builds, or were edited by hand";

/// The code of a function. `CodeUri` and the manifest have to name the same object.
pub(super) fn read(
    logical_id: &str,
    uri: Option<&Value>,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<CodeRef, Violation> {
    let wrong = |problem: String, hint: &str| Violation::new(TemplateCode::Code, problem, hint);
    let (bucket, key, version) = match uri {
        None => {
            let hint = "write `CodeUri: FOLDER` on its own line";
            return Err(Violation::new(TemplateCode::Missing, "the function has no CodeUri", hint));
        }
        Some(Value::String(uri)) => of_uri(uri).map(|(bucket, key)| (bucket, key, None)),
        Some(Value::Object(map)) => of_map(map),
        Some(_) => None,
    }
    .ok_or_else(|| {
        wrong(
            "the CodeUri in the packaged template is not an object in S3".into(),
            "package it with sluice_package.py",
        )
    })?;

    let prefix = deploying.code_prefix.trim_end_matches('/');
    let below = key.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.starts_with('/'));
    if bucket != deploying.code_bucket || !below {
        return Err(wrong(
            format!("its code s3://{bucket}/{key} is outside s3://{}/{prefix}/", deploying.code_bucket),
            "set CodeUri to a folder of the repository: code must come from this pipeline's own builds",
        ));
    }
    let Some(pinned) = manifest.functions.get(logical_id) else {
        return Err(wrong("sluice-manifest.json does not have this function".into(), AGAIN));
    };
    if pinned.bucket != bucket
        || pinned.key != key
        || version.is_some_and(|version| version != pinned.version)
    {
        let problem = format!(
            "sluice-manifest.json pins s3://{}/{}, not s3://{bucket}/{key}",
            pinned.bucket, pinned.key
        );
        return Err(wrong(problem, AGAIN));
    }
    Ok(pinned.clone())
}

fn of_uri(uri: &str) -> Option<(&str, &str)> {
    let (bucket, key) = uri.strip_prefix("s3://")?.split_once('/')?;
    (!bucket.is_empty() && !key.is_empty()).then_some((bucket, key))
}

fn of_map(map: &Map<String, Value>) -> Option<(&str, &str, Option<&str>)> {
    if map.keys().any(|key| !matches!(key.as_str(), "Bucket" | "Key" | "Version")) {
        return None;
    }
    let version = match map.get("Version") {
        Some(version) => Some(version.as_str()?),
        None => None,
    };
    Some((map.get("Bucket")?.as_str()?, map.get("Key")?.as_str()?, version))
}
