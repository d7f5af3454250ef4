use iam_rs::{
    Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, PolicyEvaluator, Principal, PrincipalId,
};

use super::*;
use crate::resources::rights::MANAGED_LIMIT;

fn target() -> Target {
    Target { account: "123456789012".into(), region: "eu-central-1".into() }
}

fn own() -> OwnResources {
    OwnResources {
        tables: vec!["sluice".into(), "sluice-audit".into()],
        queues: vec!["sluice.fifo".into()],
        buckets: vec!["sluice-123456789012-eu-central-1".into(), "backups".into()],
    }
}

fn of(pipeline: &str, stage: &str) -> (PipelineName, StageName) {
    (PipelineName::new(pipeline).unwrap(), StageName::new(stage).unwrap())
}

fn pairs(names: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    names.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

/// What the template of `orders` fixes in the tests.
fn names() -> FixedNames {
    FixedNames {
        own: pairs(&[
            ("AWS::DynamoDB::Table", "Orders"),
            ("AWS::Events::EventBus", "orders-bus"),
            ("AWS::IAM::Role", "orders-scheduler"),
            ("AWS::Logs::LogGroup", "/aws/vendedlogs/orders"),
            ("AWS::S3::Bucket", "acme-orders-uploads"),
            ("AWS::SQS::Queue", "*"),
            ("AWS::SSM::Parameter", "/orders/url"),
            // Somebody wrote the names of another stage's resources into the template.
            ("AWS::DynamoDB::Table", "sluice-shop-prod-Carts-1ABC"),
            ("AWS::Logs::LogGroup", "/aws/lambda/sluice-shop-prod-Pay"),
        ]),
        others: pairs(&[
            ("AWS::Events::EventBus", "company-bus"),
            ("AWS::Route53::HostedZone", "Z123"),
            ("AWS::SSM::Parameter", "/network/vpc"),
        ]),
    }
}

/// How IAM decides about a call of CloudFormation with the service role of `orders` on `prod`: its policy and its boundary.
struct Judge(Vec<IAMPolicy>);

impl Judge {
    fn new(documents: &[&str]) -> Self {
        // The evaluator knows variables in resources, but not in conditions.
        let read = |document: &&str| {
            let tag = |tag: &str, value: &str, text: &str| text.replace(&own_tag(tag), value);
            let document = tag(TAG_PIPELINE, "orders", &tag(names::TAG_STAGE, "prod", document));
            assert!(!document.contains("${"), "{document}");
            IAMPolicy::from_json(&document).unwrap()
        };
        Self(documents.iter().map(read).collect())
    }

    fn of_orders() -> Self {
        let (pipeline, stage) = of("orders", "prod");
        let role = ImmutableRole::of_stack(&target(), (&pipeline, &stage), &names()).unwrap();
        Self::new(&[&role.policy, &stack_boundary(&target(), &own())])
    }

    fn allows(&self, action: &str, resource: &str, keys: &[(&str, &str)]) -> bool {
        let mut context = Context::new();
        for (key, value) in keys {
            let value = match *key {
                "aws:TagKeys" => ContextValue::StringList(vec![(*value).to_owned()]),
                "kms:GrantIsForAWSResource" => ContextValue::Boolean(*value == "true"),
                _ => ContextValue::String((*value).to_owned()),
            };
            context.insert((*key).to_owned(), value);
        }
        let principal =
            "arn:aws:iam::123456789012:role/sluice/orders/prod/sluice-Stack-orders-prod-x".to_owned();
        let request = IAMRequest::new_with_context(
            Principal::Aws(PrincipalId::String(principal)),
            action,
            Arn::parse(resource).unwrap(),
            context,
        );
        self.0.iter().all(|policy| {
            let evaluator = PolicyEvaluator::with_policies(vec![policy.clone()]);
            let decided = evaluator.evaluate(&request);
            decided.unwrap_or_else(|error| panic!("{action} on {resource}: {error}")).decision
                == Decision::Allow
        })
    }
}

const OWN: [(&str, &str); 2] =
    [("aws:ResourceTag/sluice:pipeline", "orders"), ("aws:ResourceTag/sluice:stage", "prod")];
const NEW: [(&str, &str); 2] =
    [("aws:RequestTag/sluice:pipeline", "orders"), ("aws:RequestTag/sluice:stage", "prod")];
const DEV: [(&str, &str); 2] =
    [("aws:ResourceTag/sluice:pipeline", "orders"), ("aws:ResourceTag/sluice:stage", "dev")];
const SHOP: [(&str, &str); 2] =
    [("aws:ResourceTag/sluice:pipeline", "shop"), ("aws:ResourceTag/sluice:stage", "prod")];
const BOUNDED_ROLE: [(&str, &str); 1] =
    [("iam:PermissionsBoundary", "arn:aws:iam::123456789012:policy/sluice/sluice-boundary-eu-central-1")];

/// An action, its resource in the short form of [`arn`], and the keys of the request.
type Call<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// An ARN of this account and region; `iam`, `s3` and others without a region begin with `:`.
fn arn(short: &str) -> String {
    let (service, resource) = short.split_once(' ').unwrap();
    match service {
        "iam" | "cloudfront" | "dashboard" => {
            target().arn_of_account(if service == "dashboard" { "cloudwatch" } else { service }, resource)
        }
        "s3" => target().arn_of_bucket(resource),
        "apigateway" => target().arn_of_region("apigateway", resource),
        "route53" => format!("arn:aws:route53:::{resource}"),
        _ => target().arn(service, resource),
    }
}

#[test]
fn a_stack_may_have_what_serverless_templates_declare() {
    let judge = Judge::of_orders();
    let may: &[Call<'_>] = &[
        // A table with a stream, a table with a fixed name, scaling.
        ("dynamodb:CreateTable", "dynamodb table/sluice-orders-prod-Table-1ABC", &NEW),
        ("dynamodb:UpdateTimeToLive", "dynamodb table/sluice-orders-prod-Table-1ABC", &OWN),
        ("dynamodb:DescribeStream", "dynamodb table/sluice-orders-prod-Table-1ABC/stream/2026", &OWN),
        ("dynamodb:DeleteTable", "dynamodb table/Orders", &[]),
        ("application-autoscaling:RegisterScalableTarget", "application-autoscaling scalable-target/x", &[]),
        // A queue with its policy, a topic with a subscription.
        ("sqs:CreateQueue", "sqs sluice-orders-prod-Queue-1ABC", &NEW),
        ("sqs:SetQueueAttributes", "sqs sluice-orders-prod-Queue-1ABC", &OWN),
        ("sns:CreateTopic", "sns sluice-orders-prod-Topic-1ABC", &NEW),
        ("sns:Subscribe", "sns sluice-orders-prod-Topic-1ABC", &OWN),
        ("sns:Unsubscribe", "sns sluice-orders-prod-Topic-1ABC:1-2-3", &[]),
        // Rules on three buses, a schedule, a pipe, and their roles.
        ("events:PutRule", "events rule/sluice-orders-prod-Rule-1ABC", &NEW),
        ("events:CreateEventBus", "events event-bus/orders-bus", &NEW),
        ("events:PutTargets", "events rule/orders-bus/sluice-orders-prod-Rule-1ABC", &OWN),
        ("events:PutRule", "events rule/company-bus/sluice-orders-prod-Rule-1ABC", &NEW),
        ("scheduler:CreateSchedule", "scheduler schedule/default/sluice-orders-prod-Daily-1ABC", &[]),
        ("pipes:CreatePipe", "pipes pipe/Pipe-1ABC", &NEW),
        ("iam:CreateRole", "iam role/sluice/orders/prod/sluice-orders-prod-DailyRole-1ABC", &BOUNDED_ROLE),
        ("iam:PutRolePolicy", "iam role/sluice/orders/prod/sluice-orders-prod-DailyRole-1ABC", &BOUNDED_ROLE),
        ("iam:CreateRole", "iam role/sluice/orders/prod/orders-scheduler", &BOUNDED_ROLE),
        ("iam:TagRole", "iam role/sluice/orders/prod/orders-scheduler", &NEW),
        ("iam:DeleteRole", "iam role/sluice/orders/prod/orders-scheduler", &OWN),
        ("iam:CreatePolicy", "iam policy/sluice/orders/prod/sluice-orders-prod-Policy-1ABC", &NEW),
        ("iam:PassRole", "iam role/sluice/orders/prod/sluice-orders-prod-DailyRole-1ABC", &OWN),
        // A bucket with notifications and a policy.
        ("s3:CreateBucket", "s3 sluice-orders-prod-bucket-1abc", &[]),
        ("s3:PutBucketNotification", "s3 sluice-orders-prod-bucket-1abc", &[]),
        ("s3:PutLifecycleConfiguration", "s3 acme-orders-uploads", &[]),
        ("s3:PutBucketPolicy", "s3 acme-orders-uploads", &[]),
        // A state machine, a secret and a parameter, whose generated names have no stack.
        ("states:CreateStateMachine", "states stateMachine:Flow-1ABC", &NEW),
        ("states:DescribeStateMachine", "states stateMachine:Flow-1ABC", &OWN),
        ("secretsmanager:CreateSecret", "secretsmanager secret:Password-1ABC", &NEW),
        ("secretsmanager:GetSecretValue", "secretsmanager secret:Password-1ABC-AbCdEf", &OWN),
        ("ssm:PutParameter", "ssm parameter/CFN-Url-1ABC", &NEW),
        ("ssm:PutParameter", "ssm parameter/orders/url", &[]),
        ("ssm:GetParameters", "ssm parameter/network/vpc", &[]),
        // A REST API without a body, a WebSocket API, a user pool, a key with its alias, GraphQL.
        ("apigateway:POST", "apigateway /restapis", &NEW),
        ("apigateway:PUT", "apigateway /restapis/a1/resources/b2/methods/GET", &OWN),
        ("apigateway:POST", "apigateway /apis/a1/routes", &[]),
        ("apigateway:DELETE", "apigateway /usageplans/u1", &OWN),
        ("cognito-idp:CreateUserPool", "cognito-idp *", &NEW),
        ("cognito-idp:CreateUserPoolClient", "cognito-idp userpool/eu-central-1_x", &OWN),
        ("kms:CreateKey", "kms *", &NEW),
        ("kms:PutKeyPolicy", "kms key/1", &OWN),
        ("appsync:CreateResolver", "appsync apis/1/types/Query/resolvers/x", &OWN),
        // Logs, alarms, dashboards.
        ("logs:CreateLogGroup", "logs log-group:sluice-orders-prod-Logs-1ABC", &NEW),
        ("logs:PutRetentionPolicy", "logs log-group:/aws/vendedlogs/orders", &[]),
        ("logs:PutSubscriptionFilter", "logs log-group:/aws/lambda/sluice-orders-prod-Hello", &OWN),
        ("cloudwatch:PutMetricAlarm", "cloudwatch alarm:sluice-orders-prod-Errors-1ABC", &NEW),
        ("cloudwatch:PutDashboard", "dashboard dashboard/sluice-orders-prod-Board-1ABC", &[]),
        // A function of the stack with its role, triggers of the others, layers.
        ("lambda:CreateFunction", "lambda function:sluice-orders-prod-Custom-1ABC", &NEW),
        ("lambda:InvokeFunction", "lambda function:sluice-orders-prod-Custom-1ABC", &OWN),
        ("lambda:AddPermission", "lambda function:sluice-orders-prod-Hello:prod", &OWN),
        ("lambda:CreateFunctionUrlConfig", "lambda function:sluice-orders-prod-Hello", &OWN),
        (
            "lambda:CreateEventSourceMapping",
            "lambda *",
            &[(
                "lambda:FunctionArn",
                "arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-prod-Hello:prod",
            )],
        ),
        ("lambda:AddLayerVersionPermission", "lambda layer:sluice-orders-Shared:3", &[]),
        ("s3:GetObject", "s3 sluice-123456789012-eu-central-1/orders/code/abc", &[]),
        // Networks, names in the DNS, distributions, nested stacks.
        ("ec2:CreateVpc", "ec2 vpc/*", &NEW),
        ("ec2:CreateSubnet", "ec2 subnet/*", &NEW),
        ("ec2:CreateSubnet", "ec2 vpc/vpc-1", &OWN),
        ("ec2:AuthorizeSecurityGroupIngress", "ec2 security-group/sg-1", &OWN),
        ("route53:ChangeResourceRecordSets", "route53 hostedzone/Z123", &[]),
        ("cloudfront:CreateDistribution", "cloudfront distribution/*", &NEW),
        ("cloudfront:UpdateDistribution", "cloudfront distribution/E1", &OWN),
        ("cloudformation:CreateStack", "cloudformation stack/sluice-orders-prod-Nested-1ABC/1", &NEW),
    ];
    for (action, resource, keys) in may {
        assert!(judge.allows(action, &arn(resource), keys), "{action} on {resource}");
    }
    // The evaluator takes no ARN with the account `aws`.
    let boundary = stack_boundary(&target(), &own());
    assert!(boundary.contains("\"arn:aws:cloudformation:eu-central-1:aws:transform/*\""), "{boundary}");
}

/// What an attacker might write into a template.
#[test]
fn a_stack_reaches_nothing_beyond_its_stage() {
    let judge = Judge::of_orders();
    let api_boundary = [(
        "iam:PermissionsBoundary",
        "arn:aws:iam::123456789012:policy/sluice/sluice-boundary-api-eu-central-1",
    )];
    let stack_boundary = [(
        "iam:PermissionsBoundary",
        "arn:aws:iam::123456789012:policy/sluice/sluice-boundary-stack-eu-central-1",
    )];
    let admin = [BOUNDED_ROLE[0], ("iam:PolicyARN", "arn:aws:iam::aws:policy/AdministratorAccess")];
    let role = "iam role/sluice/orders/prod/sluice-orders-prod-Evil-1ABC";
    let never: &[Call<'_>] = &[
        // Roles without the boundary of functions, and of others.
        ("iam:CreateRole", role, &[]),
        ("iam:CreateRole", role, &api_boundary),
        ("iam:CreateRole", role, &stack_boundary),
        (
            "iam:CreateRole",
            role,
            &[("iam:PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess")],
        ),
        ("iam:CreateRole", "iam role/evil", &BOUNDED_ROLE),
        ("iam:CreateRole", "iam role/sluice/orders/dev/sluice-orders-prod-Evil-1ABC", &BOUNDED_ROLE),
        ("iam:PutRolePolicy", role, &[]),
        ("iam:AttachRolePolicy", "iam role/admin", &admin),
        ("iam:AttachRolePolicy", "iam role/sluice/shop/prod/sluice-shop-prod-Fn-1ABC", &admin),
        ("iam:PutRolePermissionsBoundary", role, &BOUNDED_ROLE),
        ("iam:DeleteRolePermissionsBoundary", role, &OWN),
        // The service role itself, the API's role, and the bot's.
        ("iam:PutRolePolicy", "iam role/sluice/orders/prod/sluice-Stack-orders-prod-x", &stack_boundary),
        ("iam:UpdateAssumeRolePolicy", "iam role/sluice/orders/prod/sluice-Stack-orders-prod-x", &OWN),
        ("iam:PassRole", "iam role/sluice/orders/prod/sluice-Stack-orders-prod-x", &OWN),
        ("iam:PutRolePolicy", "iam role/sluice/orders/prod/sluice-orders-prod-api-x", &api_boundary),
        ("iam:PassRole", "iam role/sluice-bot", &[("iam:PassedToService", "lambda.amazonaws.com")]),
        ("iam:PassRole", "iam role/sluice/orders/dev/sluice-orders-dev-Hello-x", &DEV),
        ("iam:PassRole", "iam role/sluice/orders/sluice-orders-build-x", &[]),
        // Tags that would make a role, or anything else, another stage's.
        ("iam:TagRole", role, &[("aws:RequestTag/sluice:stage", "dev")]),
        ("iam:CreateRole", role, &[BOUNDED_ROLE[0], ("aws:RequestTag/sluice:pipeline", "shop")]),
        ("iam:UntagRole", role, &[("aws:TagKeys", "sluice:stage")]),
        ("sqs:CreateQueue", "sqs sluice-orders-prod-Queue-1ABC", &[("aws:RequestTag/sluice:stage", "dev")]),
        // Boundaries and identities.
        ("iam:CreatePolicyVersion", "iam policy/sluice/sluice-boundary-eu-central-1", &[]),
        ("iam:DeletePolicy", "iam policy/sluice/sluice-boundary-stack-eu-central-1", &[]),
        ("iam:CreateAccessKey", "iam user/ann", &[]),
        ("iam:CreateUser", "iam user/sluice-orders-prod-User-1ABC", &NEW),
        ("iam:AddUserToGroup", "iam group/admins", &[]),
        ("iam:CreateOpenIDConnectProvider", "iam oidc-provider/evil", &NEW),
        ("iam:CreateInstanceProfile", "iam instance-profile/sluice-orders-prod-x", &[]),
        ("sts:AssumeRole", "iam role/sluice/orders/prod/sluice-orders-prod-Hello-x", &OWN),
        // Sluice's own resources.
        ("dynamodb:PutItem", "dynamodb table/sluice", &[]),
        ("dynamodb:GetRecords", "dynamodb table/sluice/stream/1", &OWN),
        ("dynamodb:DeleteTable", "dynamodb table/sluice-audit", &[]),
        ("sqs:SetQueueAttributes", "sqs sluice.fifo", &[]),
        ("secretsmanager:GetSecretValue", "secretsmanager secret:sluice/slack-AbCdEf", &OWN),
        ("ssm:GetParameter", "ssm parameter/sluice/signing-secret", &OWN),
        ("s3:PutBucketPolicy", "s3 sluice-123456789012-eu-central-1", &[]),
        ("s3:PutBucketNotification", "s3 backups", &[]),
        ("s3:PutObject", "s3 sluice-123456789012-eu-central-1/orders/builds/1", &[]),
        ("s3:GetObject", "s3 sluice-123456789012-eu-central-1/shop/code/abc", &[]),
        ("s3:GetObject", "s3 other-team/code.zip", &[]),
        // Other stages and pipelines, also those whose names begin alike.
        ("sqs:SetQueueAttributes", "sqs sluice-orders-dev-Queue-1ABC", &DEV),
        (
            "sqs:SetQueueAttributes",
            "sqs sluice-orders-prod-eu-Queue-1ABC",
            &[OWN[0], ("aws:ResourceTag/sluice:stage", "prod-eu")],
        ),
        ("sqs:SetQueueAttributes", "sqs payroll", &[]),
        ("dynamodb:UpdateTable", "dynamodb table/sluice-shop-prod-Carts-1ABC", &SHOP),
        ("logs:PutSubscriptionFilter", "logs log-group:/aws/lambda/sluice-shop-prod-Pay", &SHOP),
        ("lambda:InvokeFunction", "lambda function:sluice-shop-prod-Pay:prod", &SHOP),
        ("lambda:UpdateFunctionCode", "lambda function:sluice-orders-dev-Hello", &DEV),
        ("lambda:AddPermission", "lambda function:admin-tool", &[]),
        (
            "lambda:CreateEventSourceMapping",
            "lambda *",
            &[(
                "lambda:FunctionArn",
                "arn:aws:lambda:eu-central-1:123456789012:function:sluice-shop-prod-Pay",
            )],
        ),
        ("secretsmanager:GetSecretValue", "secretsmanager secret:payroll-AbCdEf", &[]),
        ("ssm:PutParameter", "ssm parameter/network/vpc", &[]),
        ("events:PutRule", "events rule/shop-bus/sluice-orders-prod-Rule-1ABC", &NEW),
        ("events:PutPermission", "events event-bus/company-bus", &[]),
        ("kms:PutKeyPolicy", "kms key/2", &SHOP),
        ("kms:CreateGrant", "kms key/1", &OWN),
        ("kms:CreateGrant", "kms key/1", &[OWN[0], OWN[1], ("kms:GrantIsForAWSResource", "false")]),
        ("apigateway:PUT", "apigateway /restapis/s1", &SHOP),
        ("apigateway:PATCH", "apigateway /account", &[]),
        ("states:UpdateStateMachine", "states stateMachine:Flow-1ABC", &DEV),
        ("route53:ChangeResourceRecordSets", "route53 hostedzone/Z9", &[]),
        // Stacks, and what runs code with other rights.
        ("cloudformation:CreateStack", "cloudformation stack/evil/1", &NEW),
        ("cloudformation:UpdateStack", "cloudformation stack/sluice-orders-prod/1", &OWN),
        ("cloudformation:UpdateStack", "cloudformation stack/sluice-orders-dev/1", &DEV),
        ("cloudformation:CreateStackSet", "cloudformation stackset/evil", &NEW),
        ("cloudformation:RegisterType", "cloudformation type/resource/Evil", &[]),
        ("cloudformation:CreateChangeSet", "cloudformation transform/Evil", &[]),
        ("ec2:RunInstances", "ec2 instance/*", &NEW),
        ("ec2:CreateLaunchTemplate", "ec2 launch-template/*", &NEW),
        ("codebuild:CreateProject", "codebuild project/sluice-orders-prod-x", &NEW),
        ("ssm:CreateDocument", "ssm document/sluice-orders-prod-x", &NEW),
        ("ssm:CreateAssociation", "ssm association/x", &NEW),
        ("organizations:CreateAccount", "organizations x", &[]),
        ("cloudtrail:StopLogging", "cloudtrail trail/x", &[]),
    ];
    for (action, resource, keys) in never {
        assert!(!judge.allows(action, &arn(resource), keys), "{action} on {resource}");
    }
}

/// A service role with every right, as somebody with more rights than the bot could make.
#[test]
fn the_boundary_alone_keeps_a_role_from_sluice_and_from_other_stages() {
    let everything = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let judge = Judge::new(&[&everything.to_string(), &stack_boundary(&target(), &own())]);
    assert!(judge.allows("sqs:CreateQueue", &arn("sqs orders"), &[]));
    let never: &[Call<'_>] = &[
        ("iam:CreateRole", "iam role/sluice/orders/prod/x", &[]),
        ("iam:CreateRole", "iam role/sluice/orders/dev/x", &BOUNDED_ROLE),
        ("iam:PassRole", "iam role/admin", &[]),
        ("iam:PutRolePolicy", "iam role/sluice/orders/prod/sluice-Stack-orders-prod-x", &BOUNDED_ROLE),
        ("iam:DeleteRolePermissionsBoundary", "iam role/sluice/orders/prod/x", &[]),
        ("iam:CreatePolicyVersion", "iam policy/sluice/sluice-boundary-eu-central-1", &[]),
        ("dynamodb:PutItem", "dynamodb table/sluice", &[]),
        ("s3:DeleteBucketPolicy", "s3 sluice-123456789012-eu-central-1", &[]),
        ("s3:GetObject", "s3 sluice-123456789012-eu-central-1/shop/code/abc", &[]),
        ("sqs:SetQueueAttributes", "sqs sluice-orders-dev-Queue-1ABC", &DEV),
        ("lambda:InvokeFunction", "lambda function:sluice-shop-prod-Pay", &SHOP),
        ("lambda:InvokeFunction", "lambda function:admin-tool", &[]),
        ("cloudformation:CreateStack", "cloudformation stack/evil/1", &[]),
        ("ec2:RunInstances", "ec2 instance/*", &[]),
    ];
    for (action, resource, keys) in never {
        assert!(!judge.allows(action, &arn(resource), keys), "{action} on {resource}");
    }
}

#[test]
fn both_documents_are_within_iams_limits() {
    let target = Target { account: "123456789012".into(), region: "ap-northeast-3".into() };
    let longest = OwnResources {
        tables: vec!["t".repeat(255), "t".repeat(255)],
        queues: vec!["q".repeat(80)],
        buckets: vec![names::bucket(&target), "b".repeat(63)],
    };
    let boundary = stack_boundary(&target, &longest);
    assert!(boundary.len() <= MANAGED_LIMIT, "{}: {boundary}", boundary.len());
    let (pipeline, stage) = of(&format!("p{}", "x".repeat(39)), &"s".repeat(20));
    // Few templates fix more than ten names.
    let queues = |count: usize| FixedNames {
        own: (0..count).map(|nth| ("AWS::SQS::Queue".to_owned(), format!("{nth:0>40}"))).collect(),
        ..FixedNames::default()
    };
    let role = |count: usize| ImmutableRole::of_stack(&target, (&pipeline, &stage), &queues(count));
    assert!(role(10).is_ok(), "{:?}", role(10));
    let refused = role(200).unwrap_err();
    assert_eq!(refused.names, 200);
    assert!(refused.size > INLINE_LIMIT && refused.to_string().contains("200 names"), "{refused}");
}

#[test]
fn another_name_makes_another_role() {
    let (pipeline, stage) = of("orders", "prod");
    let role = |own: &[(&str, &str)]| {
        let names = FixedNames { own: pairs(own), ..FixedNames::default() };
        ImmutableRole::of_stack(&target(), (&pipeline, &stage), &names).unwrap()
    };
    let (plain, more) = (role(&[]), role(&[("AWS::SQS::Queue", "orders")]));
    assert_ne!(plain.name, more.name);
    assert_eq!(
        plain,
        role(&[("AWS::SQS::Queue", "*"), ("AWS::S3::Bucket", "a?b"), ("AWS::SNS::Topic", "${aws:x}")])
    );
    assert!(plain.arn(&target()).contains(":role/sluice/orders/prod/sluice-Stack-orders-prod-"), "{plain:?}");
    assert_eq!(plain.boundary, names::stack_boundary_arn(&target()));
    assert!(plain.trust.contains("cloudformation.amazonaws.com"), "{}", plain.trust);
    assert_eq!(plain.tags(&pipeline), names::stage_tags(&pipeline, &stage), "the boundary compares them");
}
