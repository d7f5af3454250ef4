//! Which IAM actions a call needs, on which resources, with which condition keys.
//!
//! A call may need several: `CreateFunction` with tags needs `lambda:CreateFunction`, `lambda:TagResource`,
//! `iam:PassRole` of its role, and `s3:GetObject` of its code. What AWS documents is in the service authorization
//! reference: <https://docs.aws.amazon.com/service-authorization/latest/reference/>. What could not be found there is
//! marked below. An operation of a service that is not here needs the action of its own name on the ARN in its request.

use axum::http::request::Parts;
use serde_json::Value;

use super::super::naming::{decode, query};
use super::super::{ACCOUNT, AwsRequest, REGION};
use super::dynamodb;
use crate::calls::CallName;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub action: String,
    pub resource: String,
    /// Condition keys that the service itself sets.
    pub keys: Vec<(String, Vec<String>)>,
}

impl Asked {
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), keys: vec![] }
    }

    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.keys.push((key.into(), vec![value.into()]));
        self
    }

    pub fn with_all(mut self, key: impl Into<String>, values: Vec<String>) -> Self {
        self.keys.push((key.into(), values));
        self
    }

    /// With the keys about the tags of the request.
    pub fn tagged(mut self, tags: &[(String, String)]) -> Self {
        for (key, value) in tags {
            self = self.with(format!("aws:RequestTag/{key}"), value);
        }
        if tags.is_empty() {
            return self;
        }
        self.with_all("aws:TagKeys", tags.iter().map(|(key, _)| key.clone()).collect())
    }
}

/// An ARN in this world's account and region.
pub fn here(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

/// What a call asks for. IAM's own calls need to know roles: [`super::iam`].
pub fn asked(name: &CallName, request: &AwsRequest) -> Vec<Asked> {
    let (service, method) = (name.service.as_str(), name.method.as_str());
    match service {
        "lambda" => lambda(method, name.detail.as_deref().unwrap_or_default(), request),
        "apigateway" => api_gateway(request),
        "s3" => s3(method, &request.parts, &request.body),
        "dynamodb" => dynamodb::asked(method, &request.json()),
        "codecommit" => code_commit(method, &request.json()),
        "codebuild" => code_build(method, &request.json()),
        "logs" => logs(method, &request.json()),
        "sqs" => sqs(method, &request.json()),
        // Whoever has credentials may ask who they are of; no policy can forbid it.
        "sts" if method == "GetCallerIdentity" => vec![],
        _ => {
            let body = request.json();
            let fields = body.as_object().into_iter().flatten();
            let arn = fields.filter_map(|(_, value)| value.as_str()).find(|text| text.starts_with("arn:"));
            let resource = arn.map_or_else(|| here(service, "*"), str::to_owned);
            vec![Asked::new(format!("{service}:{method}"), resource)]
        }
    }
}

/// That a service is given a role.
fn pass_role(role: &Value, service: &str) -> Option<Asked> {
    let role = role.as_str()?;
    Some(Asked::new("iam:PassRole", role).with("iam:PassedToService", service))
}

/// Tags as a map, or as a list of keys and values.
pub fn tags(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        Value::Array(list) => {
            let either = |tag: &Value, name: &str| {
                let lower = name.to_lowercase();
                text(tag.get(name).or_else(|| tag.get(&lower)).unwrap_or(&Value::Null))
            };
            list.iter().map(|tag| (either(tag, "Key"), either(tag, "Value"))).collect()
        }
        _ => vec![],
    }
}

