//! What a request is: service, operation, resource, and whether it changes anything.
//!
//! The service comes from the signature's scope, the operation from `X-Amz-Target`, the form's `Action`, or, for the
//! REST services, from method and path.

use axum::http::Method;
use axum::http::request::Parts;
use serde_json::Value;

use super::AwsRequest;
use crate::calls::{CallName, Protocol};

/// Who signed a request, for which service.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub access_key: Option<String>,
    pub service: Option<String>,
}

impl Scope {
    /// Reads `Authorization`, or a presigned URL's query.
    pub fn of(parts: &Parts) -> Self {
        let header = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
        let credential = header
            .and_then(|value| value.split_once("Credential=")?.1.split([',', ' ']).next())
            .map(str::to_owned)
            .or_else(|| query(parts, "X-Amz-Credential"));
        let Some(credential) = credential else {
            // The older signature of presigned URLs names the key alone, and only S3 takes it.
            let access_key = query(parts, "AWSAccessKeyId");
            let service = access_key.is_some().then(|| "s3".to_owned());
            return Self { access_key, service };
        };
        let mut fields = credential.split('/');
        Self { access_key: fields.next().map(str::to_owned), service: fields.nth(2).map(str::to_owned) }
    }
}

/// Names a request for the log.
pub fn name(request: &AwsRequest, scope: &Scope) -> CallName {
    let parts = &request.parts;
    let scoped = scope.service.as_deref().unwrap_or("unknown");
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    if let Some((prefix, method)) = target.and_then(|target| target.split_once('.')) {
        let service = match prefix.split('_').next().unwrap_or_default() {
            "DynamoDB" => "dynamodb",
            "CodeBuild" => "codebuild",
            "CodeCommit" => "codecommit",
            "Logs" => "logs",
            "AmazonSQS" => "sqs",
            _ => scoped,
        };
        return call(service, method, json_detail(service, &request.json()), Protocol::AwsJson);
    }
    match scoped {
        "lambda" => {
            let (method, detail) = lambda(parts);
            let detail = match method {
                "CreateFunction" => with_body(None, request, "FunctionName", ""),
                "CreateAlias" => with_body(detail, request, "Name", ":"),
                _ => detail,
            };
            call(scoped, method, detail, Protocol::RestJson)
        }
        "apigateway" => {
            let (method, detail) = api_gateway(parts);
            let detail = match method.as_str() {
                "CreateApi" => with_body(None, request, "name", ""),
                "CreateRoute" => with_body(detail, request, "routeKey", "/"),
                "CreateStage" => with_body(detail, request, "stageName", "/"),
                "CreateDeployment" => with_body(detail, request, "description", "/"),
                _ => detail,
            };
            call(scoped, &method, detail, Protocol::RestJson)
        }
        "s3" => call(scoped, s3(parts), Some(s3_detail(parts)), Protocol::RestXml),
        _ => {
            let form: Vec<(String, String)> =
                url::form_urlencoded::parse(&request.body).into_owned().collect();
            let field = |key: &str| form.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone());
            let action = field("Action").unwrap_or_else(|| format!("{} {}", parts.method, parts.uri.path()));
            let names: Vec<String> =
                ["RoleName", "PolicyName", "PolicyArn"].into_iter().filter_map(field).collect();
            let detail = (!names.is_empty()).then(|| names.join("/"));
            call(scoped, &action, detail, Protocol::Query)
        }
    }
}

/// The path's detail with a field of the body behind it: what is made has its name there.
fn with_body(detail: Option<String>, request: &AwsRequest, field: &str, between: &str) -> Option<String> {
    match (detail, request.json()[field].as_str()) {
        (Some(detail), Some(name)) => Some(format!("{detail}{between}{name}")),
        (detail, name) => detail.or_else(|| name.map(str::to_owned)),
    }
}

