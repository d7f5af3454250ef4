//! CodeCommit over bare git repositories: the calls that a pipeline and its people need.

mod commit;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use commit::{check_parent, commit_stream, git_mode, mode_name};

use super::account::{self, ACCOUNT, REGION};
use super::answer::{ServiceError, ServiceResult, epoch, service_answer, uuid};
use super::git::{Repositories, is_name};

/// CodeCommit. Changes run one at a time, because comparing and moving a branch's tip must be atomic.
#[derive(Clone)]
pub struct CodeCommit {
    repositories: Repositories,
    records: Arc<Mutex<BTreeMap<String, Record>>>,
}

#[derive(Debug, Clone)]
struct Record {
    id: String,
    description: String,
    tags: BTreeMap<String, String>,
    created: jiff::Timestamp,
}

impl CodeCommit {
    pub fn new(repositories: Repositories) -> Self {
        Self { repositories, records: Arc::default() }
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, body: &Value) -> Response {
        service_answer(self.carry_out(method, body).await)
    }

    async fn carry_out(&self, method: &str, body: &Value) -> ServiceResult {
        match method {
            "CreateRepository" => self.create_repository(body).await,
            "GetRepository" => {
                let name = self.known(body).await?;
                self.metadata(&name).await.map(|metadata| json!({"repositoryMetadata": metadata}))
            }
            "ListRepositories" => {
                let records = self.records.lock().await;
                let pairs = records
                    .iter()
                    .map(|(name, record)| json!({"repositoryName": name, "repositoryId": record.id}));
                Ok(json!({"repositories": pairs.collect::<Vec<_>>()}))
            }
            "DeleteRepository" => self.delete_repository(body).await,
            "ListTagsForResource" => self.tags(body, |tags| json!({"tags": tags})).await,
            "TagResource" => {
                self.tags(body, |tags| {
                    tags.extend(string_map(&body["tags"]));
                    json!({})
                })
                .await
            }
            "UntagResource" => {
                self.tags(body, |tags| {
                    for key in body["tagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                        tags.remove(key);
                    }
                    json!({})
                })
                .await
            }
            "CreateCommit" => self.create_commit(body).await,
            "GetBranch" => self.branch(body).await,
            "ListBranches" => self.branches(body).await,
            "GetCommit" => self.commit(body).await,
            "GetFile" => self.file(body).await,
            "GetFolder" => self.folder(body).await,
            _ => Err(ServiceError::new("UnknownOperationException", format!("{method} is not served here"))),
        }
    }

    async fn create_repository(&self, body: &Value) -> ServiceResult {
        let name = required(body, "repositoryName", "RepositoryNameRequiredException")?;
        if !is_name(name) {
            return Err(ServiceError::new(
                "InvalidRepositoryNameException",
                "The repository name is not valid.",
            ));
        }
        let mut records = self.records.lock().await;
        if records.contains_key(name) {
            let message = format!("Repository named {name} already exists");
            return Err(ServiceError::new("RepositoryNameExistsException", message));
        }
        self.repositories.create(name).await.map_err(ServiceError::internal)?;
        let record = Record {
            id: uuid(),
            description: body["repositoryDescription"].as_str().unwrap_or_default().to_owned(),
            tags: string_map(&body["tags"]),
            created: jiff::Timestamp::now(),
        };
        records.insert(name.to_owned(), record);
        drop(records);
        self.metadata(name).await.map(|metadata| json!({"repositoryMetadata": metadata}))
    }

    async fn delete_repository(&self, body: &Value) -> ServiceResult {
        let name = required(body, "repositoryName", "RepositoryNameRequiredException")?;
        // Without a repository of that name, AWS answers without an id and without an error.
        let Some(record) = self.records.lock().await.remove(name) else { return Ok(json!({})) };
        self.repositories.delete(name).map_err(ServiceError::internal)?;
        Ok(json!({"repositoryId": record.id}))
    }

    async fn metadata(&self, name: &str) -> ServiceResult {
        let record = self.records.lock().await.get(name).cloned();
        let record = record.ok_or_else(|| missing(name))?;
        let mut metadata = json!({
            "accountId": ACCOUNT,
            "repositoryId": record.id,
            "repositoryName": name,
            "repositoryDescription": record.description,
            "lastModifiedDate": epoch(record.created),
            "creationDate": epoch(record.created),
            "cloneUrlHttp": self.repositories.url(name),
            "cloneUrlSsh": format!("ssh://git-codecommit.{REGION}.amazonaws.com/v1/repos/{name}"),
            "Arn": arn(name),
        });
        if let Some(branch) = self.default_branch(name).await {
            metadata["defaultBranch"] = branch.into();
        }
        Ok(metadata)
    }

