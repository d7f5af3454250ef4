//! The steps after a successful build: its output is pinned by version and SHA-256, and then it can be
//! deployed.
//!
//! Later writes to the same keys have no effect, because deploys read the pinned versions. Another build of the
//! pipeline cannot write there first, because it does not know the nonce in the key.

use async_trait::async_trait;
use futures::future::try_join3;
use sha2::Digest;
use sha2::Sha256;

use crate::application::Sluice;
use crate::build_op::messages;
use crate::build_op::params::{BuildContext, Params};
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::packager;
use crate::ports::{DueChange, Guard, Precondition, Write};
use crate::records::{Artifact, GREEN, Pinned, PipelineState};
use crate::setup::bucket::NULL_VERSION;
use crate::steps::ARTIFACT_LIMIT;
use sluice_model::Refusal;
use sluice_template::Manifest;

/// Reads the build's output and pins each object by version and SHA-256.
pub(super) struct PinArtifact(pub(super) BuildContext);

#[async_trait]
impl Step<Sluice> for PinArtifact {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let [packaged, lines, manifest] = packager::ARTIFACTS;
        let (packaged, lines, manifest) =
            try_join3(self.pin(cx, packaged), self.pin(cx, lines), self.pin(cx, manifest)).await?;
        let refuse = |error| EngineError::Refused(messages::bad_manifest(&error));
        let parsed = Manifest::parse(&manifest.1).map_err(refuse)?;
        let code = parsed.functions;
        let mut hash = Sha256::new();
        hash.update(packaged.0.sha256.as_bytes());
        for (function, code) in &code {
            hash.update(function.as_bytes());
            hash.update(code.sha256().as_bytes());
        }
        let mut digest = hex::encode(hash.finalize());
        digest.truncate(32);
        Progress::done(Artifact { packaged: packaged.0, lines: lines.0, manifest: manifest.0, code, digest })
    }
}

impl PinArtifact {
    async fn pin(&self, cx: &Context, file: &str) -> Result<(Pinned, String), EngineError> {
        let BuildContext { target, params } = &self.0;
        let key = format!("{}/artifact/{file}", params.prefix());
        let missing = || EngineError::Refused(messages::no_artifact(file));
        let object = cx.world.ports.objects.object(target, &params.bucket, &key, None, ARTIFACT_LIMIT).await;
        let object = object.map_err(|error| match error.code.as_str() {
            "EntityTooLarge" => EngineError::Refused(messages::artifact_too_large(file)),
            _ => error.into(),
        })?;
        let object = object.ok_or_else(missing)?;
        let sha256 = hex::encode(Sha256::digest(&object.content));
        let text = String::from_utf8(object.content.to_vec()).map_err(|_| missing())?;
        let version = real_version(object.version, file, params).map_err(EngineError::Refused)?;
        Ok((Pinned { key, version, sha256 }, text))
    }
}

/// The version of an object. Without one, the pinned object could be replaced.
fn real_version(version: Option<String>, file: &str, params: &Params) -> Result<String, Refusal> {
    let is_version = |version: &String| version != NULL_VERSION;
    version.filter(is_version).ok_or_else(|| messages::not_versioned(params, file))
}

/// Records it as the newest successful build, unless a newer one succeeded.
pub(super) struct Record(pub(super) BuildContext);

#[async_trait]
impl Step<Sluice> for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let params = &self.0.params;
        let number = u64::from(params.number.0);
        let state = PipelineState::read(&*cx.world.store, &cx.world.keys, &params.name).await?;
        state.expect_pipeline()?;
        if state.counters.green >= number {
            return Progress::done(());
        }
        let green = |number| [(GREEN.to_owned(), Guard::Number(number))].into();
        let write = Write::Update {
            key: cx.world.keys.pipeline(&params.name),
            set: green(number),
            due: DueChange::Keep,
            when: Precondition::Equals(green(state.counters.green)),
        };
        Progress::recorded((), vec![write])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_without_a_version_is_refused_and_never_corrupt() {
        let params = Params {
            name: "orders".parse().unwrap(),
            number: sluice_model::BuildNumber(1),
            reference: "main".into(),
            repository: "orders".into(),
            project: "sluice-orders".into(),
            bucket: "artifacts".into(),
            nonce: String::new(),
        };
        let pinned =
            |version: Option<&str>| real_version(version.map(str::to_owned), "packaged.json", &params);
        assert_eq!(pinned(Some("v1")).as_deref(), Ok("v1"));
        for none in [None, Some("null")] {
            let refusal = pinned(none).unwrap_err();
            assert_eq!(refusal.code, "not-versioned");
            assert!(refusal.hint.contains("up to 15 minutes"), "{refusal:?}");
        }
    }
}
