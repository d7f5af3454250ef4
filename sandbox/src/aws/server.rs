//! The front: one address for all services. See [`serve`].

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::Value;

use super::access::{self, Caller};
use super::config::{AwsConfig, AwsListeners};
use super::naming::{self, Scope};
use super::request::AwsRequest;
use super::strict::{self, Strict};
use super::upstream::Upstream;
use super::{
    apigateway, apigateway_runtime, buckets, cloudformation, cloudwatch, codebuild, codecommit, git, lambda,
    logs, queues,
};
use crate::calls::{CallName, Calls, Protocol};
use crate::guard;
use crate::processes::Processes;

/// The largest request that is taken: above Lambda's 50 MB packages.
const MAX_REQUEST: usize = 128 * 1024 * 1024;

/// All services; clones share them.
#[derive(Clone)]
struct Aws(Arc<Services>);

struct Services {
    calls: Calls,
    access: access::Access,
    upstream: Upstream,
    commits: codecommit::CodeCommit,
    builds: codebuild::CodeBuild,
    apis: apigateway::ApiGateway,
    stacks: cloudformation::CloudFormation,
    lambda: lambda::Lambda,
    metrics: cloudwatch::CloudWatch,
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
    let repositories = git::Repositories::open(config.folder.join("git"), config.at.git.clone())?;
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
    let apis = apigateway::ApiGateway::new(upstream.clone(), config.at.stages.clone(), strict.clone());
    let runtime =
        apigateway_runtime::Runtime::new(upstream.clone(), apis.clone(), access.clone(), strict.clone());
    let invocations = runtime.invocations();
    let lambda = lambda::Lambda::new(upstream.clone(), strict.clone(), access.clone(), invocations.clone());
    let aws = Aws(Arc::new(Services {
        calls,
        stacks: cloudformation::CloudFormation::new(upstream.clone(), strict.clone(), access.clone()),
        access,
        lambda,
        metrics: cloudwatch::CloudWatch::new(upstream.clone(), invocations),
        buckets: buckets::Buckets::new(upstream.clone(), strict.clone()),
        queues: queues::Queues::new(upstream.clone(), config.at.aws.clone()),
        commits: codecommit::CodeCommit::new(repositories.clone()),
        builds,
        apis,
        upstream,
        strict,
    }));
    let app = Router::new()
        .route("/log/{build}", get(build_log))
        .merge(
            Router::new()
                .route(&format!("{}{{*path}}", apigateway_runtime::FRONT), any(apigateway_runtime::answer))
                .with_state(runtime.clone()),
        )
        .fallback(answer)
        .layer(from_fn(guard::programs))
        .with_state(aws);
    let git_app = git::router(repositories).layer(from_fn(guard::programs));
    let stages = apigateway_runtime::router(runtime).layer(from_fn(guard::this_machine));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(axum::serve(listeners.front, app.clone()).into_future());
    tasks.spawn(axum::serve(listeners.codecommit, app.clone()).into_future());
    tasks.spawn(axum::serve(listeners.codebuild, app).into_future());
    tasks.spawn(axum::serve(listeners.git, git_app).into_future());
    tasks.spawn(axum::serve(listeners.stages, stages).into_future());
    Ok(tasks)
}

async fn answer(State(aws): State<Aws>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Read the whole body first: only then does hyper notice a client that hangs up while its call is held.
    let Ok(body) = axum::body::to_bytes(body, MAX_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request = AwsRequest { parts, body };
    let scope = Scope::of(&request.parts);
    let name = naming::name(&request, &scope);
    let caller = Caller::of(&request.parts, &scope);
    let calls = aws.0.calls.clone();
    let refused = refusal(&caller, &scope, name.protocol);
    if refused.is_none()
        && let Some(refusal) = aws.denied(&caller, &name, &request).await
    {
        return if caller.is_logged() { calls.refuse(&name, refusal).await } else { refusal };
    }
    if !caller.is_logged() {
        return aws.dispatch(&name.service, &name.method, request).await;
    }
    if refused.is_none()
        && let Err(refusal) = aws.0.strict.admit(&name, &request)
    {
        return calls.refuse(&name, refusal.response(name.protocol)).await;
    }
    let call = name.clone();
    calls
        .run(name, async move {
            if let Some(refusal) = refused {
                return refusal;
            }
            let strict = aws.0.strict.clone();
            let effect = async |request| aws.dispatch(&call.service, &call.method, request).await;
            strict.run(&call, request, effect).await
        })
        .await
}

impl Aws {
    /// The refusal of a call that the caller's policies do not allow.
    async fn denied(&self, caller: &Caller, name: &CallName, request: &AwsRequest) -> Option<Response> {
        let evaluation = self.0.access.evaluate(caller, name, request).await;
        if matches!(caller, Caller::Bot(_)) {
            let recording = self.0.calls.recording();
            recording.aws(caller.label(), (&request.parts, &request.body), || evaluation.view());
        }
        evaluation.refusal(name.protocol)
    }

    async fn dispatch(&self, service: &str, method: &str, request: AwsRequest) -> Response {
        let answer = self.serve(service, method, request).await;
        if service == "iam" && !method.starts_with("Get") && !method.starts_with("List") {
            self.0.access.iam_changed();
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
            "cloudwatch" => self.0.metrics.answer(method, request).await,
            "cloudformation" => self.0.stacks.answer(method, request).await,
            "dynamodb" => self.0.upstream.forward(measured(request)).await,
            "logs" if method == "FilterLogEvents" => logs::filter(&self.0.upstream, request).await,
            "s3" => self.0.buckets.answer(method, request).await,
            "sqs" => self.0.queues.answer(method, request).await,
            _ => self.0.upstream.forward(request).await,
        }
    }

    /// Refuses a project whose role cannot be assumed yet, and a build above the account's quota.
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

/// Asks DynamoDB for the capacity that a call consumes, so the log always has it.
fn measured(mut request: AwsRequest) -> AwsRequest {
    const FIELD: &[u8] = b"\"ReturnConsumedCapacity\"";
    let has_field = request.body.windows(FIELD.len()).any(|window| window == FIELD);
    if !has_field && request.body.starts_with(b"{\"") {
        request.body = [b"{\"ReturnConsumedCapacity\":\"TOTAL\",", &request.body[1..]].concat().into();
    }
    request
}

/// AWS's answer to an unknown caller.
fn refusal(caller: &Caller, scope: &Scope, protocol: Protocol) -> Option<Response> {
    let forbidden = |code, message| Some(protocol.error(StatusCode::FORBIDDEN, code, message));
    match (scope.access_key.as_deref(), protocol) {
        _ if *caller != Caller::Unknown => None,
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
        None => (StatusCode::NOT_FOUND, "The build does not exist.\n").into_response(),
    }
}
