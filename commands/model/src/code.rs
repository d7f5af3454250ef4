//! Where the code of a function is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Target, url_suffix};

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

/// The code of a function as a build pinned it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PinnedCode {
    /// A zip archive in S3.
    Archive(CodeRef),
    /// A container image in ECR.
    Image {
        /// Its URI with its digest.
        image: ImageUri,
    },
}

impl PinnedCode {
    /// What Lambda reports as `CodeSha256`: of an archive in base64, of an image its digest in hexadecimal.
    pub fn sha256(&self) -> &str {
        match self {
            Self::Archive(object) => &object.sha256,
            Self::Image { image } => image.digest(),
        }
    }

    /// Whether it is a container image.
    pub fn is_image(&self) -> bool {
        matches!(self, Self::Image { .. })
    }
}

impl From<CodeRef> for PinnedCode {
    fn from(object: CodeRef) -> Self {
        Self::Archive(object)
    }
}

impl From<ImageUri> for PinnedCode {
    fn from(image: ImageUri) -> Self {
        Self::Image { image }
    }
}

/// Between the repository and the digest.
const DIGEST: &str = "@sha256:";
/// ECR's limit for the name of a repository, in characters:
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html>.
const LONGEST_REPOSITORY: usize = 256;

/// A container image that cannot change: `REGISTRY/REPOSITORY@sha256:DIGEST`, without a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageUri(String);

/// Whether a text is the name of a repository in ECR.
pub fn is_image_repository(name: &str) -> bool {
    let is_named = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b))
    };
    name.len() <= LONGEST_REPOSITORY && name.split('/').all(is_named)
}

impl ImageUri {
    /// The URI; `None` if it is none, or has no digest. A tag can point to another image later.
    pub fn new(uri: &str) -> Option<Self> {
        let (name, digest) = uri.split_once(DIGEST)?;
        let (registry, repository) = name.split_once('/')?;
        let is_digest = digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_host = registry.contains('.')
            && registry.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        (is_digest && is_host && is_image_repository(repository)).then(|| Self(uri.to_owned()))
    }

    /// The registry: `ACCOUNT.dkr.ecr.REGION.amazonaws.com`.
    pub fn registry(&self) -> &str {
        self.0.split_once('/').map_or("", |(registry, _)| registry)
    }

    /// The repository, as in `orders` or `shop/orders`.
    pub fn repository(&self) -> &str {
        let name = self.0.split_once(DIGEST).map_or("", |(name, _)| name);
        name.split_once('/').map_or("", |(_, repository)| repository)
    }

    /// The digest in hexadecimal, without `sha256:`.
    pub fn digest(&self) -> &str {
        self.0.split_once(DIGEST).map_or("", |(_, digest)| digest)
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ImageUri {
    type Error = String;
    fn try_from(uri: String) -> Result<Self, String> {
        Self::new(&uri).ok_or_else(|| "an image needs the form REGISTRY/REPOSITORY@sha256:DIGEST".to_owned())
    }
}

impl From<ImageUri> for String {
    fn from(uri: ImageUri) -> Self {
        uri.0
    }
}

impl Target {
    /// The host of the account's images: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html>.
    pub fn image_registry(&self) -> String {
        format!("{}.dkr.ecr.{}.{}", self.account, self.region, url_suffix(&self.region))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn an_image_is_named_by_its_digest_alone() {
        let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
        let uri = format!("{}/shop/orders@sha256:{DIGITS}", target.image_registry());
        let image = ImageUri::new(&uri).unwrap();
        assert_eq!(
            (image.registry(), image.repository(), image.digest()),
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "shop/orders", DIGITS)
        );
        for bad in [
            "r.io/orders:1".to_owned(),
            format!("r.io/orders:1@sha256:{DIGITS}"),
            format!("r.io/orders@sha256:{}", DIGITS.split_at(1).1),
            format!("r.io/orders@sha256:{}", DIGITS.to_uppercase()),
            format!("orders@sha256:{DIGITS}"),
            format!("r.io/../orders@sha256:{DIGITS}"),
            format!("r.io//orders@sha256:{DIGITS}"),
            format!("r.io/<!here>@sha256:{DIGITS}"),
            format!("localhost/orders@sha256:{DIGITS}"),
        ] {
            assert_eq!(ImageUri::new(&bad), None, "{bad}");
        }
    }

    /// Journals and records have the code of archives as they had it before there were images.
    #[test]
    fn pinned_code_is_kept_as_an_object_or_as_an_image() {
        let object = CodeRef { bucket: "b".into(), key: "k".into(), version: "v".into(), sha256: "s".into() };
        let archive = PinnedCode::from(object);
        let text = r#"{"bucket":"b","key":"k","version":"v","sha256":"s"}"#;
        assert_eq!(serde_json::to_string(&archive).unwrap(), text);
        assert_eq!(serde_json::from_str::<PinnedCode>(text).unwrap(), archive);
        let text = format!(r#"{{"image":"r.io/orders@sha256:{DIGITS}"}}"#);
        let image = serde_json::from_str::<PinnedCode>(&text).unwrap();
        assert_eq!((image.sha256(), image.is_image()), (DIGITS, true));
        assert_eq!(serde_json::to_string(&image).unwrap(), text);
        assert!(serde_json::from_str::<PinnedCode>(r#"{"image":"r.io/orders:1"}"#).is_err());
    }
}
