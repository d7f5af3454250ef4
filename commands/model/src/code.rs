//! Where the code of a function is.

use serde::{Deserialize, Serialize};

/// Code in S3, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRef {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The object's version.
    pub version: String,
    /// SHA-256 of the package in base64, as Lambda reports it.
    pub sha256: String,
}
