//! Every call that this crate makes, listed once, and the only way to a client that can make it.
//!
//! Guaranteed: nothing leaves that is not in [`READS`] or [`MUTATIONS`]; a mutation leaves only through a client that
//! never repeats a request which may have taken effect. The SDK would: it takes a lost answer for a reason to try again,
//! and a conditional write that fails on *our own* first success looks like somebody else's. So mutations are repeated
//! inside a call only if the service refused them for their number or never got them; all else is the journal's to judge.

use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority, RetryReason,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::ErrorKind;
use sluice_commands::fault::{Class, PortError, PortResult};
use sluice_commands::ids::Target;

use crate::error;
use crate::limits::Limits;

/// A call by the name that errors, policies and `docs/effects.md` give it. Only the lists below make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) mutates: bool,
}

macro_rules! calls {
    (reads { $($read:ident = $read_name:literal,)* } mutations { $($write:ident = $write_name:literal,)* }) => {
        $(pub(crate) const $read: Call = Call { name: $read_name, mutates: false };)*
        $(pub(crate) const $write: Call = Call { name: $write_name, mutates: true };)*

        /// Every call that only looks, by the name that a [`PortError`] gives it.
        pub const READS: &[&str] = &[$($read_name),*];
        /// Every call that changes something, by the name that a [`PortError`] gives it. Each has its row in
        /// `docs/effects.md`.
        pub const MUTATIONS: &[&str] = &[$($write_name),*];
    };
}

calls! {
    reads {
        GET_REPOSITORY = "codecommit:GetRepository",
        LIST_REPOSITORY_TAGS = "codecommit:ListTagsForResource",
        GET_BRANCH = "codecommit:GetBranch",
        GET_COMMIT = "codecommit:GetCommit",
        BATCH_GET_PROJECTS = "codebuild:BatchGetProjects",
        BATCH_GET_BUILDS = "codebuild:BatchGetBuilds",
        LIST_BUILDS = "codebuild:ListBuildsForProject",
        HEAD_BUCKET = "s3:HeadBucket",
        GET_BUCKET_VERSIONING = "s3:GetBucketVersioning",
        GET_PUBLIC_ACCESS_BLOCK = "s3:GetPublicAccessBlock",
        GET_BUCKET_POLICY = "s3:GetBucketPolicy",
        GET_BUCKET_TAGGING = "s3:GetBucketTagging",
        GET_BUCKET_LIFECYCLE = "s3:GetBucketLifecycleConfiguration",
        GET_OBJECT = "s3:GetObject",
        LIST_OBJECTS = "s3:ListObjectsV2",
        LIST_VERSIONS = "lambda:ListVersionsByFunction",
        GET_ACCOUNT_SETTINGS = "lambda:GetAccountSettings",
        GET_FUNCTION_CONFIGURATION = "lambda:GetFunctionConfiguration",
        LIST_FUNCTION_TAGS = "lambda:ListTags",
        GET_ALIAS = "lambda:GetAlias",
        LIST_ALIASES = "lambda:ListAliases",
        GET_FUNCTION_POLICY = "lambda:GetPolicy",
        GET_APIS = "apigatewayv2:GetApis",
        GET_INTEGRATIONS = "apigatewayv2:GetIntegrations",
        GET_ROUTES = "apigatewayv2:GetRoutes",
        GET_DEPLOYMENTS = "apigatewayv2:GetDeployments",
        GET_STAGE = "apigatewayv2:GetStage",
        GET_ACCOUNT_SUMMARY = "iam:GetAccountSummary",
        LIST_ROLES = "iam:ListRoles",
        GET_ROLE = "iam:GetRole",
        GET_ROLE_POLICY = "iam:GetRolePolicy",
        GET_POLICY = "iam:GetPolicy",
        GET_POLICY_VERSION = "iam:GetPolicyVersion",
        LIST_POLICY_VERSIONS = "iam:ListPolicyVersions",
        GET_CALLER_IDENTITY = "sts:GetCallerIdentity",
        DESCRIBE_LOG_GROUPS = "logs:DescribeLogGroups",
        GET_LOG_EVENTS = "logs:GetLogEvents",
        GET_QUEUE_URL = "sqs:GetQueueUrl",
    }
    mutations {
        CREATE_REPOSITORY = "codecommit:CreateRepository",
        CREATE_COMMIT = "codecommit:CreateCommit",
        CREATE_PROJECT = "codebuild:CreateProject",
        START_BUILD = "codebuild:StartBuild",
        STOP_BUILD = "codebuild:StopBuild",
        CREATE_BUCKET = "s3:CreateBucket",
        PUT_BUCKET_VERSIONING = "s3:PutBucketVersioning",
        PUT_PUBLIC_ACCESS_BLOCK = "s3:PutPublicAccessBlock",
        PUT_BUCKET_POLICY = "s3:PutBucketPolicy",
        PUT_BUCKET_LIFECYCLE = "s3:PutBucketLifecycleConfiguration",
        PUT_OBJECT = "s3:PutObject",
        DELETE_OBJECT = "s3:DeleteObject",
        CREATE_FUNCTION = "lambda:CreateFunction",
        UPDATE_FUNCTION_CONFIGURATION = "lambda:UpdateFunctionConfiguration",
        UPDATE_FUNCTION_CODE = "lambda:UpdateFunctionCode",
        PUBLISH_VERSION = "lambda:PublishVersion",
        CREATE_ALIAS = "lambda:CreateAlias",
        UPDATE_ALIAS = "lambda:UpdateAlias",
        DELETE_ALIAS = "lambda:DeleteAlias",
        DELETE_VERSION = "lambda:DeleteFunction",
        ADD_PERMISSION = "lambda:AddPermission",
        REMOVE_PERMISSION = "lambda:RemovePermission",
        INVOKE = "lambda:Invoke",
        CREATE_API = "apigatewayv2:CreateApi",
        CREATE_INTEGRATION = "apigatewayv2:CreateIntegration",
        CREATE_ROUTE = "apigatewayv2:CreateRoute",
        UPDATE_ROUTE = "apigatewayv2:UpdateRoute",
        DELETE_ROUTE = "apigatewayv2:DeleteRoute",
        CREATE_DEPLOYMENT = "apigatewayv2:CreateDeployment",
        CREATE_STAGE = "apigatewayv2:CreateStage",
        UPDATE_STAGE = "apigatewayv2:UpdateStage",
        DELETE_STAGE = "apigatewayv2:DeleteStage",
        CREATE_ROLE = "iam:CreateRole",
        DELETE_ROLE_POLICY = "iam:DeleteRolePolicy",
        DELETE_ROLE = "iam:DeleteRole",
        PUT_RETENTION = "logs:PutRetentionPolicy",
        PUT_ROLE_POLICY = "iam:PutRolePolicy",
        CREATE_POLICY = "iam:CreatePolicy",
        CREATE_POLICY_VERSION = "iam:CreatePolicyVersion",
        DELETE_POLICY_VERSION = "iam:DeletePolicyVersion",
        CREATE_QUEUE = "sqs:CreateQueue",
        SEND_MESSAGE = "sqs:SendMessage",
        RECEIVE_MESSAGE = "sqs:ReceiveMessage",
        DELETE_MESSAGES = "sqs:DeleteMessageBatch",
    }
}

