//! API Gateway's REST APIs. As with HTTP APIs, the service assigns ids, and names are not unique.
//!
//! A REST API's properties and a stage change by patch operations, which the service applies in their order:
//! <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html>. A deployment has no status: a stage can serve it
//! once the call returns.

mod patches;

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::primitives::Blob;
use aws_sdk_apigateway::types::{EndpointConfiguration, PutMode};
use sluice_commands::ports::{
    Api, ApiSettings, ApiStage, ApiStageSettings, Deployment, DeploymentState, Gateway, SettingsChange,
    StageChange, Tags,
};
use sluice_model::{PortResult, Target, url_suffix};

use crate::call::{self, Call};
use crate::client::Service;
use crate::error::{failed, found};
use crate::limits::ChangeLocks;
use crate::values::{sorted, unsorted};

/// The most items of a page.
const PAGE: i32 = 500;

pub(crate) struct RestApis {
    pub(crate) service: Service<Client>,
    /// API Gateway refuses a change of an API while another is in progress.
    pub(crate) changes: ChangeLocks,
    /// The service's endpoint if it is on this machine.
    pub(crate) local: Option<String>,
}

/// All items of a list, over all pages.
macro_rules! all_pages {
    ($call:expr, $request:expr, $make:expr) => {{
        let (call, mut items, mut position) = ($call, Vec::new(), None);
        loop {
            let page = $request.limit(PAGE).set_position(position).send().await.map_err(failed(call))?;
            for item in page.items() {
                items.push($make(item)?);
            }
            position = page.position.filter(|position| !position.is_empty());
            if position.is_none() {
                break Ok(items);
            }
        }
    }};
}

macro_rules! deployment_of {
    ($call:expr, $answer:expr) => {{
        let (call, answer) = ($call, $answer);
        Ok(Deployment {
            id: call.required(answer.id(), "deployment id")?.to_owned(),
            description: answer.description().unwrap_or_default().to_owned(),
            state: DeploymentState::Deployed,
        })
    }};
}

macro_rules! stage_of {
    ($call:expr, $answer:expr) => {{
        let (call, answer) = ($call, $answer);
        Ok(ApiStage {
            name: call.required(answer.stage_name(), "stage name")?.to_owned(),
            deployment: answer.deployment_id().map(str::to_owned),
            variables: sorted(answer.variables()),
            settings: ApiStageSettings::default(),
        })
    }};
}

impl RestApis {
    /// An answer does not contain the URL. On this machine it has the form that emulators use
    /// (<https://docs.localstack.cloud/aws/services/apigateway/>).
    fn api(&self, call: Call, id: Option<&str>, name: Option<&str>, tags: Tags) -> PortResult<Api> {
        let id = call.required(id, "API id")?.to_owned();
        let region = &self.service.region;
        let endpoint = match &self.local {
            Some(local) => format!("{}/_aws/execute-api/{id}", local.trim_end_matches('/')),
            None => format!("https://{id}.execute-api.{region}.{}", url_suffix(region)),
        };
        Ok(Api { id, name: name.unwrap_or_default().to_owned(), endpoint, tags })
    }
}

#[async_trait]
impl Gateway for RestApis {
    async fn create_api(
        &self,
        target: &Target,
        name: &str,
        tags: &Tags,
        settings: &ApiSettings,
    ) -> PortResult<Api> {
        let call = call::CREATE_REST_API;
        let list = |set: &Option<std::collections::BTreeSet<String>>| -> Option<Vec<String>> {
            set.as_ref().map(|set| set.iter().cloned().collect())
        };
        let endpoint = EndpointConfiguration::builder()
            .set_types(settings.endpoint_type.map(|kind| vec![patches::endpoint_type(kind)]))
            .set_ip_address_type(settings.ip_address_type.as_deref().map(Into::into))
            .set_vpc_endpoint_ids(list(&settings.vpc_endpoints))
            .build();
        let request = self.service.rate_limited_for(target, call, name).await?.create_rest_api().name(name);
        let answer = request
            .set_tags(unsorted(tags))
            .set_description(settings.description.clone())
            .set_disable_execute_api_endpoint(settings.disable_execute_api_endpoint)
            .set_binary_media_types(list(&settings.binary_media_types))
            .set_minimum_compression_size(
                settings.minimum_compression_size.and_then(|size| size.try_into().ok()),
            )
            .set_api_key_source(settings.api_key_source.as_deref().map(Into::into))
            .set_policy(settings.policy.clone())
            .set_endpoint_configuration(settings.endpoint_type.map(|_| endpoint))
            .send()
            .await
            .map_err(failed(call))?;
        self.api(call, answer.id(), answer.name(), sorted(answer.tags()))
    }

    async fn apis(&self, target: &Target) -> PortResult<Vec<Api>> {
        let call = call::GET_REST_APIS;
        all_pages!(
            call,
            self.service.rate_limited(target, call).await?.get_rest_apis(),
            |api: &aws_sdk_apigateway::types::RestApi| self.api(
                call,
                api.id(),
                api.name(),
                sorted(api.tags())
            )
        )
    }

