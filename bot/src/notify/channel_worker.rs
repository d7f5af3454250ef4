//! The messages of one operation in one channel: its own message, and its replies.
//!
//! Each is edited until it shows the latest update or Slack refuses it in every form. Before the first post the worker asks the
//! store for a message of an earlier process, which it edits instead of posting again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff};
use sluice_commands::operation::Posted;
use sluice_commands::ports::StoreError;
use sluice_model::{ChannelId, OperationId};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::posted_message::{MessageDraft, PostedMessage};
use super::rate_limiter::RateClass;
use super::rendered::RenderedUpdate;
use super::shared::{End, LONGEST_PAUSE, PAUSES, Shared};
use crate::slack::SlackError;

/// The shortest time between two edits of one message that show progress. A change of the operation's state is shown at once:
/// people wait for it.
const EDIT_GAP: Duration = Duration::from_millis(1_500);
/// An operation that ends within this time is posted by one call. The acknowledgement has been sent, so nobody notices.
const MOMENT: Duration = Duration::from_millis(150);
/// After this time without updates the worker ends; the store knows its messages.
const REST: Duration = Duration::from_secs(60);

/// After a longer wait, another process may have continued the operation and posted newer updates.
const MAY_BE_PASSED: Duration = Duration::from_secs(1);

/// The bot cannot post in the channel.
const CLOSED: [&str; 5] = [
    "not_in_channel",
    "channel_not_found",
    "is_archived",
    "restricted_action",
    "restricted_action_read_only_channel",
];
/// Our token is not accepted until somebody changes something.
const LOCKED_OUT: [&str; 6] =
    ["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"];

/// Something is not posted yet: the pause before the next attempt.
struct RetryAfter(Duration);

/// The name of an operation's message in the store.
pub(super) fn message_name(channel: &ChannelId) -> String {
    format!("message/{channel}")
}

pub(super) struct ChannelWorker {
    shared: Arc<Shared>,
    channel: ChannelId,
    updates: watch::Receiver<Arc<RenderedUpdate>>,
    main: PostedMessage,
    replies: HashMap<&'static str, PostedMessage>,
    is_closed: bool,
    /// Another process has continued the operation since the latest update here, and posts its updates.
    is_passed: bool,
    pauses: ExponentialBackoff,
    /// The newest sequence for which a call to Slack may have begun.
    begun: u64,
}

impl ChannelWorker {
    pub(super) fn new(
        shared: Arc<Shared>,
        channel: ChannelId,
        updates: watch::Receiver<Arc<RenderedUpdate>>,
    ) -> Self {
        let (first, sequence) = (updates.borrow().first, updates.borrow().sequence);
        let (main, replies) = (PostedMessage::new(first), HashMap::new());
        // An earlier worker may have posted any update but the first.
        let begun = if first { 0 } else { sequence };
        let pauses = PAUSES.build();
        Self { shared, channel, updates, main, replies, is_closed: false, is_passed: false, pauses, begun }
    }

    /// Runs until the final update is posted, or there was no update for [`REST`].
    pub(super) async fn run(mut self) {
        let operation = self.updates.borrow().operation.clone();
        let stopping = self.shared.tasks.stopping().clone();
        let drained = self.shared.tasks.drained().clone();
        if !self.updates.borrow().is_last() {
            let end = timeout(MOMENT, self.updates.wait_for(|update| update.is_last()));
            let _ = stopping.run_until_cancelled(end).await;
        }
        loop {
            let update = Arc::clone(&self.updates.borrow_and_update());
            let (begun, shown) = (Instant::now(), update.status);
            match self.post(update).await {
                // An operation that waits or is stuck may have continued meanwhile.
                Ok(true) if self.end(true).await => return,
                Ok(_) => {
                    self.pauses = PAUSES.build();
                    let changed = drained.run_until_cancelled(timeout(REST, self.updates.changed())).await;
                    let has_update = matches!(changed, Some(Ok(Ok(()))));
                    if !has_update && self.shared.may_rest(&operation, &self.channel, &self.updates) {
                        return;
                    }
                    // A stopping process does not wait between edits.
                    let new_state = self.updates.wait_for(|update| update.status != shown);
                    let gap = timeout_at(begun + EDIT_GAP, new_state);
                    let _ = stopping.run_until_cancelled(gap).await;
                }
                Err(_) if drained.is_cancelled() => {
                    if self.end(false).await {
                        return;
                    }
                }
                Err(RetryAfter(pause)) => drop(drained.run_until_cancelled(sleep(pause)).await),
            }
        }
    }

