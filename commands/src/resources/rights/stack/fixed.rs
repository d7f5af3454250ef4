//! The names that a stage's service role may use beside the generated ones: those that the template fixes, and those of others that
//! it reads.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use sluice_model::{PipelineName, StageName, Target};
use sluice_template::{function_stem, plain::stack_name};

/// Names as they are on the stage, each with its CloudFormation type. A name with a wildcard is left out, and so is one of a type
/// whose ARNs have no names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedNames {
    /// Names that the template gives to its own resources: the stack may do everything with them.
    pub own: BTreeSet<(String, String)>,
    /// What the template uses of others: parameters and secrets are read, rules may be put on a bus, records into a hosted zone.
    pub others: BTreeSet<(String, String)>,
}

/// (type, service, resource): `{}` is the name. A name without its leading slash is meant for parameters.
const IN_ARNS: &[(&str, &str, &str)] = &[
    ("AWS::CloudWatch::Alarm", "cloudwatch", "alarm:{}"),
    ("AWS::CloudWatch::CompositeAlarm", "cloudwatch", "alarm:{}"),
    ("AWS::DynamoDB::GlobalTable", "dynamodb", "table/{}"),
    ("AWS::DynamoDB::GlobalTable", "dynamodb", "table/{}/*"),
    ("AWS::DynamoDB::Table", "dynamodb", "table/{}"),
    ("AWS::DynamoDB::Table", "dynamodb", "table/{}/*"),
    ("AWS::ElastiCache::ReplicationGroup", "elasticache", "replicationgroup:{}"),
    ("AWS::Events::ApiDestination", "events", "api-destination/{}"),
    ("AWS::Events::ApiDestination", "events", "api-destination/{}/*"),
    ("AWS::Events::Archive", "events", "archive/{}"),
    ("AWS::Events::Connection", "events", "connection/{}"),
    ("AWS::Events::Connection", "events", "connection/{}/*"),
    ("AWS::Events::EventBus", "events", "event-bus/{}"),
    ("AWS::Events::EventBus", "events", "rule/{}/*"),
    ("AWS::Events::Rule", "events", "rule/{}"),
    ("AWS::IoT::Policy", "iot", "policy/{}"),
    ("AWS::IoT::Thing", "iot", "thing/{}"),
    ("AWS::IoT::TopicRule", "iot", "rule/{}"),
    ("AWS::KMS::Alias", "kms", "{}"),
    ("AWS::Kinesis::Stream", "kinesis", "stream/{}"),
    ("AWS::KinesisFirehose::DeliveryStream", "firehose", "deliverystream/{}"),
    ("AWS::Logs::LogGroup", "logs", "log-group:{}"),
    ("AWS::Logs::LogGroup", "logs", "log-group:{}:*"),
    ("AWS::Pipes::Pipe", "pipes", "pipe/{}"),
    ("AWS::RDS::DBCluster", "rds", "cluster:{}"),
    ("AWS::RDS::DBInstance", "rds", "db:{}"),
    ("AWS::SES::EmailIdentity", "ses", "identity/{}"),
    ("AWS::SES::ConfigurationSet", "ses", "configuration-set/{}"),
    ("AWS::SNS::Topic", "sns", "{}"),
    ("AWS::SQS::Queue", "sqs", "{}"),
    ("AWS::SSM::Parameter", "ssm", "parameter/{}"),
    ("AWS::Scheduler::Schedule", "scheduler", "schedule/*/{}"),
    ("AWS::Scheduler::ScheduleGroup", "scheduler", "schedule-group/{}"),
    ("AWS::Scheduler::ScheduleGroup", "scheduler", "schedule/{}/*"),
    ("AWS::SecretsManager::Secret", "secretsmanager", "secret:{}-??????"),
    ("AWS::StepFunctions::Activity", "states", "activity:{}"),
    ("AWS::StepFunctions::StateMachine", "states", "stateMachine:{}"),
    ("AWS::StepFunctions::StateMachine", "states", "stateMachine:{}:*"),
];

/// (type, service, resource) of resources that are in no region.
const IN_ACCOUNT: &[(&str, &str, &str)] = &[
    ("AWS::CloudFront::Function", "cloudfront", "function/{}"),
    ("AWS::CloudWatch::Dashboard", "cloudwatch", "dashboard/{}"),
];

/// Whether a name means itself in a policy.
fn is_literal(name: &str) -> bool {
    !name.is_empty() && !name.contains(['*', '?', '$', '"', '\\']) && name.is_ascii()
}

