//! Bare git repositories on disk, and git's smart HTTP protocol for them.
//!
//! A repository answers at `/{name}.git` and, like CodeCommit's URLs, at `/v1/repos/{name}`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The largest push, in bytes.
const MAX_PUSH: usize = 512 * 1024 * 1024;

/// The folder of all repositories.
#[derive(Debug, Clone)]
pub struct Repositories {
    folder: PathBuf,
    base: String,
}

impl Repositories {
    /// Creates the folder. Clone URLs begin with `base`.
    pub fn open(folder: PathBuf, base: String) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, base })
    }

    pub fn url(&self, name: &str) -> String {
        format!("{}/v1/repos/{name}", self.base)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.git"))
    }

    /// Creates an empty repository with the default branch `main`.
    pub async fn create(&self, name: &str) -> Result<(), String> {
        let path = self.path(name);
        let path = path.to_string_lossy();
        git(&self.folder, &["init", "--quiet", "--bare", "--initial-branch=main", &path], b"").await?;
        let repository = self.path(name);
        git(&repository, &["config", "http.receivepack", "true"], b"").await?;
        Ok(())
    }

    pub fn delete(&self, name: &str) -> std::io::Result<()> {
        std::fs::remove_dir_all(self.path(name))
    }

    /// Runs git in a repository; its output, or its error output.
    pub async fn git(&self, name: &str, args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        git(&self.path(name), args, input).await
    }

    /// The same, as trimmed text; `None` if git fails.
    pub async fn query(&self, name: &str, args: &[&str]) -> Option<String> {
        let answer = self.git(name, args, b"").await.ok()?;
        Some(String::from_utf8_lossy(&answer).trim().to_owned())
    }
}

/// A git command that ignores this machine's git configuration.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .kill_on_drop(true);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    command
}

async fn git(folder: &Path, args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut command = command(folder);
    let output = feed(command.args(args), input).await.map_err(|error| format!("git: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// Runs a command with that input. It reads the output meanwhile.
async fn feed(command: &mut Command, input: &[u8]) -> std::io::Result<std::process::Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A child that ends before it has read everything explains why in its output.
            let _ = stdin.write_all(input).await;
        }
    };
    tokio::join!(child.wait_with_output(), write).0
}

/// Git over HTTP.
pub fn router(repositories: Repositories) -> Router {
    Router::new().fallback(serve).with_state(repositories)
}

async fn serve(State(repositories): State<Repositories>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_PUSH).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let Some((name, rest)) = split(parts.uri.path()) else { return StatusCode::NOT_FOUND.into_response() };
    if !is_name(name) || !repositories.path(name).exists() {
        return (StatusCode::NOT_FOUND, format!("The repository {name} does not exist.\n")).into_response();
    }
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut backend = command(&repositories.folder);
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &repositories.folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{name}.git/{rest}"))
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_ADDR", "127.0.0.1");
    match feed(&mut backend, &body).await {
        Ok(output) if output.status.success() || !output.stdout.is_empty() => cgi(output.stdout.into()),
        Ok(output) => {
            tracing::error!(stderr = %String::from_utf8_lossy(&output.stderr), "git http-backend failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("git http-backend: {error}\n")).into_response()
        }
    }
}

/// Splits `/orders.git/info/refs` or `/v1/repos/orders/info/refs` into name and rest.
fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let path = path.strip_prefix("v1/repos/").unwrap_or(path);
    let (name, rest) = path.split_once('/')?;
    Some((name.strip_suffix(".git").unwrap_or(name), rest))
}

/// Whether CodeCommit accepts this name for a repository.
pub fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !name.ends_with(".git")
        && name.bytes().any(|byte| byte != b'.')
}

/// The response of a CGI program: headers, an empty line, the body.
fn cgi(output: Bytes) -> Response {
    let split = [&b"\r\n\r\n"[..], b"\n\n"].into_iter().find_map(|end| {
        let at = output.windows(end.len()).position(|window| window == end)?;
        Some((at, at + end.len()))
    });
    let Some((end, start)) = split else { return StatusCode::BAD_GATEWAY.into_response() };
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut response = Response::new(Body::from(output.slice(start..)));
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse().ok());
            *response.status_mut() = code.unwrap_or(StatusCode::BAD_GATEWAY);
        } else if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_url_forms_name_a_repository() {
        assert_eq!(split("/orders.git/info/refs"), Some(("orders", "info/refs")));
        assert_eq!(split("/v1/repos/orders/git-upload-pack"), Some(("orders", "git-upload-pack")));
        assert_eq!(split("/orders"), None);
        assert!(is_name("orders-2.x") && !is_name("..") && !is_name("a/b") && !is_name("x.git"));
    }

    #[tokio::test]
    async fn plain_git_clones_and_pushes() {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let repositories = Repositories::open(folder.path().join("git"), base.clone()).unwrap();
        repositories.create("orders").await.unwrap();
        let app = router(repositories.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });

        let clone = |url: String, to: &'static str| {
            let folder = folder.path().to_owned();
            async move { git(&folder, &["clone", "--quiet", &url, to], b"").await }
        };
        clone(repositories.url("orders"), "first").await.unwrap();
        let first = folder.path().join("first");
        std::fs::write(first.join("a.txt"), "one").unwrap();
        let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"];
        git(&first, &["add", "."], b"").await.unwrap();
        git(&first, &[&identity[..], &["commit", "--quiet", "-m", "First"]].concat(), b"").await.unwrap();
        git(&first, &["push", "--quiet", "origin", "HEAD:main"], b"").await.unwrap();
        clone(format!("{base}/orders.git"), "second").await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("second/a.txt")).unwrap(), "one");
        assert!(clone(format!("{base}/missing.git"), "third").await.is_err());
    }
}