    /// Ends, unless there is a newer update.
    async fn end(&self, is_delivered: bool) -> bool {
        let operation = self.updates.borrow().operation.clone();
        let end = End { is_delivered, begun: self.begun };
        self.shared.end(&operation, &self.channel, &self.updates, end).await
    }

    /// Posts the update that is the latest when the rate limit allows the call; whether that was the final one.
    async fn post(&mut self, mut update: Arc<RenderedUpdate>) -> Result<bool, RetryAfter> {
        if self.is_closed {
            return Ok(update.is_last());
        }
        self.is_passed = false;
        let mut main = std::mem::take(&mut self.main);
        let name = message_name(&self.channel);
        let kept = self.keep(&mut main, &name, 1, |worker| {
            update = Arc::clone(&worker.updates.borrow());
            MessageDraft {
                message: update.message(),
                sequence: update.sequence,
                status: Some(update.status),
                thread: None,
                broadcast: false,
            }
        });
        let kept = kept.await;
        self.main = main;
        kept?;
        for index in 0..update.asides.len() {
            if self.is_closed || self.is_passed {
                break;
            }
            self.post_reply(&update, index).await?;
        }
        Ok(update.is_last())
    }

    async fn post_reply(&mut self, update: &RenderedUpdate, index: usize) -> Result<(), RetryAfter> {
        let reply = &update.asides[index];
        let mut posted = self.replies.remove(reply.name).unwrap_or_default();
        let thread = self.main.ts.clone().filter(|_| reply.in_thread);
        let name = format!("{}/{}", reply.name, self.channel);
        let kept = self
            .keep(&mut posted, &name, reply.cause, |_| MessageDraft {
                message: update.reply(index),
                sequence: update.sequence,
                status: None,
                broadcast: reply.broadcast && thread.is_some(),
                thread: thread.clone(),
            })
            .await;
        self.replies.insert(reply.name, posted);
        kept
    }

    /// Makes a message show its draft: posts it, edits it, or finds that it shows that already. The draft is made again after
    /// each wait, so the latest update is sent. `cause` is the row of the journal that the message exists for.
    async fn keep(
        &mut self,
        posted: &mut PostedMessage,
        name: &str,
        cause: u64,
        mut draft: impl FnMut(&Self) -> MessageDraft,
    ) -> Result<(), RetryAfter> {
        if posted.is_given_up {
            return Ok(());
        }
        let operation = self.updates.borrow().operation.clone();
        if !posted.is_looked_up {
            let found = self.shared.store.find(&operation, name).await;
            match found.map_err(|error| self.store_failed(&error))? {
                Some(Posted { ts, continued }) => {
                    (posted.ts, posted.is_continued, posted.is_recorded) = (Some(ts), continued, true);
                }
                // An earlier owner of the operation may have posted it without recording it.
                None => posted.is_continued = cause < self.updates.borrow().own_since,
            }
            posted.is_looked_up = true;
        }
        let is_main = name == message_name(&self.channel);
        if is_main && posted.ts.is_some() && self.updates.borrow().only_replies {
            return Ok(());
        }
        loop {
            if !posted.shows(&draft(self).message) {
                let is_edit = posted.ts.is_some();
                let class = if is_edit { RateClass::Edits } else { RateClass::Posts(self.channel.clone()) };
                let waits_since = Instant::now();
                self.wait_for_slot(&class).await?;
                if waits_since.elapsed() > MAY_BE_PASSED && self.is_passed(&operation).await {
                    // If this process continues the operation again, it looks the message up again.
                    (self.is_passed, posted.is_looked_up) = (true, is_edit);
                    return Ok(());
                }
                let draft = draft(self);
                self.begun = self.begun.max(draft.sequence);
                if let Err(error) = self.send(posted, &draft).await {
                    match self.after_error(posted, &class, error).await {
                        Some(retry) => return Err(retry),
                        None if posted.is_given_up || self.is_closed => return Ok(()),
                        None => continue,
                    }
                }
            }
            // With one channel, the final update is recorded as delivered next, which makes this record superfluous.
            let is_last = {
                let update = self.updates.borrow();
                // A reply may still come into the thread of the message itself.
                let ends = update.is_over() || (update.status.is_final() && !is_main);
                ends && update.channels.len() == 1
            };
            if let Some(ts) = posted.ts.as_ref().filter(|_| !posted.is_recorded && !is_last) {
                let known = Posted { ts: ts.clone(), continued: posted.is_continued };
                let recorded = self.shared.store.record(&operation, name, &known).await;
                recorded.map_err(|error| self.store_failed(&error))?;
                posted.is_recorded = true;
            }
            return Ok(());
        }
    }

