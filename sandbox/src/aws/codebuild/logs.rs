//! The log of a build: a file immediately, and CloudWatch Logs in batches.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use axum::http::Method;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::upstream::Upstream;

/// The most lines in one call to CloudWatch Logs.
const BATCH: usize = 200;
/// How long a line waits for more.
const PATIENCE: Duration = Duration::from_millis(150);

pub struct LogSink {
    file: Mutex<File>,
    cloud: Option<mpsc::UnboundedSender<(i64, String)>>,
    writer: Option<JoinHandle<()>>,
}

impl LogSink {
    pub fn to_file(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: Mutex::new(File::create(path)?), cloud: None, writer: None })
    }

    /// A log in a file and in a CloudWatch Logs stream.
    pub fn to_cloud(path: &Path, upstream: Upstream, group: String, stream: String) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(upstream, group, stream, receiver));
        Ok(Self { cloud: Some(sender), writer: Some(writer), ..Self::to_file(path)? })
    }

    pub fn line(&self, text: &str) {
        let _ = writeln!(self.file.lock(), "{text}");
        if let Some(cloud) = &self.cloud {
            let _ = cloud.send((jiff::Timestamp::now().as_millisecond(), text.to_owned()));
        }
    }

    /// Writes a line in CodeBuild's own format.
    pub fn note(&self, text: &str) {
        self.line(&format!(
            "[Container] {} {text}",
            jiff::Timestamp::now().strftime("%Y/%m/%d %H:%M:%S%.6f")
        ));
    }

    /// Waits until everything is written.
    pub async fn finish(mut self) {
        self.cloud = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.await;
        }
    }
}

async fn write(
    upstream: Upstream,
    group: String,
    stream: String,
    mut lines: mpsc::UnboundedReceiver<(i64, String)>,
) {
    let call = async |operation: &str, body: serde_json::Value| {
        let target = format!("Logs_20140328.{operation}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
        if upstream.call("logs", Method::POST, "/", &headers, body.to_string()).await.is_err() {
            tracing::warn!(%operation, "a build's log could not be written to CloudWatch Logs");
        }
    };
    call("CreateLogGroup", json!({"logGroupName": group})).await;
    call("CreateLogStream", json!({"logGroupName": group, "logStreamName": stream})).await;
    let mut batch = Vec::new();
    while lines.recv_many(&mut batch, BATCH).await > 0 {
        if batch.len() < BATCH {
            let more = async {
                while batch.len() < BATCH
                    && let Some(line) = lines.recv().await
                {
                    batch.push(line);
                }
            };
            let _ = tokio::time::timeout(PATIENCE, more).await;
        }
        // CloudWatch Logs rejects empty messages.
        let events: Vec<_> = batch
            .drain(..)
            .map(|(time, text)| json!({"timestamp": time, "message": if text.is_empty() { " ".into() } else { text }}))
            .collect();
        call("PutLogEvents", json!({"logGroupName": group, "logStreamName": stream, "logEvents": events}))
            .await;
    }
}
