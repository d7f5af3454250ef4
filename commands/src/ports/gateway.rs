use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Tags;
use sluice_model::{Class, PortError, PortResult, Target};

pub use sluice_model::{ApiKind, ApiStageSettings, SettingsChange};

/// An API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Api {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `https://{id}.execute-api.{region}.amazonaws.com`. The path of a stage other than `$default` begins with its name.
    pub endpoint: String,
    /// Its tags.
    pub tags: Tags,
}

/// The properties of an API beside its definition. An import resets those that its document does not set, except for the endpoint
/// type (`resourceRestAPIUpdate` in `internal/service/apigateway/rest_api.go` of Terraform's provider restores the same ones), and
/// [`Gateway::set_api`] restores them. `None` leaves what the import or the service set. A kind of API ignores the properties
/// that it does not have.
///
/// A document can set the properties that name an extension, and then the import needs nothing restored:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html>.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiSettings {
    /// Its description; `info.description` of a document.
    pub description: Option<String>,
    /// Whether it answers only at custom domains; `x-amazon-apigateway-endpoint-configuration`.
    pub disable_execute_api_endpoint: Option<bool>,
    /// `ipv4` or `dualstack`. Only for HTTP APIs, `x-amazon-apigateway-endpoint-configuration` can set it.
    pub ip_address_type: Option<String>,
    /// HTTP APIs: cross-origin requests; `x-amazon-apigateway-cors`. It replaces all of the API's CORS configuration.
    pub cors: Option<Cors>,
    /// REST APIs: where it is reachable. A new API without it is edge-optimized. Also the query parameter
    /// `endpointConfigurationTypes` of an import.
    pub endpoint_type: Option<EndpointType>,
    /// REST APIs of the private type: VPC endpoints; `x-amazon-apigateway-endpoint-configuration`.
    pub vpc_endpoints: Option<BTreeSet<String>>,
    /// REST APIs: the content types of binary bodies; `x-amazon-apigateway-binary-media-types`.
    pub binary_media_types: Option<BTreeSet<String>>,
    /// REST APIs: from how many bytes on bodies are compressed; `x-amazon-apigateway-minimum-compression-size`.
    pub minimum_compression_size: Option<u32>,
    /// REST APIs: `HEADER` or `AUTHORIZER`; `x-amazon-apigateway-api-key-source`.
    pub api_key_source: Option<String>,
    /// REST APIs: the resource policy in JSON; `x-amazon-apigateway-policy`.
    pub policy: Option<String>,
}

/// The CORS configuration of an HTTP API.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cors {
    /// Whether requests may have credentials.
    pub allow_credentials: bool,
    /// Headers that requests may have.
    pub allow_headers: Vec<String>,
    /// Methods that requests may have.
    pub allow_methods: Vec<String>,
    /// Origins that may send requests.
    pub allow_origins: Vec<String>,
    /// Headers of answers that scripts may read.
    pub expose_headers: Vec<String>,
    /// Seconds that a browser keeps the answer to a preflight request; `None` for the browser's default.
    pub max_age: Option<i32>,
}

/// Where a REST API is reachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndpointType {
    /// Through CloudFront.
    Edge,
    /// In its region.
    Regional,
    /// From VPC endpoints.
    Private,
}

impl EndpointType {
    /// `EDGE`, `REGIONAL` or `PRIVATE`, as API Gateway writes it.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(text.into()).ok()
    }
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

/// Whether a deployment can be served. A REST API's deployment always can.
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
    /// The settings with which it is created. Answers leave them out.
    pub settings: ApiStageSettings,
}

/// A change of an API stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageChange {
    /// The deployment it serves.
    pub deployment: String,
    /// Stage variables. Those that are not named stay, and an empty value removes one, whether the stage has it or not.
    pub variables: BTreeMap<String, String>,
    /// The settings. Those that are in neither of the two stay.
    pub settings: SettingsChange,
}

/// Whether the refusal to delete an API stage may say that something uses it, such as a custom domain or a usage plan. API Gateway
/// has no code of its own for that.
pub fn may_be_in_use(error: &PortError) -> bool {
    matches!(error.class, Class::Conflict | Class::Precondition | Class::Invalid)
}

/// API Gateway, for one [`ApiKind`]: `apigatewayv2` for HTTP APIs, `apigateway` for REST APIs. Both kinds have the same contract.
/// IAM names the calls by HTTP method; the `call` of an error is the name of the operation: `apigatewayv2:CreateStage`.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// `CreateApi` with protocol HTTP, or `CreateRestApi`. Names are not unique: look with [`Gateway::apis`] first.
    async fn create_api(
        &self,
        target: &Target,
        name: &str,
        tags: &Tags,
        settings: &ApiSettings,
    ) -> PortResult<Api>;
    /// `GetApis` or `GetRestApis`, all pages.
    async fn apis(&self, target: &Target) -> PortResult<Vec<Api>>;
    /// `ReimportApi`, or `PutRestApi` with mode `overwrite`: sets the whole definition, from an OpenAPI document in JSON (REST APIs
    /// also take Swagger 2.0). `parameters` are query parameters such as `basepath` and `endpointConfigurationTypes`. Returns API
    /// Gateway's warnings; each names a part of the document that was left out. Safe to repeat.
    async fn import_api(
        &self,
        target: &Target,
        api: &str,
        body: &str,
        parameters: &BTreeMap<String, String>,
    ) -> PortResult<Vec<String>>;
    /// `UpdateApi` or `UpdateRestApi`, unless the API has these settings: a read precedes the change. Safe to repeat.
    async fn set_api(&self, target: &Target, api: &str, settings: &ApiSettings) -> PortResult<()>;
    /// `CreateDeployment` with a description. The result may still be pending.
    async fn create_deployment(
        &self,
        target: &Target,
        api: &str,
        description: &str,
    ) -> PortResult<Deployment>;
    /// `GetDeployments`, all pages, including failed ones.
    async fn deployments(&self, target: &Target, api: &str) -> PortResult<Vec<Deployment>>;
    /// `DeleteDeployment`. A missing deployment is no error; one that a stage serves is a conflict.
    async fn delete_deployment(&self, target: &Target, api: &str, deployment: &str) -> PortResult<()>;
    /// `CreateStage` with a deployment, stage variables and settings. REST APIs take most settings only from an `UpdateStage`, which
    /// follows. A stage of that name: conflict.
    async fn create_stage(&self, target: &Target, api: &str, stage: &ApiStage) -> PortResult<ApiStage>;
    /// `UpdateStage`: the whole change in one call, but for settings of HTTP APIs that have to be removed: `DeleteRouteSettings` and
    /// `DeleteAccessLogSettings` precede it. Safe to repeat. The data plane follows within seconds.
    async fn update_stage(
        &self,
        target: &Target,
        api: &str,
        stage: &str,
        change: &StageChange,
    ) -> PortResult<ApiStage>;
    /// `GetStage`; `None` if it does not exist.
    async fn stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<Option<ApiStage>>;
    /// `DeleteStage`. A missing stage is no error.
    async fn delete_stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<()>;
    /// `DeleteApi` or `DeleteRestApi`, with its stages and deployments. A missing API is no error. An account may delete one REST
    /// API in 30 seconds.
    async fn delete_api(&self, target: &Target, api: &str) -> PortResult<()>;
}
