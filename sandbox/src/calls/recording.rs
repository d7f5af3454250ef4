//! A recording of what the bot sends, for checks after the tests: one line of JSON per request to AWS or
//! message to Slack.
//!
//! `SANDBOX_RECORD` names the folder; without it nothing is written. Each sandbox writes its own files. Signatures,
//! access keys and tokens are left out. A file ends at [`MAX_FILE`] with the line `{"truncated": true}`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// Names the folder to record in.
const VARIABLE: &str = "SANDBOX_RECORD";
const MAX_FILE: usize = 256 * 1024 * 1024;
/// Larger bodies are artifacts and packages: the recording has only their size.
const MAX_BODY: usize = 512 * 1024;
/// Headers that contain credentials.
const SECRETS: [&str; 4] = ["authorization", "x-amz-security-token", "cookie", "x-slack-signature"];

/// The two files of a sandbox; none without a folder.
#[derive(Default)]
pub struct Recording {
    aws: Option<Mutex<RecordingFile>>,
    slack: Option<Mutex<RecordingFile>>,
}

struct RecordingFile {
    file: File,
    left: Option<usize>,
}

impl Recording {
    /// Records in the folder `SANDBOX_RECORD`, if it is set.
    pub fn from_env() -> std::io::Result<Self> {
        match std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
            Some(folder) => Self::in_folder(Path::new(&folder)),
            None => Ok(Self::default()),
        }
    }

    /// Records in that folder, in files with this process's id in their names.
    pub fn in_folder(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = |kind: &str| {
            let path = folder.join(format!("{kind}-{}.jsonl", std::process::id()));
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            Ok::<_, std::io::Error>(Some(Mutex::new(RecordingFile { file, left: Some(MAX_FILE) })))
        };
        Ok(Self { aws: file("aws")?, slack: file("slack")? })
    }

    /// A request to AWS: the caller, the IAM actions that the request needs, and the refusal, if there was one.
    pub fn aws(&self, who: &str, (parts, body): (&Parts, &[u8]), judged: impl FnOnce() -> Value) {
        let Some(file) = &self.aws else { return };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut line = json!({
            "who": who,
            "method": parts.method.as_str(),
            "path": path,
            "headers": headers(&parts.headers),
            "signed": signed(&parts.headers),
            "judged": judged(),
        });
        let (key, value) = match std::str::from_utf8(body) {
            _ if body.len() > MAX_BODY => ("body_size", body.len().into()),
            Ok(text) => ("body", text.into()),
            Err(_) => ("body_base64", STANDARD.encode(body).into()),
        };
        line[key] = value;
        write(file, &line);
    }

    /// Something that the bot sends to Slack: the method, and its fields.
    pub fn slack(&self, way: &str, fields: impl FnOnce() -> Value) {
        let Some(file) = &self.slack else { return };
        let mut fields = fields();
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("token");
        }
        write(file, &json!({ "way": way, "fields": fields }));
    }
}

fn headers(headers: &HeaderMap) -> Vec<(&str, String)> {
    let kept = headers.iter().filter(|(name, _)| !SECRETS.contains(&name.as_str()));
    kept.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// The signature's scope (day, region, service) and signed headers.
fn signed(headers: &HeaderMap) -> Value {
    let text = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let part = |name: &str| text.split_once(name).and_then(|(_, rest)| rest.split([',', ' ']).next());
    let scope: Vec<&str> = part("Credential=").unwrap_or_default().split('/').skip(1).collect();
    let over: Vec<&str> = part("SignedHeaders=").unwrap_or_default().split(';').collect();
    json!({ "algorithm": text.split(' ').next(), "scope": scope, "headers": over })
}

fn write(file: &Mutex<RecordingFile>, line: &Value) {
    let mut file = file.lock();
    let Some(left) = file.left else { return };
    let mut text = line.to_string();
    file.left = left.checked_sub(text.len());
    if file.left.is_none() {
        text = json!({ "truncated": true }).to_string();
    }
    text.push('\n');
    if let Err(error) = file.file.write_all(text.as_bytes()) {
        tracing::error!(%error, "a request could not be recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_recorded_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let recording = Recording::in_folder(folder.path()).unwrap();
        let credential = "AWS4-HMAC-SHA256 Credential=AKIDSECRET/20260101/us-east-1/lambda/aws4_request, \
                          SignedHeaders=host;x-amz-date, Signature=0badc0de";
        let request = axum::http::Request::builder().method("PUT").uri("/a/b?c=d");
        let request =
            request.header("authorization", credential).header("x-amz-security-token", "tokensecret");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        recording.aws("bot", (&parts, b"{}"), || json!(["lambda:UpdateAlias"]));
        recording.aws("bot", (&parts, &[0xff]), || json!([]));
        recording.aws("bot", (&parts, &vec![b'x'; MAX_BODY + 1]), || json!([]));
        recording.slack("ack", || json!({ "text": "hello", "token": "xoxb-secret" }));
        let read = |kind: &str| {
            std::fs::read_to_string(folder.path().join(format!("{kind}-{}.jsonl", std::process::id())))
                .unwrap()
        };
        let (aws, slack) = (read("aws"), read("slack"));
        for secret in ["AKIDSECRET", "0badc0de", "tokensecret", "xoxb"] {
            assert!(!aws.contains(secret) && !slack.contains(secret), "{secret}: {aws} {slack}");
        }
        let lines: Vec<Value> = aws.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["path"], &lines[0]["body"]), (&json!("/a/b?c=d"), &json!("{}")));
        assert_eq!(lines[0]["signed"]["scope"], json!(["20260101", "us-east-1", "lambda", "aws4_request"]));
        assert_eq!(lines[0]["signed"]["headers"], json!(["host", "x-amz-date"]));
        assert_eq!(lines[1]["body_base64"], "/w==");
        assert_eq!(lines[2]["body_size"], MAX_BODY + 1);
        assert_eq!(slack.trim(), r#"{"way":"ack","fields":{"text":"hello"}}"#);
    }

    #[test]
    fn nothing_is_recorded_without_a_folder() {
        let recording = Recording::default();
        recording.slack("ack", || panic!("the fields must not be read"));
    }
}
