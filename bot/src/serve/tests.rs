use std::collections::VecDeque;
use std::sync::{Mutex, mpsc};

use async_trait::async_trait;
use serde_json::Value;
use sluice_commands::service::Invocation;
use sluice_model::{Answer, Card, Target, Tone, UserId};
use tokio::sync::Notify;
use url::Url;

use super::*;
use crate::backend::Finding;
use crate::ingress::{Delayed, Handles};
use crate::terminal::Screen;

/// A Slack and a cloud that answer as scripted, and then well.
#[derive(Default)]
struct Outside {
    slack: Mutex<VecDeque<Trouble>>,
    fake_aws: Mutex<VecDeque<Obstacle>>,
    /// What is waited for before there is anybody who could take a command.
    assembly: Mutex<Option<mpsc::Receiver<()>>>,
}

#[async_trait]
impl WebApi for Outside {
    async fn call(&self, _: Method, _: &Value) -> Result<Value, Trouble> {
        match self.slack.lock().unwrap().pop_front() {
            Some(trouble) => Err(trouble),
            None => Ok(json!({ "ok": true, "team_id": "T1" })),
        }
    }
    async fn respond(&self, _: &Url, _: &Value) -> Result<(), Trouble> {
        Ok(())
    }
}

struct Echo;

#[async_trait]
impl Handles for Echo {
    async fn handle(&self, _: Invocation) -> Result<Answer, Delayed> {
        Ok(Answer::private(Card::new(Tone::Good, "Done")))
    }
}

#[async_trait]
impl Backend for Outside {
    async fn inspect(&self) -> Result<Target, Obstacle> {
        match self.fake_aws.lock().unwrap().pop_front() {
            Some(obstacle) => Err(obstacle),
            None => Ok(Target { account: "123456789012".into(), region: "eu-central-1".into() }),
        }
    }
    async fn ping(&self) -> Result<(), Obstacle> {
        self.inspect().await.map(drop)
    }
    fn assemble(&self, _: Target, _: Parts) -> Result<Arc<dyn Handles>, Obstacle> {
        if let Some(assembly) = self.assembly.lock().unwrap().take() {
            assembly.recv().unwrap();
        }
        Ok(Arc::new(Echo))
    }
    fn seat(&self, _: Target, _: Screen, _: Tasks) -> Result<Arc<dyn Handles>, Obstacle> {
        Ok(Arc::new(Echo))
    }
    async fn init(&self, _: &[UserId], _: &str, _: crate::backend::Tell<'_>) -> Result<(), Obstacle> {
        Ok(())
    }
    async fn examine(&self) -> Vec<Finding> {
        vec![]
    }
    async fn examine_account(&self) -> Vec<Finding> {
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

/// Runs a bot and asks for a page until its status is the expected one; gives the page, and how the bot ended.
async fn page(outside: Outside, path: &str, expected: u16) -> (String, Exit) {
    let outside = Arc::new(outside);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(Notify::new());
    let config = config();
    let serving = serve(only(listener), &config, outside.clone(), outside, false, stop.notified());
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
async fn it_becomes_ready_and_stops_when_told() {
    let (page, exit) = page(Outside::default(), "/readyz", 200).await;
    assert_eq!((page.as_str(), exit), ("ready\n", Exit::Done));
}

/// People who wait for `/readyz` type at that very moment.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_before_it_takes_commands() {
    let (assembled, assembly) = mpsc::channel();
    let outside = Outside { assembly: Mutex::new(Some(assembly)), ..Outside::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (outside, stop) = (Arc::new(outside), Arc::new(Notify::new()));
    let config = config();
    let serving = serve(only(listener), &config, outside.clone(), outside, false, stop.notified());
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
async fn an_outage_is_waited_for_and_told() {
    let outage = || Outside {
        slack: Mutex::new([Trouble::Unreached, Trouble::Unknown].into()),
        fake_aws: Mutex::new([Obstacle::Passing("DynamoDB cannot be reached".into())].into()),
        ..Outside::default()
    };
    let (told, exit) = page(outage(), "/readyz", 503).await;
    assert_eq!(exit, Exit::Done);
    assert!(told.contains("slack: ") && told.contains("state: "), "{told}");
    assert_eq!(page(outage(), "/healthz", 200).await.1, Exit::Done);
    assert_eq!(page(outage(), "/readyz", 200).await.1, Exit::Done);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_start_even_during_an_outage_of_the_other() {
    let refused = Trouble::Refused("invalid_auth".into());
    let passing = || (0..1_000).map(|_| Obstacle::Passing("down".into())).collect();
    for outside in [
        Outside {
            slack: Mutex::new([Trouble::Unreached, refused].into()),
            fake_aws: Mutex::new(passing()),
            ..Outside::default()
        },
        Outside {
            fake_aws: Mutex::new([Obstacle::Refused("run `sluice init`".into())].into()),
            ..Outside::default()
        },
    ] {
        let outside = Arc::new(outside);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let exit =
            serve(only(listener), &config(), outside.clone(), outside, false, std::future::pending::<()>())
                .await;
        assert_eq!(exit, Exit::Refused);
    }
}
