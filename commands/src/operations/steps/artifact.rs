//! Reads what a build left, exactly as it was pinned: of another version or content, nothing is deployed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::future::try_join3;
use sha2::{Digest, Sha256};

use crate::domain::{Artifact, Pinned};
use crate::fault::{Class, PortError};
use crate::ids::{PipelineName, StageName, Target};
use crate::operation::{Context, Effect, Progress, Refusal, Step, Trouble};
use crate::operations::build::ARTIFACT_LIMIT;
use crate::operations::names;
use crate::ports::{CodeRef, NoResult, Workers, compute};
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
        let reading = Reading {
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            bucket: self.bucket.clone(),
            code: self.artifact.code.clone(),
            files: Files { packaged, original, manifest },
        };
        reading.run(&*cx.world.workers).await
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

/// The files of an artifact.
struct Files {
    packaged: String,
    original: String,
    manifest: String,
}

/// All that a reading needs, so that it can be done on another thread.
struct Reading {
    target: Target,
    pipeline: PipelineName,
    stage: StageName,
    bucket: String,
    code: BTreeMap<String, CodeRef>,
    files: Files,
}

impl Reading {
    /// Reads on another thread: whatever a stranger's template costs, the driver renews its lease meanwhile.
    async fn run(self, workers: &dyn Workers) -> Result<Application, Trouble> {
        match compute(workers, move || self.read()).await {
            Ok(application) => application,
            // Not retried: otherwise every replica in turn would meet the same defect.
            Err(NoResult::Panicked) => Err(Trouble::Refused(Refusal::new(
                "template-unreadable",
                "Reading the template failed unexpectedly.",
                "Nothing was changed. This is a defect in Sluice: report it with the template and with the log of Sluice.",
            ))),
            Err(NoResult::Stopping) => Err(Trouble::Port(PortError::new(
                "template::read",
                Class::Transient,
                "Stopping",
                "the process is stopping",
            ))),
        }
    }

    fn read(&self) -> Result<Application, Trouble> {
        let Files { packaged, original, manifest } = &self.files;
        let manifest = Manifest::parse(manifest).map_err(|error| refuse(vec![error]))?;
        if manifest.functions != self.code {
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
        template::read(packaged, original, &manifest, &deploying).map_err(refuse)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Job, OnCaller};
    use crate::testing::target;

    /// Threads of a process that is stopping.
    struct NoThreads;

    #[async_trait]
    impl Workers for NoThreads {
        async fn run(&self, job: Job) {
            drop(job);
        }
    }

    fn reading() -> Reading {
        Reading {
            target: target(),
            pipeline: PipelineName::new("orders").unwrap(),
            stage: StageName::new("dev").unwrap(),
            bucket: "bucket".into(),
            code: BTreeMap::new(),
            files: Files {
                packaged: "{}".into(),
                original: String::new(),
                manifest: r#"{"schema":1,"functions":{}}"#.into(),
            },
        }
    }

    #[tokio::test]
    async fn a_template_is_read_on_worker_threads_alone() {
        let refused = reading().run(&OnCaller).await.unwrap_err();
        assert_eq!(refused.refusal().code, "template-refused");
        let stopping = reading().run(&NoThreads).await.unwrap_err();
        assert!(stopping.can_retry(), "{stopping:?}");
    }
}
