//! Builds and their artifacts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::LogStream;
use sluice_grammar::visible;
use sluice_model::{Actor, BuildNumber, CommitId, OperationId, PinnedCode};

/// A commit as messages show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The full id.
    pub id: CommitId,
    /// Its author's name.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

impl Change {
    /// From git's own texts. Control and direction characters are made visible, so they cannot disguise the text next to
    /// them.
    pub fn new(id: CommitId, author: &str, subject: &str) -> Self {
        Self { id, author: visible(author), subject: visible(subject) }
    }
}

/// The state of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildState {
    /// A person cancelled it.
    Cancelled,
    /// Accepted, queued or running.
    Running,
    /// Succeeded: it can be deployed.
    Succeeded,
    /// Failed.
    Failed,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Its number.
    pub number: BuildNumber,
    /// The operation that made it.
    pub operation: OperationId,
    /// Its state.
    pub state: BuildState,
    /// The requested branch or commit.
    pub reference: String,
    /// The commit, once it is known.
    pub commit: Option<Change>,
    /// The person who requested it.
    pub actor: Actor,
    /// When it was requested.
    pub asked: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Its log.
    pub log: Option<LogStream>,
    /// The URL of a page with its log.
    pub log_link: Option<String>,
    /// Its artifact, if it succeeded.
    pub artifact: Option<Artifact>,
}

/// An object in S3 that cannot change: its version and digest are pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Its key in the artifact bucket.
    pub key: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its content, hex.
    pub sha256: String,
}

/// What a successful build stored in S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The packaged template.
    pub packaged: Pinned,
    /// The file and line of each resource in the repository. Errors refer to them.
    pub lines: Pinned,
    /// `sluice-manifest.json`.
    pub manifest: Pinned,
    /// The code of each function by logical id.
    pub code: BTreeMap<String, PinnedCode>,
    /// Digest over code and template. Two builds of the same commit have the same digest.
    pub digest: String,
}
