//! The repository with its first commit, and the project that builds it. A resource with our tag is ours,
//! no matter which operation created it. Other resources are not changed.

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::effects::{CREATE_PROJECT, CREATE_REPOSITORY, FIRST_COMMIT};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::ProjectSpec;
use crate::repo::messages;
use crate::repo::params::{FIRST_COMMIT_SUBJECT, RepoContext, project_description, repository_description};
use crate::resources::rights::ImmutableRole;
use crate::resources::{foreign, ours};
use crate::{names, packager, scaffold};
use sluice_grammar::Language;

pub(super) struct CreateRepository(pub(super) RepoContext);

#[async_trait]
impl Step<Sluice> for CreateRepository {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_REPOSITORY)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let RepoContext { target, name } = &self.0;
        let description = repository_description(name);
        let made = cx
            .world
            .ports
            .repositories
            .create_repository(target, name.as_str(), &description, &names::tags(name))
            .await?;
        Progress::done(made.clone_url)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let RepoContext { target, name } = &self.0;
        let repositories = &cx.world.ports.repositories;
        let Some(found) = repositories.repository(target, name.as_str()).await? else {
            return Ok(Observed::Absent);
        };
        if self.0.is_ours(&repositories.repository_tags(target, &found.arn).await?) {
            ours(found.clone_url)
        } else {
            Ok(foreign(messages::repository(name)))
        }
    }
}

pub(super) struct FirstCommit {
    pub(super) cx: RepoContext,
    pub(super) from: Language,
}

#[async_trait]
impl Step<Sluice> for FirstCommit {
    fn effect(&self) -> Effect {
        Effect::Mutate(&FIRST_COMMIT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let RepoContext { target, name } = &self.cx;
        let files = scaffold::files(self.from, name);
        let commit = cx
            .world
            .ports
            .repositories
            .create_first_commit(target, name.as_str(), names::BRANCH, FIRST_COMMIT_SUBJECT, &files)
            .await?;
        Progress::done(commit)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let RepoContext { target, name } = &self.cx;
        // Somebody may have pushed to the repository first. Their commit is then used instead of ours.
        match cx.world.ports.repositories.branch(target, name.as_str(), names::BRANCH).await? {
            Some(commit) => ours(commit),
            None => Ok(Observed::Absent),
        }
    }
}

pub(super) struct CreateProject {
    pub(super) cx: RepoContext,
    pub(super) role: ImmutableRole,
    pub(super) source: String,
}

#[async_trait]
impl Step<Sluice> for CreateProject {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_PROJECT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let RepoContext { target, name } = &self.cx;
        let bucket = names::bucket(target);
        let spec = ProjectSpec {
            name: names::project(name),
            description: project_description(name),
            source: self.source.clone(),
            role: self.role.arn(target),
            image: names::BUILD_IMAGE.to_owned(),
            bucket: bucket.clone(),
            environment: packager::environment(&bucket, name),
            tags: names::tags(name),
        };
        Progress::done(cx.world.ports.builders.create_project(target, &spec).await?.arn)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let RepoContext { target, name } = &self.cx;
        match cx.world.ports.builders.project(target, &names::project(name)).await? {
            None => Ok(Observed::Absent),
            Some(project) if self.cx.is_ours(&project.tags) => ours(project.arn),
            Some(project) => Ok(foreign(messages::project(&project.name))),
        }
    }
}
