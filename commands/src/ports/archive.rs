use std::path::Path;

use async_trait::async_trait;

use sluice_model::{PortResult, Target};

/// An object of an archive in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Its whole key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Whole files in S3 that are too large for memory: the backups of a state that is a file.
#[async_trait]
pub trait Archive: Send + Sync {
    /// `s3:PutObject` of a file's content (at most 5 GB), unless there is an object with that key: conflict
    /// with code `PreconditionFailed`. A repeat after our own success is that conflict too.
    async fn keep(&self, target: &Target, bucket: &str, key: &str, file: &Path) -> PortResult<()>;
    /// `s3:ListObjectsV2`, all pages: every object whose key has that prefix, in the order of the keys.
    async fn list(&self, target: &Target, bucket: &str, prefix: &str) -> PortResult<Vec<Archived>>;
    /// `s3:GetObject` into a new file that only its owner can read. An existing file is not overwritten.
    /// After an error a part of the file may exist. Absent with code `NoSuchKey` if there is no such object.
    async fn fetch(&self, target: &Target, bucket: &str, key: &str, file: &Path) -> PortResult<()>;
    /// `s3:DeleteObject`. Safe to repeat; a missing object is no error. In a versioned bucket the version
    /// remains.
    async fn discard(&self, target: &Target, bucket: &str, key: &str) -> PortResult<()>;
}
