//! Versions of layers.

use async_trait::async_trait;
use aws_sdk_lambda::types::{Architecture, LayerVersionContentInput, LayerVersionsListItem, Runtime};
use sluice_commands::ports::{LayerContent, LayerVersion, Layers};
use sluice_model::{CodeRef, PortResult, Target};

use super::Lambda;
use crate::call::{self, Call};
use crate::error::{failed, found};

/// How many versions a look lists, the newest first: the most that Lambda returns at once.
const LISTED: i32 = 50;
/// How many of them it opens to compare the archive.
const OPENED: usize = 10;

/// What a list shows of a version.
fn listed(item: &LayerVersionsListItem) -> LayerContent {
    LayerContent {
        archive: CodeRef {
            bucket: String::new(),
            key: String::new(),
            version: String::new(),
            sha256: String::new(),
        },
        description: item.description().unwrap_or_default().to_owned(),
        runtimes: item.compatible_runtimes().iter().map(|one| one.as_str().to_owned()).collect(),
        architectures: item.compatible_architectures().iter().map(|one| one.as_str().to_owned()).collect(),
        license: item.license_info().unwrap_or_default().to_owned(),
    }
}

/// The number of a version, which Lambda counts from 1.
fn number(call: Call, version: i64) -> PortResult<u64> {
    call.required(u64::try_from(version).ok().filter(|number| *number > 0), "layer version")
}

#[async_trait]
impl Layers for Lambda {
    async fn layer_version_like(
        &self,
        target: &Target,
        layer: &str,
        content: &LayerContent,
    ) -> PortResult<Option<LayerVersion>> {
        let call = call::LIST_LAYER_VERSIONS;
        let client = self.0.rate_limited(target, call).await?;
        let page = client.list_layer_versions().layer_name(layer).max_items(LISTED).send().await;
        let Some(page) = found(page.map_err(failed(call)))? else { return Ok(None) };
        let alike = page.layer_versions().iter().filter(|item| listed(item).is_like(content));
        let mut alike: Vec<i64> = alike.map(LayerVersionsListItem::version).collect();
        alike.sort_unstable_by(|a, b| b.cmp(a));
        for version in alike.into_iter().take(OPENED) {
            let call = call::GET_LAYER_VERSION;
            let client = self.0.rate_limited(target, call).await?;
            let answer = client.get_layer_version().layer_name(layer).version_number(version).send().await;
            // Somebody may delete it meanwhile.
            let Some(answer) = found(answer.map_err(failed(call)))? else { continue };
            let sha256 = answer.content().and_then(|content| content.code_sha256());
            if sha256 == Some(content.archive.sha256.as_str()) {
                return Ok(Some(LayerVersion {
                    arn: call.required(answer.layer_version_arn(), "layer version ARN")?.to_owned(),
                    version: number(call, answer.version())?,
                    sha256: content.archive.sha256.clone(),
                }));
            }
        }
        Ok(None)
    }

    async fn publish_layer_version(
        &self,
        target: &Target,
        layer: &str,
        content: &LayerContent,
    ) -> PortResult<LayerVersion> {
        let call = call::PUBLISH_LAYER_VERSION;
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let archive = LayerVersionContentInput::builder()
            .s3_bucket(&content.archive.bucket)
            .s3_key(&content.archive.key)
            .s3_object_version(&content.archive.version)
            .build();
        let runtimes = content.runtimes.iter().map(|one| Runtime::from(one.as_str())).collect();
        let architectures =
            content.architectures.iter().map(|one| Architecture::from(one.as_str())).collect();
        let answer = self
            .0
            .rate_limited(target, call)
            .await?
            .publish_layer_version()
            .layer_name(layer)
            .content(archive)
            .set_description(text(&content.description))
            .set_compatible_runtimes(Some(runtimes))
            .set_compatible_architectures(Some(architectures))
            .set_license_info(text(&content.license))
            .send()
            .await
            .map_err(failed(call))?;
        let made = answer.content();
        Ok(LayerVersion {
            arn: call.required(answer.layer_version_arn(), "layer version ARN")?.to_owned(),
            version: number(call, answer.version())?,
            sha256: call.required(made.and_then(|made| made.code_sha256()), "CodeSha256")?.to_owned(),
        })
    }
}
