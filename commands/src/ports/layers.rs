//! Versions of layers.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use sluice_model::{CodeRef, PortResult, Target};

/// What a version of a layer is made of. Its versions never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerContent {
    /// The archive.
    pub archive: CodeRef,
    /// What its author says about it; may be empty.
    pub description: String,
    /// The runtimes that it is for, at most 15. The order means nothing.
    pub runtimes: Vec<String>,
    /// The architectures that it is for, at most two. The order means nothing.
    pub architectures: Vec<String>,
    /// An SPDX identifier, a URL, or the text; may be empty.
    pub license: String,
}

impl LayerContent {
    /// Whether a list of versions shows the same about both; it does not show the archive.
    pub fn is_like(&self, other: &Self) -> bool {
        let sorted = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
        self.description == other.description
            && self.license == other.license
            && sorted(&self.runtimes) == sorted(&other.runtimes)
            && sorted(&self.architectures) == sorted(&other.architectures)
    }
}

/// A version of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerVersion {
    /// The ARN with the version, for a function's configuration.
    pub arn: String,
    /// Its number.
    pub version: u64,
    /// SHA-256 of the archive in base64.
    pub sha256: String,
}

/// Layers of Lambda.
#[async_trait]
pub trait Layers: Send + Sync {
    /// `lambda:ListLayerVersions` (the newest 50) and `lambda:GetLayerVersion` (of at most ten that look the same): the newest
    /// version with that content. `None` if there is none among them, or no such layer: to publish an equal version once more
    /// does no harm.
    async fn layer_version_like(
        &self,
        target: &Target,
        layer: &str,
        content: &LayerContent,
    ) -> PortResult<Option<LayerVersion>>;
    /// `lambda:PublishLayerVersion`: each call makes a new version, so the caller looks for an equal one first.
    async fn publish_layer_version(
        &self,
        target: &Target,
        layer: &str,
        content: &LayerContent,
    ) -> PortResult<LayerVersion>;
}
