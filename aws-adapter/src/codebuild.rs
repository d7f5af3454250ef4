//! CodeBuild.
//!
//! Artifact keys: CodeBuild stores the files of an unpackaged artifact below `{path}/{name}/`, each under its path
//! relative to the buildspec's `base-directory`. `path` is the request's prefix, `name` is [`ARTIFACT`], and there is no
//! namespace, so the file `packaged.json` gets the key `{prefix}/artifact/packaged.json`, for example
//! `orders/builds/12/artifact/packaged.json`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::types as sdk;
use sluice_commands::ports::{
    BuildPhase, BuildRequest, BuildRun, BuildStatus, Builders, LogStream, Project, ProjectSpec,
};
use sluice_model::{Class, PortResult, Target};

use crate::call::{self, Call};
use crate::client::Service;
use crate::error::{failed, found, unbuildable};
use crate::values::timestamp;

/// The folder of the artifact, below a build's prefix.
const ARTIFACT: &str = "artifact";
/// Minutes after which CodeBuild stops a build.
const TIMEOUT: i32 = 60;
/// Minutes after which CodeBuild drops a queued build; its own default is eight hours.
const QUEUED: i32 = 60;

pub(crate) struct CodeBuild(pub(crate) Service<Client>);

#[async_trait]
impl Builders for CodeBuild {
    async fn create_project(&self, target: &Target, spec: &ProjectSpec) -> PortResult<Project> {
        let call = call::CREATE_PROJECT;
        let source = sdk::ProjectSource::builder()
            .r#type(sdk::SourceType::Codecommit)
            .location(&spec.source)
            .build()
            .map_err(unbuildable(call))?;
        let environment = sdk::ProjectEnvironment::builder()
            .r#type(sdk::EnvironmentType::LinuxContainer)
            .compute_type(sdk::ComputeType::BuildGeneral1Small)
            .image(&spec.image)
            .set_environment_variables(Some(variables(call, &spec.environment)?))
            .build()
            .map_err(unbuildable(call))?;
        let log = sdk::CloudWatchLogsConfig::builder()
            .status(sdk::LogsConfigStatusType::Enabled)
            .group_name(format!("/aws/codebuild/{}", spec.name))
            .build()
            .map_err(unbuildable(call))?;
        let tags = spec.tags.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build());
        let answer = self
            .0
            .client(target, call)?
            .create_project()
            .name(&spec.name)
            .description(&spec.description)
            .source(source)
            .artifacts(artifacts(call, &spec.bucket, None)?)
            .environment(environment)
            .logs_config(sdk::LogsConfig::builder().cloud_watch_logs(log).build())
            .service_role(&spec.role)
            .timeout_in_minutes(TIMEOUT)
            .queued_timeout_in_minutes(QUEUED)
            .set_tags(Some(tags.collect()))
            .send()
            .await
            .map_err(failed(call))?;
        project_of(call, call.required(answer.project(), "project")?)
    }

    async fn project(&self, target: &Target, name: &str) -> PortResult<Option<Project>> {
        let call = call::BATCH_GET_PROJECTS;
        let answer = self
            .0
            .client(target, call)?
            .batch_get_projects()
            .names(name)
            .send()
            .await
            .map_err(failed(call))?;
        answer.projects().first().map(|project| project_of(call, project)).transpose()
    }

    async fn start_build(&self, target: &Target, request: &BuildRequest) -> PortResult<BuildRun> {
        let call = call::START_BUILD;
        let answer = self
            .0
            .client(target, call)?
            .start_build()
            .project_name(&request.project)
            .source_version(request.commit.as_str())
            .idempotency_token(&request.token)
            .set_environment_variables_override(Some(variables(call, &request.environment)?))
            .artifacts_override(artifacts(call, &request.bucket, Some(&request.prefix))?)
            .send()
            .await
            .map_err(failed(call))?;
        run_of(call, call.required(answer.build_value(), "build")?)
    }

    async fn builds(&self, target: &Target, ids: &[String]) -> PortResult<Vec<BuildRun>> {
        let call = call::BATCH_GET_BUILDS;
        let client = self.0.client(target, call)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let answer =
            client.batch_get_builds().set_ids(Some(ids.to_vec())).send().await.map_err(failed(call))?;
        answer.builds().iter().map(|build| run_of(call, build)).collect()
    }

    async fn builds_of(&self, target: &Target, project: &str) -> PortResult<Vec<String>> {
        let call = call::LIST_BUILDS;
        let request = self.0.client(target, call)?.list_builds_for_project().project_name(project);
        let answer = request.sort_order(sdk::SortOrderType::Descending).send().await.map_err(failed(call))?;
        Ok(answer.ids.unwrap_or_default())
    }

    async fn stop_build(&self, target: &Target, id: &str) -> PortResult<()> {
        let call = call::STOP_BUILD;
        let answer = self.0.client(target, call)?.stop_build().id(id).send().await;
        found(answer.map_err(failed(call))).map(|_| ())
    }
}

