//! Looks for everything that the operation would create. If a resource with one of these names is not ours, the
//! operation is refused before anything changes.

use async_trait::async_trait;
use futures::future::try_join5;
use serde::{Deserialize, Serialize};

use crate::application::Sluice;
use crate::names;
use crate::operation::effects::PUT_ROLE_POLICY_NAME;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::repo::messages;
use crate::repo::params::RepoContext;
use crate::resources::foreign_refusal;
use crate::resources::rights::ImmutableRole;
use crate::setup::bucket;

/// The resources that already exist and are ours.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) clone_url: Option<String>,
    pub(super) commit: bool,
    pub(super) role: bool,
    pub(super) project: bool,
}

pub(super) struct Look(pub(super) RepoContext);

#[async_trait]
impl Step<Sluice> for Look {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let RepoContext { target, name } = &self.0;
        let world = &cx.world;
        let role = ImmutableRole::of_builds(target, name);
        let project_name = names::project(name);
        let (bucket, repository, role_found, policy, project) = try_join5(
            bucket::ready(&*world.ports.objects, target),
            world.ports.repositories.repository(target, name.as_str()),
            world.ports.identity.role(target, &role.name),
            world.ports.identity.role_policy(target, &role.name, PUT_ROLE_POLICY_NAME),
            world.ports.builders.project(target, &project_name),
        )
        .await?;
        bucket.map_err(EngineError::Refused)?;
        let mut found = Found { role: role_found.is_some() && policy.is_some(), ..Found::default() };
        if let Some(repository) = repository {
            let tags = world.ports.repositories.repository_tags(target, &repository.arn).await?;
            if !self.0.is_ours(&tags) {
                return Err(EngineError::Refused(foreign_refusal(&messages::repository(name))));
            }
            found.commit =
                world.ports.repositories.branch(target, name.as_str(), names::BRANCH).await?.is_some();
            found.clone_url = Some(repository.clone_url);
        }
        if let Some(project) = project {
            if !self.0.is_ours(&project.tags) {
                return Err(EngineError::Refused(foreign_refusal(&messages::project(&project_name))));
            }
            found.project = true;
        }
        Progress::done(found)
    }
}
