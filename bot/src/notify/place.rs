//! One operation in one channel: its message, and the messages beside it.
//!
//! Each is told until it says what is newest, or Slack refuses it for good. The ledger is asked before the first post where it
//! stands: what an earlier process posted is edited, not posted again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sluice_commands::operation::Posted;
use sluice_commands::ports::{StoreError, ThreadReply, Update};
use sluice_model::{Card, ChannelId, Text, Tone};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::pace::Lane;
use super::standing::{OperationRequest, Standing};
use super::{End, Shared};
use crate::render;
use crate::slack::{Method, Trouble};

/// Between two edits of one message.
const EDIT_GAP: Duration = Duration::from_millis(1_500);
/// What ends within this is told by one call: the ack has answered already, and a person sees no difference.
const MOMENT: Duration = Duration::from_millis(150);
/// After so long without news the task ends; the ledger remembers the message.
const REST: Duration = Duration::from_secs(60);
/// The longest pause before we try again.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The bot cannot post there.
const CLOSED: [&str; 5] = [
    "not_in_channel",
    "channel_not_found",
    "is_archived",
    "restricted_action",
    "restricted_action_read_only_channel",
];
/// Our credentials are not good right now; somebody will see to it.
const LOCKED_OUT: [&str; 6] =
    ["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"];

/// Why something is not told yet, and when to try again.
struct Setback(Duration);

/// By what name the ledger knows an operation's message in a channel.
pub(super) fn message_in(channel: &ChannelId) -> String {
    format!("message/{channel}")
}

/// Tells one operation in one channel.
pub(super) struct Place {
    shared: Arc<Shared>,
    channel: ChannelId,
    news: watch::Receiver<Arc<Update>>,
    main: Standing,
    asides: HashMap<&'static str, Standing>,
    is_closed: bool,
    setbacks: u32,
    /// The newest news of which a call to Slack may have been begun.
    begun: u64,
}

impl Place {
    pub(super) fn new(shared: Arc<Shared>, channel: ChannelId, news: watch::Receiver<Arc<Update>>) -> Self {
        let (first, sequence) = (news.borrow().first, news.borrow().sequence);
        let (main, asides) = (Standing::new(first), HashMap::new());
        // What is not the first may have been told by a place before this one.
        let begun = if first { 0 } else { sequence };
        Self { shared, channel, news, main, asides, is_closed: false, setbacks: 0, begun }
    }

    /// Until the last news is told, or nothing came for a while.
    pub(super) async fn run(mut self) {
        let operation = self.news.borrow().operation.clone();
        let stopping = self.shared.tasks.stopping().clone();
        let drained = self.shared.tasks.drained().clone();
        if !self.news.borrow().is_last() {
            let end = timeout(MOMENT, self.news.wait_for(|news| news.is_last()));
            let _ = stopping.run_until_cancelled(end).await;
        }
        loop {
            let news = Arc::clone(&self.news.borrow_and_update());
            let begun = Instant::now();
            match self.notify(news).await {
                // What waits or is stuck may have gone on while it was told.
                Ok(true) if self.end(true).await => return,
                Ok(_) => {
                    self.setbacks = 0;
                    let changed = drained.run_until_cancelled(timeout(REST, self.news.changed())).await;
                    let has_news = matches!(changed, Some(Ok(Ok(()))));
                    if !has_news && self.shared.may_rest(&operation, &self.channel, &self.news) {
                        return;
                    }
                    // A process that stops has no time for gaps.
                    let _ = stopping.run_until_cancelled(sleep_until(begun + EDIT_GAP)).await;
                }
                Err(_) if drained.is_cancelled() => {
                    if self.end(false).await {
                        return;
                    }
                }
                Err(Setback(pause)) => drop(drained.run_until_cancelled(sleep(pause)).await),
            }
        }
    }

    /// Ends, unless newer news came meanwhile.
    async fn end(&self, is_told: bool) -> bool {
        let operation = self.news.borrow().operation.clone();
        self.shared.end(&operation, &self.channel, &self.news, End { is_told, begun: self.begun }).await
    }

