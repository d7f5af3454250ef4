//! ARNs, and nothing else that depends on the partition of a region: every ARN that Sluice writes is made here.

use crate::Target;

/// The partitions whose regions begin so, with their domain; all other regions are of `aws`. From
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html> and the SDKs' list.
const PARTITIONS: &[(&str, &str, &str)] = &[
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
];

fn known(region: &str) -> (&'static str, &'static str) {
    let found = PARTITIONS.iter().find(|(begin, ..)| region.starts_with(begin));
    found.map_or(("aws", "amazonaws.com"), |(_, partition, domain)| (*partition, *domain))
}

/// The partition that a region belongs to, as ARNs begin: `aws`, `aws-cn`, `aws-us-gov`.
pub fn partition(region: &str) -> &'static str {
    known(region).0
}

/// The domain of AWS in a region's partition.
pub fn url_suffix(region: &str) -> &'static str {
    known(region).1
}

impl Target {
    /// The ARN of a resource of this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { account, region } = self;
        format!("arn:{}:{service}:{region}:{account}:{resource}", partition(region))
    }

    /// The ARN of a resource of this account that is in no region: IAM's.
    pub fn arn_of_account(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}::{}:{resource}", partition(&self.region), self.account)
    }

    /// The ARN of a resource of this region that names no account: API Gateway's own.
    pub fn arn_of_region(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}::{resource}", partition(&self.region), self.region)
    }

    /// The ARN of a bucket, or of objects in it.
    pub fn arn_of_bucket(&self, resource: &str) -> String {
        format!("arn:{}:s3:::{resource}", partition(&self.region))
    }

    /// The address of an object in a bucket of this region.
    pub fn url_of_object(&self, bucket: &str, key: &str) -> String {
        format!("https://{bucket}.s3.{}.{}/{key}", self.region, url_suffix(&self.region))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_of_the_partition_of_its_region() {
        let at = |region: &str| Target { account: "123456789012".into(), region: region.into() };
        assert_eq!(
            at("eu-central-1").arn("lambda", "function:f"),
            "arn:aws:lambda:eu-central-1:123456789012:function:f"
        );
        assert_eq!(at("cn-north-1").arn_of_account("iam", "role/r"), "arn:aws-cn:iam::123456789012:role/r");
        assert_eq!(at("us-gov-west-1").arn_of_bucket("b/*"), "arn:aws-us-gov:s3:::b/*");
        assert_eq!(
            at("eusc-de-east-1").arn_of_region("apigateway", "/apis"),
            "arn:aws-eusc:apigateway:eusc-de-east-1::/apis"
        );
        assert_eq!((partition("us-iso-east-1"), partition("us-isob-east-1")), ("aws-iso", "aws-iso-b"));
        assert_eq!(
            (url_suffix("cn-north-1"), url_suffix("eu-west-1")),
            ("amazonaws.com.cn", "amazonaws.com")
        );
    }
}
