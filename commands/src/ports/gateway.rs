use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Tags;
use sluice_model::{PortResult, Target};

/// An HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Api {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `https://{id}.execute-api.{region}.amazonaws.com`, as the service returns it.
    pub endpoint: String,
    /// Its tags.
    pub tags: Tags,
}

/// An integration of an HTTP API with a function, payload format 2.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// Its id.
    pub id: String,
    /// The invocation URI, including stage variables.
    pub uri: String,
}

/// A route: `GET /items/{id}`, `$default`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its id.
    pub id: String,
    /// `METHOD /path` or `$default`.
    pub key: String,
    /// The id of the integration it calls.
    pub integration: Option<String>,
}

/// An immutable snapshot of an API's definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// The description that Sluice wrote, which identifies a deployment.
    pub description: String,
    /// Whether a stage can serve it.
    pub state: DeploymentState,
}

/// Whether a deployment can be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentState {
    /// It can.
    Deployed,
    /// Not yet.
    Pending,
    /// It never can. The text is the service's message.
    Failed(String),
}

/// A stage of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiStage {
    /// Its name.
    pub name: String,
    /// The deployment it serves.
    pub deployment: Option<String>,
    /// Its stage variables.
    pub variables: BTreeMap<String, String>,
}

/// API Gateway, HTTP APIs (`apigatewayv2`). IAM names its calls by HTTP method; the `call` of an error is the
/// name of the operation: `apigatewayv2:CreateRoute`.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// `CreateApi`, protocol HTTP. Names are not unique: look with [`Gateway::apis`] first.
    async fn create_api(&self, target: &Target, name: &str, tags: &Tags) -> PortResult<Api>;
    /// `GetApis`, all pages.
    async fn apis(&self, target: &Target) -> PortResult<Vec<Api>>;
    /// `CreateIntegration` of type AWS_PROXY, payload format 2.0.
    async fn create_integration(&self, target: &Target, api: &str, uri: &str) -> PortResult<Integration>;
    /// `GetIntegrations`, all pages.
    async fn integrations(&self, target: &Target, api: &str) -> PortResult<Vec<Integration>>;
    /// `CreateRoute`. A route with that key: conflict.
    async fn create_route(
        &self,
        target: &Target,
        api: &str,
        key: &str,
        integration: &str,
    ) -> PortResult<Route>;
    /// `UpdateRoute`: sets another integration. Safe to repeat.
    async fn update_route(
        &self,
        target: &Target,
        api: &str,
        route: &str,
        integration: &str,
    ) -> PortResult<Route>;
    /// `DeleteRoute`. A missing route is no error.
    async fn delete_route(&self, target: &Target, api: &str, route: &str) -> PortResult<()>;
    /// `GetRoutes`, all pages.
    async fn routes(&self, target: &Target, api: &str) -> PortResult<Vec<Route>>;
    /// `CreateDeployment` with a description. The result may still be pending.
    async fn create_deployment(
        &self,
        target: &Target,
        api: &str,
        description: &str,
    ) -> PortResult<Deployment>;
    /// `GetDeployments`, all pages, including failed ones.
    async fn deployments(&self, target: &Target, api: &str) -> PortResult<Vec<Deployment>>;
    /// `CreateStage` with a deployment and stage variables. A stage of that name: conflict.
    async fn create_stage(&self, target: &Target, api: &str, stage: &ApiStage) -> PortResult<ApiStage>;
    /// `UpdateStage`: sets another deployment. Safe to repeat.
    async fn update_stage(
        &self,
        target: &Target,
        api: &str,
        stage: &str,
        deployment: &str,
    ) -> PortResult<ApiStage>;
    /// `GetStage`; `None` if it does not exist.
    async fn stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<Option<ApiStage>>;
    /// `DeleteStage`. A missing stage is no error.
    async fn delete_stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<()>;
}
