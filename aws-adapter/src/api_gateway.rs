//! API Gateway's HTTP APIs. The service assigns ids, and names are not unique: callers look before they create.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::{
    AccessLogSettings, Cors as SdkCors, DeploymentStatus, IpAddressType, ProtocolType, RouteSettings,
};
use sluice_commands::ports::{
    Api, ApiSettings, ApiStage, ApiStageSettings, Cors, Deployment, DeploymentState, Gateway, StageChange,
    Tags,
};
use sluice_model::{ALL_ROUTES, PortResult, Target};

use crate::call;
use crate::client::Service;
use crate::error::{failed, found};
use crate::limits::ChangeLocks;
use crate::values::{differ, sorted, unsorted};

/// Lists most APIs with one request. The service may return fewer per page.
const PAGE: &str = "500";

pub(crate) struct ApiGateway {
    pub(crate) service: Service<Client>,
    /// API Gateway refuses a change of an API while another is in progress.
    pub(crate) changes: ChangeLocks,
}

/// All items of a list, over all pages.
macro_rules! all_pages {
    ($call:expr, $request:expr, $make:expr) => {{
        let (call, mut items, mut token) = ($call, Vec::new(), None);
        loop {
            let page = $request.max_results(PAGE).set_next_token(token).send().await.map_err(failed(call))?;
            for item in page.items() {
                items.push($make(item)?);
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break Ok(items);
            }
        }
    }};
}

macro_rules! api_of {
    ($call:expr, $answer:expr) => {{
        let (call, answer) = ($call, $answer);
        Ok(Api {
            id: call.required(answer.api_id(), "API id")?.to_owned(),
            name: answer.name().unwrap_or_default().to_owned(),
            endpoint: answer.api_endpoint().unwrap_or_default().to_owned(),
            tags: sorted(answer.tags()),
        })
    }};
}

macro_rules! deployment_of {
    ($call:expr, $answer:expr) => {{
        let (call, answer) = ($call, $answer);
        Ok(Deployment {
            id: call.required(answer.deployment_id(), "deployment id")?.to_owned(),
            description: answer.description().unwrap_or_default().to_owned(),
            state: match answer.deployment_status() {
                Some(DeploymentStatus::Pending) => DeploymentState::Pending,
                Some(DeploymentStatus::Failed) => {
                    let why = answer.deployment_status_message().unwrap_or_default();
                    DeploymentState::Failed(why.to_owned())
                }
                // Without a status, the deployment counts as deployed.
                _ => DeploymentState::Deployed,
            },
        })
    }};
}

macro_rules! stage_of {
    ($call:expr, $answer:expr) => {{
        let (call, answer) = ($call, $answer);
        Ok(ApiStage {
            name: call.required(answer.stage_name(), "stage name")?.to_owned(),
            deployment: answer.deployment_id().map(str::to_owned),
            variables: sorted(answer.stage_variables()),
            settings: ApiStageSettings::default(),
        })
    }};
}

fn access_log(settings: &ApiStageSettings) -> Option<AccessLogSettings> {
    let log = settings.access_log.as_ref()?;
    Some(AccessLogSettings::builder().destination_arn(&log.destination).format(&log.format).build())
}

fn route_settings(settings: &sluice_model::RouteSettings) -> RouteSettings {
    RouteSettings::builder()
        .set_throttling_burst_limit(settings.burst.and_then(|burst| i32::try_from(burst).ok()))
        .set_throttling_rate_limit(settings.rate.as_ref().and_then(serde_json::Number::as_f64))
        .set_detailed_metrics_enabled(settings.metrics)
        .build()
}

/// The settings of routes that have their own; `None` if none has.
fn own_route_settings(settings: &ApiStageSettings) -> Option<HashMap<String, RouteSettings>> {
    let own = settings.routes.iter().filter(|(route, _)| *route != ALL_ROUTES);
    let own: HashMap<_, _> = own.map(|(route, settings)| (route.clone(), route_settings(settings))).collect();
    (!own.is_empty()).then_some(own)
}

fn ip_address_type(settings: &ApiSettings) -> Option<IpAddressType> {
    settings.ip_address_type.as_deref().map(IpAddressType::from)
}

