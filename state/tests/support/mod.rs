//! A local DynamoDB for a test: the endpoint in `SLUICE_TEST_DYNAMODB`, or an emulator that the test starts.
//!
//! The emulator listens on loopback and is killed when the test ends.

// The tests of the AWS adapter start the same emulator.
#[path = "../../../aws-adapter/tests/ports/harness/ministack.rs"]
mod ministack;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use ministack::Ministack;
use sluice_state::DynamoStore;
use tokio::net::TcpListener;

const REGION: &str = "us-east-1";

/// The DynamoDB of one test.
pub(crate) struct LocalDynamoDb {
    endpoint: String,
    _emulator: Option<Ministack>,
}

impl LocalDynamoDb {
    pub(crate) async fn start() -> Self {
        if let Ok(endpoint) = std::env::var("SLUICE_TEST_DYNAMODB") {
            return Self { endpoint, _emulator: None };
        }
        let emulator = Ministack::start().await;
        Self { endpoint: emulator.url.clone(), _emulator: Some(emulator) }
    }

    /// A store whose tables do not exist yet.
    pub(crate) fn store(&self) -> DynamoStore {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let table = format!("sluice-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        DynamoStore::new(&config(&self.endpoint), table)
    }

    /// A store with its own tables.
    pub(crate) async fn ready_store(&self) -> DynamoStore {
        let store = self.store();
        store.create_tables().await.expect("the tables are created");
        store
    }
}

/// A configuration like that of the bot, with ring for TLS.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "test",
        )))
        .endpoint_url(endpoint)
        .http_client(http)
        .build()
}

/// An unused port on loopback.
pub(crate) async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    listener.local_addr().expect("its address").port()
}
