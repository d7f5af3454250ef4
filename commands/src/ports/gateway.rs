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
/// name of the operation: `apigatewayv2:CreateStage`.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// `CreateApi`, protocol HTTP. Names are not unique: look with [`Gateway::apis`] first.
    async fn create_api(&self, target: &Target, name: &str, tags: &Tags) -> PortResult<Api>;
    /// `GetApis`, all pages.
    async fn apis(&self, target: &Target) -> PortResult<Vec<Api>>;
    /// `ReimportApi`: sets the whole definition, from an OpenAPI 3 document in JSON. Returns API Gateway's warnings; each names a
    /// part of the document that was left out. Safe to repeat.
    async fn import_api(&self, target: &Target, api: &str, body: &str) -> PortResult<Vec<String>>;
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
    /// `UpdateStage`: sets another deployment and these stage variables, in one change. Variables that are not named stay, and an
    /// empty value removes one. Safe to repeat.
    async fn update_stage(
        &self,
        target: &Target,
        api: &str,
        stage: &str,
        deployment: &str,
        variables: &BTreeMap<String, String>,
    ) -> PortResult<ApiStage>;
    /// `GetStage`; `None` if it does not exist.
    async fn stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<Option<ApiStage>>;
    /// `DeleteStage`. A missing stage is no error.
    async fn delete_stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<()>;
}
