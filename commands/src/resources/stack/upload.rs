//! The template of a pass that is too large for a request: CloudFormation reads it from the artifact bucket. Its key holds its digest, and
//! builds cannot write there.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::computed::{Computed, computed};
use super::messages;
use super::of::{LOOK_AGAIN, Pass, StackOf};
use crate::application::Sluice;
use crate::names;
use crate::operation::effects::PUT_OBJECT;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::ports::TemplateSource;
use sluice_model::Target;
use sluice_template::plain::{Delivery, StackTemplate};

pub(super) fn key(text: &str) -> String {
    format!("{}/{}.json", names::STACK_TEMPLATES, hex::encode(Sha256::digest(text)))
}

/// Whether the template has to be in S3.
///
/// # Errors
///
/// It is too large for CloudFormation.
pub(super) fn is_large(of: &StackOf, template: &StackTemplate) -> Result<bool, EngineError> {
    match template.delivery() {
        Some(delivery) => Ok(delivery == Delivery::Url),
        None => Err(EngineError::Refused(messages::too_large(&of.name(), template.text().len()))),
    }
}

/// Where CloudFormation gets the template.
pub(super) fn source(target: &Target, template: &StackTemplate) -> TemplateSource {
    let text = template.text();
    match template.delivery() {
        Some(Delivery::Body) => TemplateSource::Body(text),
        _ => TemplateSource::Url(target.url_of_object(&names::bucket(target), &key(&text))),
    }
}

/// Writes the template of a pass into the artifact bucket.
pub(super) struct UploadTemplate {
    pub(super) of: StackOf,
    pub(super) pass: Pass,
    /// The digest of the pass as it was planned.
    pub(super) digest: String,
    pub(super) kept: BTreeSet<String>,
}

#[async_trait]
impl Step<Sluice> for UploadTemplate {
    fn effect(&self) -> Effect {
        Effect::Mutate(&PUT_OBJECT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { of, pass, digest, kept } = self;
        let emission = match computed(of, *pass, digest, kept, cx).await? {
            Computed::Busy => {
                let note = Some(messages::WAITS_FOR_STACK.into());
                return Ok(Progress::NotYet { after: LOOK_AGAIN, note });
            }
            Computed::Nothing => return Progress::done(()),
            Computed::Change(change) => change.2,
        };
        let (bucket, text) = (names::bucket(&of.target), emission.template.text());
        let (key, content) = (key(&text), Bytes::from(text));
        cx.world.ports.objects.create_object(&of.target, &bucket, &key, content).await?;
        Progress::done(())
    }
}
