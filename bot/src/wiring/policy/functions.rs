//! Functions, layers, and the roles of all that Sluice makes.

use serde_json::json;
use sluice_commands::names;
use sluice_model::{Target, url_suffix};

use super::names::Names;
use super::statement::Allowed;

pub(super) fn allowed(of: &Names<'_>) -> Vec<Allowed> {
    let target = of.target;
    let roles = of.roles();
    let readable_roles = target.arn_of_account("iam", "role/sluice*");
    let function = of.here("lambda", "function:sluice-*");
    let of_aws = Target { account: String::new(), region: target.region.clone() };
    let anywhere = Target { account: "*".to_owned(), region: target.region.clone() };
    let with_boundary = json!({ "StringEquals": { "iam:PermissionsBoundary": of.boundaries() } });
    vec![
        // IAM cannot restrict it: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html>.
        Allowed::new("FirstMinutes", &["cloudwatch:GetMetricData"], vec!["*".to_owned()]),
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
            vec![function, of.here("lambda", "code-signing-config:*")],
        )
        .also(&["lambda:TagResource"]),
        Allowed::new("OwnLayers", &["lambda:PublishLayerVersion"], vec![of.here("lambda", "layer:sluice-*")]),
        // A function may use layers of any account, and Lambda reads them with the permissions of its caller.
        Allowed::new("Layers", &["lambda:GetLayerVersion"], vec![anywhere.arn("lambda", "layer:*")]),
        // Not its own ones, which are directly below `/sluice/`. It never reads a value of them: see `secrets_stay`.
        Allowed::new(
            "Secrets",
            &["ssm:DeleteParameter", "ssm:ListTagsForResource", "ssm:PutParameter"],
            vec![of.here("ssm", "parameter/sluice/*/*/*")],
        )
        .also(&["ssm:AddTagsToResource"]),
        // What templates read: the plain values of stages, and those that AWS publishes. An admin allows others in a policy of their own.
        Allowed::new(
            "PlainParameters",
            &["ssm:GetParameters"],
            vec![of.here("ssm", "parameter/sluice/*/*/*"), of_aws.arn("ssm", "parameter/aws/service/*")],
        ),
        Allowed::new("BoundedRoles", &["iam:CreateRole", "iam:PutRolePolicy"], vec![roles.clone()])
            .when(with_boundary.clone()),
        Allowed::new("ManagedPolicies", &["iam:AttachRolePolicy"], vec![roles.clone()])
            .when(of.of_aws(with_boundary)),
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
                "ssm:DescribeParameters",
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
    ]
}

/// The denial of the key of secrets: who may read a parameter may also decrypt it with the account's key `aws/ssm`, which Systems Manager
/// uses with the permissions of its caller
/// (<https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html>).
pub(super) fn secrets_stay(of: &Names<'_>) -> serde_json::Value {
    let service = format!("ssm.{}.{}", of.target.region, url_suffix(&of.target.region));
    json!({
        "Sid": "SecretsStay",
        "Effect": "Deny",
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": { "StringEquals": { "kms:ViaService": service } },
    })
}
