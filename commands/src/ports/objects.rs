use async_trait::async_trait;
use bytes::Bytes;

use super::Tags;
use sluice_model::{PortResult, Target};

/// One object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its content.
    pub content: Bytes,
    /// The version that was read; the bucket is versioned.
    pub version: Option<String>,
}

/// Whether a bucket keeps versions. A change takes effect with a delay: up to 15 minutes the first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versioning {
    /// Versioning was never enabled.
    #[default]
    Off,
    /// Versioning was enabled once: new objects have the version `null`.
    Suspended,
    /// Versioning is enabled.
    Enabled,
}

/// A lifecycle rule of a bucket, limited to the parts that Sluice reads and writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Its id, unique within the bucket.
    pub id: String,
    /// Whether S3 applies it.
    pub enabled: bool,
    /// The prefix of the keys it applies to; all keys if empty.
    pub prefix: String,
    /// Incomplete multipart uploads are removed after this many days.
    pub abort_uploads_after: Option<u32>,
    /// Versions other than the newest are deleted after this many days.
    pub expire_versions_after: Option<u32>,
    /// Whether it deletes the newest versions as well. Read only; Sluice writes no such rule.
    pub expires_objects: bool,
}

/// The settings of an artifact bucket that Sluice manages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketState {
    /// Whether it keeps versions.
    pub versioning: Versioning,
    /// Whether all four blocks of public access are on.
    pub private: bool,
    /// Its policy, a JSON document.
    pub policy: Option<String>,
    /// Its lifecycle rules.
    pub lifecycle: Vec<LifecycleRule>,
}

/// S3.
#[async_trait]
pub trait Objects: Send + Sync {
    /// `s3:CreateBucket` with tags. A bucket of ours: conflict with code `BucketAlreadyOwnedByYou` (also
    /// where the service answers with success: the adapter looks first). A bucket of another account:
    /// conflict with code `BucketAlreadyExists`.
    async fn create_bucket(&self, target: &Target, bucket: &str, tags: &Tags) -> PortResult<()>;
    /// The settings of a bucket (`s3:HeadBucket` and reads); `None` if it does not exist.
    async fn bucket(&self, target: &Target, bucket: &str) -> PortResult<Option<BucketState>>;
    /// `s3:GetBucketVersioning`; `None` if the bucket does not exist.
    async fn versioning(&self, target: &Target, bucket: &str) -> PortResult<Option<Versioning>>;
    /// `s3:GetBucketTagging`; empty without tags.
    async fn bucket_tags(&self, target: &Target, bucket: &str) -> PortResult<Tags>;
    /// `s3:PutBucketVersioning`, enabled. Safe to repeat.
    async fn set_versioning(&self, target: &Target, bucket: &str) -> PortResult<()>;
    /// `s3:PutPublicAccessBlock`, all four. Safe to repeat.
    async fn block_public_access(&self, target: &Target, bucket: &str) -> PortResult<()>;
    /// `s3:PutBucketPolicy` with that JSON document. Safe to repeat.
    async fn set_policy(&self, target: &Target, bucket: &str, policy: &str) -> PortResult<()>;
    /// `s3:PutBucketLifecycleConfiguration`: replaces rules with the same ids and keeps all others. Safe to
    /// repeat.
    async fn set_lifecycle_rules(
        &self,
        target: &Target,
        bucket: &str,
        rules: &[LifecycleRule],
    ) -> PortResult<()>;
    /// `s3:PutObject` of an empty object. Returns its version, which is `null` or missing if the bucket keeps
    /// no versions.
    async fn put_empty(&self, target: &Target, bucket: &str, key: &str) -> PortResult<Option<String>>;
    /// `s3:PutObject` with `If-None-Match: *`. Returns whether it wrote the object; an existing one stays as it is.
    async fn create_object(
        &self,
        target: &Target,
        bucket: &str,
        key: &str,
        content: Bytes,
    ) -> PortResult<bool>;
    /// `s3:DeleteObject` of one version, permanently. A missing version is no error.
    async fn delete_version(&self, target: &Target, bucket: &str, key: &str, version: &str)
    -> PortResult<()>;
    /// `s3:GetObject`, optionally of a named version; `None` if there is no such object. Reads at most
    /// `limit` bytes; a larger object is invalid with code `EntityTooLarge`.
    async fn object(
        &self,
        target: &Target,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        limit: u64,
    ) -> PortResult<Option<Object>>;
}
