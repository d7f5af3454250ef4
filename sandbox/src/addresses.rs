//! The addresses of a sandbox.

/// Base URLs, without a trailing slash.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The page, Slack's Web API and the control API.
    pub page: String,
    /// All AWS services; builds and functions have it as their `AWS_ENDPOINT_URL`.
    pub aws: String,
    pub codecommit: String,
    /// CodeBuild, and the logs of builds.
    pub codebuild: String,
    /// Clone URLs begin with it.
    pub git: String,
    /// API Gateway's stages.
    pub stages: String,
    pub bot: String,
}
