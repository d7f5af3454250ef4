//! The sandbox as a program: what it prints, how it ends, and that it leaves nothing running.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The first run installs the local AWS.
const PATIENCE: Duration = Duration::from_secs(180);

fn sandbox(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-sandbox"));
    command.args(args).env("SLUICE_SANDBOX_STDIN", "1").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn start() -> (Child, Value) {
    let mut child = sandbox(&["--headless", "--no-bot", "--port", "0"]).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    tokio::time::timeout(PATIENCE, stdout.read_line(&mut line)).await.expect("the sandbox is ready").unwrap();
    if line.is_empty() {
        let output = child.wait_with_output().await.unwrap();
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    }
    (child, serde_json::from_str(&line).unwrap())
}

async fn answers(url: &str) -> bool {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(url).send().await.is_ok()
}

async fn stops_answering(url: &str) {
    let stopped = async {
        while answers(url).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), stopped)
        .await
        .unwrap_or_else(|_| panic!("{url} still answers"));
}

const SERVED: [&str; 6] = ["page", "aws", "codecommit", "codebuild", "git", "stages"];

fn url(line: &Value, name: &str) -> String {
    line[name].as_str().unwrap().replace(['{', '}'], "")
}

/// The process id of the emulator, a child of the sandbox.
fn emulator_of(child: &Child) -> u32 {
    let parent = child.id().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    ids.find(|id| {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
        let stat = read("stat");
        let parent_id =
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parent_id == Some(parent) && read("cmdline").contains("emulator.py")
    })
    .expect("the emulator runs")
}

fn alive(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn the_json_has_the_addresses_and_the_sandbox_ends_with_its_starter() {
    let (mut child, line) = start().await;
    for name in SERVED {
        assert!(answers(&url(&line, name)).await, "{name}");
    }
    assert!(!answers(&url(&line, "bot")).await, "--no-bot starts no bot");
    assert!(line["users"].as_array().unwrap().len() >= 4);
    for name in ["SLACK_BOT_TOKEN", "SLACK_API_URL", "SLUICE_LISTEN", "SLUICE_CONFIG", "AWS_ENDPOINT_URL"] {
        assert!(line["env"][name].is_string(), "{name}");
    }
    let emulator = emulator_of(&child);
    drop(child.stdin.take());
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("it ends").unwrap();
    assert!(status.success(), "{status}");
    assert!(!alive(emulator));
    for name in SERVED {
        assert!(!answers(&url(&line, name)).await, "{name}");
    }
}

#[tokio::test]
async fn killing_the_sandbox_leaves_nothing_running() {
    let (mut child, line) = start().await;
    let emulator = emulator_of(&child);
    child.kill().await.unwrap();
    let gone = async {
        while alive(emulator) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the emulator is gone");
    stops_answering(&url(&line, "aws")).await;
}

#[tokio::test]
async fn a_port_in_use_is_reported_and_nothing_starts() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let mut sandbox = sandbox(&["--headless", "--no-bot", "--port", &port]);
    // `output` closes the standard input at once, which must not end the sandbox here.
    let output = sandbox.env_remove("SLUICE_SANDBOX_STDIN").output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains(&format!("port {port} ")) && error.contains("--port"), "{error}");
    assert!(output.stdout.is_empty());
}