    /// Tells what is newest by the time there is a slot; whether that was the last.
    async fn notify(&mut self, mut news: Arc<Update>) -> Result<bool, Setback> {
        if self.is_closed {
            return Ok(news.is_last());
        }
        let mut main = std::mem::take(&mut self.main);
        let told = self.keep(&mut main, 1, |place| {
            news = Arc::clone(&place.news.borrow());
            OperationRequest {
                what: message_in(&place.channel),
                message: render::message(&news.card),
                sequence: news.sequence,
                status: Some(news.status),
                thread: None,
                broadcast: false,
            }
        });
        let told = told.await;
        self.main = main;
        told?;
        for aside in &news.asides {
            if self.is_closed {
                break;
            }
            self.tell_aside(aside, news.sequence).await?;
        }
        Ok(news.is_last())
    }

    async fn tell_aside(&mut self, aside: &ThreadReply, sequence: u64) -> Result<(), Setback> {
        let mut posted = self.asides.remove(aside.name).unwrap_or_default();
        let thread = self.main.ts.clone().filter(|_| aside.in_thread);
        let told = self
            .keep(&mut posted, aside.cause, |place| OperationRequest {
                what: format!("{}/{}", aside.name, place.channel),
                message: render::aside(aside),
                sequence,
                status: None,
                broadcast: aside.broadcast && thread.is_some(),
                thread: thread.clone(),
            })
            .await;
        self.asides.insert(aside.name, posted);
        told
    }

    /// Makes a message say what it is to say: posts it, or edits it, or finds that it says so already. `cause` is the
    /// journal row for which there is such a message.
    async fn keep(
        &mut self,
        posted: &mut Standing,
        cause: u64,
        mut draft: impl FnMut(&Self) -> OperationRequest,
    ) -> Result<(), Setback> {
        if posted.given_up {
            return Ok(());
        }
        let what = draft(self).what;
        let operation = self.news.borrow().operation.clone();
        if !posted.sought {
            match self.shared.ledger.find(&operation, &what).await.map_err(|error| self.store(&error))? {
                Some(Posted { ts, continued }) => {
                    (posted.ts, posted.continued, posted.recorded) = (Some(ts), continued, true);
                }
                // What somebody else caused, they may have posted.
                None => posted.continued = cause < self.news.borrow().own_since,
            }
            posted.sought = true;
        }
        loop {
            let is_edit = posted.ts.is_some();
            let lane = if is_edit { Lane::Edits } else { Lane::Posts(self.channel.clone()) };
            if !is_edit || posted.told.as_ref() != Some(&posted.body(&draft(self).message)) {
                self.slot(&lane).await?;
                let draft = draft(self);
                self.begun = self.begun.max(draft.sequence);
                match self.send(posted, &draft).await {
                    Ok(ts) => {
                        posted.recorded &= posted.ts.as_ref() == Some(&ts);
                        posted.ts = Some(ts);
                    }
                    Err(trouble) => match self.judge(posted, &lane, trouble).await {
                        Some(setback) => return Err(setback),
                        None if posted.given_up || self.is_closed => return Ok(()),
                        None => continue,
                    },
                }
            }
            // Of the last news of the only place, that the operation is settled says it all, and is recorded next.
            let is_last = { self.news.borrow().is_over() && self.news.borrow().channels.len() == 1 };
            if let Some(ts) = posted.ts.as_ref().filter(|_| !posted.recorded && !is_last) {
                let known = Posted { ts: ts.clone(), continued: posted.continued };
                self.shared
                    .ledger
                    .posted(&operation, &what, &known)
                    .await
                    .map_err(|error| self.store(&error))?;
                posted.recorded = true;
            }
            return Ok(());
        }
    }

    /// Waits until Slack may be called. Once the process only waits for messages, there is no time for that: what has no
    /// slot at once is left to another process.
    async fn slot(&self, lane: &Lane) -> Result<(), Setback> {
        let (drained, mut news) = (self.shared.tasks.drained(), self.news.clone());
        let mut priority = news.borrow().priority();
        let mut turn = self.shared.pace.join(lane, priority);
        loop {
            tokio::select! {
                biased;
                () = turn.comes() => return Ok(()),
                Ok(higher) = news.wait_for(|news| news.priority() > priority) => {
                    priority = higher.priority();
                    turn.raise(priority);
                }
                () = drained.cancelled() => return Err(Setback(Duration::ZERO)),
            }
        }
    }

