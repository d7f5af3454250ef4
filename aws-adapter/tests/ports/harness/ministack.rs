//! A ministack for one test, on a free port on loopback.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Enough for a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// An emulator that runs until the value is dropped.
pub(crate) struct Ministack {
    pub url: String,
    child: Child,
}

impl Ministack {
    /// Starts an emulator and waits until it is healthy.
    pub(crate) async fn start() -> Self {
        let program = program();
        assert!(
            program.exists(),
            "{} is missing: run `cargo sandbox --setup`, or set SLUICE_MINISTACK",
            program.display()
        );
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let child = Command::new(&program)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "localhost")
            .env("MINISTACK_REGION", super::REGION)
            .env("IOT_MTLS_ENABLED", "0")
            .env("LOG_LEVEL", "WARNING")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let mut started = Self { url: format!("http://127.0.0.1:{port}"), child };
        let deadline = Instant::now() + START_TIMEOUT;
        while !started.is_healthy(port) {
            assert!(Instant::now() < deadline, "ministack is not healthy after {START_TIMEOUT:?}");
            if let Ok(Some(status)) = started.child.try_wait() {
                panic!("ministack ended with {status}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        started
    }

    fn is_healthy(&self, port: u16) -> bool {
        use std::io::{Read, Write};
        let check = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(
                b"GET /_ministack/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            )?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer)?;
            Ok(answer.ends_with(b"200"))
        };
        check().unwrap_or(false)
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of the emulator.
pub(crate) fn program() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/sandbox/venv/bin/ministack");
    std::env::var_os("SLUICE_MINISTACK").map_or_else(|| default.into(), PathBuf::from)
}
