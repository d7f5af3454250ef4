//! The actions of service roles: what CloudFormation calls for the resources of a stack.

/// The services whose resources a stack may have. Those with rights of their own, or that start code with rights, are missing;
/// Lambda, EC2, IAM, CloudFormation and S3 have statements of their own.
pub(super) const SERVICES: &[&str] = &[
    "acm:*",
    "apigateway:*",
    "application-autoscaling:*",
    "appsync:*",
    "cloudfront:*",
    "cloudwatch:*",
    "cognito-identity:*",
    "cognito-idp:*",
    "dynamodb:*",
    "ecs:*",
    "elasticache:*",
    "elasticfilesystem:*",
    "elasticloadbalancing:*",
    "events:*",
    "firehose:*",
    "iot:*",
    "kinesis:*",
    "kms:*",
    "logs:*",
    "pipes:*",
    "rds:*",
    "route53:*",
    "scheduler:*",
    "secretsmanager:*",
    "ses:*",
    "sns:*",
    "sqs:*",
    "ssm:*Parameter*",
    "ssm:*Tags*",
    "states:*",
    "wafv2:*",
];

/// Those of [`SERVICES`], and Lambda, whose resources have ids instead of names, or names without that of the stack
/// (`{logical id}-{hash}`). Their tags say to which stage they belong.
pub(super) const TAGGED: &[&str] = &[
    "acm:*",
    "apigateway:*",
    "appsync:*",
    "cloudfront:*",
    "cognito-identity:*",
    "cognito-idp:*",
    "ec2:*",
    "ecs:*",
    "elasticache:*",
    "elasticfilesystem:*",
    "elasticloadbalancing:*",
    "iot:*",
    "kms:*",
    "lambda:*EventSourceMapping",
    "pipes:*",
    "rds:*",
    "secretsmanager:*",
    "ssm:*Parameter*",
    "ssm:*Tags*",
    "states:*",
    "wafv2:*",
];

/// What creates or tags a resource of these services: the tags in the request must be the stage's.
pub(super) const CREATING: &[&str] = &[
    "acm:AddTags*",
    "acm:RequestCertificate",
    "appsync:CreateApi",
    "appsync:CreateGraphqlApi",
    "appsync:TagResource",
    "cloudfront:CreateDistribution",
    "cloudfront:TagResource",
    "cognito-identity:CreateIdentityPool",
    "cognito-identity:TagResource",
    "cognito-idp:CreateUserPool",
    "cognito-idp:TagResource",
    "ec2:AllocateAddress",
    "ec2:Create*",
    "ecs:Create*",
    "ecs:RegisterTaskDefinition",
    "ecs:TagResource",
    "elasticache:AddTagsToResource",
    "elasticache:Create*",
    "elasticfilesystem:Create*",
    "elasticfilesystem:TagResource",
    "elasticloadbalancing:AddTags",
    "elasticloadbalancing:Create*",
    "iot:Create*",
    "iot:TagResource",
    "kms:CreateKey",
    "kms:TagResource",
    "pipes:CreatePipe",
    "pipes:TagResource",
    "rds:AddTagsToResource",
    "rds:Create*",
    "secretsmanager:CreateSecret",
    "secretsmanager:TagResource",
    "ssm:AddTagsToResource",
    "ssm:PutParameter",
    "states:CreateActivity",
    "states:CreateStateMachine",
    "states:TagResource",
    "wafv2:CreateIPSet",
    "wafv2:CreateR*",
    "wafv2:CreateWebACL",
    "wafv2:TagResource",
];

/// What IAM can restrict neither to names nor to tags: reading, and a few types that have neither. Registering a table or function
/// for scaling needs no right on it, which is a gap.
pub(super) const ANYWHERE: &[&str] = &[
    "acm:Describe*",
    "application-autoscaling:*Scal*",
    "cloudfront:*CachePolicy*",
    "cloudfront:*OriginAccess*",
    "cloudfront:*OriginRequestPolicy*",
    "cloudfront:*ResponseHeadersPolicy*",
    "cloudfront:CreateFunction",
    "cloudwatch:Describe*",
    "cognito-idp:DescribeUserPoolDomain",
    "dynamodb:ListTables",
    "ec2:Describe*",
    "ecs:Describe*",
    "elasticache:Describe*",
    "elasticloadbalancing:Describe*",
    "events:List*",
    "kms:List*",
    "logs:Describe*",
    "rds:Describe*",
    "route53:GetChange",
    "route53:List*",
    "secretsmanager:GetRandomPassword",
    "sns:List*",
    "ssm:DescribeParameters",
    "states:ValidateStateMachineDefinition",
];

/// A function may use layers of any account, mappings are read by their id, and lists are of the whole region.
pub(super) const READS_OF_LAMBDA: &[&str] =
    &["lambda:GetEventSourceMapping", "lambda:GetLayerVersion", "lambda:List*"];

/// The network of functions: no instances, no images, no volumes.
pub(super) const NETWORK: &[&str] = &[
    "ec2:*Address*",
    "ec2:*FlowLogs",
    "ec2:*InternetGateway*",
    "ec2:*NatGateway*",
    "ec2:*Network*",
    "ec2:*Route*",
    "ec2:*SecurityGroup*",
    "ec2:*Subnet*",
    "ec2:*Tags",
    "ec2:*Vpc*",
    "ec2:Describe*",
];

/// Settings of buckets, without objects and without settings of the account.
pub(super) const BUCKETS: &[&str] = &["s3:*Bucket*", "s3:*Configuration", "s3:*ag*Resource"];

/// Changes of a role whose permission depends on its boundary.
pub(super) const BOUNDED: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
];

/// The other calls for roles, passing them, and all for managed policies. Calls that change a boundary are missing.
pub(super) const ROLES: &[&str] = &[
    "iam:CreatePolicy*",
    "iam:DeletePolicy*",
    "iam:DeleteRole",
    "iam:Get*",
    "iam:List*",
    "iam:PassRole",
    "iam:TagPolicy",
    "iam:TagRole",
    "iam:UntagPolicy",
    "iam:UntagRole",
    "iam:Update*Role*",
];

/// What CloudFormation does with nested stacks. It passes no role to them: they have that of the stack.
pub(super) const NESTED: &[&str] = &[
    "cloudformation:*Stack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:Describe*",
    "cloudformation:GetTemplate*",
    "cloudformation:ListStackResources",
    "cloudformation:TagResource",
];

/// Reading what builds wrote: code of functions in the stack, nested templates, definitions.
pub(super) const READ_OBJECTS: [&str; 2] = ["s3:GetObject", "s3:GetObjectVersion"];