fn call(service: &str, method: &str, detail: Option<String>, protocol: Protocol) -> CallName {
    let reads = ["Get", "List", "Describe", "BatchGet", "Query", "Scan", "Head", "TransactGet", "Filter"];
    CallName {
        service: service.into(),
        method: method.into(),
        detail,
        mutating: !reads.iter().any(|prefix| method.starts_with(prefix)),
        protocol,
    }
}

fn lambda(parts: &Parts) -> (&'static str, Option<String>) {
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

fn api_gateway(parts: &Parts) -> (String, Option<String>) {
    let path = decode(parts.uri.path());
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).skip(1).collect();
    let detail = (segments.len() > 1).then(|| segments[1..].join("/"));
    if segments.first() == Some(&"tags") {
        let verb = if parts.method == Method::GET { "GetTags" } else { "TagResource" };
        return (verb.into(), detail);
    }
    let plural = segments.len() % 2 == 1;
    let kind = match segments.get(if plural { segments.len() - 1 } else { segments.len().wrapping_sub(2) }) {
        Some(&"apis") => "Api",
        Some(&"routes") => "Route",
        Some(&"integrations") => "Integration",
        Some(&"deployments") => "Deployment",
        Some(&"stages") => "Stage",
        Some(&"authorizers") => "Authorizer",
        _ => "Other",
    };
    let operation = match parts.method.as_str() {
        "GET" if plural => format!("Get{kind}s"),
        "GET" => format!("Get{kind}"),
        "POST" => format!("Create{kind}"),
        "PATCH" => format!("Update{kind}"),
        "DELETE" => format!("Delete{kind}"),
        other => format!("{other}{kind}"),
    };
    (operation, detail)
}

fn s3(parts: &Parts) -> &'static str {
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

fn s3_detail(parts: &Parts) -> String {
    decode(parts.uri.path()).trim_start_matches('/').to_owned()
}

fn json_detail(service: &str, body: &Value) -> Option<String> {
    if service == "dynamodb" {
        return dynamodb_detail(body);
    }
    if service == "sqs" {
        return sqs_detail(body);
    }
    let fields =
        ["repositoryName", "projectName", "name", "branchName", "commitId", "logGroupName", "logStreamName"];
    let found: Vec<&str> = fields.iter().filter_map(|field| body[*field].as_str()).collect();
    let ids = ["ids", "names"].iter().find_map(|list| body[*list][0].as_str());
    let found: Vec<&str> = found.into_iter().chain(ids).collect();
    (!found.is_empty()).then(|| found.join("/"))
}

/// The queue, and the group of a message that is sent.
fn sqs_detail(body: &Value) -> Option<String> {
    let queue = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next());
    let queue = queue.or_else(|| body["QueueName"].as_str())?;
    Some(match body["MessageGroupId"].as_str() {
        Some(group) => format!("{queue} {group}"),
        None => queue.to_owned(),
    })
}

