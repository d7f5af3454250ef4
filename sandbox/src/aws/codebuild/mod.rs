//! CodeBuild that really builds: on this machine, at most two builds at once, each in its own folder.

mod artifacts;
mod buildspec;
mod logs;
mod model;
mod run;
mod runner;
mod shell;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::Response;
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::access::Access;
use super::account::arn;
use super::answer::{ServiceError, ServiceResult, service_answer};
use super::config::AwsConfig;
use super::git::Repositories;
use super::upstream::Upstream;
use crate::processes::Processes;
use model::{Build, Project};
use run::BuildRun;

/// How many builds run at once; others are queued.
const AT_ONCE: usize = 2;
/// How long CodeBuild remembers an idempotency token.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// CodeBuild; clones share its state.
#[derive(Clone)]
pub struct CodeBuild(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    slots: Arc<Semaphore>,
    context: runner::Context,
    links: String,
}

#[derive(Default)]
struct State {
    projects: BTreeMap<String, Project>,
    /// The oldest first.
    builds: Vec<Arc<BuildRun>>,
    tokens: Vec<Token>,
    counters: BTreeMap<String, u64>,
}

struct Token {
    token: String,
    request: Value,
    build: String,
    since: Instant,
}

impl CodeBuild {
    pub fn new(
        config: &AwsConfig,
        repositories: Repositories,
        upstream: Upstream,
        access: Access,
        processes: Processes,
    ) -> std::io::Result<Self> {
        let folder = config.folder.join("builds");
        std::fs::create_dir_all(&folder)?;
        let context = runner::Context {
            folder,
            repositories,
            upstream,
            access,
            processes,
            tools: config.tools.clone(),
            packager: config.packager.clone(),
            endpoint: config.at.aws.clone(),
        };
        Ok(Self(Arc::new(Inner {
            state: Mutex::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            context,
            links: config.at.codebuild.clone(),
        })))
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, body: &Value) -> Response {
        let result = match method {
            "CreateProject" => self.create_project(body),
            "UpdateProject" => self.update_project(body),
            "BatchGetProjects" => Ok(self.projects(body)),
            "ListProjects" => Ok(json!({"projects": self.state().projects.keys().collect::<Vec<_>>()})),
            "DeleteProject" => {
                self.state().projects.remove(body["name"].as_str().unwrap_or_default());
                Ok(json!({}))
            }
            "StartBuild" => self.start(body),
            "BatchGetBuilds" => Ok(self.builds(body)),
            "ListBuildsForProject" => self.builds_of(body),
            "ListBuilds" => Ok(json!({"ids": self.ids(None, body["sortOrder"] == "ASCENDING")})),
            "StopBuild" => self.stop(body),
            _ => Err(ServiceError::new("UnknownOperationException", format!("{method} is not served here"))),
        };
        service_answer(result)
    }

    pub fn log(&self, id: &str) -> Option<String> {
        let running = self.find(id)?;
        Some(String::from_utf8_lossy(&std::fs::read(&running.log).unwrap_or_default()).into_owned())
    }

