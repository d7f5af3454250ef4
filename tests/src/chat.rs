//! People in a channel: what they type and click, what they are told, and what everybody reads.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::eventually::{PATIENCE, eventually};
use crate::world::World;

/// What Slack had back for a delivery.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status of the bot's answer; `None` if there was none.
    pub status: Option<u64>,
    /// By which a second delivery is known.
    pub trigger_id: String,
    /// The answer.
    pub body: Value,
}

impl Reply {
    pub(crate) fn new(answer: Value) -> Self {
        let trigger_id = answer["trigger_id"].as_str().unwrap_or_default().to_owned();
        Self { status: answer["http_status"].as_u64(), trigger_id, body: answer["ack_body"].clone() }
    }

    /// All words of the answer.
    pub fn words(&self) -> String {
        words(&self.body)
    }

    /// Fails unless the answer was understood by Slack and says each of these.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        assert_eq!(self.status, Some(200), "{self:?}");
        says_all(&self.words(), parts);
        self
    }
}

/// How an operation stands, as its message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Under way.
    Running,
    /// For a decision.
    Waiting,
    /// Over, as wanted.
    Succeeded,
    /// Over, with trouble.
    Failed,
    /// It cannot go on without an admin.
    Stuck,
}

/// A message that the channel, or one person, sees.
#[derive(Debug, Clone)]
pub struct Message(pub Value);

impl Message {
    /// Its id in the channel.
    pub fn ts(&self) -> &str {
        self.0["ts"].as_str().unwrap_or_default()
    }

    /// The operation that it is about.
    pub fn operation(&self) -> Option<&str> {
        self.payload()["operation"].as_str()
    }

    /// The thread that it stands in.
    pub fn thread(&self) -> Option<&str> {
        self.0["thread_ts"].as_str()
    }

    /// Everything that it says.
    pub fn words(&self) -> String {
        format!("{}\n{}", self.0["text"].as_str().unwrap_or_default(), words(&self.0["blocks"]))
    }

    /// The state of its operation, from the message's metadata. A message that is not an operation's own has none.
    pub fn state(&self) -> Option<State> {
        match self.payload()["status"].as_str()? {
            "running" | "unwinding" => Some(State::Running),
            "waiting" => Some(State::Waiting),
            "succeeded" => Some(State::Succeeded),
            "failed" => Some(State::Failed),
            "stuck" => Some(State::Stuck),
            other => panic!("unknown status {other:?} in {}", self.0),
        }
    }

    /// Whether it continues an earlier message of its operation, which the bot may have posted before a crash.
    pub fn is_continued(&self) -> bool {
        self.payload()["continued"] == true
    }

    fn payload(&self) -> &Value {
        &self.0["metadata"]["event_payload"]
    }

    /// Whether it has a button of this kind.
    pub fn has_button(&self, action: &str) -> bool {
        self.0["blocks"].to_string().contains(&format!("\"action_id\":\"{action}\""))
    }

    /// Whether it is the own message of an operation that this command began: its small print has a time and the command.
    pub fn is_of(&self, line: &str) -> bool {
        // Slack keeps what people typed escaped.
        let command = format!("`{}`", line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        let is_it = |line: &str| line.contains("<!date^") && line.contains(&command);
        self.state().is_some() && self.words().lines().any(is_it)
    }

    /// Fails unless it says each of these.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        says_all(&self.words(), parts);
        self
    }
}

/// A command that was typed, and where to look for what comes of it.
#[derive(Debug, Clone)]
pub struct Asked {
    world: World,
    /// What the author was told at once.
    pub reply: Reply,
    line: String,
    channel: String,
    before: Vec<String>,
    /// Where set, the one operation whose messages count.
    operation: Option<String>,
}

impl Asked {
    /// The same command, with that operation's messages alone, where the same line was typed more than once.
    #[must_use]
    pub fn only(mut self, operation: &Message) -> Self {
        self.operation = operation.operation().map(str::to_owned);
        self
    }

    /// The operation's messages: more than one only where the bot had to say it once more.
    pub async fn messages(&self) -> Vec<Message> {
        let all = self.world.messages(&self.channel).await;
        let new = all.into_iter().filter(|message| !self.before.iter().any(|ts| ts == message.ts()));
        new.filter(|message| match &self.operation {
            Some(operation) => message.operation() == Some(operation) && message.is_of(&self.line),
            None => message.is_of(&self.line),
        })
        .collect()
    }

    /// Waits until the operation's newest message says that it stands so.
    pub async fn stands(&self, state: State) -> Message {
        let what = format!("`{}` is to be {state:?}", self.line);
        eventually(what, PATIENCE, async || {
            let messages = self.messages().await;
            match messages.last() {
                Some(message) if message.state() == Some(state) => Ok(message.clone()),
                Some(message) => {
                    let seen = format!("{}\n{}", message.words(), self.world.log_tail());
                    let is_over = matches!(message.state(), Some(State::Failed | State::Succeeded));
                    assert!(!is_over, "`{}` was to be {state:?}:\n{seen}", self.line);
                    Err(seen)
                }
                None => {
                    Err(format!("no message; the answer was {:?}\n{}", self.reply, self.world.log_tail()))
                }
            }
        })
        .await
    }

    /// Waits until it succeeded.
    pub async fn succeeds(&self) -> Message {
        self.stands(State::Succeeded).await
    }

    /// Waits until it failed.
    pub async fn fails(&self) -> Message {
        self.stands(State::Failed).await
    }

