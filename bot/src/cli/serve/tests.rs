use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sluice_commands::installation::Invocation;
use sluice_model::{Answer, Card, Target, Tone, UserId};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use url::Url;

use super::server::{Connections, Listeners, serve};
use super::*;
use crate::backend::{Backend, Parts, Progress};
use crate::notify::CliOutput;
use crate::slack::{CommandHandler, Method, SlackError, Unavailable, WebApi};
use crate::startup::{CheckResult, StartupError};
use crate::tasks::Tasks;

/// Slack and AWS: they fail as scripted, and then succeed.
#[derive(Default)]
struct Outside {
    slack: Mutex<VecDeque<SlackError>>,
    aws: Mutex<VecDeque<StartupError>>,
    /// Delays the assembly of the command handler.
    assembly: Mutex<Option<mpsc::Receiver<()>>>,
}

#[async_trait]
impl WebApi for Outside {
    async fn call(&self, _: Method, _: &Value) -> Result<Value, SlackError> {
        match self.slack.lock().pop_front() {
            Some(error) => Err(error),
            None => Ok(json!({ "ok": true, "team_id": "T1" })),
        }
    }
    async fn respond(&self, _: &Url, _: &Value) -> Result<(), SlackError> {
        Ok(())
    }
}

fn over_http(outside: &Arc<Outside>) -> Connections {
    Connections { slack: outside.clone(), dialer: None }
}

struct Echo;

#[async_trait]
impl CommandHandler for Echo {
    async fn handle(&self, _: Invocation) -> Result<Answer, Unavailable> {
        Ok(Answer::private(Card::new(Tone::Good, "Done")))
    }
}

#[async_trait]
impl Backend for Outside {
    async fn preflight(&self) -> Result<Target, StartupError> {
        match self.aws.lock().pop_front() {
            Some(error) => Err(error),
            None => Ok(Target { account: "123456789012".into(), region: "eu-central-1".into() }),
        }
    }
    async fn ping(&self) -> Result<(), StartupError> {
        self.preflight().await.map(drop)
    }
    fn assemble(&self, _: Target, _: Parts) -> Result<Arc<dyn CommandHandler>, StartupError> {
        if let Some(assembly) = self.assembly.lock().take() {
            assembly.recv().unwrap();
        }
        Ok(Arc::new(Echo))
    }
    fn assemble_for_cli(
        &self,
        _: Target,
        _: CliOutput,
        _: Tasks,
    ) -> Result<Arc<dyn CommandHandler>, StartupError> {
        Ok(Arc::new(Echo))
    }
    async fn init(&self, _: &[UserId], _: &str, _: Progress<'_>) -> Result<(), StartupError> {
        Ok(())
    }
    async fn check(&self) -> Vec<CheckResult> {
        vec![]
    }
    async fn check_account(&self) -> Vec<CheckResult> {
        vec![]
    }
}

fn only(slack: TcpListener) -> Listeners {
    Listeners { slack, metrics: None }
}

fn config() -> Config {
    let env = [("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_SIGNING_SECRET", "s")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Config::load(crate::config::Sources { flags: Default::default(), env }).unwrap()
}

/// Serves and requests a page until it has the expected status. Returns the page, and the exit.
async fn page(outside: Outside, path: &str, expected: u16) -> (String, Exit) {
    let outside = Arc::new(outside);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(Notify::new());
    let config = config();
    let serving = serve(only(listener), &config, over_http(&outside), outside, false, stop.notified());
    let asking = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let (status, page) = get(address, path).await;
            if status == expected {
                stop.notify_one();
                return page;
            }
            assert!(tokio::time::Instant::now() < deadline, "{status}: {page}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (exit, page) = futures::future::join(serving, asking).await;
    (page, exit)
}

async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn it_becomes_ready_and_stops_on_request() {
    let (page, exit) = page(Outside::default(), "/readyz", 200).await;
    assert_eq!((page.as_str(), exit), ("ready\n", Exit::Done));
}

/// People who wait for `/readyz` type a command right then.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_before_it_can_handle_commands() {
    let (assembled, assembly) = mpsc::channel();
    let outside = Outside { assembly: Mutex::new(Some(assembly)), ..Outside::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (outside, stop) = (Arc::new(outside), Arc::new(Notify::new()));
    let config = config();
    let serving = serve(only(listener), &config, over_http(&outside), outside, false, stop.notified());
    let until = async |wanted: (u16, &str)| {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while get(address, "/readyz").await != (wanted.0, wanted.1.to_owned()) {
            assert!(tokio::time::Instant::now() < deadline, "never {wanted:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let asking = async {
        until((503, "commands: starting\n")).await;
        assembled.send(()).unwrap();
        until((200, "ready\n")).await;
        stop.notify_one();
    };
    assert_eq!(futures::future::join(serving, asking).await.0, Exit::Done);
}

#[tokio::test]
async fn it_waits_for_an_outage_and_reports_it() {
    let outage = || Outside {
        slack: Mutex::new([SlackError::Unreachable, SlackError::Unknown].into()),
        aws: Mutex::new([StartupError::Temporary("DynamoDB cannot be reached".into())].into()),
        ..Outside::default()
    };
    let (told, exit) = page(outage(), "/readyz", 503).await;
    assert_eq!(exit, Exit::Done);
    assert!(told.contains("slack: ") && told.contains("state: "), "{told}");
    assert_eq!(page(outage(), "/healthz", 200).await.1, Exit::Done);
    assert_eq!(page(outage(), "/readyz", 200).await.1, Exit::Done);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_start_also_during_an_outage() {
    let refused = SlackError::Refused("invalid_auth".into());
    let temporary = || (0..1_000).map(|_| StartupError::Temporary("down".into())).collect();
    for outside in [
        Outside {
            slack: Mutex::new([SlackError::Unreachable, refused].into()),
            aws: Mutex::new(temporary()),
            ..Outside::default()
        },
        Outside {
            aws: Mutex::new([StartupError::Permanent("run `sluice init`".into())].into()),
            ..Outside::default()
        },
    ] {
        let outside = Arc::new(outside);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let exit = serve(
            only(listener),
            &config(),
            over_http(&outside),
            outside,
            false,
            std::future::pending::<()>(),
        )
        .await;
        assert_eq!(exit, Exit::Refused);
    }
}