/// The resources of a type and name. Names that begin like Sluice's are those of stages: a stack reaches its own of them by what
/// CloudFormation generates, and no template can ask for another stage's.
fn arns(target: &Target, kind: &str, name: &str) -> Vec<String> {
    let name = if kind == "AWS::SSM::Parameter" { name.trim_start_matches('/') } else { name };
    let is_of_stage = name.trim_start_matches("/aws/lambda/").starts_with("sluice-");
    if !is_literal(name) || is_of_stage {
        return vec![];
    }
    let of = |table: &'static [(&str, &str, &str)]| table.iter().filter(move |(of, ..)| *of == kind);
    let mut arns: Vec<String> = of(IN_ARNS)
        .map(|(_, service, resource)| target.arn(service, &resource.replace("{}", name)))
        .collect();
    let account = of(IN_ACCOUNT);
    arns.extend(
        account.map(|(_, service, resource)| target.arn_of_account(service, &resource.replace("{}", name))),
    );
    if kind == "AWS::S3::Bucket" {
        arns.push(target.arn_of_bucket(name));
    }
    arns
}

impl FixedNames {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.own.len() + self.others.len()
    }

    /// The names of roles and of managed policies.
    pub(super) fn roles(&self) -> impl Iterator<Item = String> {
        let of_iam = |kind: &str| matches!(kind, "AWS::IAM::Role" | "AWS::IAM::ManagedPolicy");
        let names = self.own.iter().filter(move |(kind, name)| of_iam(kind) && is_literal(name));
        names.map(|(_, name)| name.clone())
    }

    /// What the stack may do with resources of others.
    pub(super) fn others(&self, target: &Target) -> Vec<Value> {
        let of = |wanted: &[&str]| -> Vec<String> {
            let names = self.others.iter().filter(|(kind, _)| wanted.contains(&kind.as_str()));
            names.flat_map(|(kind, name)| arns(target, kind, name)).collect()
        };
        let buses = of(&["AWS::Events::EventBus"]);
        let zones =
            self.others.iter().filter(|(kind, id)| kind == "AWS::Route53::HostedZone" && is_literal(id));
        let zones: Vec<String> = zones
            .map(|(_, id)| {
                Target { account: String::new(), ..target.clone() }
                    .arn_of_account("route53", &format!("hostedzone/{id}"))
            })
            .collect();
        let statements = [
            ("ReadParameters", vec!["ssm:GetParameter*"], of(&["AWS::SSM::Parameter"])),
            (
                "ReadSecrets",
                vec!["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                of(&["AWS::SecretsManager::Secret"]),
            ),
            ("Buses", vec!["events:*Rule*", "events:*Targets*", "events:DescribeEventBus"], buses),
            ("Records", vec!["route53:ChangeResourceRecordSets", "route53:GetHostedZone"], zones),
        ];
        let used = statements.into_iter().filter(|(_, _, resources)| !resources.is_empty());
        used.map(|(sid, actions, resources)| json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources }))
            .collect()
    }
}

/// The resources that a stack knows by name: those whose names it generates, and those whose names its template fixes.
pub(super) fn resources(
    target: &Target,
    (pipeline, stage): (&PipelineName, &StageName),
    names: &FixedNames,
) -> Vec<String> {
    let stack = stack_name(pipeline, stage);
    let generated = [
        ("cloudwatch", "*:{}-*"),
        ("dynamodb", "table/{}-*"),
        ("elasticache", "*:{}-*"),
        ("events", "api-destination/{}-*"),
        ("events", "archive/{}-*"),
        ("events", "connection/{}-*"),
        ("events", "rule/{}-*"),
        ("firehose", "deliverystream/{}-*"),
        ("kinesis", "stream/{}-*"),
        ("logs", "log-group:*{}-*"),
        ("pipes", "pipe/{}-*"),
        ("rds", "*:{}-*"),
        ("scheduler", "schedule*/{}-*"),
        ("secretsmanager", "secret:{}-*"),
        ("sns", "{}-*"),
        ("sqs", "{}-*"),
        ("ssm", "parameter/{}-*"),
        ("states", "*:{}-*"),
    ];
    let mut all: BTreeSet<String> =
        generated.map(|(service, resource)| target.arn(service, &resource.replace("{}", &stack))).into();
    all.insert(target.arn_of_bucket(&format!("{stack}-*")));
    all.insert(target.arn_of_account("cloudwatch", &format!("dashboard/{stack}-*")));
    all.insert(target.arn_of_account("cloudfront", &format!("function/{stack}-*")));
    all.insert(target.arn("logs", &format!("log-group:/aws/lambda/{}*", function_stem(pipeline, stage))));
    all.extend(names.own.iter().flat_map(|(kind, name)| arns(target, kind, name)));
    all.into_iter().collect()
}
