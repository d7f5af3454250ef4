//! A world: a sandbox with ports of its own, as a child process that ends with this program.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::binaries;
use crate::eventually::{PATIENCE, eventually};

/// If this variable is set, every world delivers by Socket Mode. Stories about signatures, addresses and a chosen replica need HTTP.
const OVER_SOCKETS: &str = "SLUICE_E2E_SOCKET";

/// Differences from the usual world.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The test starts the bot itself.
    pub no_bot: bool,
    /// The rules of a strict AWS to switch off, by name, separated by commas. `None`: the sandbox's own choice.
    pub lenient: Option<&'static str>,
    /// How long after a deploy the bot looks at the first minutes of the release, in seconds; 0: not at all.
    pub look_after: u32,
    /// Deliveries come by Socket Mode.
    pub socket: bool,
    /// Hides the requests from the independent checks: for a test whose template is an attack.
    pub unrecorded: bool,
}

/// The line that `--headless` prints when it is ready.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) page: String,
    pub(crate) bot: String,
    pub(crate) aws: String,
    pub(crate) git: String,
    pub(crate) stages: String,
    pub(crate) users: Vec<String>,
    pub(crate) channel: String,
    pub(crate) observer: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) folder: PathBuf,
}

/// The child process. It ends when its standard input closes, which also happens when this program ends.
#[derive(Debug)]
pub(crate) struct Sandbox {
    child: Child,
    stdin: Option<ChildStdin>,
    ready: Arc<Ready>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// A world. It ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) ready: Arc<Ready>,
    pub(crate) http: reqwest::Client,
    /// The bot that deliveries go to; `None` for the next one.
    pub(crate) to: Option<String>,
    pub(crate) sandbox: Arc<Sandbox>,
    /// The answers to questions for messages, with their revisions.
    pub(crate) known: Arc<Mutex<BTreeMap<String, Known>>>,
}

/// What the last look at some messages found.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The entity tag of the answer.
    pub(crate) revision: HeaderValue,
    /// The messages, as the control API shows them.
    pub(crate) messages: Vec<Arc<Value>>,
}

/// What a failed look saw, with the end of the bot's log when it is shown.
#[derive(Debug)]
pub(crate) struct Seen {
    what: String,
    world: World,
}

impl Display for Seen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.what, self.world.log_tail())
    }
}

impl World {
    /// Starts a world and waits until it is ready.
    pub async fn start(options: Options) -> Self {
        let world = Self::begin(options);
        world.lift_limits().await;
        world
    }

    /// The world, with its bot, that the tests of one module share: pass `module_path!()`. It ends with the last test that
    /// holds it, so a run has only a few worlds at a time.
    pub async fn shared(module: &'static str) -> Self {
        static SHARED: Mutex<BTreeMap<&str, Arc<Mutex<Weak<Sandbox>>>>> = Mutex::new(BTreeMap::new());
        let slot = SHARED.lock().unwrap().entry(module).or_default().clone();
        let world = {
            let mut slot = slot.lock().unwrap();
            match slot.upgrade() {
                Some(sandbox) => Self::of(sandbox),
                None => {
                    let world = Self::begin(Options::default());
                    *slot = Arc::downgrade(&world.sandbox);
                    world
                }
            }
        };
        world.lift_limits().await;
        world
    }

    /// A client of its own for each test: connections belong to the runtime that made them.
    fn of(sandbox: Arc<Sandbox>) -> Self {
        Self { ready: sandbox.ready.clone(), http: client(), to: None, sandbox, known: Arc::default() }
    }