    /// Waits until it can go neither forward nor back.
    pub async fn is_stuck(&self) -> Message {
        self.stands(State::Stuck).await
    }

    /// Waits until it waits for a decision.
    pub async fn waits(&self) -> Message {
        self.stands(State::Waiting).await
    }
}

impl World {
    /// Somebody types a line in the usual channel.
    pub async fn types(&self, user: &str, line: &str) -> Reply {
        self.types_in(self.channel(), user, line).await
    }

    /// Somebody types a line in a channel.
    pub async fn types_in(&self, channel: &str, user: &str, line: &str) -> Reply {
        let (command, text) = line.split_once(' ').unwrap_or((line, ""));
        let body = json!({"user": user, "channel": channel, "command": command, "text": text});
        self.deliver("command", body).await
    }

    /// Somebody types a line that begins an operation; its message is awaited with the result.
    pub async fn asks(&self, user: &str, line: &str) -> Asked {
        self.asks_in(self.channel(), self.channel(), user, line).await
    }

    /// The same in a channel `at`, where the message is expected in `told`.
    pub async fn asks_in(&self, at: &str, told: &str, user: &str, line: &str) -> Asked {
        let mut asked = self.expect(told, line).await;
        asked.reply = self.types_in(at, user, line).await;
        asked
    }

    /// What comes of a line that is about to be typed.
    pub async fn expect(&self, channel: &str, line: &str) -> Asked {
        let before = self.messages(channel).await.iter().map(|message| message.ts().to_owned()).collect();
        let reply = Reply::new(Value::Null);
        Asked {
            world: self.clone(),
            reply,
            line: line.to_owned(),
            channel: channel.to_owned(),
            before,
            operation: None,
        }
    }

    /// Somebody presses a button of a message in the usual channel.
    pub async fn clicks(&self, user: &str, message: &Message, action: &str) -> Reply {
        self.presses(user, message, action, false).await
    }

    /// Somebody presses a button that an outdated screen still shows.
    pub async fn clicks_late(&self, user: &str, message: &Message, action: &str) -> Reply {
        self.presses(user, message, action, true).await
    }

    /// Somebody presses a button that may be gone; `None` if it is.
    pub async fn tries_click(&self, user: &str, message: &Message, action: &str) -> Option<Reply> {
        let body = json!({
            "user": user, "channel": self.channel(), "ts": message.ts(), "action_id": action, "stale": false,
        });
        let (status, answer) = self.try_control("click", &body).await;
        (status == 200).then(|| Reply::new(answer))
    }

    async fn presses(&self, user: &str, message: &Message, action: &str, stale: bool) -> Reply {
        let body = json!({
            "user": user, "channel": self.channel(), "ts": message.ts(), "action_id": action, "stale": stale,
        });
        self.deliver("click", body).await
    }

    /// What each stage of a pipeline runs, by `/pipeline status`; `nothing` where that is so.
    pub async fn runs(&self, pipeline: &str) -> BTreeMap<String, String> {
        let status = self.types(self.ann(), &format!("/pipeline status {pipeline}")).await;
        assert_eq!(status.status, Some(200), "{status:?}");
        let words = status.words();
        let row = |row: &str| {
            let mut words = row.split(' ');
            let (stage, runs, release) = (words.next()?, words.next()?, words.next()?);
            (runs == "runs").then(|| (stage.to_owned(), release.to_owned()))
        };
        words.lines().filter_map(row).collect()
    }

    /// What everybody in a channel sees.
    pub async fn messages(&self, channel: &str) -> Vec<Message> {
        let answer = self.look(&format!("messages?channel={channel}")).await;
        let messages = answer["messages"].as_array().cloned().unwrap_or_default();
        messages.into_iter().filter(|message| message["deleted"] != true).map(Message).collect()
    }

    /// What only one person sees.
    pub async fn whispers(&self, user: &str) -> Vec<Message> {
        let answer = self.look(&format!("ephemeral?user={user}")).await;
        answer["messages"].as_array().cloned().unwrap_or_default().into_iter().map(Message).collect()
    }

    /// Waits until somebody is told something privately, after the `before` things that they were told already.
    pub async fn whispered(&self, user: &str, before: usize, parts: &[&str]) -> Message {
        let found = eventually(format!("{user} is to be told {parts:?}"), PATIENCE, async || {
            let all = self.whispers(user).await;
            let new = all.get(before..).unwrap_or_default();
            let found = new.iter().find(|message| parts.iter().all(|part| message.words().contains(part)));
            found.cloned().ok_or_else(|| new.iter().map(Message::words).collect::<Vec<_>>().join("\n--\n"))
        });
        found.await
    }
}

/// Every text in a piece of Block Kit, a line each.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let all: Vec<String> = values.iter().map(words).filter(|words| !words.is_empty()).collect();
            all.join("\n")
        }
        Value::Object(fields) => {
            if let Some(cells) = fields.get("rows").and_then(Value::as_array) {
                let rows =
                    cells.iter().map(|row| words(row).split_whitespace().collect::<Vec<_>>().join(" "));
                return rows.collect::<Vec<_>>().join("\n");
            }
            let told = ["text", "fields", "elements", "blocks", "user_id", "usergroup_id"];
            let all = told.iter().filter_map(|name| fields.get(*name)).map(words);
            all.filter(|words| !words.is_empty()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

#[track_caller]
fn says_all(text: &str, parts: &[&str]) {
    let text = text.replace('`', "");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not said in:\n{text}");
    }
}
