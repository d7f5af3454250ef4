//! Layers: every publication makes a new version.

use async_trait::async_trait;

use crate::operation::effects::PUBLISH_LAYER_VERSION;
use crate::ports::{LayerContent, LayerVersion, Layers};
use crate::testing::fake_aws::{FaultProxy, Made, app, refuse};
use sluice_model::{Class, PortResult, Target};

/// A version of a layer.
#[derive(Clone)]
pub(crate) struct LayerState {
    version: LayerVersion,
    content: LayerContent,
}

#[async_trait]
impl Layers for FaultProxy {
    async fn layer_version_like(
        &self,
        _: &Target,
        layer: &str,
        content: &LayerContent,
    ) -> PortResult<Option<LayerVersion>> {
        self.look("lambda:ListLayerVersions", layer, |state| {
            let versions = state.layers.get(layer).into_iter().flatten().rev();
            let mut versions = versions.filter(|known| known.content.is_like(content));
            Ok(versions
                .find(|known| known.version.sha256 == content.archive.sha256)
                .map(|known| known.version.clone()))
        })
        .await
    }

    async fn publish_layer_version(
        &self,
        target: &Target,
        layer: &str,
        content: &LayerContent,
    ) -> PortResult<LayerVersion> {
        let call = PUBLISH_LAYER_VERSION.call;
        self.change(call, &format!("{layer} {}", content.archive.sha256), |state| {
            let Some(archive) = state.archive(&content.archive) else {
                return refuse(call, Class::Invalid, "InvalidParameterValueException");
            };
            let versions = state.layers.entry(layer.to_owned()).or_default();
            let version = versions.last().map_or(1, |last| last.version.version + 1);
            let made = LayerVersion {
                arn: target.arn("lambda", &format!("layer:{layer}:{version}")),
                version,
                sha256: app::digest(&archive),
            };
            versions.push(LayerState { version: made.clone(), content: content.clone() });
            Ok(Made::New(made))
        })
        .await
    }
}