    fn begin(options: Options) -> Self {
        let mut command = Command::new(binaries::sandbox());
        let look_after = options.look_after.to_string();
        command
            .args(["--headless", "--port", "0", "--look-after", &look_after])
            .env("SLUICE_SANDBOX_STDIN", "1");
        if options.no_bot {
            command.arg("--no-bot");
        }
        if options.socket || std::env::var_os(OVER_SOCKETS).is_some() {
            command.arg("--socket");
        }
        if let Some(rules) = options.lenient {
            command.args(["--lenient", rules]);
        }
        if options.unrecorded {
            command.env_remove("SANDBOX_RECORD");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the sandbox starts");
        let stdin = child.stdin.take();
        let line = first_line(child.stdout.take().unwrap());
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("the sandbox was not ready: {error}; it printed {line:?}, and more above")
        });
        Self::of(Arc::new(Sandbox { child, stdin, ready: Arc::new(ready) }))
    }

    /// The shell script by which a person's tools at a terminal use this world's AWS; everything is allowed to them.
    pub fn env_file(&self) -> PathBuf {
        self.ready.folder.join("env.sh")
    }

    /// `POST /control/{what}` for a delivery to the bot of [`World::via`], or to the next one.
    pub(crate) async fn deliver(&self, what: &str, mut body: Value) -> Value {
        if let Some(bot) = &self.to {
            body["bot"] = bot.as_str().into();
        }
        self.control(what, &body).await
    }

    /// Slack's limits fit a channel that people read; tests post faster.
    async fn lift_limits(&self) {
        let wide = json!({"burst": 100_000, "per_second": 100_000});
        self.control("limits", &json!({"post": wide, "update": wide})).await;
    }

    /// An admin.
    pub fn ann(&self) -> &str {
        &self.ready.users[0]
    }

    /// Another admin.
    pub fn bob(&self) -> &str {
        &self.ready.users[1]
    }

    /// A third admin.
    pub fn cyd(&self) -> &str {
        &self.ready.users[2]
    }

    /// A person without any role.
    pub fn eve(&self) -> &str {
        &self.ready.users[3]
    }

    /// A channel that the bot is a member of.
    pub fn channel(&self) -> &str {
        &self.ready.channel
    }

    /// The page's address.
    pub fn page_url(&self) -> &str {
        &self.ready.page
    }

    /// The bot's address.
    pub fn bot_url(&self) -> &str {
        &self.ready.bot
    }

    /// The environment of a bot in this world.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.ready.env
    }

    /// The folder of this world's logs and files.
    pub fn folder(&self) -> &PathBuf {
        &self.ready.folder
    }

    /// The HTTP client of this test.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Waits until a stage responds with this text: API Gateway and Lambda show a change late, as on AWS.
    pub async fn expect_response(&self, pipeline: &str, stage: &str, text: &str) -> String {
        self.expect_at(&self.stage_url(pipeline, stage), text).await
    }

    /// The same for any URL.
    pub async fn expect_at(&self, url: &str, text: &str) -> String {
        eventually(format!("{url} responds with {text:?}"), PATIENCE, async || {
            let (status, body) = self.get(url).await;
            if body.contains(text) { Ok(body) } else { Err(format!("{status}: {body}")) }
        })
        .await
    }

    /// Where APIs answer by their id, without a slash at its end.
    pub(crate) fn stages_url(&self) -> &str {
        let (url, _) =
            self.ready.stages.split_once("/{pipeline}").expect("the sandbox names where stages answer");
        url
    }

    /// The URL of a stage, without a slash at its end.
    pub fn stage_url(&self, pipeline: &str, stage: &str) -> String {
        self.ready.stages.replace("{pipeline}", pipeline).replace("{stage}", stage)
    }

    /// A GET request to a stage: status and body.
    pub async fn curl(&self, pipeline: &str, stage: &str) -> (u16, String) {
        self.get(&self.stage_url(pipeline, stage)).await
    }

    async fn get(&self, url: &str) -> (u16, String) {
        let answer = self.http.get(url).send().await.expect("the sandbox's API Gateway answers");
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }

    /// This, and the end of the bot's log once it is shown.
    pub(crate) fn with_log(&self, what: String) -> Seen {
        Seen { what, world: self.clone() }
    }

    /// The end of the bot's log, for failure messages.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(self.ready.folder.join("bot.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "    {line}");
            text
        })
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn first_line(stdout: ChildStdout) -> String {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("the sandbox's output can be read");
    line
}
