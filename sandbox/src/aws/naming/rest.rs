//! Operations and resources of the REST services: from method, path and query.

use axum::http::Method;
use axum::http::request::Parts;

use super::super::request::{decode, query};

pub(super) fn lambda(parts: &Parts) -> (&'static str, Option<String>) {
    let path = decode(parts.uri.path());
    let mut segments = path.split('/').filter(|segment| !segment.is_empty()).skip(1);
    let (kind, rest): (_, Vec<&str>) = (segments.next().unwrap_or_default(), segments.collect());
    let method = parts.method.as_str();
    if kind == "tags" {
        let name = match method {
            "GET" => "ListTags",
            "DELETE" => "UntagResource",
            _ => "TagResource",
        };
        return (name, rest.first().map(|arn| (*arn).to_owned()));
    }
    if kind == "account-settings" {
        return ("GetAccountSettings", None);
    }
    if kind == "layers" {
        let operation = match (method, rest.len()) {
            ("POST", 2) => "PublishLayerVersion",
            ("GET", 2) => "ListLayerVersions",
            ("GET", 3) => "GetLayerVersion",
            ("GET", _) => "GetOther",
            _ => "Other",
        };
        let layer = rest.first().map(|layer| match rest.get(2) {
            Some(version) => format!("{layer}:{version}"),
            None => (*layer).to_owned(),
        });
        return (operation, layer);
    }
    let operation = match (method, rest.get(1).copied(), rest.len()) {
        ("POST", None, 0) => "CreateFunction",
        ("GET", None, 0) => "ListFunctions",
        ("GET", None, 1) => "GetFunction",
        ("DELETE", None, 1) => "DeleteFunction",
        ("GET", Some("configuration"), _) => "GetFunctionConfiguration",
        ("PUT", Some("configuration"), _) => "UpdateFunctionConfiguration",
        ("PUT", Some("code"), _) => "UpdateFunctionCode",
        ("POST", Some("versions"), _) => "PublishVersion",
        ("GET", Some("versions"), _) => "ListVersionsByFunction",
        ("POST", Some("aliases"), _) => "CreateAlias",
        ("GET", Some("aliases"), 2) => "ListAliases",
        ("GET", Some("aliases"), _) => "GetAlias",
        ("PUT", Some("aliases"), _) => "UpdateAlias",
        ("DELETE", Some("aliases"), _) => "DeleteAlias",
        ("POST", Some("policy"), _) => "AddPermission",
        ("GET", Some("policy"), _) => "GetPolicy",
        ("DELETE", Some("policy"), _) => "RemovePermission",
        ("POST", Some("invocations"), _) => "Invoke",
        ("GET", Some("concurrency"), _) => "GetFunctionConcurrency",
        ("PUT", Some("concurrency"), _) => "PutFunctionConcurrency",
        ("DELETE", Some("concurrency"), _) => "DeleteFunctionConcurrency",
        ("GET", Some("recursion-config"), _) => "GetFunctionRecursionConfig",
        ("PUT", Some("recursion-config"), _) => "PutFunctionRecursionConfig",
        ("GET", Some("code-signing-config"), _) => "GetFunctionCodeSigningConfig",
        ("PUT", Some("code-signing-config"), _) => "PutFunctionCodeSigningConfig",
        ("DELETE", Some("code-signing-config"), _) => "DeleteFunctionCodeSigningConfig",
        ("GET", Some("runtime-management-config"), _) => "GetRuntimeManagementConfig",
        ("PUT", Some("runtime-management-config"), _) => "PutRuntimeManagementConfig",
        ("GET", Some("function-scaling-config"), _) => "GetFunctionScalingConfig",
        ("PUT", Some("function-scaling-config"), _) => "PutFunctionScalingConfig",
        ("GET", ..) => "GetOther",
        _ => "Other",
    };
    let qualifier = query(parts, "Qualifier").or_else(|| rest.get(2).map(|alias| (*alias).to_owned()));
    let detail = rest.first().map(|function| match qualifier {
        Some(qualifier) => format!("{function}:{qualifier}"),
        None => (*function).to_owned(),
    });
    (operation, detail)
}

