//! CodeBuild: builds run with tokio's time and put their artifact into S3.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::{App, FaultProxy, Made, State, app, refuse};
use crate::operation::effects::{CREATE_PROJECT, START_BUILD, STOP_BUILD};
use crate::ports::{
    BuildPhase, BuildRequest, BuildRun, BuildStatus, Builders, LogStream, Project, ProjectSpec,
};
use crate::testing::target;
use sluice_model::{Class, PortResult, Target};

/// How long an idempotency token is remembered.
const TOKEN_LIVES: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// A project.
#[derive(Clone)]
pub(crate) struct ProjectState {
    project: Project,
    environment: BTreeMap<String, String>,
}

/// A build that was started.
#[derive(Clone)]
pub(crate) struct BuildState {
    id: String,
    project: String,
    pub(super) request: BuildRequest,
    started: (Instant, Timestamp),
    pub(super) ended: Option<(BuildStatus, Timestamp)>,
}

impl BuildState {
    fn run(&self, state: &State) -> BuildRun {
        let status = self.ended.map_or(BuildStatus::InProgress, |(status, _)| status);
        let mut environment =
            state.projects.get(&self.project).map(|found| found.environment.clone()).unwrap_or_default();
        environment.extend(self.request.environment.clone());
        let phase = BuildPhase {
            name: "BUILD".into(),
            status: self.ended.map(|(status, _)| status),
            started: Some(self.started.1),
            seconds: None,
            message: (status == BuildStatus::Failed).then(|| "a command failed".to_owned()),
        };
        let stream = self.id.rsplit(':').next().unwrap_or_default().to_owned();
        BuildRun {
            id: self.id.clone(),
            status,
            current_phase: Some("BUILD".into()),
            phases: vec![phase],
            environment,
            resolved_source: Some(self.request.commit.to_string()),
            log: Some(LogStream { group: format!("/aws/codebuild/{}", self.project), stream }),
            log_link: None,
            started: Some(self.started.1),
            ended: self.ended.map(|(_, at)| at),
        }
    }
}

impl State {
    /// Ends the builds that are due.
    pub(super) fn settle_builds(&mut self) {
        let (now, takes) = (self.now, self.climate.build);
        let over = |build: &BuildState| build.ended.is_none() && now.duration_since(build.started.0) >= takes;
        let due: Vec<usize> = (0..self.builds.len()).filter(|at| over(&self.builds[*at])).collect();
        for at in due {
            let request = self.builds[at].request.clone();
            let prefix =
                self.projects.get(&request.project).and_then(|it| it.environment.get("SLUICE_PREFIX"));
            let prefix = prefix.cloned().unwrap_or_default();
            let left = self.app(&request.commit).filter(|app| app.green);
            let status = match left.and_then(|app| self.leave(&app, &request, &prefix)) {
                Some(()) => BuildStatus::Succeeded,
                None => BuildStatus::Failed,
            };
            self.builds[at].ended = Some((status, self.builds[at].started.1 + takes));
        }
    }

    /// Puts the results of the packager: code once by its content, and the three files of the artifact.
    fn leave(&mut self, app: &App, request: &BuildRequest, prefix: &str) -> Option<()> {
        let (mut places, mut functions) = (BTreeMap::new(), serde_json::Map::new());
        let mut layers = serde_json::Map::new();
        for (name, code) in app.functions.iter().chain(&app.layers) {
            if app.images.contains(name) {
                let image = app::image_of(&target(), prefix, code);
                places.insert(name.clone(), json!({ "ImageUri": image }));
                functions.insert(name.clone(), json!({ "image": image }));
                continue;
            }
            let key = app::code_key(prefix, code.as_bytes());
            let version = match self.newest(&request.bucket, &key) {
                Some(version) => version,
                None => self.put(&request.bucket, &key, Bytes::from(code.clone()))?,
            };
            let place = json!({ "S3Bucket": request.bucket, "S3Key": key, "S3ObjectVersion": version });
            places.insert(name.clone(), place);
            let sha256 = app::digest(code.as_bytes());
            let pinned =
                json!({ "bucket": request.bucket, "key": key, "version": version, "sha256": sha256 });
            let section = if app.layers.contains_key(name) { &mut layers } else { &mut functions };
            section.insert(name.clone(), pinned);
        }
        let mut manifest = json!({ "schema": 2, "functions": functions });
        if !layers.is_empty() {
            manifest["layers"] = layers.into();
        }
        let files = [
            ("packaged.json", app::file(&app.template(&places))),
            ("sluice-lines.json", app::file(&json!({}))),
            ("sluice-manifest.json", app::file(&manifest)),
        ];
        for (name, content) in files {
            self.put(&request.bucket, &format!("{}/artifact/{name}", request.prefix), content)?;
        }
        Some(())
    }

