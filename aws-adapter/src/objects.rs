//! S3. Each call names the account that must own the bucket, so that a bucket of our name in other hands is refused.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types as sdk;
use bytes::{Bytes, BytesMut};
use sluice_commands::fault::{Class, PortResult};
use sluice_commands::ids::Target;
use sluice_commands::ports::{BucketState, Object, Objects, Tags};

use crate::call::{self, Call, Service};
use crate::error::{failed, found, found_by, unbuildable};

/// The region that S3 wants *not* to be named when a bucket is made.
const UNNAMED_REGION: &str = "us-east-1";

pub(crate) struct S3(pub(crate) Service<Client>);

#[async_trait]
impl Objects for S3 {
    async fn create_bucket(&self, target: &Target, bucket: &str, tags: &Tags) -> PortResult<()> {
        let call = call::CREATE_BUCKET;
        // In us-east-1 making a bucket that we have is answered with success, so that we look first.
        match self.head(target, bucket).await {
            Ok(false) => {}
            Ok(true) => {
                return Err(call.error(Class::Conflict, "BucketAlreadyOwnedByYou", "there before this call"));
            }
            // Refused: most likely somebody else's, which making it will tell.
            Err(error) if error.class == Class::Denied => {}
            Err(error) => return Err(error),
        }
        let constraint = (target.region != UNNAMED_REGION)
            .then(|| sdk::BucketLocationConstraint::from(target.region.as_str()));
        let tags = tags.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<Vec<_>, _>>().map_err(unbuildable(call))?;
        // The tags go with the bucket, so that there is no moment in which it is nobody's.
        let configuration = sdk::CreateBucketConfiguration::builder()
            .set_location_constraint(constraint)
            .set_tags(Some(tags))
            .build();
        let request = self.0.at(target, call)?.create_bucket().bucket(bucket);
        request.create_bucket_configuration(configuration).send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn bucket(&self, target: &Target, bucket: &str) -> PortResult<Option<BucketState>> {
        let (there, versioned, private, policy) = tokio::join!(
            self.head(target, bucket),
            self.versioned(target, bucket),
            self.private(target, bucket),
            self.has_policy(target, bucket),
        );
        if !there? {
            return Ok(None);
        }
        Ok(Some(BucketState { versioned: versioned?, private: private?, policy: policy? }))
    }

    async fn bucket_tags(&self, target: &Target, bucket: &str) -> PortResult<Tags> {
        let call = call::GET_BUCKET_TAGGING;
        let request = self.0.at(target, call)?.get_bucket_tagging().bucket(bucket);
        let answer = request.expected_bucket_owner(&target.account).send().await.map_err(failed(call));
        let Some(answer) = found_by(answer, &["NoSuchTagSet"])? else { return Ok(Tags::new()) };
        Ok(answer.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
    }

    async fn set_versioning(&self, target: &Target, bucket: &str) -> PortResult<()> {
        let call = call::PUT_BUCKET_VERSIONING;
        let on = sdk::VersioningConfiguration::builder().status(sdk::BucketVersioningStatus::Enabled).build();
        let request = self.0.at(target, call)?.put_bucket_versioning().bucket(bucket);
        let request = request.expected_bucket_owner(&target.account).versioning_configuration(on);
        request.send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn block_public_access(&self, target: &Target, bucket: &str) -> PortResult<()> {
        let call = call::PUT_PUBLIC_ACCESS_BLOCK;
        let all = sdk::PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        let request = self.0.at(target, call)?.put_public_access_block().bucket(bucket);
        let request = request.expected_bucket_owner(&target.account).public_access_block_configuration(all);
        request.send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn set_policy(&self, target: &Target, bucket: &str, policy: &str) -> PortResult<()> {
        let call = call::PUT_BUCKET_POLICY;
        let request = self.0.at(target, call)?.put_bucket_policy().bucket(bucket);
        let request = request.expected_bucket_owner(&target.account).policy(policy);
        request.send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn object(
        &self,
        target: &Target,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        limit: u64,
    ) -> PortResult<Option<Object>> {
        let call = call::GET_OBJECT;
        let request = self.0.at(target, call)?.get_object().bucket(bucket).key(key);
        let request =
            request.expected_bucket_owner(&target.account).set_version_id(version.map(str::to_owned));
        let answer = request.send().await.map_err(failed(call));
        let Some(answer) = found_by(answer, &["NoSuchKey", "NoSuchVersion"])? else { return Ok(None) };
        let told = answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        let content = read(call, answer.body, told, limit).await?;
        Ok(Some(Object { content, version: answer.version_id }))
    }
}

impl S3 {
    async fn head(&self, target: &Target, bucket: &str) -> PortResult<bool> {
        let call = call::HEAD_BUCKET;
        let request = self.0.at(target, call)?.head_bucket().bucket(bucket);
        let answer = request.expected_bucket_owner(&target.account).send().await;
        found(answer.map_err(failed(call))).map(|answer| answer.is_some())
    }

    async fn versioned(&self, target: &Target, bucket: &str) -> PortResult<bool> {
        let call = call::GET_BUCKET_VERSIONING;
        let request = self.0.at(target, call)?.get_bucket_versioning().bucket(bucket);
        let answer = request.expected_bucket_owner(&target.account).send().await.map_err(failed(call))?;
        Ok(answer.status() == Some(&sdk::BucketVersioningStatus::Enabled))
    }

    async fn private(&self, target: &Target, bucket: &str) -> PortResult<bool> {
        let call = call::GET_PUBLIC_ACCESS_BLOCK;
        let request = self.0.at(target, call)?.get_public_access_block().bucket(bucket);
        let answer =
            found(request.expected_bucket_owner(&target.account).send().await.map_err(failed(call)))?;
        let blocks = answer.and_then(|answer| answer.public_access_block_configuration);
        Ok(blocks.is_some_and(|blocks| {
            [
                blocks.block_public_acls(),
                blocks.ignore_public_acls(),
                blocks.block_public_policy(),
                blocks.restrict_public_buckets(),
            ]
            .iter()
            .all(|block| *block == Some(true))
        }))
    }

    async fn has_policy(&self, target: &Target, bucket: &str) -> PortResult<bool> {
        let call = call::GET_BUCKET_POLICY;
        let request = self.0.at(target, call)?.get_bucket_policy().bucket(bucket);
        let answer =
            found(request.expected_bucket_owner(&target.account).send().await.map_err(failed(call)))?;
        Ok(answer.is_some_and(|answer| answer.policy().is_some_and(|policy| !policy.is_empty())))
    }
}

/// Reads a body to its end, and no further than the limit: what a header says is not trusted to be all.
async fn read(call: Call, mut body: ByteStream, told: u64, limit: u64) -> PortResult<Bytes> {
    let too_large = || call.error(Class::Invalid, "EntityTooLarge", format!("more than {limit} bytes"));
    if told > limit {
        return Err(too_large());
    }
    let mut content = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| call.error(Class::Transient, "AnswerLost", error.to_string()))?;
        content.extend_from_slice(&chunk);
        if content.len() as u64 > limit {
            return Err(too_large());
        }
    }
    Ok(content.freeze())
}
