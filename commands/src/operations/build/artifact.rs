//! The steps behind a green build: what it left is pinned by version and SHA-256, and then it is one that can be deployed.
//!
//! What is overwritten in the bucket afterwards changes nothing: deploys read the pinned versions.

use async_trait::async_trait;
use futures::future::try_join3;
use sha2::{Digest, Sha256};

use crate::domain::{Artifact, GREEN, Pinned, View};
use crate::operation::{Context, Effect, Progress, Refusal, Step, Trouble};
use crate::operations::build::{ARTIFACT_LIMIT, At};
use crate::operations::names;
use crate::ports::{DueChange, Guard, Precondition, Write};
use crate::template::Manifest;

/// Reads what the build left and pins each object by version and SHA-256.
pub(super) struct PinArtifact(pub(super) At);

#[async_trait]
impl Step for PinArtifact {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let (packaged, template, manifest) = try_join3(
            self.pin(cx, "packaged.json"),
            self.pin(cx, "template.yaml"),
            self.pin(cx, "sluice-manifest.json"),
        )
        .await?;
        let parsed = Manifest::parse(&manifest.1).map_err(|error| {
            Trouble::Refused(Refusal::new(
                "bad-manifest",
                format!("The build's `sluice-manifest.json` cannot be used: {}", error.problem),
                error.hint,
            ))
        })?;
        let code = parsed.functions;
        let mut hash = Sha256::new();
        hash.update(packaged.0.sha256.as_bytes());
        hash.update(template.0.sha256.as_bytes());
        for (function, code) in &code {
            hash.update(function.as_bytes());
            hash.update(code.sha256.as_bytes());
        }
        let mut digest = hex::encode(hash.finalize());
        digest.truncate(32);
        Progress::done(Artifact {
            packaged: packaged.0,
            template: template.0,
            manifest: manifest.0,
            code,
            digest,
        })
    }
}

impl PinArtifact {
    async fn pin(&self, cx: &Context, file: &str) -> Result<(Pinned, String), Trouble> {
        let At { target, params } = &self.0;
        let key = format!("{}/artifact/{file}", names::build_prefix(&params.name, params.number));
        let missing = || {
            Trouble::Refused(Refusal::new(
                "no-artifact",
                format!("The build left no `{file}`."),
                "Keep the `artifacts` section of `buildspec.yml` as Sluice made it: docs/templates.md has it.",
            ))
        };
        let object = cx.world.objects.object(target, &params.bucket, &key, None, ARTIFACT_LIMIT).await;
        let object = object.map_err(|error| {
            if error.code == "EntityTooLarge" {
                Trouble::Refused(Refusal::new(
                    "artifact-too-large",
                    format!("The build's `{file}` is larger than 1 MiB."),
                    "Keep data in files of the package, or split the application into two pipelines.",
                ))
            } else {
                error.into()
            }
        })?;
        let object = object.ok_or_else(missing)?;
        let sha256 = hex::encode(Sha256::digest(&object.content));
        let text = String::from_utf8(object.content.to_vec()).map_err(|_| missing())?;
        let version = object.version.ok_or_else(|| Trouble::Corrupt(format!("{key} has no version")))?;
        Ok((Pinned { key, version, sha256 }, text))
    }
}

/// Makes it the newest green build, unless a newer one is.
pub(super) struct Record(pub(super) At);

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let params = &self.0.params;
        let number = u64::from(params.number.0);
        let view = View::read(&*cx.world.store, &cx.world.keys, &params.name).await?;
        view.expect_pipeline()?;
        if view.counters.green >= number {
            return Progress::done(());
        }
        let green = |number| [(GREEN.to_owned(), Guard::Number(number))].into();
        let write = Write::Update {
            key: cx.world.keys.pipeline(&params.name),
            set: green(number),
            due: DueChange::Keep,
            when: Precondition::Equals(green(view.counters.green)),
        };
        Progress::recorded((), vec![write])
    }
}