fn sdk_cors(cors: &Cors) -> SdkCors {
    SdkCors::builder()
        .allow_credentials(cors.allow_credentials)
        .set_allow_headers(Some(cors.allow_headers.clone()))
        .set_allow_methods(Some(cors.allow_methods.clone()))
        .set_allow_origins(Some(cors.allow_origins.clone()))
        .set_expose_headers(Some(cors.expose_headers.clone()))
        .set_max_age(cors.max_age)
        .build()
}

fn cors_of(cors: &SdkCors) -> Cors {
    Cors {
        allow_credentials: cors.allow_credentials().unwrap_or_default(),
        allow_headers: cors.allow_headers().to_vec(),
        allow_methods: cors.allow_methods().to_vec(),
        allow_origins: cors.allow_origins().to_vec(),
        expose_headers: cors.expose_headers().to_vec(),
        max_age: cors.max_age(),
    }
}

#[async_trait]
impl Gateway for ApiGateway {
    async fn create_api(
        &self,
        target: &Target,
        name: &str,
        tags: &Tags,
        settings: &ApiSettings,
    ) -> PortResult<Api> {
        let call = call::CREATE_API;
        let request = self
            .service
            .rate_limited(target, call)
            .await?
            .create_api()
            .name(name)
            .protocol_type(ProtocolType::Http)
            .set_description(settings.description.clone())
            .set_disable_execute_api_endpoint(settings.disable_execute_api_endpoint)
            .set_ip_address_type(ip_address_type(settings))
            .set_cors_configuration(settings.cors.as_ref().map(sdk_cors));
        let answer = request.set_tags(unsorted(tags)).send().await.map_err(failed(call))?;
        api_of!(call, &answer)
    }

    async fn apis(&self, target: &Target) -> PortResult<Vec<Api>> {
        let call = call::GET_APIS;
        all_pages!(
            call,
            self.service.rate_limited(target, call).await?.get_apis(),
            |api: &aws_sdk_apigatewayv2::types::Api| api_of!(call, api)
        )
    }

    async fn import_api(
        &self,
        target: &Target,
        api: &str,
        body: &str,
        parameters: &BTreeMap<String, String>,
    ) -> PortResult<Vec<String>> {
        let call = call::IMPORT_API;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        // With warnings, the caller decides: a refusal by API Gateway would not list them all.
        let request = client.reimport_api().api_id(api).fail_on_warnings(false).body(body);
        // The only parameter of this call.
        let request = request.set_basepath(parameters.get("basepath").cloned());
        let answer = request.send().await.map_err(failed(call))?;
        Ok(answer.warnings().iter().chain(answer.import_info()).cloned().collect())
    }

    async fn set_api(&self, target: &Target, api: &str, settings: &ApiSettings) -> PortResult<()> {
        let call = call::GET_API;
        let request = self.service.rate_limited(target, call).await?.get_api().api_id(api);
        let now = request.send().await.map_err(failed(call))?;
        let cors = settings.cors.as_ref().map(sdk_cors);
        let differs = differ(&settings.description, now.description().map(str::to_owned))
            || differ(&settings.disable_execute_api_endpoint, now.disable_execute_api_endpoint())
            || differ(&ip_address_type(settings), now.ip_address_type().cloned())
            || differ(&settings.cors, now.cors_configuration().map(cors_of));
        if !differs {
            return Ok(());
        }
        let call = call::UPDATE_API;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let request = client.update_api().api_id(api).set_description(settings.description.clone());
        let request = request
            .set_disable_execute_api_endpoint(settings.disable_execute_api_endpoint)
            .set_ip_address_type(ip_address_type(settings))
            .set_cors_configuration(cors);
        request.send().await.map_err(failed(call)).map(drop)
    }

    async fn create_deployment(
        &self,
        target: &Target,
        api: &str,
        description: &str,
    ) -> PortResult<Deployment> {
        let call = call::CREATE_DEPLOYMENT;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let request = client.create_deployment().api_id(api).description(description);
        let answer = request.send().await.map_err(failed(call))?;
        deployment_of!(call, &answer)
    }

