//! AWS as the bot sees it: one address for all services.
//!
//! Each request is named, recorded and put under the armed faults by [`Calls`]; then CodeCommit and CodeBuild are served
//! here, Lambda and API Gateway pass through repairs of what the local AWS gets wrong, and the rest is passed on as it
//! is. Requests must be signed with this world's access key, or they are refused as AWS does.

mod access;
mod apis;
mod buckets;
mod codebuild;
mod codecommit;
mod door;
mod git;
mod guard;
mod lambda;
mod naming;
mod presigned;
mod queues;
mod strict;
mod tail;
mod upstream;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::calls::{CallName, Calls, Protocol};
use crate::processes::Processes;

pub use access::{ADMIN_KEY, INIT_KEY, OBSERVER_KEY, ROLE_KEY, file as policy_file, session_token};
pub use strict::{Quotas, Rule, Settings, Strict, rules};
pub use upstream::Upstream;

/// The account that the local AWS gives to access keys that are no account numbers.
pub const ACCOUNT: &str = "000000000000";
/// The region of this world.
pub const REGION: &str = "us-east-1";
/// The bot's access key.
pub const ACCESS_KEY: &str = "AKIASLUICESANDBOX001";
/// Its secret. It protects nothing: every port of this world is on loopback.
pub const SECRET_KEY: &str = "sandbox-secret-access-key-of-the-bot";

/// The largest request that is taken: above Lambda's 50 MB packages.
const LARGEST_REQUEST: usize = 128 * 1024 * 1024;

/// The addresses and folders that the parts of AWS need of each other.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// Where the front listens: what builds use as their `AWS_ENDPOINT_URL`.
    pub front: String,
    /// Where repositories are cloned from.
    pub git: String,
    /// Where logs of builds are read.
    pub codebuild: String,
    /// Where the stages answer.
    pub stages: String,
    /// The rules by which it is as strict as AWS.
    pub strict: Strict,
    /// Where repositories and builds live.
    pub folder: PathBuf,
    /// The Python environment's programs, first on the `PATH` of builds.
    pub tools: PathBuf,
}

impl AwsConfig {
    /// Where the policies of the bot and of `sluice init` are.
    pub fn policies_folder(folder: &std::path::Path) -> PathBuf {
        folder.join("policies")
    }
}

/// The listeners of AWS, already bound.
pub struct AwsListeners {
    /// All services.
    pub front: TcpListener,
    /// CodeCommit, and whatever else one asks there.
    pub codecommit: TcpListener,
    /// CodeBuild, and the logs of builds for people.
    pub codebuild: TcpListener,
    /// Git over HTTP.
    pub git: TcpListener,
    /// The stages' URLs.
    pub stages: TcpListener,
}

/// All of AWS; clones share it.
#[derive(Clone)]
struct Aws(Arc<Services>);

struct Services {
    calls: Calls,
    access: access::Access,
    upstream: Upstream,
    commits: codecommit::CodeCommit,
    builds: codebuild::CodeBuild,
    apis: apis::Apis,
    lambda: lambda::Lambda,
    buckets: buckets::Buckets,
    queues: queues::Queues,
    strict: Strict,
}

