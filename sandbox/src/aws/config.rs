//! The configuration of the parts of AWS.

use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use super::strict::Strict;
use crate::addresses::Addresses;

/// Addresses, folders and rules.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    pub at: Addresses,
    /// The rules that make it as strict as AWS.
    pub strict: Strict,
    /// Holds the repositories, the builds and the bot's policies.
    pub folder: PathBuf,
    /// The programs of the Python environment: first on the `PATH` of builds.
    pub tools: PathBuf,
    /// What the packager of builds needs.
    pub packager: PathBuf,
}

impl AwsConfig {
    /// The folder with the policies of the bot and of `sluice init`.
    pub fn policies_folder(folder: &Path) -> PathBuf {
        folder.join("policies")
    }
}

/// The folder with the policies of an access key, one file each.
pub fn policies_of(policies: &Path, key: &str) -> PathBuf {
    policies.join(key)
}

pub struct AwsListeners {
    /// All services.
    pub front: TcpListener,
    /// All services, under CodeCommit's address.
    pub codecommit: TcpListener,
    /// All services, under CodeBuild's address, and the logs of builds.
    pub codebuild: TcpListener,
    /// Git over HTTP.
    pub git: TcpListener,
    /// The URLs of API Gateway's stages.
    pub stages: TcpListener,
}
