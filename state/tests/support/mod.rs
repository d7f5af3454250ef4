//! A local DynamoDB for a test: the one that `SLUICE_TEST_DYNAMODB` names, or an emulator of the test's own.
//!
//! The emulator listens on loopback, and is killed by its pid when the test ends, however it ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use sluice_state::DynamoStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long the emulator may take on a busy machine; a second is usual.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where DynamoDB is for this test.
pub(crate) struct Local {
    endpoint: String,
    _emulator: Option<Emulator>,
}

struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Local {
    pub(crate) async fn start() -> Self {
        if let Ok(endpoint) = std::env::var("SLUICE_TEST_DYNAMODB") {
            return Self { endpoint, _emulator: None };
        }
        let program = program();
        assert!(
            program.exists(),
            "no local AWS at {}: run `cargo sandbox --setup`, or name a DynamoDB endpoint in SLUICE_TEST_DYNAMODB",
            program.display()
        );
        let port = free_port().await;
        let child = Command::new(&program)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "localhost")
            .env("MINISTACK_REGION", "us-east-1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("LOG_LEVEL", "WARNING")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let mut emulator = Emulator(child);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let healthy = async {
            while !is_healthy(address).await {
                let ended = emulator.0.try_wait().expect("the emulator's state");
                assert_eq!(ended, None, "{} ended before it was ready", program.display());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, healthy).await.expect("the local AWS becomes healthy");
        Self { endpoint: format!("http://{address}"), _emulator: Some(emulator) }
    }

    /// A store on a table of its own, which is not made yet.
    pub(crate) fn store(&self) -> DynamoStore {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let table = format!("sluice-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        DynamoStore::new(&config(&self.endpoint), table)
    }

    /// A store on a table of its own, which is ready.
    pub(crate) async fn ready(&self) -> DynamoStore {
        let store = self.store();
        store.create_tables().await.expect("the tables are made");
        store
    }
}

/// A configuration as the bot makes one: TLS by ring alone.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "test",
        )))
        .endpoint_url(endpoint)
        .http_client(http)
        .build()
}

/// A port of loopback on which nobody listens.
pub(crate) async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn program() -> PathBuf {
    std::env::var_os("SLUICE_MINISTACK").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/sandbox/venv/bin/ministack"),
        PathBuf::from,
    )
}

async fn is_healthy(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request =
            format!("GET /_ministack/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.ok()?;
        Some(answer == *b"HTTP/1.1 200")
    };
    ask.await.unwrap_or(false)
}
