//! The artifact bucket of an account and region, which all its pipelines share: it keeps versions, is open to nobody and
//! answers over TLS only. Each setting is a step of its own, so that a bucket that lacks one gets that one.

use async_trait::async_trait;

use crate::operation::effects::{BUCKET_POLICY, BUCKET_PRIVACY, BUCKET_VERSIONING, CREATE_BUCKET};
use crate::operation::{Context, Effect, Observed, Progress, Step, Trouble};
use crate::operations::names;
use crate::operations::repo_create::At;
use crate::operations::steps::{foreign, ours};
use crate::ports::TAG_PIPELINE;

pub(super) struct CreateBucket(pub(super) At);

#[async_trait]
impl Step for CreateBucket {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_BUCKET)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let target = &self.0.target;
        cx.world.objects.create_bucket(target, &names::bucket(target), &names::shared_tags()).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let target = &self.0.target;
        let bucket = names::bucket(target);
        if cx.world.objects.bucket(target, &bucket).await?.is_none() {
            return Ok(Observed::Absent);
        }
        let tags = cx.world.objects.bucket_tags(target, &bucket).await?;
        match tags.get(TAG_PIPELINE).map(String::as_str) {
            Some(names::SHARED) => ours(()),
            _ => Ok(foreign(format!("The bucket `{bucket}`"))),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum BucketSetting {
    Versioning,
    Privacy,
    Policy,
}

impl BucketSetting {
    pub(super) fn id(self) -> &'static str {
        match self {
            BucketSetting::Versioning => "bucket-versioning",
            BucketSetting::Privacy => "bucket-privacy",
            BucketSetting::Policy => "bucket-policy",
        }
    }
    pub(super) fn title(self) -> &'static str {
        match self {
            BucketSetting::Versioning => "keep versions in the bucket",
            BucketSetting::Privacy => "block public access to the bucket",
            BucketSetting::Policy => "allow the bucket over TLS only",
        }
    }
}

pub(super) struct SetBucket(pub(super) At, pub(super) BucketSetting);

#[async_trait]
impl Step for SetBucket {
    fn effect(&self) -> Effect {
        Effect::Mutate(match self.1 {
            BucketSetting::Versioning => &BUCKET_VERSIONING,
            BucketSetting::Privacy => &BUCKET_PRIVACY,
            BucketSetting::Policy => &BUCKET_POLICY,
        })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let target = &self.0.target;
        let bucket = names::bucket(target);
        let objects = &cx.world.objects;
        match self.1 {
            BucketSetting::Versioning => objects.set_versioning(target, &bucket).await?,
            BucketSetting::Privacy => objects.block_public_access(target, &bucket).await?,
            BucketSetting::Policy => {
                let policy = names::policy(vec![serde_json::json!({
                    "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                    "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
                    "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                })]);
                objects.set_policy(target, &bucket, &policy).await?;
            }
        }
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let target = &self.0.target;
        let state = cx.world.objects.bucket(target, &names::bucket(target)).await?.unwrap_or_default();
        let set = match self.1 {
            BucketSetting::Versioning => state.versioned,
            BucketSetting::Privacy => state.private,
            BucketSetting::Policy => state.policy,
        };
        if set { ours(()) } else { Ok(Observed::Absent) }
    }
}