    /// Whether another process has continued the operation: an older update after its newer one would look like the latest.
    async fn is_passed(&self, operation: &OperationId) -> bool {
        match self.shared.store.newest_row(operation).await {
            Ok(newest) => newest > self.updates.borrow().sequence,
            Err(error) => {
                tracing::warn!(%operation, %error, "it is not known whether an update is outdated, so it is posted");
                false
            }
        }
    }

    /// Waits until the rate limit allows a call. A process that waits only for messages does not wait here: another process
    /// posts what gets no slot at once.
    async fn wait_for_slot(&self, class: &RateClass) -> Result<(), RetryAfter> {
        let (drained, mut updates) = (self.shared.tasks.drained(), self.updates.clone());
        let mut priority = updates.borrow().priority();
        let mut ticket = self.shared.limiter.join(class, priority);
        loop {
            tokio::select! {
                biased;
                () = ticket.admitted() => return Ok(()),
                Ok(higher) = updates.wait_for(|update| update.priority() > priority) => {
                    priority = higher.priority();
                    ticket.raise(priority);
                }
                () = drained.cancelled() => return Err(RetryAfter(Duration::ZERO)),
            }
        }
    }

    async fn send(&self, posted: &mut PostedMessage, draft: &MessageDraft) -> Result<(), SlackError> {
        let content = posted.content(&draft.message);
        let operation = self.updates.borrow().operation.clone();
        let (method, call) = posted.call(&self.channel, &operation, draft, &content);
        let answer = self.shared.slack.call(method, &call).await?;
        // A new message without a timestamp may or may not have been posted.
        let ts = answer["ts"].as_str().map(str::to_owned).or_else(|| posted.ts.clone());
        posted.sent(ts.ok_or(SlackError::Unknown)?, content);
        Ok(())
    }

    /// When to try again after an error; `None` means at once, or never if the message is given up or the channel closed.
    async fn after_error(
        &mut self,
        posted: &mut PostedMessage,
        class: &RateClass,
        error: SlackError,
    ) -> Option<RetryAfter> {
        match error {
            SlackError::RateLimited(pause) => {
                self.shared.limiter.close(class, pause);
                Some(RetryAfter(Duration::ZERO))
            }
            SlackError::Unreachable => Some(self.retry()),
            SlackError::Unknown => {
                // An edit can be repeated. A post cannot: it may exist already.
                posted.is_continued |= posted.ts.is_none();
                Some(self.retry())
            }
            SlackError::Refused(code) if CLOSED.contains(&code.as_str()) => {
                self.is_closed = true;
                let update = Arc::clone(&self.updates.borrow());
                self.shared.invite(&update, &self.channel, &code).await;
                None
            }
            SlackError::Refused(code) if LOCKED_OUT.contains(&code.as_str()) => {
                tracing::error!(code, "Slack refuses our token; trying again");
                Some(RetryAfter(LONGEST_PAUSE))
            }
            SlackError::Refused(code) => {
                posted.refused(&code, &self.channel);
                None
            }
        }
    }

    fn store_failed(&mut self, error: &StoreError) -> RetryAfter {
        crate::metrics::store_error("notification");
        tracing::warn!(%error, "cannot read or record which messages are posted");
        self.retry()
    }

    fn retry(&mut self) -> RetryAfter {
        RetryAfter(self.pauses.next().unwrap_or(LONGEST_PAUSE))
    }
}
