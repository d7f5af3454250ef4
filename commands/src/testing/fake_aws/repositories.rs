use std::collections::BTreeMap;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{App, FakeAws, FaultProxy, Made, State, refuse};
use crate::operation::effects::{CREATE_REPOSITORY, FIRST_COMMIT};
use crate::ports::{Commit, NewFile, Repositories, Repository, Tags};
use sluice_model::{Class, CommitId, PortResult, Target};

/// A repository. Tests push to the fake AWS, not with git.
#[derive(Clone)]
pub(crate) struct RepositoryState {
    repository: Repository,
    tags: Tags,
    branches: BTreeMap<String, CommitId>,
    commits: BTreeMap<CommitId, (Commit, App)>,
}

impl State {
    fn commit(&mut self, repository: &str, branch: &str, subject: &str, app: App) -> Option<CommitId> {
        let number = self.repositories.get(repository)?.commits.len();
        let mut digits = hex::encode(Sha256::digest(format!("{repository} {number} {subject}")));
        digits.truncate(40);
        let id = CommitId::new(digits).ok()?;
        let time = self.time;
        let repository = self.repositories.get_mut(repository)?;
        let parent = repository.branches.get(branch).cloned();
        let (author, subject) = ("Ann".to_owned(), subject.to_owned());
        let commit = Commit { id: id.clone(), author, subject, parent, at: Some(time) };
        repository.commits.insert(id.clone(), (commit, app));
        repository.branches.insert(branch.to_owned(), id.clone());
        repository.repository.default_branch.get_or_insert(branch.to_owned());
        Some(id)
    }

    pub(super) fn app(&self, commit: &CommitId) -> Option<App> {
        self.repositories.values().find_map(|repository| Some(repository.commits.get(commit)?.1.clone()))
    }
}

impl FakeAws {
    /// Pushes to `main`; `None` if there is no such repository.
    pub fn push(&self, repository: &str, subject: &str, app: App) -> Option<CommitId> {
        self.lock().commit(repository, "main", subject, app)
    }

    /// Adds a foreign repository of that name.
    pub fn foreign_repository(&self, name: &str) {
        self.lock()
            .repositories
            .insert(name.to_owned(), RepositoryState::new(&crate::testing::target(), name, &Tags::new()));
    }
}

impl RepositoryState {
    fn new(target: &Target, name: &str, tags: &Tags) -> Self {
        let Target { account, region } = target;
        let repository = Repository {
            name: name.to_owned(),
            arn: format!("arn:aws:codecommit:{region}:{account}:{name}"),
            clone_url: format!("https://git-codecommit.{region}.amazonaws.com/v1/repos/{name}"),
            default_branch: None,
        };
        Self { repository, tags: tags.clone(), branches: BTreeMap::new(), commits: BTreeMap::new() }
    }
}

#[async_trait]
impl Repositories for FaultProxy {
    async fn create_repository(
        &self,
        target: &Target,
        name: &str,
        _: &str,
        tags: &Tags,
    ) -> PortResult<Repository> {
        let call = CREATE_REPOSITORY.call;
        self.change(call, name, |state| {
            if state.repositories.contains_key(name) {
                return refuse(call, Class::Conflict, "RepositoryNameExistsException");
            }
            let made = RepositoryState::new(target, name, tags);
            let repository = made.repository.clone();
            state.repositories.insert(name.to_owned(), made);
            Ok(Made::New(repository))
        })
        .await
    }

    async fn repository(&self, _: &Target, name: &str) -> PortResult<Option<Repository>> {
        self.look("codecommit:GetRepository", name, |state| {
            Ok(state.repositories.get(name).map(|found| found.repository.clone()))
        })
        .await
    }

    async fn repository_tags(&self, _: &Target, arn: &str) -> PortResult<Tags> {
        let call = "codecommit:ListTagsForResource";
        self.look(call, arn, |state| {
            match state.repositories.values().find(|found| found.repository.arn == arn) {
                Some(found) => Ok(found.tags.clone()),
                None => refuse(call, Class::Absent, "RepositoryDoesNotExistException"),
            }
        })
        .await
    }

    async fn create_first_commit(
        &self,
        _: &Target,
        repository: &str,
        branch: &str,
        message: &str,
        _: &[NewFile],
    ) -> PortResult<CommitId> {
        let call = FIRST_COMMIT.call;
        self.change(call, &format!("{repository}@{branch}"), |state| {
            let Some(found) = state.repositories.get(repository) else {
                return refuse(call, Class::Absent, "RepositoryDoesNotExistException");
            };
            if found.branches.contains_key(branch) {
                return refuse(call, Class::Precondition, "ParentCommitIdRequiredException");
            }
            match state.commit(repository, branch, message, App::of(&["Hello"], "first")) {
                Some(commit) => Ok(Made::New(commit)),
                None => refuse(call, Class::Invalid, "InvalidCommit"),
            }
        })
        .await
    }

    async fn branch(&self, _: &Target, repository: &str, branch: &str) -> PortResult<Option<CommitId>> {
        self.look("codecommit:GetBranch", repository, |state| {
            Ok(state.repositories.get(repository).and_then(|found| found.branches.get(branch).cloned()))
        })
        .await
    }

    async fn commit(&self, _: &Target, repository: &str, id: &CommitId) -> PortResult<Option<Commit>> {
        self.look("codecommit:GetCommit", id.as_str(), |state| {
            Ok(state.repositories.get(repository).and_then(|found| Some(found.commits.get(id)?.0.clone())))
        })
        .await
    }
}
