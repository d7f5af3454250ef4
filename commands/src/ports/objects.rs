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
    /// It was never turned on.
    #[default]
    Off,
    /// It was on once: new objects have the version `null`.
    Suspended,
    /// It is on.
    Enabled,
}

/// A lifecycle rule of a bucket, as far as Sluice reads and writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Its id, unique within the bucket.
    pub id: String,
    /// Whether S3 applies it.
    pub enabled: bool,
    /// The keys that it applies to begin with this; all keys if empty.
    pub prefix: String,
    /// Uploads in parts that were not completed are removed after so many days.
    pub abort_uploads_after: Option<u32>,
    /// Versions that are not the newest are deleted after so many days.
    pub expire_versions_after: Option<u32>,
    /// It deletes the newest versions as well. Only read; Sluice writes no such rule.
    pub expires_objects: bool,
}

/// How an artifact bucket is set up, as far as Sluice sets it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketState {
    /// Whether it keeps versions.
    pub versioning: Versioning,
    /// All four blocks of public access are on.
    pub private: bool,
    /// Its policy, a JSON document.
    pub policy: Option<String>,
    /// Its lifecycle rules.
    pub lifecycle: Vec<LifecycleRule>,
}

/// S3.
#[async_trait]
pub trait Objects: Send + Sync {
    /// `s3:CreateBucket` with tags. Ours already: conflict with code `BucketAlreadyOwnedByYou` (also where the service
    /// answers that with success: the adapter looks first); somebody else's: conflict with code `BucketAlreadyExists`.
    async fn create_bucket(&self, target: &Target, bucket: &str, tags: &Tags) -> PortResult<()>;
    /// Whether the bucket is there (`s3:HeadBucket`), and how it is set up; `None` if it is not there.
    async fn bucket(&self, target: &Target, bucket: &str) -> PortResult<Option<BucketState>>;
    /// `s3:GetBucketVersioning`; `None` if the bucket is not there.
    async fn versioning(&self, target: &Target, bucket: &str) -> PortResult<Option<Versioning>>;
    /// `s3:GetBucketTagging`; empty where there are none.
    async fn bucket_tags(&self, target: &Target, bucket: &str) -> PortResult<Tags>;
    /// `s3:PutBucketVersioning`, on. Safe to repeat.
    async fn set_versioning(&self, target: &Target, bucket: &str) -> PortResult<()>;
    /// `s3:PutPublicAccessBlock`, all four. Safe to repeat.
    async fn block_public_access(&self, target: &Target, bucket: &str) -> PortResult<()>;
    /// `s3:PutBucketPolicy` with that JSON document. Safe to repeat.
    async fn set_policy(&self, target: &Target, bucket: &str, policy: &str) -> PortResult<()>;
    /// `s3:PutBucketLifecycleConfiguration`: these rules in place of those with the same ids; rules with other ids stay as
    /// they are. Safe to repeat.
    async fn set_lifecycle_rules(
        &self,
        target: &Target,
        bucket: &str,
        rules: &[LifecycleRule],
    ) -> PortResult<()>;
    /// `s3:PutObject` of an empty object; its version, which is `null` or missing while the bucket keeps none.
    async fn put_empty(&self, target: &Target, bucket: &str, key: &str) -> PortResult<Option<String>>;
    /// `s3:DeleteObject` of that version, for good. One that is gone is no error.
    async fn delete_version(&self, target: &Target, bucket: &str, key: &str, version: &str)
    -> PortResult<()>;
    /// `s3:GetObject`, a named version if one is given; `None` if there is no such object. Reads at most
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
