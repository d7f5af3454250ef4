//! Shared by the tests: all ports against an endpoint on this machine, configured as in production.

pub(crate) mod ministack;
pub(crate) mod recorded_server;

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use sluice_aws_adapter::{Aws, config};
use sluice_model::{Class, PortError, Target};

/// The configured region.
pub(crate) const REGION: &str = "us-east-1";

/// Ministack's default account.
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

/// Like [`aws`], with a short timeout.
pub(crate) async fn impatient(endpoint: &str) -> Aws {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(200)).build();
    ports(&loader(REGION, endpoint).timeout_config(timeouts).load().await)
}

/// The production configuration, except for endpoint, credentials and the pause between two attempts.
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

/// The parts of an error that upper layers use.
pub(crate) fn summary(error: &PortError) -> (&'static str, Class, &str) {
    (error.call, error.class, &error.code)
}