impl Call {
    /// The service's name in it.
    pub(crate) fn service(self) -> &'static str {
        self.name.split_once(':').map_or(self.name, |(service, _)| service)
    }

    /// A field that the service always sends. A mutation whose answer lacks it did something, but we know not what.
    pub(crate) fn answered<T>(self, field: Option<T>, name: &str) -> PortResult<T> {
        let class = if self.mutates { Class::Ambiguous } else { Class::Invalid };
        field.ok_or_else(|| self.error(class, "IncompleteAnswer", format!("no {name} in the answer")))
    }

    /// An error that no service gave.
    pub(crate) fn error(self, class: Class, code: &str, detail: impl Into<String>) -> PortError {
        PortError::new(self.name, class, code, detail)
    }
}

/// The two clients of one service in one region.
#[derive(Debug, Clone)]
pub(crate) struct Service<C> {
    pub(crate) region: String,
    pub(crate) reads: C,
    pub(crate) writes: C,
    pub(crate) limits: Arc<Limits>,
}

impl<C> Service<C> {
    /// The client for a call to that target. Another region than the one we are configured for is refused here, so that
    /// a record of one installation never acts on another's resources.
    pub(crate) fn at(&self, target: &Target, call: Call) -> PortResult<&C> {
        if target.region == self.region {
            return Ok(self.here(call));
        }
        let detail = format!("asked for {target}, configured for {}", self.region);
        Err(call.error(Class::Invalid, "WrongTarget", detail))
    }

    /// As [`Service::at`], once the call may leave: of services that take only so many.
    pub(crate) async fn admit(&self, target: &Target, call: Call) -> PortResult<&C> {
        let client = self.at(target, call)?;
        self.limits.admit(call).await?;
        Ok(client)
    }

    /// The client for a call that has no target yet.
    pub(crate) fn here(&self, call: Call) -> &C {
        if call.mutates { &self.writes } else { &self.reads }
    }
}

/// Lets only listed operations out of a client.
#[derive(Debug)]
pub(crate) struct OnlyListed(pub(crate) &'static [&'static str]);

impl Intercept for OnlyListed {
    fn name(&self) -> &'static str {
        "OnlyListed"
    }

    // Not earlier: before execution a client does not know the operation yet.
    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map(Metadata::name).unwrap_or_default();
        let listed =
            self.0.iter().any(|call| call.split_once(':').is_some_and(|(_, name)| name == operation));
        if listed { Ok(()) } else { Err(format!("{operation} is not in this client's list of calls").into()) }
    }
}

/// Lets the SDK repeat a mutation only if the first one certainly did nothing.
#[derive(Debug)]
pub(crate) struct RepeatOnlyRefused;

impl ClassifyRetry for RepeatOnlyRefused {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        self.classify_retry_v2(context, &RetryAction::NoActionIndicated)
    }

    fn classify_retry_v2(&self, context: &InterceptorContext, previous: &RetryAction) -> RetryAction {
        let throttled = matches!(
            previous,
            RetryAction::RetryIndicated(RetryReason::RetryableError { kind: ErrorKind::ThrottlingError, .. })
        );
        let unsent = || match context.output_or_error() {
            Some(Err(error)) => error.as_connector_error().is_some_and(|error| error::never_sent(error)),
            _ => false,
        };
        if throttled || unsent() { RetryAction::NoActionIndicated } else { RetryAction::RetryForbidden }
    }

    fn name(&self) -> &'static str {
        "RepeatOnlyRefused"
    }

    /// After all of the SDK's own, to see their verdict.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::Client;
    use aws_sdk_lambda::config::{BehaviorVersion, Builder, Credentials, Region};

    use super::*;

    #[tokio::test]
    async fn a_call_that_is_not_listed_does_not_leave() {
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url("http://127.0.0.1:1")
            .interceptor(OnlyListed(MUTATIONS))
            .build();
        let sent = Client::from_conf(config).get_alias().function_name("f").name("prod").send().await;
        let error = error::failed(GET_ALIAS)(sent.unwrap_err());
        assert_eq!((error.class, error.code.as_str()), (Class::Invalid, "NotSendable"));
        assert!(error.detail.contains("GetAlias is not in"), "{}", error.detail);
    }
}