/// Serves AWS until the returned tasks are dropped.
pub fn serve(
    config: AwsConfig,
    listeners: AwsListeners,
    upstream: Upstream,
    calls: Calls,
    processes: Processes,
) -> std::io::Result<tokio::task::JoinSet<std::io::Result<()>>> {
    let repositories = git::Repositories::open(config.folder.join("git"), config.git.clone())?;
    let strict = config.strict.clone();
    let policies = AwsConfig::policies_folder(&config.folder);
    let access = access::Access::new(strict.clone(), policies, upstream.clone());
    let builds = codebuild::CodeBuild::new(
        &config,
        repositories.clone(),
        upstream.clone(),
        access.clone(),
        processes,
    )?;
    let apis = apis::Apis::new(upstream.clone(), config.stages.clone(), strict.clone());
    let aws = Aws(Arc::new(Services {
        calls,
        access,
        lambda: lambda::Lambda::new(upstream.clone(), strict.clone()),
        buckets: buckets::Buckets::new(upstream.clone(), strict.clone()),
        queues: queues::Queues::new(upstream.clone(), config.front.clone()),
        commits: codecommit::CodeCommit::new(repositories.clone()),
        builds,
        apis: apis.clone(),
        upstream: upstream.clone(),
        strict: strict.clone(),
    }));
    let app = Router::new()
        .route("/log/{build}", get(build_log))
        .fallback(answer)
        .layer(from_fn(guard::programs))
        .with_state(aws);
    let git_app = git::router(repositories).layer(from_fn(guard::programs));
    let door = door::router(door::Door::new(upstream, apis, strict)).layer(from_fn(guard::this_machine));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(axum::serve(listeners.front, app.clone()).into_future());
    tasks.spawn(axum::serve(listeners.codecommit, app.clone()).into_future());
    tasks.spawn(axum::serve(listeners.codebuild, app).into_future());
    tasks.spawn(axum::serve(listeners.git, git_app).into_future());
    tasks.spawn(axum::serve(listeners.stages, door).into_future());
    Ok(tasks)
}

/// A request to AWS, read whole.
pub struct AwsRequest {
    parts: Parts,
    body: Bytes,
}

impl AwsRequest {
    /// The body as JSON; `null` if it is none.
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

async fn answer(State(aws): State<Aws>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // The whole body first: only then does hyper notice a client that hangs up while its call is held.
    let Ok(body) = axum::body::to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request = AwsRequest { parts, body };
    let scope = naming::Scope::of(&request.parts);
    let name = naming::name(&request, &scope);
    let who = access::Who::of(&request.parts, &scope);
    let calls = aws.0.calls.clone();
    let refused = refusal(&who, &scope, name.protocol);
    if refused.is_none()
        && let Some(refusal) = aws.denied(&who, &name, &request).await
    {
        return if who.is_on_record() { calls.refuse(&name, refusal).await } else { refusal };
    }
    if !who.is_on_record() {
        return aws.dispatch(&name.service, &name.method, request).await;
    }
    if refused.is_none()
        && let Err(refusal) = aws.0.strict.admit(&name, &request)
    {
        return calls.refuse(&name, refusal.response(name.protocol)).await;
    }
    let call = name.clone();
    calls
        .carry(name, async move {
            if let Some(refusal) = refused {
                return refusal;
            }
            let strict = aws.0.strict.clone();
            let effect = async |request| aws.dispatch(&call.service, &call.method, request).await;
            strict.carry(&call, request, effect).await
        })
        .await
}

impl Aws {
    /// The refusal of a call that its policies do not allow whoever makes it.
    async fn denied(&self, who: &access::Who, name: &CallName, request: &AwsRequest) -> Option<Response> {
        let judged = self.0.access.judge(who, name, request).await;
        if matches!(who, access::Who::Bot(_)) {
            let recording = self.0.calls.recording();
            recording.aws(who.label(), (&request.parts, &request.body), || judged.view());
        }
        judged.refusal(name.protocol)
    }

    async fn dispatch(&self, service: &str, method: &str, request: AwsRequest) -> Response {
        let answer = self.serve(service, method, request).await;
        if service == "iam" && !method.starts_with("Get") && !method.starts_with("List") {
            self.0.access.changed();
        }
        answer
    }

    async fn serve(&self, service: &str, method: &str, request: AwsRequest) -> Response {
        match service {
            "codecommit" => self.0.commits.answer(method, &request.json()).await,
            "codebuild" => match self.admit_build(method, &request.json()) {
                Ok(()) => self.0.builds.answer(method, &request.json()).await,
                Err(refusal) => refusal.response(Protocol::AwsJson),
            },
            "lambda" => self.0.lambda.answer(method, request).await,
            "apigateway" => self.0.apis.answer(method, request).await,
            "dynamodb" => self.0.upstream.forward(measured(request)).await,
            "s3" => self.0.buckets.answer(method, request).await,
            "sqs" => self.0.queues.answer(method, request).await,
            _ => self.0.upstream.forward(request).await,
        }
    }