fn lambda(method: &str, detail: &str, request: &AwsRequest) -> Vec<Asked> {
    let body = request.json();
    let tags = tags(&body["Tags"]);
    // Of a function, an alias or a version; by name or by ARN.
    let bare = detail.strip_prefix(&here("lambda", "function:")).unwrap_or(detail);
    let (name, qualifier) = match bare.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (bare, None),
    };
    let function = here("lambda", &format!("function:{name}"));
    let qualified = qualifier.map_or_else(|| function.clone(), |qualifier| format!("{function}:{qualifier}"));
    let own = |action: &str| format!("lambda:{action}");
    let mut all = match method {
        "ListFunctions" | "GetAccountSettings" | "ListEventSourceMappings" => {
            vec![Asked::new(own(method), "arn:aws:lambda:::*")]
        }
        "Invoke" => vec![Asked::new("lambda:InvokeFunction", qualified)],
        "AddPermission" => {
            let principal = body["Principal"].as_str().unwrap_or_default();
            vec![Asked::new(own(method), qualified).with("lambda:Principal", principal)]
        }
        "RemovePermission" | "GetPolicy" | "GetFunction" | "GetFunctionConfiguration" | "DeleteFunction" => {
            vec![Asked::new(own(method), qualified)]
        }
        _ => vec![Asked::new(own(method), function.clone()).tagged(&tags)],
    };
    if method == "CreateFunction" && !tags.is_empty() {
        all.push(Asked::new("lambda:TagResource", function).tagged(&tags));
    }
    all.extend(pass_role(&body["Role"], "lambda.amazonaws.com"));
    // Lambda reads the code with the rights of whoever names it.
    let code = if method == "CreateFunction" { &body["Code"] } else { &body };
    if let (Some(bucket), Some(key)) = (code["S3Bucket"].as_str(), code["S3Key"].as_str()) {
        let is_versioned = code["S3ObjectVersion"].is_string();
        let action = if is_versioned { "s3:GetObjectVersion" } else { "s3:GetObject" };
        all.push(Asked::new(action, format!("arn:aws:s3:::{bucket}/{key}")));
    }
    all
}

/// API Gateway has a verb on a path, and no account in its ARNs.
fn api_gateway(request: &AwsRequest) -> Vec<Asked> {
    let path = decode(request.parts.uri.path());
    let path = path.strip_prefix("/v2").unwrap_or(&path);
    let resource = format!("arn:aws:apigateway:{REGION}::{path}");
    let tags = tags(&request.json()["tags"]);
    let verb = Asked::new(format!("apigateway:{}", request.parts.method), &resource).tagged(&tags);
    if tags.is_empty() {
        return vec![verb];
    }
    // Not in the reference; refusals that people report name this action on the path of what is created.
    vec![verb, Asked::new("apigateway:TagResource", resource).tagged(&tags)]
}

fn s3(method: &str, parts: &Parts, body: &[u8]) -> Vec<Asked> {
    let path = decode(parts.uri.path());
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let bucket_arn = format!("arn:aws:s3:::{bucket}");
    let object = |key: &str| format!("{bucket_arn}/{key}");
    let is_versioned = query(parts, "versionId").is_some();
    let versioned =
        |plain: &'static str, of_version: &'static str| if is_versioned { of_version } else { plain };
    match method {
        "ListBuckets" => vec![Asked::new("s3:ListAllMyBuckets", "arn:aws:s3:::*")],
        "HeadBucket" => vec![Asked::new("s3:ListBucket", bucket_arn)],
        "ListObjectsV2" | "ListObjectVersions" => {
            let action = if method == "ListObjectsV2" { "s3:ListBucket" } else { "s3:ListBucketVersions" };
            let asked = Asked::new(action, bucket_arn);
            vec![match query(parts, "prefix") {
                Some(prefix) => asked.with("s3:prefix", prefix),
                None => asked,
            }]
        }
        "GetObject" | "HeadObject" => {
            vec![Asked::new(versioned("s3:GetObject", "s3:GetObjectVersion"), object(key))]
        }
        "DeleteObject" => {
            vec![Asked::new(versioned("s3:DeleteObject", "s3:DeleteObjectVersion"), object(key))]
        }
        "DeleteObjects" => {
            let text = String::from_utf8_lossy(body);
            super::xml::all(&text, "Key").map(|key| Asked::new("s3:DeleteObject", object(&key))).collect()
        }
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            let put = Asked::new("s3:PutObject", object(key));
            let is_tagged = parts.headers.contains_key("x-amz-tagging");
            let tagging = is_tagged.then(|| Asked::new("s3:PutObjectTagging", object(key)));
            [put].into_iter().chain(tagging).collect()
        }
        "CreateBucket" => {
            let text = String::from_utf8_lossy(body);
            let create = Asked::new("s3:CreateBucket", &bucket_arn);
            let is_tagged = text.contains("<Tag>");
            let tagging = is_tagged.then(|| Asked::new("s3:TagResource", &bucket_arn));
            [create].into_iter().chain(tagging).collect()
        }
        _ if !key.is_empty() => vec![Asked::new(format!("s3:{method}"), object(key))],
        _ => {
            let action = match method {
                "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
                "PutPublicAccessBlock" => "PutBucketPublicAccessBlock",
                "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
                "PutBucketLifecycleConfiguration" => "PutLifecycleConfiguration",
                "GetBucketEncryption" => "GetEncryptionConfiguration",
                "PutBucketEncryption" => "PutEncryptionConfiguration",
                same => same,
            };
            vec![Asked::new(format!("s3:{action}"), bucket_arn)]
        }
    }
}

