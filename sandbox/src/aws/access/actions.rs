//! The IAM actions that a call needs, with their resources and condition keys.
//!
//! A call may need several: `CreateFunction` with tags needs `lambda:CreateFunction`, `lambda:TagResource`,
//! `iam:PassRole` of its role, and `s3:GetObject` of its code. The source is AWS's service authorization reference,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/>; what is not there is marked below. An operation
//! of any other service needs the action of its own name on the ARN in its request.

use axum::http::request::Parts;
use serde_json::Value;

use super::super::account::arn;
use super::super::request::{AwsRequest, decode, query};
use super::action::{Action, pass_role, tags};
use super::{apigateway, dynamodb};
use crate::calls::CallName;

/// The actions that a call needs. Those of IAM are in [`super::iam`], because they depend on existing roles.
pub fn required(name: &CallName, request: &AwsRequest) -> Vec<Action> {
    let (service, method) = (name.service.as_str(), name.method.as_str());
    match service {
        "lambda" => lambda(method, name.detail.as_deref().unwrap_or_default(), request),
        "apigateway" => apigateway::required(method, request),
        "s3" => s3(method, &request.parts, &request.body),
        "dynamodb" => dynamodb::required(method, &request.json()),
        "codecommit" => code_commit(method, &request.json()),
        "codebuild" => code_build(method, &request.json()),
        "ecr" => ecr(method, &request.json()),
        "cloudformation" => stacks(method, request),
        "logs" => logs(method, &request.json()),
        // No action on metrics names a resource.
        "cloudwatch" => vec![Action::new(format!("cloudwatch:{method}"), "*")],
        "sqs" => sqs(method, &request.json()),
        // Every caller with credentials may make this call; no policy can forbid it.
        "sts" if method == "GetCallerIdentity" => vec![],
        _ => {
            let body = request.json();
            let fields = body.as_object().into_iter().flatten();
            let named = fields.filter_map(|(_, value)| value.as_str()).find(|text| text.starts_with("arn:"));
            let resource = named.map_or_else(|| arn(service, "*"), str::to_owned);
            vec![Action::new(format!("{service}:{method}"), resource)]
        }
    }
}

/// CloudFormation names stacks by name or ARN. The ARN of a name has any id.
fn stacks(method: &str, request: &AwsRequest) -> Vec<Action> {
    let form: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let own = format!("cloudformation:{method}");
    let stack = match field("StackName") {
        Some(name) if name.starts_with("arn:") => name.to_owned(),
        Some(name) => arn("cloudformation", &format!("stack/{name}/*")),
        None => return vec![Action::new(own, "*")],
    };
    let role = field("RoleARN");
    let action = Action::new(own, &stack);
    let action = match role {
        Some(role) => action.with("cloudformation:RoleArn", role),
        None => action,
    };
    let tags: Vec<(String, String)> = form
        .iter()
        .filter(|(key, _)| key.starts_with("Tags.member.") && key.ends_with(".Key"))
        .map(|(key, tag)| {
            let value = form.get(&key.replace(".Key", ".Value"));
            (tag.clone(), value.cloned().unwrap_or_default())
        })
        .collect();
    let tagging = (!tags.is_empty()).then(|| Action::new("cloudformation:TagResource", &stack).tagged(&tags));
    // The role of a stack that has one may be used without passing it again.
    let passed = role.map(|role| Value::String(role.to_owned()));
    let passed = passed.and_then(|role| pass_role(&role, "cloudformation.amazonaws.com"));
    // CloudFormation reads the template with the caller's permissions.
    let place = field("TemplateURL").and_then(|url| url.strip_prefix("https://")?.split_once('/'));
    let template = place.and_then(|(host, key)| {
        let bucket = host.split_once(".s3.")?.0;
        Some(Action::new("s3:GetObject", format!("arn:aws:s3:::{bucket}/{key}")))
    });
    [action.tagged(&tags)].into_iter().chain(tagging).chain(passed).chain(template).collect()
}