    /// The end of a build's log.
    pub(super) fn log_of(&self, stream: &str, lines: usize) -> Vec<String> {
        let known = self.builds.iter().any(|build| build.id.ends_with(stream));
        let all = ["Running the tests", "Traceback (most recent call last):", "AssertionError"];
        all.iter().filter(|_| known).take(lines).map(|line| (*line).to_owned()).collect()
    }
}

#[async_trait]
impl Builders for FaultProxy {
    async fn create_project(&self, target: &Target, spec: &ProjectSpec) -> PortResult<Project> {
        let call = CREATE_PROJECT.call;
        self.change(call, &spec.name, |state| {
            if state.projects.contains_key(&spec.name) {
                return refuse(call, Class::Conflict, "ResourceAlreadyExistsException");
            }
            if !state.is_assumable(&spec.role) {
                return refuse(call, Class::Transient, "InvalidInputException");
            }
            let Target { account, region } = target;
            let project = Project {
                name: spec.name.clone(),
                arn: format!("arn:aws:codebuild:{region}:{account}:project/{}", spec.name),
                role: spec.role.clone(),
                tags: spec.tags.clone(),
            };
            let made = ProjectState { project: project.clone(), environment: spec.environment.clone() };
            state.projects.insert(spec.name.clone(), made);
            Ok(Made::New(project))
        })
        .await
    }

    async fn project(&self, _: &Target, name: &str) -> PortResult<Option<Project>> {
        self.look("codebuild:BatchGetProjects", name, |state| {
            Ok(state.projects.get(name).map(|found| found.project.clone()))
        })
        .await
    }

    async fn start_build(&self, _: &Target, request: &BuildRequest) -> PortResult<BuildRun> {
        let call = START_BUILD.call;
        self.change(call, &request.prefix, |state| {
            if !state.projects.contains_key(&request.project) {
                return refuse(call, Class::Absent, "ResourceNotFoundException");
            }
            let remembered = state.builds.iter().find(|build| {
                build.request.token == request.token
                    && state.now.duration_since(build.started.0) < TOKEN_LIVES
            });
            if let Some(before) = remembered {
                if before.request != *request {
                    return refuse(call, Class::Invalid, "InvalidInputException");
                }
                return Ok(Made::Same(before.run(state)));
            }
            let build = BuildState {
                id: format!("{}:{:08}", request.project, state.builds.len() + 1),
                project: request.project.clone(),
                request: request.clone(),
                started: (state.now, state.time),
                ended: None,
            };
            let run = build.run(state);
            state.builds.push(build);
            Ok(Made::New(run))
        })
        .await
    }

    async fn builds(&self, _: &Target, ids: &[String]) -> PortResult<Vec<BuildRun>> {
        let call = "codebuild:BatchGetBuilds";
        self.look(call, &ids.join(" "), |state| {
            if ids.len() > 100 {
                return refuse(call, Class::Invalid, "InvalidInputException");
            }
            let found = state.builds.iter().filter(|build| ids.contains(&build.id));
            Ok(found.filter(|build| state.shows(build.started.0)).map(|build| build.run(state)).collect())
        })
        .await
    }

    async fn builds_of(&self, _: &Target, project: &str) -> PortResult<Vec<String>> {
        self.look("codebuild:ListBuildsForProject", project, |state| {
            let found = state.builds.iter().rev().filter(|build| build.project == project);
            let shown = found.filter(|build| state.shows(build.started.0));
            Ok(shown.take(100).map(|build| build.id.clone()).collect())
        })
        .await
    }

    async fn stop_build(&self, _: &Target, id: &str) -> PortResult<()> {
        self.change(STOP_BUILD.call, id, |state| {
            let time = state.time;
            match state.builds.iter_mut().find(|build| build.id == id && build.ended.is_none()) {
                None => Ok(Made::Same(())),
                Some(build) => {
                    build.ended = Some((BuildStatus::Stopped, time));
                    Ok(Made::New(()))
                }
            }
        })
        .await
    }
}
