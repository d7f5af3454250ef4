//! `sluice policy`: the IAM policy of the bot's role, generated from the list of all calls that Sluice can make.
//!
//! A test checks that each call of `aws-adapter/src/call.rs` is in exactly one statement, so a missing permission shows here and
//! not in somebody's account. The calls that only `sluice init` makes are in a document of their own, for the person who runs it.
//! The bot can write and read audit records, and neither change nor delete them.

mod statement;
mod tables;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use sluice_commands::setup::bucket;
use sluice_commands::{names, packager};
use sluice_model::{Target, partition};

use self::statement::Allowed;
pub(crate) use self::statement::PolicyFor;
use self::tables::of_table;
use crate::config::{BackupLocation, Base, State};

/// Reading the settings of the bucket, and the actions that changing them needs besides.
const SET_UP_BUCKET: &[&str] = &[
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetLifecycleConfiguration",
    "s3:ListBucket",
    "s3:PutBucketTagging",
    "s3:TagResource",
];

/// The policy for this account and region, with the state, queue and backups of the configuration.
pub(crate) fn policy(whose: PolicyFor, base: &Base, target: &Target) -> Value {
    let mut statements: Vec<Value> = allowed(whose, base, target)
        .iter()
        .filter(|allowed| !allowed.resources.is_empty())
        .map(Allowed::statement)
        .collect();
    if let State::Table(table) = &base.state {
        statements.extend(of_table(whose, table, target));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// A condition, limited to managed policies of AWS.
fn of_aws(target: &Target, mut condition: Value) -> Value {
    let policies = format!("arn:{}:iam::aws:policy/*", partition(&target.region));
    condition["ArnLike"] = json!({ "iam:PolicyARN": policies });
    condition
}

/// All statements by calls. One without resources is of something that the configuration does not use.
fn allowed(whose: PolicyFor, base: &Base, target: &Target) -> Vec<Allowed> {
    let here = |service: &str, what: &str| target.arn(service, what);
    let queue: Vec<String> = base.queue.iter().map(|name| here("sqs", name)).collect();
    let boundaries = vec![
        names::boundary_arn(target),
        names::build_boundary_arn(target),
        names::api_boundary_arn(target),
        names::stack_boundary_arn(target),
    ];
    let bucket = target.arn_of_bucket(&names::bucket(target));
    let (backup, backups): (Vec<_>, Vec<_>) = match base.backup.as_ref().map(|plan| &plan.location) {
        Some(BackupLocation::Bucket { bucket, prefix }) => {
            let within = if prefix.is_empty() { "*".to_owned() } else { format!("{prefix}/*") };
            (vec![target.arn_of_bucket(bucket)], vec![target.arn_of_bucket(&format!("{bucket}/{within}"))])
        }
        _ => (vec![], vec![]),
    };
    // One empty object, which `init` and `check --account` write to see whether it gets a version.
    let probe = Allowed::new("Probe", &[], vec![format!("{bucket}/{}", bucket::PROBE)])
        .also(&["s3:DeleteObjectVersion", "s3:PutObject"]);
    if whose == PolicyFor::Init {
        return vec![
            Allowed::new(
                "Boundaries",
                &[
                    "iam:CreatePolicy",
                    "iam:CreatePolicyVersion",
                    "iam:DeletePolicyVersion",
                    "iam:ListPolicyVersions",
                ],
                boundaries,
            )
            .also(&["iam:GetPolicy", "iam:GetPolicyVersion"]),
            Allowed::new(
                "ArtifactBucket",
                &[
                    "s3:CreateBucket",
                    "s3:PutBucketLifecycleConfiguration",
                    "s3:PutBucketPolicy",
                    "s3:PutBucketVersioning",
                    "s3:PutPublicAccessBlock",
                ],
                vec![bucket.clone()],
            )
            .also(SET_UP_BUCKET),
            probe,
            Allowed::new("Packager", &[], vec![format!("{bucket}/{}/*", packager::PREFIX)])
                .also(&["s3:GetObject", "s3:PutObject"]),
            // A missing SQLite file is restored before an empty one is created.
            Allowed::new("BackupBucket", &[], backup).also(&["s3:ListBucket"]),
            Allowed::new("Backups", &[], backups).also(&["s3:GetObject"]),
            Allowed::new("Queue", &["sqs:CreateQueue"], queue).also(&["sqs:GetQueueUrl"]),
            Allowed::new("Whoami", &[], vec!["*".into()]).also(&["sts:GetCallerIdentity"]),
        ];
    }
    let roles = target.arn_of_account("iam", &format!("role{}*", names::IAM_PATH));
    let readable_roles = target.arn_of_account("iam", "role/sluice*");
    let function = here("lambda", "function:sluice-*");
    let anywhere = Target { account: "*".to_owned(), region: target.region.clone() };
    let api_root = |path: &str| target.arn_of_region("apigateway", path);
    // `*apis` is `apis` and `restapis` in one, because a policy has a limit of characters.
    let apis = |path: &str| vec![api_root(&format!("/*apis{path}"))];
    let in_apis =
        |path: &str| ["deployments", "stages"].map(|of| api_root(&format!("/*apis/*/{of}{path}"))).into();
    let stacks = here("cloudformation", "stack/sluice-*/*");
    let with_boundary = json!({ "StringEquals": { "iam:PermissionsBoundary": boundaries } });
    vec![
        Allowed::new(
            "Repositories",
            &[
                "codecommit:CreateCommit",
                "codecommit:CreateRepository",
                "codecommit:GetBranch",
                "codecommit:GetCommit",
                "codecommit:GetRepository",
                "codecommit:ListTagsForResource",
            ],
            vec![here("codecommit", "*")],
        )
        .also(&["codecommit:TagResource"]),
        Allowed::new(
            "Builds",
            &[
                "codebuild:BatchGetBuilds",
                "codebuild:BatchGetProjects",
                "codebuild:CreateProject",
                "codebuild:ListBuildsForProject",
                "codebuild:StartBuild",
                "codebuild:StopBuild",
            ],
            vec![here("codebuild", "project/sluice-*")],
        ),
        Allowed::new(
            "BuildLogs",
            &["logs:GetLogEvents"],
            vec![here("logs", "log-group:/aws/codebuild/sluice-*:log-stream:*")],
        ),
        // IAM cannot restrict this list to a prefix.
        Allowed::new("LogGroups", &["logs:DescribeLogGroups"], vec![here("logs", "log-group:*")]),
        Allowed::new(
            "LogRetention",
            &["logs:CreateLogGroup", "logs:FilterLogEvents", "logs:PutRetentionPolicy"],
            ["lambda", "codebuild"].map(|of| here("logs", &format!("log-group:/aws/{of}/sluice-*"))).into(),
        ),
        Allowed::new(
            "ArtifactBucket",
            &[
                "s3:GetBucketLifecycleConfiguration",
                "s3:GetBucketPolicy",
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:GetPublicAccessBlock",
                "s3:HeadBucket",
            ],
            vec![bucket.clone()],
        ),
        probe,
        // Lambda reads a function's code with the permissions of its caller.
        Allowed::new("Artifacts", &["s3:GetObject"], vec![format!("{bucket}/*")])
            .also(&["s3:GetObjectVersion"]),
        // Templates that are too large for a request.
        Allowed::new("StackTemplates", &[], vec![format!("{bucket}/{}/*", names::STACK_TEMPLATES)])
            .also(&["s3:PutObject"]),
        Allowed::new("BackupBucket", &["s3:ListObjectsV2"], backup),
        Allowed::new("Backups", &["s3:DeleteObject", "s3:PutObject"], backups).also(&["s3:GetObject"]),
        Allowed::new(
            "Functions",
            &[
                "lambda:CreateAlias",
                "lambda:CreateFunction",
                "lambda:DeleteAlias",
                "lambda:DeleteFunction",
                "lambda:DeleteFunctionCodeSigningConfig",
                "lambda:DeleteFunctionConcurrency",
                "lambda:GetAlias",
                "lambda:GetFunctionCodeSigningConfig",
                "lambda:GetFunctionConcurrency",
                "lambda:GetFunction",
                "lambda:GetFunctionConfiguration",
                "lambda:GetFunctionRecursionConfig",
                "lambda:GetFunctionScalingConfig",
                "lambda:GetRuntimeManagementConfig",
                "lambda:Invoke",
                "lambda:ListAliases",
                "lambda:ListTags",
                "lambda:ListVersionsByFunction",
                "lambda:PublishVersion",
                "lambda:PutFunctionCodeSigningConfig",
                "lambda:PutFunctionConcurrency",
                "lambda:PutFunctionRecursionConfig",
                "lambda:PutFunctionScalingConfig",
                "lambda:PutRuntimeManagementConfig",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            // Two of these calls also name a code signing configuration.
            vec![function, here("lambda", "code-signing-config:*")],
        )
        .also(&["lambda:TagResource"]),
        Allowed::new("OwnLayers", &["lambda:PublishLayerVersion"], vec![here("lambda", "layer:sluice-*")]),
        // A function may use layers of any account, and Lambda reads them with the permissions of its caller.
        Allowed::new("Layers", &["lambda:GetLayerVersion"], vec![anywhere.arn("lambda", "layer:*")]),
        Allowed::new(
            "Apis",
            &[
                "apigateway:CreateRestApi",
                "apigateway:GetRestApis",
                "apigatewayv2:CreateApi",
                "apigatewayv2:GetApis",
            ],
            apis(""),
        )
        .also(&["apigateway:TagResource"]),
        // AWS does not document which of the two it requires to create an API with tags.
        Allowed::new("ApiTags", &[], vec![format!("{}/*", api_root("/tags"))])
            .also(&["apigateway:POST", "apigateway:PUT"]),
        Allowed::new(
            "ApiDefinitions",
            &[
                "apigateway:CreateDeployment",
                "apigateway:CreateStage",
                "apigatewayv2:CreateDeployment",
                "apigatewayv2:CreateStage",
            ],
            in_apis(""),
        ),
        // API Gateway matches `*` across slashes, so this is every resource below an API. Who may import a definition may set all
        // of it anyway.
        Allowed::new(
            "ApiChanges",
            &[
                "apigateway:GetDeployments",
                "apigateway:GetRestApi",
                "apigateway:GetStage",
                "apigateway:PutRestApi",
                "apigateway:UpdateRestApi",
                "apigateway:UpdateStage",
                "apigatewayv2:GetApi",
                "apigatewayv2:GetDeployments",
                "apigatewayv2:GetStage",
                "apigatewayv2:ReimportApi",
                "apigatewayv2:UpdateApi",
                "apigatewayv2:UpdateStage",
            ],
            apis("/*"),
        ),
        Allowed::new(
            "ApiDeletions",
            &[
                "apigateway:DeleteDeployment",
                "apigateway:DeleteStage",
                "apigatewayv2:DeleteAccessLogSettings",
                "apigatewayv2:DeleteDeployment",
                "apigatewayv2:DeleteRouteSettings",
                "apigatewayv2:DeleteStage",
            ],
            in_apis("/*"),
        ),
        // Only APIs that have a stage's tag: Sluice gives it to those that it creates.
        Allowed::new("OwnApis", &["apigateway:DeleteRestApi", "apigatewayv2:DeleteApi"], apis("/*"))
            .when(json!({ "Null": { format!("aws:ResourceTag/{}", names::TAG_STAGE): "false" } })),
        // API Gateway sets up the access log of an HTTP API with the caller's rights:
        // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
        Allowed::new("ApiLogs", &[], vec!["*".to_owned()]).also(&[
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ]),
        // Without a service role, CloudFormation would use the bot's own rights. A stack keeps its role.
        Allowed::new("NewChangeSets", &["cloudformation:CreateChangeSet"], vec![stacks.clone()])
            .when(json!({ "ArnLike": { "cloudformation:RoleArn": roles } })),
        Allowed::new(
            "Stacks",
            &[
                "cloudformation:CancelUpdateStack",
                "cloudformation:ContinueUpdateRollback",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DeleteStack",
                "cloudformation:DescribeChangeSet",
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStackResourceDrifts",
                "cloudformation:DescribeStacks",
                "cloudformation:DetectStackDrift",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:GetTemplate",
                "cloudformation:ListStackResources",
                "cloudformation:UpdateTerminationProtection",
            ],
            vec![stacks],
        )
        .also(&["cloudformation:DetectStackResourceDrift", "cloudformation:TagResource"]),
        Allowed::new("BoundedRoles", &["iam:CreateRole", "iam:PutRolePolicy"], vec![roles.clone()])
            .when(with_boundary.clone()),
        Allowed::new("ManagedPolicies", &["iam:AttachRolePolicy"], vec![roles.clone()])
            .when(of_aws(target, with_boundary)),
        // Calls name a role without its path, and a role that does not exist has none. So reading it needs the ARN without
        // the path, too: else AWS answers *denied* and not *absent*.
        Allowed::new(
            "Roles",
            &["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"],
            vec![readable_roles],
        ),
        Allowed::new(
            "OwnRoles",
            &["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"],
            vec![roles.clone()],
        )
        .also(&["iam:TagRole"]),
        // IAM cannot restrict these to resources.
        Allowed::new(
            "AccountReads",
            &[
                "cloudformation:DescribeStackDriftDetectionStatus",
                "iam:GetAccountSummary",
                "iam:ListRoles",
                "lambda:GetAccountSettings",
                "lambda:ListFunctions",
                "lambda:ListLayerVersions",
                "sts:GetCallerIdentity",
            ],
            vec!["*".into()],
        )
        // Lambda looks at a function's network and file system with the permissions of its caller.
        .also(&[
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "elasticfilesystem:DescribeMountTargets",
        ]),
        Allowed::new("PassRoles", &[], vec![roles]).also(&["iam:PassRole"]).when(json!({
            "StringEquals": {
                "iam:PassedToService": [
                    "apigateway.amazonaws.com",
                    "cloudformation.amazonaws.com",
                    "codebuild.amazonaws.com",
                    "lambda.amazonaws.com",
                ],
            }
        })),
        // The boundaries of this region, in few characters.
        Allowed::new(
            "Boundaries",
            &["iam:GetPolicy", "iam:GetPolicyVersion"],
            vec![target.arn_of_account(
                "iam",
                &format!("policy{}sluice-boundary-*{}", names::IAM_PATH, target.region),
            )],
        ),
        Allowed::new(
            "WakeUps",
            &["sqs:DeleteMessageBatch", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage"],
            queue,
        ),
    ]
}