fn lambda(method: &str, detail: &str, request: &AwsRequest) -> Vec<Action> {
    let body = request.json();
    let tags = tags(&body["Tags"]);
    // The detail names a function, an alias or a version, by name or by ARN.
    let bare = detail.strip_prefix(&arn("lambda", "function:")).unwrap_or(detail);
    let (name, qualifier) = match bare.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (bare, None),
    };
    let function = arn("lambda", &format!("function:{name}"));
    let qualified = qualifier.map_or_else(|| function.clone(), |qualifier| format!("{function}:{qualifier}"));
    let own = |action: &str| format!("lambda:{action}");
    let mut all = match method {
        "ListFunctions" | "GetAccountSettings" | "ListEventSourceMappings" | "ListLayerVersions" => {
            vec![Action::new(own(method), "arn:aws:lambda:::*")]
        }
        "PublishLayerVersion" | "GetLayerVersion" => {
            vec![Action::new(own(method), arn("lambda", &format!("layer:{detail}")))]
        }
        "Invoke" => vec![Action::new("lambda:InvokeFunction", qualified)],
        "AddPermission" => {
            let principal = body["Principal"].as_str().unwrap_or_default();
            vec![Action::new(own(method), qualified).with("lambda:Principal", principal)]
        }
        "RemovePermission" | "GetPolicy" | "GetFunction" | "GetFunctionConfiguration" | "DeleteFunction" => {
            vec![Action::new(own(method), qualified)]
        }
        _ => vec![Action::new(own(method), function.clone()).tagged(&tags)],
    };
    if method == "CreateFunction" && !tags.is_empty() {
        all.push(Action::new("lambda:TagResource", function).tagged(&tags));
    }
    all.extend(pass_role(&body["Role"], "lambda.amazonaws.com"));
    let layers = body["Layers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    all.extend(layers.map(|layer| Action::new("lambda:GetLayerVersion", layer)));
    // Lambda reads the code with the caller's permissions.
    let code = match method {
        "CreateFunction" => &body["Code"],
        "PublishLayerVersion" => &body["Content"],
        _ => &body,
    };
    if let (Some(bucket), Some(key)) = (code["S3Bucket"].as_str(), code["S3Key"].as_str()) {
        let is_versioned = code["S3ObjectVersion"].is_string();
        let action = if is_versioned { "s3:GetObjectVersion" } else { "s3:GetObject" };
        all.push(Action::new(action, format!("arn:aws:s3:::{bucket}/{key}")));
    }
    all
}

fn s3(method: &str, parts: &Parts, body: &[u8]) -> Vec<Action> {
    let path = decode(parts.uri.path());
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let bucket_arn = format!("arn:aws:s3:::{bucket}");
    let object = |key: &str| format!("{bucket_arn}/{key}");
    let is_versioned = query(parts, "versionId").is_some();
    let versioned =
        |plain: &'static str, of_version: &'static str| if is_versioned { of_version } else { plain };
    match method {
        "ListBuckets" => vec![Action::new("s3:ListAllMyBuckets", "arn:aws:s3:::*")],
        "HeadBucket" => vec![Action::new("s3:ListBucket", bucket_arn)],
        "ListObjectsV2" | "ListObjectVersions" => {
            let action = if method == "ListObjectsV2" { "s3:ListBucket" } else { "s3:ListBucketVersions" };
            let action = Action::new(action, bucket_arn);
            vec![match query(parts, "prefix") {
                Some(prefix) => action.with("s3:prefix", prefix),
                None => action,
            }]
        }
        "GetObject" | "HeadObject" => {
            vec![Action::new(versioned("s3:GetObject", "s3:GetObjectVersion"), object(key))]
        }
        "DeleteObject" => {
            vec![Action::new(versioned("s3:DeleteObject", "s3:DeleteObjectVersion"), object(key))]
        }
        "DeleteObjects" => {
            let text = String::from_utf8_lossy(body);
            super::xml::all(&text, "Key").map(|key| Action::new("s3:DeleteObject", object(&key))).collect()
        }
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            let put = Action::new("s3:PutObject", object(key));
            let is_tagged = parts.headers.contains_key("x-amz-tagging");
            let tagging = is_tagged.then(|| Action::new("s3:PutObjectTagging", object(key)));
            [put].into_iter().chain(tagging).collect()
        }
        "CreateBucket" => {
            let text = String::from_utf8_lossy(body);
            let create = Action::new("s3:CreateBucket", &bucket_arn);
            let is_tagged = text.contains("<Tag>");
            let tagging = is_tagged.then(|| Action::new("s3:TagResource", &bucket_arn));
            [create].into_iter().chain(tagging).collect()
        }
        _ if !key.is_empty() => vec![Action::new(format!("s3:{method}"), object(key))],
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
            vec![Action::new(format!("s3:{action}"), bucket_arn)]
        }
    }
}