    async fn deployments(&self, target: &Target, api: &str) -> PortResult<Vec<Deployment>> {
        let call = call::GET_DEPLOYMENTS;
        all_pages!(
            call,
            self.service.rate_limited(target, call).await?.get_deployments().api_id(api),
            |deployment: &aws_sdk_apigatewayv2::types::Deployment| deployment_of!(call, deployment)
        )
    }

    async fn delete_deployment(&self, target: &Target, api: &str, deployment: &str) -> PortResult<()> {
        let call = call::DELETE_DEPLOYMENT;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let answer = client.delete_deployment().api_id(api).deployment_id(deployment).send().await;
        found(answer.map_err(failed(call))).map(drop)
    }

    async fn create_stage(&self, target: &Target, api: &str, stage: &ApiStage) -> PortResult<ApiStage> {
        let call = call::CREATE_STAGE;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let answer = client
            .create_stage()
            .api_id(api)
            .stage_name(&stage.name)
            .set_deployment_id(stage.deployment.clone())
            .set_stage_variables(unsorted(&stage.variables))
            .set_access_log_settings(access_log(&stage.settings))
            .set_default_route_settings(stage.settings.routes.get(ALL_ROUTES).map(route_settings))
            .set_route_settings(own_route_settings(&stage.settings))
            // A stage must serve its deployment, not the API's current definition.
            .auto_deploy(false)
            .send()
            .await
            .map_err(failed(call))?;
        stage_of!(call, &answer)
    }

    async fn update_stage(
        &self,
        target: &Target,
        api: &str,
        stage: &str,
        change: &StageChange,
    ) -> PortResult<ApiStage> {
        let StageChange { deployment, variables, settings } = change;
        for route in settings.removed().into_iter().filter(|route| *route != ALL_ROUTES) {
            let call = call::DELETE_ROUTE_SETTINGS;
            let client = self.service.client(target, call)?;
            let _change = self.changes.acquire(&self.service.limits, call, api).await?;
            let request = client.delete_route_settings().api_id(api).stage_name(stage).route_key(route);
            found(request.send().await.map_err(failed(call)))?;
        }
        if settings.removes_access_log() {
            let call = call::DELETE_ACCESS_LOG;
            let client = self.service.client(target, call)?;
            let _change = self.changes.acquire(&self.service.limits, call, api).await?;
            let request = client.delete_access_log_settings().api_id(api).stage_name(stage);
            found(request.send().await.map_err(failed(call)))?;
        }
        let call = call::UPDATE_STAGE;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let request = client.update_stage().api_id(api).stage_name(stage);
        let mut request = request.deployment_id(deployment).set_stage_variables(unsorted(variables));
        if !settings.is_none() {
            // Settings of all routes cannot be deleted; empty ones take their place, as from Terraform's provider
            // (`expandDefaultRouteSettings` in `internal/service/apigatewayv2/stage.go`).
            let had_all = settings.from.routes.contains_key(ALL_ROUTES);
            let all = settings.to.routes.get(ALL_ROUTES).map(route_settings);
            let all = all.or_else(|| had_all.then(|| RouteSettings::builder().build()));
            request = request
                .set_access_log_settings(access_log(&settings.to))
                .set_default_route_settings(all)
                .set_route_settings(own_route_settings(&settings.to));
        }
        let answer = request.send().await.map_err(failed(call))?;
        stage_of!(call, &answer)
    }

    async fn stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<Option<ApiStage>> {
        let call = call::GET_STAGE;
        let answer = self
            .service
            .rate_limited(target, call)
            .await?
            .get_stage()
            .api_id(api)
            .stage_name(stage)
            .send()
            .await;
        found(answer.map_err(failed(call)))?.map(|answer| stage_of!(call, &answer)).transpose()
    }

    async fn delete_stage(&self, target: &Target, api: &str, stage: &str) -> PortResult<()> {
        let call = call::DELETE_STAGE;
        let client = self.service.client(target, call)?;
        let _change = self.changes.acquire(&self.service.limits, call, api).await?;
        let answer = client.delete_stage().api_id(api).stage_name(stage).send().await;
        found(answer.map_err(failed(call))).map(|_| ())
    }
}