    /// The branch that HEAD names, once it has a commit.
    async fn default_branch(&self, name: &str) -> Option<String> {
        let head = self.repositories.query(name, &["symbolic-ref", "--short", "HEAD"]).await?;
        self.tip(name, &head).await.map(|_| head)
    }

    async fn tip(&self, name: &str, branch: &str) -> Option<String> {
        let reference = format!("refs/heads/{branch}^{{commit}}");
        self.repositories.query(name, &["rev-parse", "--verify", "--quiet", &reference]).await
    }

    async fn tags(
        &self,
        body: &Value,
        read: impl FnOnce(&mut BTreeMap<String, String>) -> Value,
    ) -> ServiceResult {
        let wanted = required(body, "resourceArn", "ResourceArnRequiredException")?;
        let mut records = self.records.lock().await;
        let found = records.iter_mut().find(|(name, _)| arn(name) == wanted);
        let (_, record) = found.ok_or_else(|| missing(wanted))?;
        Ok(read(&mut record.tags))
    }

    async fn create_commit(&self, body: &Value) -> ServiceResult {
        let name = self.known(body).await?;
        let branch = required(body, "branchName", "BranchNameRequiredException")?;
        let _one_at_a_time = self.records.lock().await;
        let tip = self.tip(&name, branch).await;
        let parent = body["parentCommitId"].as_str();
        check_parent(tip.as_deref(), parent)?;
        if tip.is_none()
            && self.repositories.query(&name, &["for-each-ref", "--count=1"]).await != Some(String::new())
        {
            return Err(no_branch(branch));
        }
        let stream = commit_stream(body, branch, tip.as_deref())?;
        let old_tree = match &tip {
            Some(tip) => self.tree(&name, tip).await,
            None => None,
        };
        let import = ["fast-import", "--quiet", "--date-format=now"];
        self.repositories.git(&name, &import, &stream).await.map_err(ServiceError::internal)?;
        let commit =
            self.tip(&name, branch).await.ok_or_else(|| ServiceError::internal("the commit is not there"))?;
        let tree = self.tree(&name, &commit).await.unwrap_or_default();
        if let (Some(tip), Some(old_tree)) = (&tip, old_tree)
            && old_tree == tree
        {
            let reference = format!("refs/heads/{branch}");
            let back = self.repositories.git(&name, &["update-ref", &reference, tip], b"").await;
            back.map_err(ServiceError::internal)?;
            return Err(ServiceError::new("NoChangeException", "The commit would change nothing."));
        }
        let mut added = Vec::new();
        for file in body["putFiles"].as_array().into_iter().flatten() {
            let path = file["filePath"].as_str().unwrap_or_default();
            let blob = self.repositories.query(&name, &["rev-parse", &format!("{commit}:{path}")]).await;
            added.push(json!({"absolutePath": path, "blobId": blob, "fileMode": mode_name(git_mode(file))}));
        }
        Ok(json!({
            "commitId": commit, "treeId": tree,
            "filesAdded": added, "filesUpdated": [], "filesDeleted": body["deleteFiles"].as_array().cloned().unwrap_or_default(),
        }))
    }

    async fn tree(&self, name: &str, commit: &str) -> Option<String> {
        self.repositories
            .query(name, &["rev-parse", "--verify", "--quiet", &format!("{commit}^{{tree}}")])
            .await
    }

    async fn branch(&self, body: &Value) -> ServiceResult {
        let name = self.known(body).await?;
        let branch = required(body, "branchName", "BranchNameRequiredException")?;
        let tip = self.tip(&name, branch).await.ok_or_else(|| no_branch(branch))?;
        Ok(json!({"branch": {"branchName": branch, "commitId": tip}}))
    }

    async fn branches(&self, body: &Value) -> ServiceResult {
        let name = self.known(body).await?;
        let list = ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"];
        let list = self.repositories.query(&name, &list).await.unwrap_or_default();
        Ok(json!({"branches": list.lines().collect::<Vec<_>>()}))
    }

