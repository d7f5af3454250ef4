use serde_json::json;

use super::commit::safe_path;
use super::*;

struct Fixture {
    codecommit: CodeCommit,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn with_repository() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repositories = Repositories::open(folder.path().join("git"), "http://git".into()).unwrap();
        let fixture = Self { codecommit: CodeCommit::new(repositories), _folder: folder };
        let created = json!({"repositoryName": "orders", "tags": {"a": "b"}});
        fixture.ok("CreateRepository", created).await;
        fixture
    }

    async fn ok(&self, method: &str, body: Value) -> Value {
        self.codecommit.carry_out(method, &body).await.unwrap()
    }

    async fn code(&self, method: &str, body: Value) -> &'static str {
        self.codecommit.carry_out(method, &body).await.unwrap_err().code
    }
}

fn commit(parent: Option<&str>, content: &str) -> Value {
    let file = json!({"filePath": "src/app.py", "fileContent": STANDARD.encode(content)});
    json!({
        "repositoryName": "orders", "branchName": "main", "parentCommitId": parent, "authorName": "Ann",
        "email": "ann@example.com", "commitMessage": "Say hi\n\nLonger.", "putFiles": [file],
    })
}

#[tokio::test]
async fn a_repository_is_created_once_and_found() {
    let world = Fixture::with_repository().await;
    let found = world.ok("GetRepository", json!({"repositoryName": "orders"})).await;
    let metadata = &found["repositoryMetadata"];
    assert_eq!(metadata["cloneUrlHttp"], "http://git/v1/repos/orders");
    assert!(metadata["defaultBranch"].is_null());
    let again = world.code("CreateRepository", json!({"repositoryName": "orders"})).await;
    assert_eq!(again, "RepositoryNameExistsException");
    let missing = world.code("GetRepository", json!({"repositoryName": "other"})).await;
    assert_eq!(missing, "RepositoryDoesNotExistException");
    let tags = world.ok("ListTagsForResource", json!({"resourceArn": metadata["Arn"]})).await;
    assert_eq!(tags["tags"]["a"], "b");
}

#[tokio::test]
async fn commits_follow_their_parent() {
    let world = Fixture::with_repository().await;
    let branch = json!({"repositoryName": "orders", "branchName": "main"});
    assert_eq!(world.code("GetBranch", branch.clone()).await, "BranchDoesNotExistException");
    let first = world.ok("CreateCommit", commit(None, "one")).await["commitId"].clone();
    assert_eq!(world.ok("GetBranch", branch).await["branch"]["commitId"], first);
    let read = world.ok("GetCommit", json!({"repositoryName": "orders", "commitId": first})).await;
    assert_eq!(read["commit"]["message"], "Say hi\n\nLonger.\n");
    assert_eq!(read["commit"]["author"]["name"], "Ann");
    assert_eq!(world.code("CreateCommit", commit(None, "two")).await, "ParentCommitIdRequiredException");
    let unchanged = commit(first.as_str(), "one");
    assert_eq!(world.code("CreateCommit", unchanged).await, "NoChangeException");
    let second = world.ok("CreateCommit", commit(first.as_str(), "two")).await["commitId"].clone();
    assert_ne!(first, second);
    let stale = commit(first.as_str(), "three");
    assert_eq!(world.code("CreateCommit", stale).await, "ParentCommitIdOutdatedException");
    let file = world.ok("GetFile", json!({"repositoryName": "orders", "filePath": "src/app.py"})).await;
    assert_eq!(file["fileContent"], STANDARD.encode("two"));
    let nowhere = json!({"repositoryName": "orders", "commitId": "0".repeat(40)});
    assert_eq!(world.code("GetCommit", nowhere).await, "CommitIdDoesNotExistException");
    let folder = world.ok("GetFolder", json!({"repositoryName": "orders", "folderPath": "src"})).await;
    assert_eq!(folder["files"][0]["absolutePath"], "src/app.py");
}

#[test]
fn paths_stay_in_the_repository() {
    for path in ["../x", "a/../b", ".git/config", "a\nb", ""] {
        assert!(safe_path(&json!({"filePath": path})).is_err(), "{path}");
    }
}