fn code_commit(method: &str, body: &Value) -> Vec<Action> {
    let by_name = body["repositoryName"].as_str().map(|name| arn("codecommit", name));
    let resource = by_name.or_else(|| body["resourceArn"].as_str().map(str::to_owned));
    let resource = resource.unwrap_or_else(|| arn("codecommit", "*"));
    let tags = tags(&body["tags"]);
    let mut own = Action::new(format!("codecommit:{method}"), &resource).tagged(&tags);
    if let Some(branch) = body["branchName"].as_str() {
        own = own.with("codecommit:References", format!("refs/heads/{branch}"));
    }
    let is_tagged = method == "CreateRepository" && !tags.is_empty();
    let tagging = is_tagged.then(|| Action::new("codecommit:TagResource", resource).tagged(&tags));
    [own].into_iter().chain(tagging).collect()
}

fn ecr(method: &str, body: &Value) -> Vec<Action> {
    // `GetAuthorizationToken` names no repository.
    let named = body["repositoryName"].as_str().map(|name| arn("ecr", &format!("repository/{name}")));
    vec![Action::new(format!("ecr:{method}"), named.unwrap_or_else(|| "*".to_owned()))]
}

fn code_build(method: &str, body: &Value) -> Vec<Action> {
    let project = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or(name).split(':').next().unwrap_or(name);
        arn("codebuild", &format!("project/{name}"))
    };
    let listed = ["names", "ids"].iter().find_map(|list| body[*list].as_array());
    let named: Vec<&str> = match listed {
        Some(list) => list.iter().filter_map(Value::as_str).collect(),
        None => ["projectName", "name", "id"].iter().filter_map(|field| body[*field].as_str()).collect(),
    };
    let action = format!("codebuild:{method}");
    let mut all: Vec<Action> =
        named.iter().map(|name| Action::new(&action, project(name)).tagged(&tags(&body["tags"]))).collect();
    all.dedup();
    if all.is_empty() {
        all.push(Action::new(action, arn("codebuild", "*")));
    }
    all.extend(pass_role(&body["serviceRole"], "codebuild.amazonaws.com"));
    all
}

/// In refusals, the ARN of a log group ends with `:log-stream:` and the stream, which is empty for the group itself.
fn logs(method: &str, body: &Value) -> Vec<Action> {
    let text = |field: &str| body[field].as_str();
    let group = text("logGroupName").or_else(|| text("logGroupNamePrefix")).unwrap_or_default();
    let stream = text("logStreamName").unwrap_or_default();
    let resource = format!("log-group:{group}:log-stream:{stream}");
    vec![Action::new(format!("logs:{method}"), arn("logs", &resource))]
}

fn sqs(method: &str, body: &Value) -> Vec<Action> {
    let url = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next());
    let queue = url.or_else(|| body["QueueName"].as_str()).unwrap_or("*");
    let action = method.strip_suffix("Batch").unwrap_or(method);
    vec![Action::new(format!("sqs:{action}"), arn("sqs", queue))]
}
