//! CodeCommit.

use async_trait::async_trait;
use aws_sdk_codecommit::Client;
use aws_sdk_codecommit::types::{PutFileEntry, RepositoryMetadata};
use aws_smithy_types::Blob;
use jiff::Timestamp;
use sluice_commands::ports::{Commit, NewFile, Repositories, Repository, Tags};
use sluice_model::{Class, CommitId, PortResult, Target};

use crate::call::{self, Call};
use crate::client::Service;
use crate::error::{failed, found, found_by, unbuildable};
use crate::values::{sorted, unsorted};

/// The author of Sluice's commits. Without a name, CodeCommit would use the session name of our role.
const AUTHOR: &str = "Sluice";

pub(crate) struct CodeCommit(pub(crate) Service<Client>);

#[async_trait]
impl Repositories for CodeCommit {
    async fn create_repository(
        &self,
        target: &Target,
        name: &str,
        description: &str,
        tags: &Tags,
    ) -> PortResult<Repository> {
        let call = call::CREATE_REPOSITORY;
        let request = self.0.client(target, call)?.create_repository().repository_name(name);
        let request = request.repository_description(description).set_tags(unsorted(tags));
        let answer = request.send().await.map_err(failed(call))?;
        repository_of(call, answer.repository_metadata())
    }

    async fn repository(&self, target: &Target, name: &str) -> PortResult<Option<Repository>> {
        let call = call::GET_REPOSITORY;
        let answer = self.0.client(target, call)?.get_repository().repository_name(name).send().await;
        found(answer.map_err(failed(call)))?
            .map(|answer| repository_of(call, answer.repository_metadata()))
            .transpose()
    }

    async fn repository_tags(&self, target: &Target, arn: &str) -> PortResult<Tags> {
        let call = call::LIST_REPOSITORY_TAGS;
        let (client, mut tags, mut token) = (self.0.client(target, call)?, Tags::new(), None);
        loop {
            let request = client.list_tags_for_resource().resource_arn(arn).set_next_token(token);
            let page = request.send().await.map_err(failed(call))?;
            tags.append(&mut sorted(page.tags()));
            token = page.next_token;
            if token.is_none() {
                return Ok(tags);
            }
        }
    }

    async fn create_first_commit(
        &self,
        target: &Target,
        repository: &str,
        branch: &str,
        message: &str,
        files: &[NewFile],
    ) -> PortResult<CommitId> {
        let call = call::CREATE_COMMIT;
        let entries = files.iter().map(|file| {
            let content = Blob::new(file.content.to_vec());
            PutFileEntry::builder()
                .file_path(&file.path)
                .file_content(content)
                .build()
                .map_err(unbuildable(call))
        });
        // Without a parent, this is refused with `ParentCommitIdRequiredException` once the branch has a commit.
        let answer = self
            .0
            .client(target, call)?
            .create_commit()
            .repository_name(repository)
            .branch_name(branch)
            .author_name(AUTHOR)
            .commit_message(message)
            .set_put_files(Some(entries.collect::<PortResult<_>>()?))
            .send()
            .await
            .map_err(failed(call))?;
        commit_id(call, answer.commit_id())
    }

    async fn branch(&self, target: &Target, repository: &str, branch: &str) -> PortResult<Option<CommitId>> {
        let call = call::GET_BRANCH;
        let request =
            self.0.client(target, call)?.get_branch().repository_name(repository).branch_name(branch);
        let answer = request.send().await.map_err(failed(call));
        // An invalid branch name names no branch.
        let absent =
            ["BranchDoesNotExistException", "BranchNameRequiredException", "InvalidBranchNameException"];
        found_by(answer, &absent)?
            .map(|answer| commit_id(call, answer.branch().and_then(|branch| branch.commit_id())))
            .transpose()
    }

    async fn commit(&self, target: &Target, repository: &str, id: &CommitId) -> PortResult<Option<Commit>> {
        let call = call::GET_COMMIT;
        let request =
            self.0.client(target, call)?.get_commit().repository_name(repository).commit_id(id.as_str());
        let answer = request.send().await.map_err(failed(call));
        let absent =
            ["CommitIdDoesNotExistException", "CommitDoesNotExistException", "InvalidCommitIdException"];
        let Some(answer) = found_by(answer, &absent)? else { return Ok(None) };
        let commit = call.required(answer.commit(), "commit")?;
        let author = commit.author();
        Ok(Some(Commit {
            id: commit_id(call, commit.commit_id())?,
            author: author.and_then(|author| author.name()).unwrap_or_default().to_owned(),
            subject: commit
                .message()
                .and_then(|message| message.lines().next())
                .unwrap_or_default()
                .to_owned(),
            parent: commit.parents().first().map(|id| commit_id(call, Some(id))).transpose()?,
            at: author.and_then(|author| author.date()).and_then(git_time),
        }))
    }
}

fn repository_of(call: Call, metadata: Option<&RepositoryMetadata>) -> PortResult<Repository> {
    let metadata = call.required(metadata, "repository")?;
    Ok(Repository {
        name: call.required(metadata.repository_name(), "repository name")?.to_owned(),
        arn: call.required(metadata.arn(), "repository ARN")?.to_owned(),
        clone_url: call.required(metadata.clone_url_http(), "clone URL")?.to_owned(),
        default_branch: metadata.default_branch().map(str::to_owned),
    })
}

fn commit_id(call: Call, id: Option<&str>) -> PortResult<CommitId> {
    CommitId::new(call.required(id, "commit id")?)
        .map_err(|error| call.error(Class::Invalid, "UnreadableCommitId", error.to_string()))
}

/// A time in git's format: seconds and the author's offset, `1484167798 -0800`. The offset does not change the instant.
fn git_time(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.split_whitespace().next()?.parse().ok()?).ok()
}
