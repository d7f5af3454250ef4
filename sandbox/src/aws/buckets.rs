//! S3: forwarded. Versioning of a new bucket takes effect some seconds after it was enabled.
//!
//! AWS: "might take up to 15 minutes to be fully propagated". Objects that are written earlier may be unversioned:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html>.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;

use super::presigned;
use super::request::AwsRequest;
use super::strict::{Rule, Strict};
use super::upstream::Upstream;
use crate::calls::Protocol;

/// S3 with delayed versioning.
pub struct Buckets {
    upstream: Upstream,
    strict: Strict,
    versioned: Arc<Mutex<BTreeMap<String, Versioning>>>,
}

/// The propagation of versioning after it was enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versioning {
    Pending,
    InEffect,
}

impl Buckets {
    pub fn new(upstream: Upstream, strict: Strict) -> Self {
        Self { upstream, strict, versioned: Arc::default() }
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, request: AwsRequest) -> Response {
        let bucket = request.parts.uri.path().trim_start_matches('/').split('/').next();
        let bucket = bucket.unwrap_or_default().to_owned();
        let Some(request) = presigned::unsigned(request) else {
            return Protocol::RestXml.error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
        };
        match method {
            "PutBucketVersioning" => self.put_versioning(bucket, request).await,
            "GetBucketVersioning" if self.versioning(&bucket) == Some(Versioning::Pending) => enabled(),
            "DeleteBucket" => {
                self.versioned.lock().remove(&bucket);
                self.upstream.forward(request).await
            }
            _ => self.upstream.forward(request).await,
        }
    }

    async fn put_versioning(&self, bucket: String, request: AwsRequest) -> Response {
        let text = String::from_utf8_lossy(&request.body);
        let enables = text.contains("<Status>Enabled</Status>");
        if !enables || self.versioning(&bucket).is_some() || !self.strict.is_on(Rule::NewBucket) {
            return self.upstream.forward(request).await;
        }
        let path = format!("/{bucket}?versioning");
        match self.upstream.call("s3", axum::http::Method::GET, &path, &[], "").await {
            Ok(answer) if !answer.status.is_success() => return answer.into_response(),
            Err(refusal) => return *refusal,
            Ok(_) => {}
        }
        self.versioned.lock().insert(bucket.clone(), Versioning::Pending);
        let (upstream, versioned) = (self.upstream.clone(), self.versioned.clone());
        let delay = self.strict.settings().new_bucket;
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if let Err(refusal) = upstream.exchange(&request).await {
                tracing::error!(%bucket, status = %refusal.status(), "versioning was not enabled");
            }
            versioned.lock().entry(bucket).and_modify(|versioning| *versioning = Versioning::InEffect);
        });
        StatusCode::OK.into_response()
    }

    fn versioning(&self, bucket: &str) -> Option<Versioning> {
        self.versioned.lock().get(bucket).copied()
    }
}

/// AWS's answer about versioning right after it was enabled.
fn enabled() -> Response {
    const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><VersioningConfiguration xmlns="{NAMESPACE}"><Status>Enabled</Status></VersioningConfiguration>"#
    );
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