/// Unpackaged files in S3; see the module's documentation for their keys. Each build overrides the path.
fn artifacts(call: Call, bucket: &str, prefix: Option<&str>) -> PortResult<sdk::ProjectArtifacts> {
    sdk::ProjectArtifacts::builder()
        .r#type(sdk::ArtifactsType::S3)
        .location(bucket)
        .set_path(prefix.map(str::to_owned))
        .namespace_type(sdk::ArtifactNamespace::None)
        .name(ARTIFACT)
        .packaging(sdk::ArtifactPackaging::None)
        // A name in the buildspec must not change the artifact's location.
        .override_artifact_name(false)
        .build()
        .map_err(unbuildable(call))
}

fn variables(call: Call, map: &BTreeMap<String, String>) -> PortResult<Vec<sdk::EnvironmentVariable>> {
    let variable = |(name, value): (&String, &String)| {
        sdk::EnvironmentVariable::builder()
            .name(name)
            .value(value)
            .r#type(sdk::EnvironmentVariableType::Plaintext)
            .build()
            .map_err(unbuildable(call))
    };
    map.iter().map(variable).collect()
}

fn project_of(call: Call, project: &sdk::Project) -> PortResult<Project> {
    let tag = |tag: &sdk::Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    Ok(Project {
        name: call.required(project.name(), "project name")?.to_owned(),
        arn: call.required(project.arn(), "project ARN")?.to_owned(),
        role: project.service_role().unwrap_or_default().to_owned(),
        tags: project.tags().iter().filter_map(tag).collect(),
    })
}

fn run_of(call: Call, build: &sdk::Build) -> PortResult<BuildRun> {
    let variables =
        build.environment().map(|environment| environment.environment_variables()).unwrap_or_default();
    let log = build.logs();
    Ok(BuildRun {
        id: call.required(build.id(), "build id")?.to_owned(),
        status: status_of(call, call.required(build.build_status(), "build status")?)?,
        current_phase: build.current_phase().map(str::to_owned),
        phases: build.phases().iter().map(|phase| phase_of(call, phase)).collect::<PortResult<_>>()?,
        environment: variables.iter().map(|it| (it.name().to_owned(), it.value().to_owned())).collect(),
        resolved_source: build.resolved_source_version().map(str::to_owned),
        log: log.and_then(|log| {
            Some(LogStream { group: log.group_name()?.to_owned(), stream: log.stream_name()?.to_owned() })
        }),
        log_link: log.and_then(|log| log.deep_link()).map(str::to_owned),
        started: build.start_time().and_then(timestamp),
        ended: build.end_time().and_then(timestamp),
    })
}

fn phase_of(call: Call, phase: &sdk::BuildPhase) -> PortResult<BuildPhase> {
    let message =
        phase.contexts().iter().filter_map(|context| context.message()).find(|text| !text.is_empty());
    Ok(BuildPhase {
        name: call.required(phase.phase_type(), "phase")?.as_str().to_owned(),
        status: phase.phase_status().map(|status| status_of(call, status)).transpose()?,
        started: phase.start_time().and_then(timestamp),
        seconds: phase.duration_in_seconds().and_then(|seconds| u64::try_from(seconds).ok()),
        message: message.map(str::to_owned),
    })
}

fn status_of(call: Call, status: &sdk::StatusType) -> PortResult<BuildStatus> {
    match status {
        sdk::StatusType::InProgress => Ok(BuildStatus::InProgress),
        sdk::StatusType::Succeeded => Ok(BuildStatus::Succeeded),
        sdk::StatusType::Failed | sdk::StatusType::Fault => Ok(BuildStatus::Failed),
        sdk::StatusType::Stopped => Ok(BuildStatus::Stopped),
        sdk::StatusType::TimedOut => Ok(BuildStatus::TimedOut),
        other => Err(call.error(Class::Invalid, "UnknownStatus", other.as_str())),
    }
}
