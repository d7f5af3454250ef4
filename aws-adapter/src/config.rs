//! The configuration of all AWS clients: region, endpoints, credentials, timeouts and retries.
//!
//! All clients share one HTTP client, and so one pool of connections.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::service_config::ServiceConfigKey;
use url::{Host, Url};

/// Loads the configuration like every AWS SDK (environment, profile, container, instance). Call it once per process.
pub async fn load() -> SdkConfig {
    loader().load().await
}

/// The loader of [`load`], for callers that change it: an endpoint, a region.
pub fn loader() -> ConfigLoader {
    // One TLS stack with one crypto provider in the whole binary: ring. Plain http endpoints work too.
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts())
        .retry_config(retries());
    match AppName::new("sluice") {
        Ok(name) => loader.app_name(name),
        Err(_) => loader,
    }
}

/// No call hangs, and all attempts together stay below a lease of 15 s (DESIGN 5): when an operation's owner changes, no
/// call of the former owner is in progress. Preconditions, tokens and names make a late call harmless anyway.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(11))
        .build()
}

/// The SDK makes two attempts; the long backoff is the journal's. A mutation is retried only if it certainly had no effect.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(200))
}

/// A service's endpoint, if the configuration has one.
pub(crate) fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let own = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok();
    own.and_then(|key| config.service_config()?.load_config(key))
        .or_else(|| config.endpoint_url().map(str::to_owned))
}

/// A service's endpoint if it is an IP address or `localhost`. Names of buckets and APIs cannot be part of such a host name.
pub(crate) fn local_endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    endpoint(config, service).filter(|endpoint| is_local(endpoint))
}

fn is_local(endpoint: &str) -> bool {
    match Url::parse(endpoint).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use aws_types::service_config::LoadServiceConfig;

    use super::*;

    #[test]
    fn ip_addresses_and_localhost_are_local() {
        for local in
            ["http://127.0.0.1:4566", "http://[::1]:4566", "http://localhost:9000/", "https://10.0.0.7"]
        {
            assert!(is_local(local), "{local}");
        }
        for named in ["https://s3.eu-central-1.amazonaws.com", "https://minio.example.org", "nonsense", ""] {
            assert!(!is_local(named), "{named}");
        }
    }

    #[test]
    fn the_endpoint_of_a_service_overrides_the_general_one() {
        let all = |url: &str| SdkConfig::builder().endpoint_url(url);
        let is_local = |config: SdkConfig| local_endpoint(&config, "S3").is_some();
        assert!(is_local(all("http://127.0.0.1:1").build()));
        assert!(!is_local(all("https://aws.example.org").build()));
        assert!(!is_local(SdkConfig::builder().build()));
        let own = |url| all("https://aws.example.org").service_config(OfS3(url)).build();
        assert!(is_local(own("http://127.0.0.1:2")));
        assert!(!is_local(own("https://s3.example.org")));
    }

    /// Like the environment variable `AWS_ENDPOINT_URL_S3`.
    #[derive(Debug)]
    struct OfS3(&'static str);

    impl LoadServiceConfig for OfS3 {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            (key.service_id() == "S3" && key.env() == "AWS_ENDPOINT_URL").then(|| self.0.to_owned())
        }
    }
}
