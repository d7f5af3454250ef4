use async_trait::async_trait;
use bytes::Bytes;

use super::Tags;
use crate::fault::PortResult;
use crate::ids::Target;

/// One object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its content.
    pub content: Bytes,
    /// The version that was read; the bucket is versioned.
    pub version: Option<String>,
}

/// How an artifact bucket is set up, as far as Sluice sets it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BucketState {
    /// Versioning is on.
    pub versioned: bool,
    /// All four blocks of public access are on.
    pub private: bool,
    /// A policy is attached.
    pub policy: bool,
}

/// S3.
#[async_trait]
pub trait Objects: Send + Sync {
    /// `s3:CreateBucket` with tags. Ours already: conflict with code `BucketAlreadyOwnedByYou` (also where the service
    /// answers that with success: the adapter looks first); somebody else's: conflict with code `BucketAlreadyExists`.
    async fn create_bucket(&self, target: &Target, bucket: &str, tags: &Tags) -> PortResult<()>;
    /// Whether the bucket is there (`s3:HeadBucket`), and how it is set up; `None` if it is not there.
    async fn bucket(&self, target: &Target, bucket: &str) -> PortResult<Option<BucketState>>;
    /// `s3:GetBucketTagging`; empty where there are none.
    async fn bucket_tags(&self, target: &Target, bucket: &str) -> PortResult<Tags>;
    /// `s3:PutBucketVersioning`, on. Safe to repeat.
    async fn set_versioning(&self, target: &Target, bucket: &str) -> PortResult<()>;
    /// `s3:PutPublicAccessBlock`, all four. Safe to repeat.
    async fn block_public_access(&self, target: &Target, bucket: &str) -> PortResult<()>;
    /// `s3:PutBucketPolicy` with that JSON document. Safe to repeat.
    async fn set_policy(&self, target: &Target, bucket: &str, policy: &str) -> PortResult<()>;
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
