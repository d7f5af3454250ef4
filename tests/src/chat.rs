//! People in a channel: what they type and click, the answers to them alone, and the messages that everybody reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::eventually::{PATIENCE, eventually, eventually_every};
use crate::world::World;

/// The bot's answer to a delivery.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status; `None` if there was no answer.
    pub status: Option<u64>,
    /// The delivery's id, by which it can be sent again.
    pub trigger_id: String,
    /// The answer.
    pub body: Value,
}

impl Reply {
    fn new(answer: Value) -> Self {
        let trigger_id = answer["trigger_id"].as_str().unwrap_or_default().to_owned();
        Self { status: answer["http_status"].as_u64(), trigger_id, body: answer["ack_body"].clone() }
    }

    /// All text of the answer.
    pub fn text(&self) -> String {
        text(&self.body)
    }

    /// Whether the bot could not say in time whether the command was recorded.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.text().contains("`not-confirmed`")
    }

    /// Fails unless the status is 200 and the text has each of these parts.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        assert_eq!(self.status, Some(200), "{self:?}");
        assert_contains(&self.text(), parts);
        self
    }
}

/// The state of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs, forward or back.
    Running,
    /// It waits for a decision.
    Waiting,
    /// It succeeded.
    Succeeded,
    /// It failed, was rejected or was cancelled.
    Failed,
    /// It needs an admin.
    Stuck,
}

/// A message that a channel, or one person, sees. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Message(pub Arc<Value>);

impl Message {
    /// Its id in the channel.
    pub fn ts(&self) -> &str {
        self.0["ts"].as_str().unwrap_or_default()
    }

    /// The id of its operation.
    pub fn operation(&self) -> Option<&str> {
        self.payload()["operation"].as_str()
    }

    /// The thread that it belongs to.
    pub fn thread(&self) -> Option<&str> {
        self.0["thread_ts"].as_str()
    }

    /// All text, the fallback text first.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.0["text"].as_str().unwrap_or_default(), text(&self.0["blocks"]))
    }

    /// The fallback text: all that is said, once and without marks.
    pub(crate) fn fallback(&self) -> &str {
        self.0["text"].as_str().unwrap_or_default()
    }

    /// The first line of the fallback text, without the sign before it.
    pub fn title(&self) -> &str {
        let line = self.0["text"].as_str().unwrap_or_default().lines().next().unwrap_or_default();
        line.trim_start_matches(|sign: char| !sign.is_alphanumeric())
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

    /// Whether it has a button with this action id.
    pub fn has_button(&self, action: &str) -> bool {
        self.0["blocks"].to_string().contains(&format!("\"action_id\":\"{action}\""))
    }

    /// Whether it is the own message of an operation that this command began: its small print has a time and the command.
    pub fn is_of(&self, line: &str) -> bool {
        // Slack keeps what people typed escaped.
        let command = format!("`{}`", line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        let is_it = |line: &str| line.contains("<!date^") && line.contains(&command);
        self.state().is_some() && self.text().lines().any(is_it)
    }

    /// Fails unless its text has each of these parts.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        assert_contains(&self.text(), parts);
        self
    }
}

/// A command that begins an operation, and the messages that follow.
#[derive(Debug, Clone)]
pub struct Submitted {
    world: World,
    /// The answer to the command.
    pub reply: Reply,
    line: String,
    channel: String,
    before: Vec<String>,
    /// Where set, only messages of this operation count.
    operation: Option<String>,
}

impl Submitted {
    /// The same, with the messages of one operation only: for a command that was typed more than once.
    #[must_use]
    pub fn only(mut self, operation: &Message) -> Self {
        self.operation = operation.operation().map(str::to_owned);
        self
    }

    /// The operation's own messages. There are several only if the bot had to post once more.
    pub async fn messages(&self) -> Vec<Message> {
        let all = self.world.messages(&self.channel).await;
        let new = all.into_iter().filter(|message| !self.before.iter().any(|ts| ts == message.ts()));
        new.filter(|message| match &self.operation {
            Some(operation) => message.operation() == Some(operation) && message.is_of(&self.line),
            None => message.is_of(&self.line),
        })
        .collect()
    }

    /// Waits until the operation's newest message has this state.
    pub async fn reaches(&self, state: State) -> Message {
        eventually(format!("`{}` is {state:?}", self.line), PATIENCE, async || {
            let messages = self.messages().await;
            match messages.last() {
                Some(message) if message.state() == Some(state) => Ok(message.clone()),
                Some(message) => {
                    let seen = message.text();
                    let is_over = matches!(message.state(), Some(State::Failed | State::Succeeded));
                    assert!(!is_over, "`{}` is not {state:?}:\n{seen}\n{}", self.line, self.world.log_tail());
                    Err(self.world.with_log(seen))
                }
                None => Err(self.world.with_log(format!("no message; the answer was {:?}", self.reply))),
            }
        })
        .await
    }

    /// Waits until the operation has succeeded.
    pub async fn succeeds(&self) -> Message {
        self.reaches(State::Succeeded).await
    }

    /// Waits until the operation has failed.
    pub async fn fails(&self) -> Message {
        self.reaches(State::Failed).await
    }

    /// Waits until the operation is stuck.
    pub async fn is_stuck(&self) -> Message {
        self.reaches(State::Stuck).await
    }

    /// Waits until the operation waits for a decision.
    pub async fn waits(&self) -> Message {
        self.reaches(State::Waiting).await
    }
}

impl World {
    /// Somebody types a command in the usual channel.
    pub async fn command(&self, user: &str, line: &str) -> Reply {
        self.command_in(self.channel(), user, line).await
    }