    async fn import_api(
        &self,
        target: &Target,
        api: &str,
        body: &str,
        parameters: &BTreeMap<String, String>,
    ) -> PortResult<Vec<String>> {
        let call = call::IMPORT_REST_API;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        // With warnings, the caller decides: a refusal by API Gateway would not list them all.
        let request = client.put_rest_api().rest_api_id(api).mode(PutMode::Overwrite).fail_on_warnings(false);
        let request = request.set_parameters(unsorted(parameters)).body(Blob::new(body));
        let answer = request.send().await.map_err(failed(call))?;
        Ok(answer.warnings().to_vec())
    }

    async fn set_api(&self, target: &Target, api: &str, settings: &ApiSettings) -> PortResult<()> {
        let call = call::GET_REST_API;
        let request = self.service.rate_limited(target, call).await?.get_rest_api().rest_api_id(api);
        let now = request.send().await.map_err(failed(call))?;
        let patches = patches::of_settings(settings, &now);
        if patches.is_empty() {
            return Ok(());
        }
        let call = call::UPDATE_REST_API;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let request = client.update_rest_api().rest_api_id(api).set_patch_operations(Some(patches));
        request.send().await.map_err(failed(call)).map(drop)
    }

    async fn create_deployment(
        &self,
        target: &Target,
        api: &str,
        description: &str,
    ) -> PortResult<Deployment> {
        let call = call::CREATE_REST_DEPLOYMENT;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        // Without a stage's name, the call changes no stage.
        let request = client.create_deployment().rest_api_id(api).description(description);
        let answer = request.send().await.map_err(failed(call))?;
        deployment_of!(call, &answer)
    }

    async fn deployments(&self, target: &Target, api: &str) -> PortResult<Vec<Deployment>> {
        let call = call::GET_REST_DEPLOYMENTS;
        all_pages!(
            call,
            self.service.rate_limited(target, call).await?.get_deployments().rest_api_id(api),
            |deployment: &aws_sdk_apigateway::types::Deployment| deployment_of!(call, deployment)
        )
    }

    async fn delete_deployment(&self, target: &Target, api: &str, deployment: &str) -> PortResult<()> {
        let call = call::DELETE_REST_DEPLOYMENT;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let answer = client.delete_deployment().rest_api_id(api).deployment_id(deployment).send().await;
        found(answer.map_err(failed(call))).map(drop)
    }

    async fn create_stage(&self, target: &Target, api: &str, stage: &ApiStage) -> PortResult<ApiStage> {
        let call = call::CREATE_REST_STAGE;
        let client = self.service.client(target, call)?;
        let change = self.changes.acquire(&self.service.limits, call, api).await?;
        let answer = client
            .create_stage()
            .rest_api_id(api)
            .stage_name(&stage.name)
            .set_deployment_id(stage.deployment.clone())
            .set_variables(unsorted(&stage.variables))
            .send()
            .await
            .map_err(failed(call))?;
        drop(change);
        let Some(deployment) = stage.deployment.clone().filter(|_| !stage.settings.is_default()) else {
            return stage_of!(call, &answer);
        };
        // A new stage takes few of its settings (`internal/service/apigateway/stage.go` of Terraform's provider sets them likewise).
        let settings = SettingsChange { from: ApiStageSettings::default(), to: stage.settings.clone() };
        let change = StageChange { deployment, variables: BTreeMap::new(), settings };
        self.update_stage(target, api, &stage.name, &change).await
    }

    async fn update_stage(
        &self,
        target: &Target,
        api: &str,
        stage: &str,
        change: &StageChange,
    ) -> PortResult<ApiStage> {
        // The service does not say what the removal of something missing does, so only what exists is removed.
        let now = match patches::removes(change) {
            true => {
                let call = call::GET_REST_STAGE;
                let request = self.service.rate_limited(target, call).await?.get_stage();
                let answer = request.rest_api_id(api).stage_name(stage).send().await;
                Some(answer.map_err(failed(call))?)
            }
            false => None,
        };
        let call = call::UPDATE_REST_STAGE;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let request = client.update_stage().rest_api_id(api).stage_name(stage);
        let patches = patches::of_stage(change, now.as_ref());
        let answer = request.set_patch_operations(Some(patches)).send().await.map_err(failed(call))?;
        stage_of!(call, &answer)
    }

    async fn stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<Option<ApiStage>> {
        let call = call::GET_REST_STAGE;
        let request = self.service.rate_limited(target, call).await?.get_stage();
        let answer = request.rest_api_id(api).stage_name(stage).send().await;
        found(answer.map_err(failed(call)))?.map(|answer| stage_of!(call, &answer)).transpose()
    }

    async fn delete_stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<()> {
        let call = call::DELETE_REST_STAGE;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let answer = client.delete_stage().rest_api_id(api).stage_name(stage).send().await;
        found(answer.map_err(failed(call))).map(drop)
    }

    async fn delete_api(&self, target: &Target, api: &str) -> PortResult<()> {
        let call = call::DELETE_REST_API;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let answer = client.delete_rest_api().rest_api_id(api).send().await;
        found(answer.map_err(failed(call))).map(drop)
    }
}