/// The table (and index), the keys that are written or read, and what an update changes.
fn dynamodb_detail(body: &Value) -> Option<String> {
    if let Some(items) = body["TransactItems"].as_array() {
        let parts: Vec<String> = items
            .iter()
            .filter_map(|item| item.as_object()?.iter().next())
            .map(|(verb, action)| format!("{verb} {}", key_of(action)))
            .collect();
        return Some(parts.join(", "));
    }
    if let Some((table, wanted)) = body["RequestItems"].as_object().and_then(|tables| tables.iter().next()) {
        let keys: Vec<String> = wanted["Keys"].as_array().into_iter().flatten().map(sorted_key).collect();
        return Some(format!("{table} {}", keys.join(", ")));
    }
    let table = body["TableName"].as_str()?;
    let table = match body["IndexName"].as_str() {
        Some(index) => format!("{table}/{index}"),
        None => table.to_owned(),
    };
    let key = match body["ExpressionAttributeValues"].as_object().filter(|_| body["Key"].is_null()) {
        // A query is known by the values it asks for.
        Some(values) if body["Item"].is_null() => {
            values.values().filter_map(|value| value["S"].as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => key_of(body),
    };
    let changes = changes(body).map(|changes| format!(" {{{changes}}}")).unwrap_or_default();
    Some(if key.is_empty() { table } else { format!("{table} {key}{changes}") })
}

/// The attributes that an update names, in its own order: `g_owner, ds, du`. The same key is updated for many reasons, and
/// this tells them apart.
fn changes(body: &Value) -> Option<String> {
    let expression = body["UpdateExpression"].as_str()?;
    let names = expression.split([' ', ',']).filter_map(|word| match word.chars().next()? {
        '#' => body["ExpressionAttributeNames"][word].as_str(),
        'a'..='z' => Some(word),
        _ => None,
    });
    Some(names.collect::<Vec<_>>().join(", "))
}

fn key_of(action: &Value) -> String {
    sorted_key(action.get("Key").or_else(|| action.get("Item")).unwrap_or(&Value::Null))
}

/// Partition, then sort key.
fn sorted_key(key: &Value) -> String {
    let names = ["pk", "PK", "partition", "sk", "SK", "sort"];
    let parts: Vec<&str> = names.iter().filter_map(|name| key[*name]["S"].as_str()).collect();
    parts.join(" ")
}

pub fn query(parts: &Parts, key: &str) -> Option<String> {
    let query = parts.uri.query()?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(k, _)| k == key).map(|(_, value)| value.into_owned())
}

/// Decodes `%XX`; leaves a plus as it is.
pub fn decode(path: &str) -> String {
    let plus = path.replace('+', "%2B");
    url::form_urlencoded::parse(plus.as_bytes()).next().map_or_else(
        || path.to_owned(),
        |(key, value)| {
            if value.is_empty() { key.into_owned() } else { format!("{key}={value}") }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(method: &str, uri: &str, service: &str, target: Option<&str>, body: &str) -> CallName {
        let credential =
            format!("AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/{service}/aws4_request, X=1");
        let mut request =
            axum::http::Request::builder().method(method).uri(uri).header("authorization", credential);
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        let request =
            AwsRequest { parts: request.body(()).unwrap().into_parts().0, body: body.to_owned().into() };
        let scope = Scope::of(&request.parts);
        assert_eq!(scope.access_key.as_deref(), Some("K"));
        name(&request, &scope)
    }

    fn brief(call: &CallName) -> (&str, Option<&str>, bool) {
        (&call.method, call.detail.as_deref(), call.mutating)
    }

    #[test]
    fn lambda_calls_are_named() {
        let functions = "/2015-03-31/functions";
        let cases = [
            ("PUT", "/orders-fn/aliases/prod", "UpdateAlias", "orders-fn:prod", true),
            ("GET", "/orders-fn/configuration?Qualifier=3", "GetFunctionConfiguration", "orders-fn:3", false),
            ("POST", "/orders-fn/policy?Qualifier=prod", "AddPermission", "orders-fn:prod", true),
            ("PUT", "/orders-fn/code", "UpdateFunctionCode", "orders-fn", true),
        ];
        for (method, path, operation, detail, mutating) in cases {
            let call = named(method, &format!("{functions}{path}"), "lambda", None, "");
            assert_eq!(brief(&call), (operation, Some(detail), mutating));
        }
        let create = named("POST", functions, "lambda", None, r#"{"FunctionName": "f"}"#);
        assert_eq!(brief(&create), ("CreateFunction", Some("f"), true));
        let alias = named("POST", &format!("{functions}/f/aliases"), "lambda", None, r#"{"Name": "prod"}"#);
        assert_eq!(brief(&alias), ("CreateAlias", Some("f:prod"), true));
        let arn = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A0%3Afunction%3Af";
        let tags = named("GET", arn, "lambda", None, "");
        assert_eq!(brief(&tags), ("ListTags", Some("arn:aws:lambda:us-east-1:0:function:f"), false));
        let account = named("GET", "/2016-08-19/account-settings", "lambda", None, "");
        assert_eq!(brief(&account), ("GetAccountSettings", None, false));
    }

    #[test]
    fn gateway_s3_and_iam_calls_are_named() {
        let stage = named("PATCH", "/v2/apis/a1/stages/prod", "apigateway", None, "{}");
        assert_eq!(brief(&stage), ("UpdateStage", Some("a1/stages/prod"), true));
        assert_eq!(named("GET", "/v2/apis", "apigateway", None, "").method, "GetApis");
        assert_eq!(named("GET", "/v2/apis/a1/routes", "apigateway", None, "").method, "GetRoutes");
        let object = named("PUT", "/bucket/a/b.zip?x-id=PutObject", "s3", None, "");
        assert_eq!(brief(&object), ("PutObject", Some("bucket/a/b.zip"), true));
        assert_eq!(named("PUT", "/bucket?versioning", "s3", None, "").method, "PutBucketVersioning");
        let role = named("POST", "/", "iam", None, "Action=CreateRole&RoleName=r&Version=1");
        assert_eq!(brief(&role), ("CreateRole", Some("r"), true));
        assert_eq!(role.protocol, Protocol::Query);
    }

    #[test]
    fn json_calls_are_named_with_their_keys() {
        let body = r#"{"TableName":"sluice","Key":{"pk":{"S":"p"},"sk":{"S":"s"}}}"#;
        let get = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.GetItem"), body);
        assert_eq!(brief(&get), ("GetItem", Some("sluice p s"), false));
        let body = r#"{"TableName":"sluice","ExpressionAttributeValues":{":p":{"S":"p"},":n":{"N":"1"}}}"#;
        let query = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.Query"), body);
        assert_eq!(brief(&query), ("Query", Some("sluice p"), false));
        let body = r#"{"TableName":"sluice","IndexName":"due","ExpressionAttributeValues":{":s":{"N":"1"}}}"#;
        let due = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.Query"), body);
        assert_eq!(brief(&due), ("Query", Some("sluice/due"), false));
        let body = r##"{"TableName":"sluice","Key":{"pk":{"S":"p"},"sk":{"S":"s"}},
            "UpdateExpression":"SET #1 = :0, #0 = :1 REMOVE ds, du",
            "ExpressionAttributeNames":{"#0":"g_beat","#1":"g_owner"}}"##;
        let update = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.UpdateItem"), body);
        assert_eq!(brief(&update), ("UpdateItem", Some("sluice p s {g_owner, g_beat, ds, du}"), true));
        let body =
            r#"{"RequestItems":{"sluice":{"Keys":[{"sk":{"S":"s"},"pk":{"S":"p"}},{"pk":{"S":"q"}}]}}}"#;
        let batch = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.BatchGetItem"), body);
        assert_eq!(brief(&batch), ("BatchGetItem", Some("sluice p s, q"), false));
        let body = r#"{"TransactItems":[{"Put":{"Item":{"pk":{"S":"p"},"sk":{"S":"s"}}}},{"Update":{}}]}"#;
        let write = named("POST", "/", "dynamodb", Some("DynamoDB_20120810.TransactWriteItems"), body);
        assert_eq!(brief(&write), ("TransactWriteItems", Some("Put p s, Update "), true));
        let body = r#"{"QueueUrl":"http://localhost:1/000000000000/wake.fifo","MessageGroupId":"01J"}"#;
        let send = named("POST", "/", "sqs", Some("AmazonSQS.SendMessage"), body);
        assert_eq!(
            (send.service.as_str(), brief(&send)),
            ("sqs", ("SendMessage", Some("wake.fifo 01J"), true))
        );
        let start =
            named("POST", "/", "codebuild", Some("CodeBuild_20161006.StartBuild"), r#"{"projectName":"p"}"#);
        assert_eq!((start.service.as_str(), brief(&start)), ("codebuild", ("StartBuild", Some("p"), true)));
        let read =
            named("POST", "/", "codebuild", Some("CodeBuild_20161006.BatchGetBuilds"), r#"{"ids":["p:1"]}"#);
        assert_eq!(brief(&read), ("BatchGetBuilds", Some("p:1"), false));
    }
}