    /// Somebody types a command in a channel.
    pub async fn command_in(&self, channel: &str, user: &str, line: &str) -> Reply {
        let (command, text) = line.split_once(' ').unwrap_or((line, ""));
        let body = json!({"user": user, "channel": channel, "command": command, "text": text});
        let reply = Reply::new(self.deliver("command", body).await);
        if !reply.is_unconfirmed() {
            return reply;
        }
        // A busy store did not confirm in time. A second delivery gets the recorded answer.
        let what = format!("`{line}` is confirmed");
        eventually_every(Duration::from_secs(1), what, PATIENCE, async || {
            let again = self.redeliver(&reply.trigger_id).await;
            if again.is_unconfirmed() { Err(again.text()) } else { Ok(again) }
        })
        .await
    }

    /// Somebody types a command that begins an operation.
    pub async fn submit(&self, user: &str, line: &str) -> Submitted {
        self.submit_in(self.channel(), self.channel(), user, line).await
    }

    /// The same in one channel, where the operation's messages are expected in another.
    pub async fn submit_in(&self, typed_in: &str, messages_in: &str, user: &str, line: &str) -> Submitted {
        let mut submitted = self.expect(messages_in, line).await;
        submitted.reply = self.command_in(typed_in, user, line).await;
        submitted
    }

    /// The operation of a command that is about to be typed.
    pub async fn expect(&self, channel: &str, line: &str) -> Submitted {
        let before = self.messages(channel).await.iter().map(|message| message.ts().to_owned()).collect();
        Submitted {
            world: self.clone(),
            reply: Reply::new(Value::Null),
            line: line.to_owned(),
            channel: channel.to_owned(),
            before,
            operation: None,
        }
    }

    /// Somebody clicks a button of a message in the usual channel.
    pub async fn click(&self, user: &str, message: &Message, action: &str) -> Reply {
        Reply::new(self.deliver("click", self.click_body(user, message, action, false)).await)
    }

    /// Somebody clicks a button that only an outdated screen still shows.
    pub async fn click_stale(&self, user: &str, message: &Message, action: &str) -> Reply {
        Reply::new(self.deliver("click", self.click_body(user, message, action, true)).await)
    }

    /// Somebody clicks a button that may be gone; `None` if it is.
    pub async fn try_click(&self, user: &str, message: &Message, action: &str) -> Option<Reply> {
        let (status, answer) =
            self.try_control("click", &self.click_body(user, message, action, false)).await;
        (status == 200).then(|| Reply::new(answer))
    }

    fn click_body(&self, user: &str, message: &Message, action: &str, stale: bool) -> Value {
        json!({"user": user, "channel": self.channel(), "ts": message.ts(), "action_id": action, "stale": stale})
    }

    /// Sends a delivery again.
    pub async fn redeliver(&self, trigger_id: &str) -> Reply {
        Reply::new(self.deliver("redeliver", json!({"trigger_id": trigger_id})).await)
    }

    /// The release of each stage of a pipeline by `/pipeline status`; `nothing` for a stage without one.
    pub async fn releases(&self, pipeline: &str) -> BTreeMap<String, String> {
        let status = self.command(self.ann(), &format!("/pipeline status {pipeline}")).await;
        assert_eq!(status.status, Some(200), "{status:?}");
        let text = status.text();
        let row = |row: &str| {
            let mut words = row.split(' ');
            let (stage, runs, release) = (words.next()?, words.next()?, words.next()?);
            (runs == "runs").then(|| (stage.to_owned(), release.to_owned()))
        };
        text.lines().filter_map(row).collect()
    }

    /// The release of one stage; empty if the stage is not listed.
    pub async fn release(&self, pipeline: &str, stage: &str) -> String {
        self.releases(pipeline).await.remove(stage).unwrap_or_default()
    }

    /// The messages of a channel, the oldest first.
    pub async fn messages(&self, channel: &str) -> Vec<Message> {
        self.control_messages(&format!("messages?channel={channel}")).await
    }

    /// The ephemeral messages of one person, the oldest first.
    pub async fn ephemerals(&self, user: &str) -> Vec<Message> {
        self.control_messages(&format!("ephemeral?user={user}")).await
    }

    /// Waits for an ephemeral message with these parts, after the first `before`.
    pub async fn expect_ephemeral(&self, user: &str, before: usize, parts: &[&str]) -> Message {
        eventually(format!("{user} gets a message with {parts:?}"), PATIENCE, async || {
            let all = self.ephemerals(user).await;
            let new = all.get(before..).unwrap_or_default();
            let found = new.iter().find(|message| parts.iter().all(|part| message.text().contains(part)));
            found.cloned().ok_or_else(|| new.iter().map(Message::text).collect::<Vec<_>>().join("\n--\n"))
        })
        .await
    }
}

/// Every text in a piece of Block Kit, one per line. A row of a table is one line.
fn text(value: &Value) -> String {
    let lines = |values: &mut dyn Iterator<Item = &Value>| {
        let all: Vec<String> = values.map(text).filter(|text| !text.is_empty()).collect();
        all.join("\n")
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => lines(&mut values.iter()),
        Value::Object(fields) => {
            if let Some(rows) = fields.get("rows").and_then(Value::as_array) {
                let row = |row| text(row).split_whitespace().collect::<Vec<_>>().join(" ");
                return rows.iter().map(row).collect::<Vec<_>>().join("\n");
            }
            let shown = ["text", "fields", "elements", "blocks", "user_id", "usergroup_id"];
            lines(&mut shown.iter().filter_map(|name| fields.get(*name)))
        }
        _ => String::new(),
    }
}

#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    let text = text.replace('`', "");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
