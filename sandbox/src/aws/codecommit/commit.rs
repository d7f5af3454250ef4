//! `CreateCommit`: AWS's rules for a commit, and the input for git.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::answer::ServiceError;

const MOST_FILES: usize = 100;

/// AWS's rules for the parent of a commit.
pub fn check_parent(tip: Option<&str>, parent: Option<&str>) -> Result<(), ServiceError> {
    match (tip, parent) {
        (Some(_), None) => {
            Err(ServiceError::new("ParentCommitIdRequiredException", "A parent commit ID is required."))
        }
        (Some(tip), Some(parent)) if tip != parent => Err(ServiceError::new(
            "ParentCommitIdOutdatedException",
            "The parent commit ID is not the tip of the branch.",
        )),
        (None, Some(_)) => {
            Err(ServiceError::new("ParentCommitDoesNotExistException", "The parent commit does not exist."))
        }
        _ => Ok(()),
    }
}

/// The commit in the format of `git fast-import`.
pub fn commit_stream(body: &Value, branch: &str, tip: Option<&str>) -> Result<Vec<u8>, ServiceError> {
    let files = body["putFiles"].as_array().map(Vec::as_slice).unwrap_or_default();
    let deleted = body["deleteFiles"].as_array().map(Vec::as_slice).unwrap_or_default();
    if files.is_empty() && deleted.is_empty() {
        return Err(ServiceError::new("FileEntryRequiredException", "The commit has no files."));
    }
    if files.len() + deleted.len() > MOST_FILES {
        return Err(ServiceError::new("MaximumFileEntriesExceededException", "More than 100 files."));
    }
    let one_line = |text: &str| text.replace(['\n', '<', '>'], " ");
    let author = one_line(body["authorName"].as_str().unwrap_or("root"));
    let email = one_line(body["email"].as_str().unwrap_or_default());
    let message = body["commitMessage"].as_str().unwrap_or_default();
    let mut stream = format!(
        "commit refs/heads/{branch}\nauthor {author} <{email}> now\ncommitter {author} <{email}> now\ndata {}\n{message}\n",
        message.len()
    )
    .into_bytes();
    if let Some(tip) = tip {
        stream.extend(format!("from {tip}\n").bytes());
    }
    for file in deleted {
        stream.extend(format!("D {}\n", safe_path(file)?).bytes());
    }
    for file in files {
        let content = file["fileContent"].as_str().unwrap_or_default();
        let content = STANDARD
            .decode(content)
            .map_err(|_| ServiceError::new("InvalidParameterException", "fileContent is not base64."))?;
        stream.extend(
            format!("M {} inline {}\ndata {}\n", git_mode(file), safe_path(file)?, content.len()).bytes(),
        );
        stream.extend(content);
        stream.push(b'\n');
    }
    Ok(stream)
}

/// The path of a file, if it stays within the repository.
pub fn safe_path(file: &Value) -> Result<&str, ServiceError> {
    let path = file["filePath"].as_str().unwrap_or_default().trim_start_matches('/');
    let bad = |segment: &str| matches!(segment, "" | "." | ".." | ".git");
    if path.contains(['\n', '"', '\0']) || path.split('/').any(bad) {
        return Err(ServiceError::new("InvalidPathException", format!("The path {path:?} is not valid.")));
    }
    Ok(path)
}

pub fn git_mode(file: &Value) -> &'static str {
    match file["fileMode"].as_str() {
        Some("EXECUTABLE") => "100755",
        Some("SYMLINK") => "120000",
        _ => "100644",
    }
}

pub fn mode_name(mode: &str) -> &'static str {
    match mode {
        "100755" => "EXECUTABLE",
        "120000" => "SYMLINK",
        _ => "NORMAL",
    }
}
