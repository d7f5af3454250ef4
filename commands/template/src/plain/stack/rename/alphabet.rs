//! The name of a resource with a stage behind it, in the alphabet and length of its type.

use crate::names::cut_with_hash;
use sluice_model::StageName;

/// The most characters of names, by type. From the pages of the types in
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>.
const LENGTHS: [(&str, usize); 26] = [
    ("AWS::CloudWatch::Alarm", 255),
    ("AWS::CloudWatch::Dashboard", 255),
    ("AWS::Cognito::UserPoolDomain", 63),
    ("AWS::DynamoDB::GlobalTable", 255),
    ("AWS::DynamoDB::Table", 255),
    ("AWS::ECR::Repository", 256),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", 32),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", 32),
    ("AWS::Events::EventBus", 256),
    ("AWS::Events::Rule", 64),
    ("AWS::IAM::ManagedPolicy", 128),
    ("AWS::IAM::Role", 64),
    ("AWS::IoT::TopicRule", 128),
    ("AWS::KMS::Alias", 256),
    ("AWS::Kinesis::Stream", 128),
    ("AWS::KinesisFirehose::DeliveryStream", 64),
    ("AWS::Lambda::Function", 64),
    ("AWS::Logs::LogGroup", 512),
    ("AWS::OpenSearchService::Domain", 28),
    ("AWS::S3::Bucket", 63),
    ("AWS::SNS::Topic", 256),
    ("AWS::SQS::Queue", 80),
    ("AWS::SSM::Parameter", 1_011),
    ("AWS::Scheduler::Schedule", 64),
    ("AWS::SecretsManager::Secret", 512),
    ("AWS::StepFunctions::StateMachine", 80),
];
/// An export's name.
const EXPORT: usize = 255;
/// Of types that are not listed.
const SHORT: usize = 64;
/// Types whose names have no hyphen.
const UNDERSCORED: [&str; 4] =
    ["AWS::Glue::Database", "AWS::IoT::TopicRule", "AWS::Lex::Bot", "AWS::RDS::DBParameterGroup"];
/// The end of the names of FIFO queues and topics, which has to stay there.
const FIFO: &str = ".fifo";

/// The name on a further stage. `kind` is empty for the name of an export.
pub(super) fn suffixed(kind: &str, name: &str, stage: &StageName) -> String {
    let listed = LENGTHS.iter().find(|(of, _)| *of == kind).map(|(_, length)| *length);
    let is_export = kind.is_empty();
    // A name that is longer than the guess shows that its type takes it.
    let limit = listed.unwrap_or(if is_export { EXPORT } else { SHORT.max(name.len()) });
    let (stem, end) = name.strip_suffix(FIFO).map_or((name, ""), |stem| (stem, FIFO));
    let text = cut_with_hash(&format!("{stem}-{stage}"), limit.saturating_sub(end.len()));
    let text = match UNDERSCORED.contains(&kind) {
        true => text.replace('-', "_"),
        false => text,
    };
    text + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_is_in_the_alphabet_and_length_of_the_type() {
        let stage = StageName::new("eu-prod").unwrap();
        for (kind, name, expected) in [
            ("AWS::DynamoDB::Table", "orders", "orders-eu-prod"),
            ("AWS::SQS::Queue", "orders.fifo", "orders-eu-prod.fifo"),
            ("AWS::IoT::TopicRule", "orders_rule", "orders_rule_eu_prod"),
            ("AWS::Logs::LogGroup", "/app/orders", "/app/orders-eu-prod"),
            ("", "orders:Url", "orders:Url-eu-prod"),
        ] {
            assert_eq!(suffixed(kind, name, &stage), expected);
        }
        for (kind, limit) in LENGTHS {
            assert!(suffixed(kind, &"a".repeat(limit), &stage).len() <= limit, "{kind}");
            assert!(suffixed(kind, &("a".repeat(limit - 5) + FIFO), &stage).ends_with(FIFO), "{kind}");
        }
        assert!(LENGTHS.is_sorted());
    }
}
