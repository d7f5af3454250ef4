//! What the tests share: all ports against an endpoint on this machine, configured as in production.

pub(crate) mod ministack;
pub(crate) mod wire;

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use sluice_aws_adapter::{Aws, config};
use sluice_model::{Class, PortError, Target};

/// The region that the tests are configured for.
pub(crate) const REGION: &str = "us-east-1";

/// The account that ministack is without another word.
pub(crate) fn target() -> Target {
    Target { account: "000000000000".into(), region: REGION.into() }
}

/// All ports against that endpoint.
pub(crate) async fn aws(endpoint: &str) -> Aws {
    aws_in(REGION, endpoint).await
}

/// All ports against that endpoint, in another region.
pub(crate) async fn aws_in(region: &str, endpoint: &str) -> Aws {
    ports(&loader(region, endpoint).load().await)
}

/// As [`aws`], but without the patience for an answer that will not come.
pub(crate) async fn impatient(endpoint: &str) -> Aws {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(200)).build();
    ports(&loader(REGION, endpoint).timeout_config(timeouts).load().await)
}

/// What production loads, but for where it goes, who it is, and how long it rests between two tries.
pub(crate) fn loader(region: &str, endpoint: &str) -> ConfigLoader {
    config::loader()
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .retry_config(config::retries().with_initial_backoff(Duration::from_millis(1)))
}

fn ports(config: &SdkConfig) -> Aws {
    Aws::new(config).expect("a region is configured")
}

/// What the layers above read of an error.
pub(crate) fn seen(error: &PortError) -> (&'static str, Class, &str) {
    (error.call, error.class, &error.code)
}
