//! Reads what a build left, exactly as it was pinned: of another version or content, nothing is deployed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::future::try_join3;
use sha2::{Digest, Sha256};

use crate::domain::{Artifact, Pinned};
use crate::ids::{PipelineName, StageName, Target};
use crate::operation::{Context, Effect, Progress, Refusal, Step, Trouble};
use crate::operations::build::ARTIFACT_LIMIT;
use crate::operations::names;
use crate::template::{self, Application, Deploying, Manifest};

/// Reads a build's artifact, holds it against the build's record, and reads its template for a stage.
pub(crate) struct ReadApplication {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    pub(crate) bucket: String,
    pub(crate) artifact: Artifact,
}

#[async_trait]
impl Step for ReadApplication {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        Progress::done(self.application(cx).await?)
    }
}

impl ReadApplication {
    /// What it leaves.
    pub(crate) async fn application(&self, cx: &Context) -> Result<Application, Trouble> {
        let (packaged, original, manifest) = try_join3(
            self.pinned(cx, &self.artifact.packaged),
            self.pinned(cx, &self.artifact.template),
            self.pinned(cx, &self.artifact.manifest),
        )
        .await?;
        let manifest = Manifest::parse(&manifest).map_err(|error| refuse(vec![error]))?;
        if manifest.functions != self.artifact.code {
            return Err(differs("sluice-manifest.json"));
        }
        let parameters = BTreeMap::new();
        let prefix = names::prefix(&self.pipeline);
        let deploying = Deploying {
            pipeline: &self.pipeline,
            stage: &self.stage,
            target: &self.target,
            parameters: &parameters,
            code_bucket: &self.bucket,
            code_prefix: &prefix,
        };
        template::read(&packaged, &original, &manifest, &deploying).map_err(refuse)
    }

    /// The object as it was pinned, or a refusal: nothing else may be deployed under that build's number.
    async fn pinned(&self, cx: &Context, pinned: &Pinned) -> Result<String, Trouble> {
        let objects = &cx.world.objects;
        let found = objects
            .object(&self.target, &self.bucket, &pinned.key, Some(&pinned.version), ARTIFACT_LIMIT)
            .await?;
        let content = found.ok_or_else(|| differs(&pinned.key))?.content;
        if hex::encode(Sha256::digest(&content)) != pinned.sha256 {
            return Err(differs(&pinned.key));
        }
        String::from_utf8(content.to_vec()).map_err(|_| differs(&pinned.key))
    }
}

fn differs(what: &str) -> Trouble {
    Trouble::Refused(Refusal::new(
        "artifact-changed",
        format!("`{what}` in the artifact bucket is not what the build recorded."),
        "Somebody changed or removed it. Build again, and deploy the new build.",
    ))
}

pub(crate) fn refuse(errors: Vec<template::TemplateError>) -> Trouble {
    let mut lines = vec![];
    for error in errors.iter().take(10) {
        let place = match (&error.resource, error.line) {
            (Some(resource), Some(line)) => format!("`{resource}`, template.yaml line {line}: "),
            (Some(resource), None) => format!("`{resource}`: "),
            (None, Some(line)) => format!("template.yaml line {line}: "),
            (None, None) => String::new(),
        };
        lines.push(format!("• {place}{} — {}", plain(&error.problem), plain(&error.hint)));
    }
    if errors.len() > lines.len() {
        lines.push(format!("• and {} more", errors.len() - lines.len()));
    }
    Trouble::Refused(Refusal::new(
        "template-refused",
        format!("The template asks for what Sluice does not deploy:\n{}", lines.join("\n")),
        "Nothing was changed. Mend the template, push, build and deploy again; docs/templates.md lists what works.",
    ))
}

/// Words that may quote what people wrote: they must not be read as our own marks.
fn plain(words: &str) -> String {
    words.replace('<', "‹").replace('>', "›")
}