    async fn commit(&self, body: &Value) -> ServiceResult {
        let name = self.known(body).await?;
        let id = required(body, "commitId", "CommitIdRequiredException")?;
        if id.len() != 40 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ServiceError::new(
                "InvalidCommitIdException",
                "The commit id must be 40 hex digits.",
            ));
        }
        const FIELDS: &str = "%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%cn%x00%ce%x00%cd%x00%B";
        let format = format!("--format={FIELDS}");
        let args = ["show", "--no-patch", "--date=raw", &format, &format!("{id}^{{commit}}")];
        let shown = self.repositories.query(&name, &args).await.ok_or_else(|| no_commit(id))?;
        let fields: Vec<&str> = shown.split('\0').collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or_default();
        let person = |at: usize| json!({"name": field(at), "email": field(at + 1), "date": field(at + 2)});
        Ok(json!({"commit": {
            "commitId": field(0),
            "treeId": field(1),
            "parents": field(2).split_whitespace().collect::<Vec<_>>(),
            "message": format!("{}\n", field(9).trim_end()),
            "author": person(3),
            "committer": person(6),
            "additionalData": "",
        }}))
    }

    /// The commit that `commitSpecifier` names, or the default branch's tip.
    async fn specified(&self, name: &str, body: &Value) -> Result<String, ServiceError> {
        let specifier = body["commitSpecifier"].as_str().unwrap_or("HEAD");
        let commit = format!("{specifier}^{{commit}}");
        let found = self.repositories.query(name, &["rev-parse", "--verify", "--quiet", &commit]).await;
        found
            .ok_or_else(|| ServiceError::new("CommitDoesNotExistException", format!("No commit {specifier}")))
    }

    async fn file(&self, body: &Value) -> ServiceResult {
        let name = self.known(body).await?;
        let path = required(body, "filePath", "PathRequiredException")?.trim_start_matches('/');
        let commit = self.specified(&name, body).await?;
        let listed =
            self.repositories.query(&name, &["ls-tree", &commit, "--", path]).await.unwrap_or_default();
        let Some((mode, blob)) =
            listed.split_once(" blob ").and_then(|(mode, rest)| Some((mode, rest.get(..40)?)))
        else {
            return Err(ServiceError::new("FileDoesNotExistException", format!("No file {path}")));
        };
        let content = self.repositories.git(&name, &["cat-file", "blob", blob], b"").await;
        let content = content.map_err(ServiceError::internal)?;
        Ok(json!({
            "commitId": commit, "blobId": blob, "filePath": path, "fileMode": mode_name(mode),
            "fileSize": content.len(), "fileContent": STANDARD.encode(content),
        }))
    }

    async fn folder(&self, body: &Value) -> ServiceResult {
        let name = self.known(body).await?;
        let path = body["folderPath"].as_str().unwrap_or_default().trim_matches('/');
        let commit = self.specified(&name, body).await?;
        let tree = format!("{commit}:{path}");
        let listed = self.repositories.query(&name, &["ls-tree", &tree]).await;
        let listed = listed
            .ok_or_else(|| ServiceError::new("FolderDoesNotExistException", format!("No folder {path}")))?;
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for (left, entry) in listed.lines().filter_map(|line| line.split_once('\t')) {
            let fields: Vec<&str> = left.split(' ').collect();
            let absolute = if path.is_empty() { entry.to_owned() } else { format!("{path}/{entry}") };
            match fields.as_slice() {
                [mode, "blob", id] => files.push(json!({
                    "blobId": id, "absolutePath": absolute, "relativePath": entry, "fileMode": mode_name(mode),
                })),
                [_, "tree", id] => {
                    folders.push(json!({"treeId": id, "absolutePath": absolute, "relativePath": entry}));
                }
                _ => {}
            }
        }
        let tree = self.repositories.query(&name, &["rev-parse", &tree]).await;
        Ok(json!({
            "commitId": commit, "folderPath": path, "treeId": tree, "files": files, "subFolders": folders,
            "symbolicLinks": [], "subModules": [],
        }))
    }

    async fn known(&self, body: &Value) -> Result<String, ServiceError> {
        let name = required(body, "repositoryName", "RepositoryNameRequiredException")?;
        if self.records.lock().await.contains_key(name) { Ok(name.to_owned()) } else { Err(missing(name)) }
    }
}

fn arn(name: &str) -> String {
    account::arn("codecommit", name)
}

fn required<'a>(body: &'a Value, field: &str, code: &'static str) -> Result<&'a str, ServiceError> {
    body[field].as_str().ok_or_else(|| ServiceError::new(code, format!("{field} is required.")))
}

fn missing(name: &str) -> ServiceError {
    ServiceError::new("RepositoryDoesNotExistException", format!("{name} does not exist"))
}

fn no_branch(branch: &str) -> ServiceError {
    ServiceError::new("BranchDoesNotExistException", format!("Branch {branch} does not exist"))
}

fn no_commit(id: &str) -> ServiceError {
    ServiceError::new("CommitIdDoesNotExistException", format!("Commit {id} does not exist"))
}

fn string_map(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests;
