//! S3. Each call names the account that must own the bucket, so another account's bucket of the same name is refused.

mod archive;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use bytes::{Bytes, BytesMut};
use sluice_commands::ports::{BucketState, LifecycleRule, Object, Objects, Tags, Versioning};
use sluice_model::{Class, PortResult, Target};

use crate::call::{self, Call};
use crate::client::Service;
use crate::error::{failed, found, found_by, unbuildable};

/// The region that `CreateBucket` must *not* name.
const UNNAMED_REGION: &str = "us-east-1";

pub(crate) struct S3(pub(crate) Service<Client>);

#[async_trait]
impl Objects for S3 {
    async fn create_bucket(&self, target: &Target, bucket: &str, tags: &Tags) -> PortResult<()> {
        let call = call::CREATE_BUCKET;
        // In us-east-1, creating a bucket that we own succeeds, so check first.
        match self.head(target, bucket).await {
            Ok(false) => {}
            Ok(true) => {
                return Err(call.error(Class::Conflict, "BucketAlreadyOwnedByYou", "there before this call"));
            }
            // Refused: probably another account's bucket. Creating it will tell.
            Err(error) if error.class == Class::Denied => {}
            Err(error) => return Err(error),
        }
        let constraint = (target.region != UNNAMED_REGION)
            .then(|| sdk::BucketLocationConstraint::from(target.region.as_str()));
        let tags = tags.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<Vec<_>, _>>().map_err(unbuildable(call))?;
        // The tags are part of the request, because a bucket must never be without an owner's tag.
        let configuration = sdk::CreateBucketConfiguration::builder()
            .set_location_constraint(constraint)
            .set_tags(Some(tags))
            .build();
        let request = self.0.client(target, call)?.create_bucket().bucket(bucket);
        request.create_bucket_configuration(configuration).send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn bucket(&self, target: &Target, bucket: &str) -> PortResult<Option<BucketState>> {
        let (there, versioning, private, policy, lifecycle) = tokio::join!(
            self.head(target, bucket),
            self.get_versioning(target, bucket),
            self.private(target, bucket),
            self.policy(target, bucket),
            self.lifecycle_rules(target, bucket),
        );
        if !there? {
            return Ok(None);
        }
        let rules = lifecycle?;
        Ok(Some(BucketState {
            versioning: versioning?,
            private: private?,
            policy: policy?,
            lifecycle: rules.iter().map(read_rule).collect(),
        }))
    }

    async fn versioning(&self, target: &Target, bucket: &str) -> PortResult<Option<Versioning>> {
        found(self.get_versioning(target, bucket).await)
    }

    async fn bucket_tags(&self, target: &Target, bucket: &str) -> PortResult<Tags> {
        let call = call::GET_BUCKET_TAGGING;
        let request = self.0.client(target, call)?.get_bucket_tagging().bucket(bucket);
        let answer = request.expected_bucket_owner(&target.account).send().await.map_err(failed(call));
        let Some(answer) = found_by(answer, &["NoSuchTagSet"])? else { return Ok(Tags::new()) };
        Ok(answer.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
    }

    async fn set_versioning(&self, target: &Target, bucket: &str) -> PortResult<()> {
        let call = call::PUT_BUCKET_VERSIONING;
        let on = sdk::VersioningConfiguration::builder().status(sdk::BucketVersioningStatus::Enabled).build();
        let request = self.0.client(target, call)?.put_bucket_versioning().bucket(bucket);
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
        let request = self.0.client(target, call)?.put_public_access_block().bucket(bucket);
        let request = request.expected_bucket_owner(&target.account).public_access_block_configuration(all);
        request.send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn set_policy(&self, target: &Target, bucket: &str, policy: &str) -> PortResult<()> {
        let call = call::PUT_BUCKET_POLICY;
        let request = self.0.client(target, call)?.put_bucket_policy().bucket(bucket);
        let request = request.expected_bucket_owner(&target.account).policy(policy);
        request.send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn set_lifecycle_rules(
        &self,
        target: &Target,
        bucket: &str,
        rules: &[LifecycleRule],
    ) -> PortResult<()> {
        let call = call::PUT_BUCKET_LIFECYCLE;
        // The call replaces all rules, so keep those that are not ours.
        let mut all = self.lifecycle_rules(target, bucket).await?;
        all.retain(|rule| rules.iter().all(|ours| rule.id() != Some(&ours.id)));
        for rule in rules {
            all.push(write_rule(rule).map_err(unbuildable(call))?);
        }
        let all = sdk::BucketLifecycleConfiguration::builder().set_rules(Some(all)).build();
        let all = all.map_err(unbuildable(call))?;
        let request = self.0.client(target, call)?.put_bucket_lifecycle_configuration().bucket(bucket);
        let request = request.expected_bucket_owner(&target.account).lifecycle_configuration(all);
        request.send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn put_empty(&self, target: &Target, bucket: &str, key: &str) -> PortResult<Option<String>> {
        let call = call::PUT_OBJECT;
        let request = self.0.client(target, call)?.put_object().bucket(bucket).key(key);
        let request = request.expected_bucket_owner(&target.account).body(ByteStream::default());
        Ok(request.send().await.map_err(failed(call))?.version_id)
    }

    async fn create_object(
        &self,
        target: &Target,
        bucket: &str,
        key: &str,
        content: Bytes,
    ) -> PortResult<bool> {
        let call = call::PUT_OBJECT;
        let request = self.0.client(target, call)?.put_object().bucket(bucket).key(key).if_none_match("*");
        let request = request.expected_bucket_owner(&target.account).body(content.into());
        match request.send().await.map_err(failed(call)) {
            Ok(_) => Ok(true),
            Err(error) if error.class == Class::Precondition => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn delete_version(
        &self,
        target: &Target,
        bucket: &str,
        key: &str,
        version: &str,
    ) -> PortResult<()> {
        let call = call::DELETE_OBJECT;
        let request =
            self.0.client(target, call)?.delete_object().bucket(bucket).key(key).version_id(version);
        let answer = request.expected_bucket_owner(&target.account).send().await.map_err(failed(call));
        found_by(answer, &["NoSuchKey", "NoSuchVersion"])?;
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
        let request = self.0.client(target, call)?.get_object().bucket(bucket).key(key);
        let request =
            request.expected_bucket_owner(&target.account).set_version_id(version.map(str::to_owned));
        let answer = request.send().await.map_err(failed(call));
        let Some(answer) = found_by(answer, &["NoSuchKey", "NoSuchVersion"])? else { return Ok(None) };
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        let content = read(call, answer.body, length, limit).await?;
        Ok(Some(Object { content, version: answer.version_id }))
    }
}

impl S3 {
    async fn head(&self, target: &Target, bucket: &str) -> PortResult<bool> {
        let call = call::HEAD_BUCKET;
        let request = self.0.client(target, call)?.head_bucket().bucket(bucket);
        let answer = request.expected_bucket_owner(&target.account).send().await;
        found(answer.map_err(failed(call))).map(|answer| answer.is_some())
    }

    async fn get_versioning(&self, target: &Target, bucket: &str) -> PortResult<Versioning> {
        let call = call::GET_BUCKET_VERSIONING;
        let request = self.0.client(target, call)?.get_bucket_versioning().bucket(bucket);
        let answer = request.expected_bucket_owner(&target.account).send().await.map_err(failed(call))?;
        Ok(match answer.status() {
            Some(sdk::BucketVersioningStatus::Enabled) => Versioning::Enabled,
            Some(_) => Versioning::Suspended,
            None => Versioning::Off,
        })
    }

    async fn private(&self, target: &Target, bucket: &str) -> PortResult<bool> {
        let call = call::GET_PUBLIC_ACCESS_BLOCK;
        let request = self.0.client(target, call)?.get_public_access_block().bucket(bucket);
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

    async fn policy(&self, target: &Target, bucket: &str) -> PortResult<Option<String>> {
        let call = call::GET_BUCKET_POLICY;
        let request = self.0.client(target, call)?.get_bucket_policy().bucket(bucket);
        let answer =
            found(request.expected_bucket_owner(&target.account).send().await.map_err(failed(call)))?;
        Ok(answer.and_then(|answer| answer.policy).filter(|policy| !policy.is_empty()))
    }

    async fn lifecycle_rules(&self, target: &Target, bucket: &str) -> PortResult<Vec<sdk::LifecycleRule>> {
        let call = call::GET_BUCKET_LIFECYCLE;
        let request = self.0.client(target, call)?.get_bucket_lifecycle_configuration().bucket(bucket);
        let answer = request.expected_bucket_owner(&target.account).send().await.map_err(failed(call));
        let answer = found_by(answer, &["NoSuchLifecycleConfiguration"])?;
        Ok(answer.and_then(|answer| answer.rules).unwrap_or_default())
    }
}

fn read_rule(rule: &sdk::LifecycleRule) -> LifecycleRule {
    let days = |days: Option<i32>| days.and_then(|days| u32::try_from(days).ok());
    let filter = rule.filter();
    let within = |filter: &sdk::LifecycleRuleFilter| {
        let both = filter.and().and_then(|both| both.prefix());
        filter.prefix().or(both).map(str::to_owned)
    };
    #[expect(deprecated, reason = "older rules have their prefix here")]
    let prefix = filter.and_then(within).or_else(|| rule.prefix().map(str::to_owned));
    let expires =
        |expiration: &sdk::LifecycleExpiration| expiration.days().is_some() || expiration.date().is_some();
    LifecycleRule {
        id: rule.id().unwrap_or_default().to_owned(),
        enabled: rule.status() == &sdk::ExpirationStatus::Enabled,
        prefix: prefix.unwrap_or_default(),
        abort_uploads_after: days(
            rule.abort_incomplete_multipart_upload().and_then(|abort| abort.days_after_initiation()),
        ),
        expire_versions_after: days(
            rule.noncurrent_version_expiration().and_then(|expiration| expiration.noncurrent_days()),
        ),
        expires_objects: rule.expiration().is_some_and(expires),
    }
}

fn write_rule(rule: &LifecycleRule) -> Result<sdk::LifecycleRule, BuildError> {
    let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
    let abort = rule.abort_uploads_after.map(|after| {
        sdk::AbortIncompleteMultipartUpload::builder().days_after_initiation(days(after)).build()
    });
    let versions = rule
        .expire_versions_after
        .map(|after| sdk::NoncurrentVersionExpiration::builder().noncurrent_days(days(after)).build());
    let status = if rule.enabled { sdk::ExpirationStatus::Enabled } else { sdk::ExpirationStatus::Disabled };
    sdk::LifecycleRule::builder()
        .id(&rule.id)
        .status(status)
        .filter(sdk::LifecycleRuleFilter::builder().prefix(&rule.prefix).build())
        .set_abort_incomplete_multipart_upload(abort)
        .set_noncurrent_version_expiration(versions)
        .build()
}

/// Reads a body up to the limit. It does not trust the length in the header.
async fn read(call: Call, mut body: ByteStream, length: u64, limit: u64) -> PortResult<Bytes> {
    let too_large = || call.error(Class::Invalid, "EntityTooLarge", format!("more than {limit} bytes"));
    if length > limit {
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