    /// Refuses a project with a role that cannot be assumed yet, and a build above the account's quota.
    fn admit_build(&self, method: &str, body: &Value) -> Result<(), strict::Refusal> {
        match method {
            "CreateProject" | "UpdateProject" => {
                self.0.strict.role_of_project(body["serviceRole"].as_str().unwrap_or_default())
            }
            "StartBuild" => self.0.strict.quota(|quotas| quotas.build(self.0.builds.unfinished())),
            _ => Ok(()),
        }
    }
}

/// Asks DynamoDB for the units that a call costs, so that the log always has them.
fn measured(mut request: AwsRequest) -> AwsRequest {
    const FIELD: &[u8] = b"\"ReturnConsumedCapacity\"";
    let asked = request.body.windows(FIELD.len()).any(|window| window == FIELD);
    if !asked && request.body.starts_with(b"{\"") {
        request.body = [b"{\"ReturnConsumedCapacity\":\"TOTAL\",", &request.body[1..]].concat().into();
    }
    request
}

/// What AWS says to somebody it does not know.
fn refusal(who: &access::Who, scope: &naming::Scope, protocol: Protocol) -> Option<Response> {
    let forbidden = |code, message| Some(protocol.error(StatusCode::FORBIDDEN, code, message));
    match (scope.access_key.as_deref(), protocol) {
        _ if *who != access::Who::Stranger => None,
        (None, Protocol::RestXml) => forbidden("AccessDenied", "Access Denied"),
        (None, _) => forbidden("MissingAuthenticationTokenException", "Missing Authentication Token"),
        (_, Protocol::RestXml) => forbidden(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        (_, Protocol::Query) => {
            forbidden("InvalidClientTokenId", "The security token included in the request is invalid.")
        }
        _ => {
            forbidden("UnrecognizedClientException", "The security token included in the request is invalid.")
        }
    }
}

async fn build_log(State(aws): State<Aws>, Path(build): Path<String>) -> Response {
    match aws.0.builds.log(&build) {
        Some(text) => text.into_response(),
        None => (StatusCode::NOT_FOUND, "There is no such build.\n").into_response(),
    }
}

/// The key by which the data plane knows a stage of an API.
fn stage_key(api: &str, stage: &str) -> String {
    format!("stage {api}/{stage}")
}

/// The key by which the data plane knows an alias.
fn alias_key(function: &str, alias: &str) -> String {
    format!("alias {function}:{alias}")
}

/// An answer of the JSON protocols.
fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let kind = axum::http::HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, kind);
    response
}

/// An error of the services served here: AWS answers 400 to nearly all of them.
#[derive(Debug, Clone)]
struct ServiceError {
    code: &'static str,
    message: String,
}

type ServiceResult = Result<Value, ServiceError>;

impl ServiceError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn internal(error: impl std::fmt::Display) -> Self {
        Self::new("InternalServiceException", error.to_string())
    }
}

fn service_answer(result: ServiceResult) -> Response {
    match result {
        Ok(body) => json_answer(StatusCode::OK, &body),
        Err(error) => Protocol::AwsJson.error(StatusCode::BAD_REQUEST, error.code, &error.message),
    }
}

/// Seconds since 1970 with fractions, as the JSON protocols write times.
fn epoch(time: jiff::Timestamp) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
    let seconds = time.as_millisecond() as f64 / 1000.0;
    json!(seconds)
}

/// A random id in the usual form.
fn uuid() -> String {
    let hex = format!("{:032x}", rand::random::<u128>());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod strict_tests;
#[cfg(test)]
mod tests;
