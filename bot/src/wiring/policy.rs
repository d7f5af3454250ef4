//! `sluice policy`: the IAM policy of the role that the bot runs as, made of the list of all calls that it can make.
//!
//! A test holds that each call of `aws-adapter/src/call.rs` is in exactly one statement, so that a new call is missed here
//! and not in somebody's account. What only `sluice init` does is in a document of its own, for the person who sets it up. What
//! is recorded of who did what can be written and read by the bot, and neither changed nor deleted.

use serde_json::{Value, json};
use sluice_commands::operations::{bucket, names};
use sluice_model::Target;
use sluice_state::DynamoStore;

use crate::config::{Base, Place, State};

/// Whose policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of a process that serves, runs a command or looks what is missing.
    Bot,
    /// Of the person who sets it up: `sluice init`.
    Init,
}

/// One statement: the calls that it lets through, by their names in `call.rs`.
struct Allowed {
    sid: &'static str,
    calls: &'static [&'static str],
    /// What these calls need besides the action of their own name.
    besides: &'static [&'static str],
    resources: Vec<String>,
    condition: Option<Value>,
}

impl Allowed {
    fn new(sid: &'static str, calls: &'static [&'static str], resources: Vec<String>) -> Self {
        Self { sid, calls, besides: &[], resources, condition: None }
    }
    fn besides(self, besides: &'static [&'static str]) -> Self {
        Self { besides, ..self }
    }
    fn when(self, condition: Value) -> Self {
        Self { condition: Some(condition), ..self }
    }
    fn statement(&self) -> Value {
        let own = self.calls.iter().map(|call| action(call));
        let mut actions: Vec<String> = own.chain(self.besides.iter().map(|&action| action.into())).collect();
        actions.sort();
        actions.dedup();
        let mut statement =
            json!({ "Sid": self.sid, "Effect": "Allow", "Action": actions, "Resource": self.resources });
        if let Some(condition) = &self.condition {
            statement["Condition"] = condition.clone();
        }
        statement
    }
}

/// What IAM calls a call. Most have one name; API Gateway has verbs on paths, and S3 an action for several calls.
fn action(call: &str) -> String {
    let verb = |name: &str| match name {
        name if name.starts_with("Get") => "GET",
        name if name.starts_with("Create") => "POST",
        name if name.starts_with("Update") => "PATCH",
        _ => "DELETE",
    };
    match call.split_once(':') {
        Some(("apigatewayv2", name)) => format!("apigateway:{}", verb(name)),
        _ => match call {
            "s3:HeadBucket" | "s3:ListObjectsV2" => "s3:ListBucket",
            "s3:GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
            "s3:GetPublicAccessBlock" => "s3:GetBucketPublicAccessBlock",
            "s3:PutBucketLifecycleConfiguration" => "s3:PutLifecycleConfiguration",
            "s3:PutPublicAccessBlock" => "s3:PutBucketPublicAccessBlock",
            "lambda:Invoke" => "lambda:InvokeFunction",
            "sqs:DeleteMessageBatch" => "sqs:DeleteMessage",
            same => same,
        }
        .to_owned(),
    }
}

/// What looking at the bucket needs, and changing it after a look.
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

/// What the state needs of its table, and `sluice init` to make it. Transactions are judged by the action of each item.
const TABLE: &[&str] = &[
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];
const TABLE_MADE: &[&str] = &[
    "dynamodb:CreateTable",
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
];