fn code_commit(method: &str, body: &Value) -> Vec<Asked> {
    let by_name = body["repositoryName"].as_str().map(|name| here("codecommit", name));
    let resource = by_name.or_else(|| body["resourceArn"].as_str().map(str::to_owned));
    let resource = resource.unwrap_or_else(|| here("codecommit", "*"));
    let tags = tags(&body["tags"]);
    let mut own = Asked::new(format!("codecommit:{method}"), &resource).tagged(&tags);
    if let Some(branch) = body["branchName"].as_str() {
        own = own.with("codecommit:References", format!("refs/heads/{branch}"));
    }
    let is_tagged = method == "CreateRepository" && !tags.is_empty();
    let tagging = is_tagged.then(|| Asked::new("codecommit:TagResource", resource).tagged(&tags));
    [own].into_iter().chain(tagging).collect()
}

fn code_build(method: &str, body: &Value) -> Vec<Asked> {
    let project = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or(name).split(':').next().unwrap_or(name);
        here("codebuild", &format!("project/{name}"))
    };
    let listed = ["names", "ids"].iter().find_map(|list| body[*list].as_array());
    let named: Vec<&str> = match listed {
        Some(list) => list.iter().filter_map(Value::as_str).collect(),
        None => ["projectName", "name", "id"].iter().filter_map(|field| body[*field].as_str()).collect(),
    };
    let action = format!("codebuild:{method}");
    let mut all: Vec<Asked> =
        named.iter().map(|name| Asked::new(&action, project(name)).tagged(&tags(&body["tags"]))).collect();
    all.dedup();
    if all.is_empty() {
        all.push(Asked::new(action, here("codebuild", "*")));
    }
    all.extend(pass_role(&body["serviceRole"], "codebuild.amazonaws.com"));
    all
}

/// The ARN of a log group in refusals ends with `:log-stream:` and the stream, which is empty for the group itself.
fn logs(method: &str, body: &Value) -> Vec<Asked> {
    let text = |field: &str| body[field].as_str();
    let group = text("logGroupName").or_else(|| text("logGroupNamePrefix")).unwrap_or_default();
    let stream = text("logStreamName").unwrap_or_default();
    let resource = format!("log-group:{group}:log-stream:{stream}");
    vec![Asked::new(format!("logs:{method}"), here("logs", &resource))]
}

fn sqs(method: &str, body: &Value) -> Vec<Asked> {
    let url = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next());
    let queue = url.or_else(|| body["QueueName"].as_str()).unwrap_or("*");
    let action = method.strip_suffix("Batch").unwrap_or(method);
    vec![Asked::new(format!("sqs:{action}"), here("sqs", queue))]
}
