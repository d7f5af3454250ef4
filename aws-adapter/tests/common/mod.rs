//! What the tests on the wire share: a configuration for an endpoint on this machine.
#![allow(dead_code, missing_docs, reason = "each test binary uses its part of this")]

pub mod ministack;
pub mod wire;

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use sluice_aws_adapter::{Aws, config};
use sluice_commands::ids::Target;

/// The region that the tests are configured for.
pub const REGION: &str = "us-east-1";

/// The account that ministack is without another word.
pub fn target() -> Target {
    Target { account: "000000000000".into(), region: REGION.into() }
}

/// All ports against that endpoint, with the retries that production has.
pub fn aws(endpoint: &str) -> Aws {
    aws_within(endpoint, config::timeouts())
}

/// As [`aws`], but with the patience of a test that waits for its end.
pub fn impatient(endpoint: &str) -> Aws {
    aws_within(
        endpoint,
        TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(200)).build(),
    )
}

fn aws_within(endpoint: &str, timeouts: TimeoutConfig) -> Aws {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .retry_config(config::retries().with_initial_backoff(Duration::from_millis(1)))
        .timeout_config(timeouts)
        .build();
    Aws::new(&config).expect("a region is configured")
}