/// The policy for that account and region, with the state, queue and backups of that configuration.
pub(crate) fn policy(whose: Whose, base: &Base, target: &Target) -> Value {
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

/// All statements by calls; without resources, what the configuration does not use.
fn allowed(whose: Whose, base: &Base, target: &Target) -> Vec<Allowed> {
    let here = |service: &str, what: &str| target.arn(service, what);
    let queue: Vec<String> = base.queue.iter().map(|name| here("sqs", name)).collect();
    let boundaries = vec![names::boundary_arn(target), names::build_boundary_arn(target)];
    let bucket = target.arn_of_bucket(&names::bucket(target));
    let (backup, backups): (Vec<_>, Vec<_>) = match base.backup.as_ref().map(|plan| &plan.place) {
        Some(Place::Bucket { bucket, prefix }) => {
            let within = if prefix.is_empty() { "*".to_owned() } else { format!("{prefix}/*") };
            (vec![target.arn_of_bucket(bucket)], vec![target.arn_of_bucket(&format!("{bucket}/{within}"))])
        }
        _ => (vec![], vec![]),
    };
    // One object, which says nothing; `init` and `check --account` write it to see whether it gets a version.
    let probe = Allowed::new("Probe", &[], vec![format!("{bucket}/{}", bucket::PROBE)])
        .besides(&["s3:DeleteObjectVersion", "s3:PutObject"]);
    if whose == Whose::Init {
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
            .besides(&["iam:GetPolicy", "iam:GetPolicyVersion"]),
            Allowed::new(
                "ArtifactBucket",
                &[
                    "s3:CreateBucket",
                    "s3:PutBucketLifecycleConfiguration",
                    "s3:PutBucketPolicy",
                    "s3:PutBucketVersioning",
                    "s3:PutPublicAccessBlock",
                ],
                vec![bucket],
            )
            .besides(SET_UP_BUCKET),
            probe,
            // A file of SQLite that is missing is restored before it is made.
            Allowed::new("BackupBucket", &[], backup).besides(&["s3:ListBucket"]),
            Allowed::new("Backups", &[], backups).besides(&["s3:GetObject"]),
            Allowed::new("Queue", &["sqs:CreateQueue"], queue).besides(&["sqs:GetQueueUrl"]),
            Allowed::new("Whoami", &[], vec!["*".into()]).besides(&["sts:GetCallerIdentity"]),
        ];
    }
    let roles = target.arn_of_account("iam", &format!("role{}*", names::IAM_PATH));
    let absent_roles = target.arn_of_account("iam", "role/sluice-*");
    let function = here("lambda", "function:sluice-*");
    let api_root = |path: &str| target.arn_of_region("apigateway", path);
    let api = |path: &str| api_root(&format!("/apis{path}"));
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
        .besides(&["codecommit:TagResource"]),
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
        // A list that IAM does not narrow to a prefix.
        Allowed::new("LogGroups", &["logs:DescribeLogGroups"], vec![here("logs", "log-group:*")]),
        Allowed::new(
            "LogRetention",
            &["logs:PutRetentionPolicy"],
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
        // Lambda reads a function's code with the rights of who names it.
        Allowed::new("Artifacts", &["s3:GetObject"], vec![format!("{bucket}/*")])
            .besides(&["s3:GetObjectVersion"]),
        Allowed::new("BackupBucket", &["s3:ListObjectsV2"], backup),
        Allowed::new("Backups", &["s3:DeleteObject", "s3:PutObject"], backups).besides(&["s3:GetObject"]),
        Allowed::new(
            "Functions",
            &[
                "lambda:CreateAlias",
                "lambda:CreateFunction",
                "lambda:DeleteAlias",
                "lambda:DeleteFunction",
                "lambda:GetAlias",
                "lambda:GetFunctionConfiguration",
                "lambda:GetPolicy",
                "lambda:Invoke",
                "lambda:ListAliases",
                "lambda:ListTags",
                "lambda:ListVersionsByFunction",
                "lambda:PublishVersion",
                "lambda:RemovePermission",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            vec![function.clone()],
        )
        .besides(&["lambda:TagResource"]),
        Allowed::new("LetApisCall", &["lambda:AddPermission"], vec![function])
            .when(json!({ "StringEquals": { "lambda:Principal": "apigateway.amazonaws.com" } })),
        Allowed::new("Apis", &["apigatewayv2:CreateApi", "apigatewayv2:GetApis"], vec![api("")])
            .besides(&["apigateway:TagResource"]),
        // Which of the two AWS asks for when an API is made with tags is not documented.
        Allowed::new("ApiTags", &[], vec![format!("{}/*", api_root("/tags"))])
            .besides(&["apigateway:POST", "apigateway:PUT"]),
        Allowed::new(
            "ApiDefinitions",
            &[
                "apigatewayv2:CreateDeployment",
                "apigatewayv2:CreateIntegration",
                "apigatewayv2:CreateRoute",
                "apigatewayv2:CreateStage",
                "apigatewayv2:GetDeployments",
                "apigatewayv2:GetIntegrations",
                "apigatewayv2:GetRoutes",
            ],
            ["deployments", "integrations", "routes", "stages"].map(|of| api(&format!("/*/{of}"))).into(),
        ),
        Allowed::new(
            "ApiParts",
            &[
                "apigatewayv2:DeleteRoute",
                "apigatewayv2:DeleteStage",
                "apigatewayv2:GetStage",
                "apigatewayv2:UpdateRoute",
                "apigatewayv2:UpdateStage",
            ],
            vec![api("/*/routes/*"), api("/*/stages/*")],
        ),
        Allowed::new("BoundedRoles", &["iam:CreateRole", "iam:PutRolePolicy"], vec![roles.clone()])
            .when(with_boundary),
        // Calls name a role without its path. One that does not exist yet has none, so whether it exists may be asked
        // only by who may look at that name without the path too; else AWS says *denied* and not *absent*.
        Allowed::new("Roles", &["iam:GetRole", "iam:GetRolePolicy"], vec![roles.clone(), absent_roles]),
        Allowed::new("OwnRoles", &["iam:DeleteRole", "iam:DeleteRolePolicy"], vec![roles.clone()])
            .besides(&["iam:TagRole"]),
        // What IAM narrows to nothing.
        Allowed::new(
            "AccountReads",
            &[
                "iam:GetAccountSummary",
                "iam:ListRoles",
                "lambda:GetAccountSettings",
                "lambda:ListFunctions",
                "sts:GetCallerIdentity",
            ],
            vec!["*".into()],
        ),
        Allowed::new("PassRoles", &[], vec![roles]).besides(&["iam:PassRole"]).when(json!({
            "StringEquals": { "iam:PassedToService": ["codebuild.amazonaws.com", "lambda.amazonaws.com"] }
        })),
        // Both of this region, in few characters.
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

/// What the audit records need of theirs: they are added and read. To look at the table, at a start.
const AUDIT: &[&str] = &["dynamodb:DescribeTable", "dynamodb:PutItem", "dynamodb:Query"];

/// What is done with the state's tables; and that what is recorded of who did what stays.
fn of_table(whose: Whose, table: &str, target: &Target) -> Vec<Value> {
    let arn = target.arn("dynamodb", &format!("table/{table}"));
    let audit = target.arn("dynamodb", &format!("table/{}", DynamoStore::audit_table_of(table)));
    let allow = |sid: &str, actions: &[&str], resources: &[&str]| json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources });
    let mut statements = vec![];
    if whose == Whose::Init {
        statements.push(allow("State", TABLE_MADE, &[&arn, &audit]));
    }
    if whose == Whose::Bot {
        statements.push(allow("State", TABLE, &[&arn, &format!("{arn}/index/*")]));
        statements.push(allow("AuditRecords", AUDIT, &[&audit]));
        // Whatever else the role is given: what is recorded is neither changed nor deleted.
        statements.push(json!({
            "Sid": "AuditRecordsStay",
            "Effect": "Deny",
            "Action": ["dynamodb:DeleteItem", "dynamodb:UpdateItem"],
            "Resource": audit,
        }));
        // Ways around it: writes that are judged as a whole, another language, and the table itself.
        statements.push(json!({
            "Sid": "TheTablesStay",
            "Effect": "Deny",
            "Action": [
                "dynamodb:BatchWriteItem",
                "dynamodb:DeleteBackup",
                "dynamodb:DeleteTable",
                "dynamodb:ImportTable",
                "dynamodb:PartiQL*",
                "dynamodb:PutResourcePolicy",
                "dynamodb:RestoreTable*",
                "dynamodb:UpdateContinuousBackups",
                "dynamodb:UpdateTable",
                "dynamodb:UpdateTimeToLive",
            ],
            "Resource": [arn, format!("{arn}/*"), audit, format!("{audit}/*")],
        }));
    }
    statements
}

#[cfg(test)]
mod tests;