    /// The number of builds that run or wait.
    pub fn unfinished(&self) -> usize {
        self.state().builds.iter().filter(|running| !running.lock().is_complete()).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    fn find(&self, id: &str) -> Option<Arc<BuildRun>> {
        self.state().builds.iter().find(|running| running.lock().id == id).cloned()
    }

    fn create_project(&self, body: &Value) -> ServiceResult {
        let project = Project::read(body)?;
        let mut state = self.state();
        if state.projects.contains_key(&project.name) {
            let message = format!("Project already exists: {}", project.arn());
            return Err(ServiceError::new("ResourceAlreadyExistsException", message));
        }
        let answer = json!({"project": project.to_json()});
        state.projects.insert(project.name.clone(), project);
        Ok(answer)
    }

    fn update_project(&self, body: &Value) -> ServiceResult {
        let mut state = self.state();
        let name = body["name"].as_str().unwrap_or_default();
        let project = state.projects.get_mut(name).ok_or_else(|| no_project(name))?;
        project.update(body);
        Ok(json!({"project": project.to_json()}))
    }

    fn projects(&self, body: &Value) -> Value {
        let (state, mut found, mut missing) = (self.state(), Vec::new(), Vec::new());
        for name in body["names"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            match state.projects.get(name.rsplit('/').next().unwrap_or(name)) {
                Some(project) => found.push(project.to_json()),
                None => missing.push(name),
            }
        }
        json!({"projects": found, "projectsNotFound": missing})
    }

    fn start(&self, body: &Value) -> ServiceResult {
        let name = body["projectName"].as_str().unwrap_or_default();
        let mut state = self.state();
        let project = state.projects.get(name).cloned().ok_or_else(|| no_project(name))?;
        let mut request = body.clone();
        let token = request.as_object_mut().and_then(|fields| fields.remove("idempotencyToken"));
        let token = token.and_then(|token| token.as_str().map(str::to_owned));
        state.tokens.retain(|known| known.since.elapsed() < TOKEN_LIFE);
        if let Some(known) = state.tokens.iter().find(|known| Some(&known.token) == token.as_ref()) {
            if known.request != request {
                let message = "The idempotency token was used with other parameters.";
                return Err(ServiceError::new("InvalidInputException", message));
            }
            let running = state.builds.iter().find(|running| running.lock().id == known.build);
            let build = running.map(|running| running.lock().to_json());
            return Ok(json!({"build": build}));
        }
        let number = state.counters.entry(name.to_owned()).or_default();
        *number += 1;
        let build = Build::new(&project, &request, *number, &self.0.links);
        let (id, answer) = (build.id.clone(), json!({"build": build.to_json()}));
        let log = self.0.context.folder.join(format!("{}.log", build.uuid));
        let running = Arc::new(BuildRun::new(build, log));
        state.builds.push(running.clone());
        if let Some(token) = token {
            state.tokens.push(Token { token, request, build: id, since: Instant::now() });
        }
        drop(state);
        tokio::spawn(runner::run(self.0.context.clone(), self.0.slots.clone(), running));
        Ok(answer)
    }

    fn builds(&self, body: &Value) -> Value {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for id in body["ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            match self.find(id.rsplit('/').next().unwrap_or(id)) {
                Some(running) => found.push(running.lock().to_json()),
                None => missing.push(id.to_owned()),
            }
        }
        json!({"builds": found, "buildsNotFound": missing})
    }

    fn ids(&self, project: Option<&str>, oldest_first: bool) -> Vec<String> {
        let state = self.state();
        let builds = state.builds.iter().map(|running| running.lock());
        let ids = builds.filter(|build| project.is_none_or(|project| build.project == project));
        let mut ids: Vec<String> = ids.map(|build| build.id.clone()).collect();
        if !oldest_first {
            ids.reverse();
        }
        ids.truncate(100);
        ids
    }

    fn builds_of(&self, body: &Value) -> ServiceResult {
        let name = body["projectName"].as_str().unwrap_or_default();
        if !self.state().projects.contains_key(name) {
            return Err(no_project(name));
        }
        Ok(json!({"ids": self.ids(Some(name), body["sortOrder"] == "ASCENDING")}))
    }

    fn stop(&self, body: &Value) -> ServiceResult {
        let id = body["id"].as_str().unwrap_or_default();
        let running = self.find(id.rsplit('/').next().unwrap_or(id));
        let running = running.ok_or_else(|| {
            ServiceError::new("ResourceNotFoundException", format!("Build {id} does not exist"))
        })?;
        running.stop.cancel();
        let build = running.lock().to_json();
        Ok(json!({"build": build}))
    }
}

fn no_project(name: &str) -> ServiceError {
    let project = arn("codebuild", &format!("project/{name}"));
    ServiceError::new("ResourceNotFoundException", format!("Project cannot be found: {project}"))
}

#[cfg(test)]
mod tests;