/// HTTP APIs are below `/v2`, REST APIs are not.
pub(super) fn api_gateway(parts: &Parts) -> (String, Option<String>) {
    let path = decode(parts.uri.path());
    let path = path.strip_prefix("/v2").unwrap_or(&path);
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let detail = (segments.len() > 1).then(|| segments[1..].join("/"));
    if segments.first() == Some(&"tags") {
        let verb = if parts.method == Method::GET { "GetTags" } else { "TagResource" };
        return (verb.into(), detail);
    }
    // The key of a route, which follows, has slashes of its own.
    match segments.get(4) {
        Some(&"routesettings") => return ("DeleteRouteSettings".into(), detail),
        Some(&"accesslogsettings") => return ("DeleteAccessLogSettings".into(), detail),
        _ => {}
    }
    let plural = segments.len() % 2 == 1;
    let kind = match segments.get(if plural { segments.len() - 1 } else { segments.len().wrapping_sub(2) }) {
        Some(&"apis") => "Api",
        Some(&"restapis") => "RestApi",
        Some(&"routes") => "Route",
        Some(&"integrations") => "Integration",
        Some(&"deployments") => "Deployment",
        Some(&"stages") => "Stage",
        Some(&"authorizers") => "Authorizer",
        Some(&"resources") => "Resource",
        _ => "Other",
    };
    let operation = match parts.method.as_str() {
        "GET" if plural => format!("Get{kind}s"),
        "GET" => format!("Get{kind}"),
        "POST" if kind == "RestApi" && query(parts, "mode").is_some_and(|mode| mode == "import") => {
            "ImportRestApi".to_owned()
        }
        "PUT" if kind == "RestApi" => "PutRestApi".to_owned(),
        "POST" => format!("Create{kind}"),
        "PATCH" => format!("Update{kind}"),
        "DELETE" => format!("Delete{kind}"),
        "PUT" if plural => format!("Import{kind}"),
        "PUT" => format!("Reimport{kind}"),
        other => format!("{other}{kind}"),
    };
    (operation, detail)
}

pub(super) fn s3(parts: &Parts) -> &'static str {
    let query = parts.uri.query().unwrap_or_default();
    let has = |key: &str| query.split('&').any(|pair| pair.split('=').next() == Some(key));
    let object =
        parts.uri.path().trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty());
    match (parts.method.as_str(), object) {
        ("PUT", true) if has("uploadId") => "UploadPart",
        ("PUT", true) if has("tagging") => "PutObjectTagging",
        ("PUT", true) => "PutObject",
        ("GET", true) => "GetObject",
        ("HEAD", true) => "HeadObject",
        ("DELETE", true) => "DeleteObject",
        ("POST", true) if has("uploads") => "CreateMultipartUpload",
        ("POST", true) => "CompleteMultipartUpload",
        ("PUT", _) if has("versioning") => "PutBucketVersioning",
        ("PUT", _) if has("publicAccessBlock") => "PutPublicAccessBlock",
        ("PUT", _) if has("policy") => "PutBucketPolicy",
        ("PUT", _) if has("tagging") => "PutBucketTagging",
        ("PUT", _) if has("lifecycle") => "PutBucketLifecycleConfiguration",
        ("PUT", _) if has("encryption") => "PutBucketEncryption",
        ("PUT", _) if has("ownershipControls") => "PutBucketOwnershipControls",
        ("PUT", _) => "CreateBucket",
        ("HEAD", _) => "HeadBucket",
        ("DELETE", _) => "DeleteBucket",
        ("POST", _) if has("delete") => "DeleteObjects",
        ("GET", _) if has("versioning") => "GetBucketVersioning",
        ("GET", _) if has("publicAccessBlock") => "GetPublicAccessBlock",
        ("GET", _) if has("policy") => "GetBucketPolicy",
        ("GET", _) if has("tagging") => "GetBucketTagging",
        ("GET", _) if has("location") => "GetBucketLocation",
        ("GET", _) if has("acl") => "GetBucketAcl",
        ("GET", _) if has("lifecycle") => "GetBucketLifecycleConfiguration",
        ("GET", _) if has("encryption") => "GetBucketEncryption",
        ("GET", _) if has("ownershipControls") => "GetBucketOwnershipControls",
        ("GET", _) if has("versions") => "ListObjectVersions",
        ("GET", _) if parts.uri.path() == "/" => "ListBuckets",
        ("GET", _) => "ListObjectsV2",
        _ => "Other",
    }
}

pub(super) fn s3_detail(parts: &Parts) -> String {
    decode(parts.uri.path()).trim_start_matches('/').to_owned()
}
