//! Every call that this crate makes, in one list.
//!
//! Guarantees: no call leaves that is not in [`READS`] or [`MUTATIONS`] (`client.rs` enforces it).

use sluice_model::{Class, PortError, PortResult};

/// A call, with its name in errors, policies and `docs/effects.md`. Only the lists below create one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) mutates: bool,
}

macro_rules! calls {
    (reads { $($read:ident = $read_name:literal,)* } mutations { $($write:ident = $write_name:literal,)* }) => {
        $(pub(crate) const $read: Call = Call { name: $read_name, mutates: false };)*
        $(pub(crate) const $write: Call = Call { name: $write_name, mutates: true };)*

        /// Every call that only reads, by its name in [`PortError`].
        pub const READS: &[&str] = &[$($read_name),*];
        /// Every call that changes something, by its name in [`PortError`]. Each has a row in `docs/effects.md`.
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
        LIST_ATTACHED_ROLE_POLICIES = "iam:ListAttachedRolePolicies",
        LIST_FUNCTIONS = "lambda:ListFunctions",
        LIST_VERSIONS = "lambda:ListVersionsByFunction",
        GET_ACCOUNT_SETTINGS = "lambda:GetAccountSettings",
        GET_FUNCTION = "lambda:GetFunction",
        GET_FUNCTION_CONCURRENCY = "lambda:GetFunctionConcurrency",
        GET_RECURSION = "lambda:GetFunctionRecursionConfig",
        GET_CODE_SIGNING = "lambda:GetFunctionCodeSigningConfig",
        GET_RUNTIME_MANAGEMENT = "lambda:GetRuntimeManagementConfig",
        GET_SCALING = "lambda:GetFunctionScalingConfig",
        LIST_LAYER_VERSIONS = "lambda:ListLayerVersions",
        GET_LAYER_VERSION = "lambda:GetLayerVersion",
        LIST_FUNCTION_TAGS = "lambda:ListTags",
        GET_ALIAS = "lambda:GetAlias",
        LIST_ALIASES = "lambda:ListAliases",
        GET_API = "apigatewayv2:GetApi",
        GET_APIS = "apigatewayv2:GetApis",
        GET_DEPLOYMENTS = "apigatewayv2:GetDeployments",
        GET_STAGE = "apigatewayv2:GetStage",
        GET_METRIC_DATA = "cloudwatch:GetMetricData",
        GET_REST_API = "apigateway:GetRestApi",
        GET_REST_APIS = "apigateway:GetRestApis",
        GET_REST_DEPLOYMENTS = "apigateway:GetDeployments",
        GET_REST_STAGE = "apigateway:GetStage",
        DESCRIBE_CHANGE_SET = "cloudformation:DescribeChangeSet",
        DESCRIBE_STACKS = "cloudformation:DescribeStacks",
        LIST_STACK_RESOURCES = "cloudformation:ListStackResources",
        DESCRIBE_STACK_EVENTS = "cloudformation:DescribeStackEvents",
        GET_TEMPLATE = "cloudformation:GetTemplate",
        DESCRIBE_DRIFT_DETECTION = "cloudformation:DescribeStackDriftDetectionStatus",
        DESCRIBE_RESOURCE_DRIFTS = "cloudformation:DescribeStackResourceDrifts",
        GET_ACCOUNT_SUMMARY = "iam:GetAccountSummary",
        LIST_ROLES = "iam:ListRoles",
        GET_ROLE = "iam:GetRole",
        GET_ROLE_POLICY = "iam:GetRolePolicy",
        GET_POLICY = "iam:GetPolicy",
        GET_POLICY_VERSION = "iam:GetPolicyVersion",
        LIST_POLICY_VERSIONS = "iam:ListPolicyVersions",
        GET_CALLER_IDENTITY = "sts:GetCallerIdentity",
        DESCRIBE_LOG_GROUPS = "logs:DescribeLogGroups",
        FILTER_LOG_EVENTS = "logs:FilterLogEvents",
        GET_LOG_EVENTS = "logs:GetLogEvents",
        DESCRIBE_PARAMETERS = "ssm:DescribeParameters",
        GET_PARAMETERS = "ssm:GetParameters",
        LIST_PARAMETER_TAGS = "ssm:ListTagsForResource",
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
        PUBLISH_LAYER_VERSION = "lambda:PublishLayerVersion",
        PUT_FUNCTION_CONCURRENCY = "lambda:PutFunctionConcurrency",
        DELETE_FUNCTION_CONCURRENCY = "lambda:DeleteFunctionConcurrency",
        PUT_RECURSION = "lambda:PutFunctionRecursionConfig",
        PUT_CODE_SIGNING = "lambda:PutFunctionCodeSigningConfig",
        DELETE_CODE_SIGNING = "lambda:DeleteFunctionCodeSigningConfig",
        PUT_RUNTIME_MANAGEMENT = "lambda:PutRuntimeManagementConfig",
        PUT_SCALING = "lambda:PutFunctionScalingConfig",
        CREATE_ALIAS = "lambda:CreateAlias",
        UPDATE_ALIAS = "lambda:UpdateAlias",
        DELETE_ALIAS = "lambda:DeleteAlias",
        DELETE_VERSION = "lambda:DeleteFunction",
        INVOKE = "lambda:Invoke",
        CREATE_API = "apigatewayv2:CreateApi",
        IMPORT_API = "apigatewayv2:ReimportApi",
        UPDATE_API = "apigatewayv2:UpdateApi",
        CREATE_DEPLOYMENT = "apigatewayv2:CreateDeployment",
        DELETE_DEPLOYMENT = "apigatewayv2:DeleteDeployment",
        CREATE_STAGE = "apigatewayv2:CreateStage",
        UPDATE_STAGE = "apigatewayv2:UpdateStage",
        DELETE_STAGE = "apigatewayv2:DeleteStage",
        DELETE_API = "apigatewayv2:DeleteApi",
        DELETE_ROUTE_SETTINGS = "apigatewayv2:DeleteRouteSettings",
        DELETE_ACCESS_LOG = "apigatewayv2:DeleteAccessLogSettings",
        CREATE_REST_API = "apigateway:CreateRestApi",
        IMPORT_REST_API = "apigateway:PutRestApi",
        UPDATE_REST_API = "apigateway:UpdateRestApi",
        CREATE_REST_DEPLOYMENT = "apigateway:CreateDeployment",
        DELETE_REST_DEPLOYMENT = "apigateway:DeleteDeployment",
        CREATE_REST_STAGE = "apigateway:CreateStage",
        UPDATE_REST_STAGE = "apigateway:UpdateStage",
        DELETE_REST_STAGE = "apigateway:DeleteStage",
        DELETE_REST_API = "apigateway:DeleteRestApi",
        CREATE_CHANGE_SET = "cloudformation:CreateChangeSet",
        EXECUTE_CHANGE_SET = "cloudformation:ExecuteChangeSet",
        DELETE_CHANGE_SET = "cloudformation:DeleteChangeSet",
        DELETE_STACK = "cloudformation:DeleteStack",
        CONTINUE_UPDATE_ROLLBACK = "cloudformation:ContinueUpdateRollback",
        UPDATE_TERMINATION_PROTECTION = "cloudformation:UpdateTerminationProtection",
        CANCEL_UPDATE_STACK = "cloudformation:CancelUpdateStack",
        DETECT_STACK_DRIFT = "cloudformation:DetectStackDrift",
        CREATE_ROLE = "iam:CreateRole",
        ATTACH_ROLE_POLICY = "iam:AttachRolePolicy",
        DETACH_ROLE_POLICY = "iam:DetachRolePolicy",
        DELETE_ROLE_POLICY = "iam:DeleteRolePolicy",
        DELETE_ROLE = "iam:DeleteRole",
        CREATE_LOG_GROUP = "logs:CreateLogGroup",
        PUT_RETENTION = "logs:PutRetentionPolicy",
        PUT_ROLE_POLICY = "iam:PutRolePolicy",
        CREATE_POLICY = "iam:CreatePolicy",
        CREATE_POLICY_VERSION = "iam:CreatePolicyVersion",
        DELETE_POLICY_VERSION = "iam:DeletePolicyVersion",
        PUT_PARAMETER = "ssm:PutParameter",
        DELETE_PARAMETER = "ssm:DeleteParameter",
        CREATE_QUEUE = "sqs:CreateQueue",
        SEND_MESSAGE = "sqs:SendMessage",
        RECEIVE_MESSAGE = "sqs:ReceiveMessage",
        DELETE_MESSAGES = "sqs:DeleteMessageBatch",
    }
}

impl Call {
    pub(crate) fn service(self) -> &'static str {
        self.name.split_once(':').map_or(self.name, |(service, _)| service)
    }

    /// A field that the service always sends. If a mutation's answer lacks it, its effect is ambiguous.
    pub(crate) fn required<T>(self, field: Option<T>, name: &str) -> PortResult<T> {
        let class = if self.mutates { Class::Ambiguous } else { Class::Invalid };
        field.ok_or_else(|| self.error(class, "IncompleteAnswer", format!("no {name} in the answer")))
    }

    /// An error of our own.
    pub(crate) fn error(self, class: Class, code: &str, detail: impl Into<String>) -> PortError {
        PortError::new(self.name, class, code, detail)
    }
}
