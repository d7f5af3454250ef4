//! An emulator of one's own for a test: started on a free port, stopped when it is dropped.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use sluice_state::DynamoStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long the emulator may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running emulator. It is killed by its pid on drop.
pub struct Ministack {
    pub port: u16,
    _process: Child,
}

impl Ministack {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let program = program();
        assert!(
            program.is_file(),
            "{} is missing: run `cargo sandbox --setup`, or name another in SLUICE_MINISTACK",
            program.display()
        );
        let port = free_port();
        let process = Command::new(&program)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "localhost")
            .env("MINISTACK_REGION", "us-east-1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("LOG_LEVEL", "WARNING")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("ministack starts");
        let mut emulator = Self { port, _process: process };
        tokio::time::timeout(PATIENCE, emulator.until_healthy()).await.expect("ministack answers in time");
        emulator
    }

    async fn until_healthy(&mut self) {
        while !is_healthy(self.port).await {
            let ended = self._process.try_wait().expect("ministack can be waited for");
            assert!(ended.is_none(), "ministack ended at once: {ended:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A store on a table of that name, which is not made yet.
    pub fn store(&self, table: &str) -> DynamoStore {
        DynamoStore::new(&config(self.port, Builder::new().build_http()), table)
    }
}

/// What `aws-config` would load: the endpoint as `AWS_ENDPOINT_URL_DYNAMODB` gives it.
pub fn config(port: u16, http: SharedHttpClient) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .retry_config(RetryConfig::standard())
        .http_client(http)
        .build()
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

fn program() -> PathBuf {
    match std::env::var_os("SLUICE_MINISTACK") {
        Some(program) => program.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/sandbox/venv/bin/ministack"),
    }
}

async fn is_healthy(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(b"GET /_ministack/health HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    ask.await.is_ok_and(|answer| answer.starts_with(b"HTTP/1.") && answer.get(8..12) == Some(b" 200"))
}