    /// One call to Slack; the message's timestamp.
    async fn send(&self, posted: &mut Standing, draft: &OperationRequest) -> Result<String, Trouble> {
        let body = posted.body(&draft.message);
        let operation = self.news.borrow().operation.clone();
        let (method, call) = posted.call(&self.channel, &operation, draft, body.clone());
        let answer = self.shared.slack.call(method, &call).await?;
        // An answer without a timestamp is no answer.
        let ts =
            answer["ts"].as_str().map(str::to_owned).or_else(|| posted.ts.clone()).ok_or(Trouble::Unknown)?;
        posted.told = Some(body);
        Ok(ts)
    }

    /// What a refusal means for the message; `None` means go on at once.
    async fn judge(&mut self, posted: &mut Standing, lane: &Lane, trouble: Trouble) -> Option<Setback> {
        match trouble {
            Trouble::Wait(pause) => {
                self.shared.pace.close(lane, pause);
                Some(Setback(Duration::ZERO))
            }
            Trouble::Unreached => Some(self.pause()),
            Trouble::Unknown => {
                // An edit that may have happened is simply made again; a message is not.
                posted.continued |= posted.ts.is_none();
                Some(self.pause())
            }
            Trouble::Refused(code) if CLOSED.contains(&code.as_str()) => {
                self.is_closed = true;
                self.invite(&code).await;
                None
            }
            Trouble::Refused(code) if LOCKED_OUT.contains(&code.as_str()) => {
                tracing::error!(code, "Slack refuses our token; trying again");
                Some(Setback(LONGEST_PAUSE))
            }
            Trouble::Refused(code) => {
                posted.refused(&code, &self.channel);
                None
            }
        }
    }

    /// Tells the actor, once an operation and channel, how to have the bot there.
    async fn invite(&self, code: &str) {
        let news = Arc::clone(&self.news.borrow());
        tracing::info!(operation = %news.operation, channel = %self.channel, code, "cannot post here");
        let what = format!("invite/{}", self.channel);
        let ledger = &self.shared.ledger;
        let told = Posted { ts: "privately".into(), continued: false };
        let is_new = matches!(ledger.find(&news.operation, &what).await, Ok(None));
        if !is_new || ledger.posted(&news.operation, &what, &told).await.is_err() {
            return;
        }
        let mut body = render::message(&invitation(&self.channel, &news.card.title)).to_json();
        if let Some(url) = self.shared.replies.find(&news.actor, &self.channel) {
            body["response_type"] = json!("ephemeral");
            body["replace_original"] = json!(false);
            if self.shared.slack.respond(&url, &body).await.is_ok() {
                return;
            }
        }
        for channel in news.channels.iter().filter(|channel| **channel != self.channel) {
            body["channel"] = json!(channel.as_str());
            body["user"] = json!(news.actor.as_str());
            if self.shared.slack.call(Method::PostEphemeral, &body).await.is_ok() {
                return;
            }
        }
        tracing::warn!(operation = %news.operation, "its actor could not be told how to invite the bot");
    }

    fn store(&mut self, error: &StoreError) -> Setback {
        crate::metrics::store_error("telling");
        tracing::warn!(%error, "the store does not say what was posted");
        self.pause()
    }

    /// Longer each time: 0.5, 1, 2 … 30 seconds.
    fn pause(&mut self) -> Setback {
        self.setbacks = (self.setbacks + 1).min(10);
        Setback(Duration::from_millis(250 << self.setbacks).min(LONGEST_PAUSE))
    }
}

pub(crate) fn invitation(channel: &ChannelId, title: &Text) -> Card {
    Card::new(
        Tone::Neutral,
        Text::plain("I cannot post in ").channel(channel).then(", so this is not told there:"),
    )
    .text(title.clone())
    .hint(Text::plain("Type ").code("/invite @Sluice").then(" there to have the next ones in that channel."))
}
