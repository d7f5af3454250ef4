//! Channels that the bot cannot post in: the requester gets a message, once per operation and channel, on how to invite it.

use serde_json::json;
use sluice_commands::operation::Posted;
use sluice_commands::ports::Update;
use sluice_model::{Card, ChannelId, Text, Tone};

use super::shared::Shared;
use crate::render;
use crate::slack::Method;

/// `title` is the headline that could not be posted.
pub(crate) fn invitation(channel: &ChannelId, title: &Text) -> Card {
    Card::new(
        Tone::Neutral,
        Text::plain("I cannot post in ").channel(channel).then(", so this update is not shown there:"),
    )
    .text(title.clone())
    .hint(Text::plain("To get updates in that channel, type ").code("/invite @Sluice").then(" there."))
}

impl Shared {
    /// Posts the invitation to the requester alone: at their response URL, else in another channel of the operation.
    pub(super) async fn invite(&self, update: &Update, channel: &ChannelId, code: &str) {
        let operation = &update.operation;
        tracing::info!(%operation, %channel, code, "cannot post in this channel");
        let name = format!("invite/{channel}");
        let posted = Posted { ts: "privately".into(), continued: false };
        let is_first = matches!(self.store.find(operation, &name).await, Ok(None));
        if !is_first || self.store.record(operation, &name, &posted).await.is_err() {
            return;
        }
        let mut body = render::message(&invitation(channel, &update.card.title)).into_json();
        if let Some(url) = self.response_urls.get(&update.actor, channel) {
            body["response_type"] = json!("ephemeral");
            body["replace_original"] = json!(false);
            if self.slack.respond(&url, &body).await.is_ok() {
                return;
            }
        }
        for other in update.channels.iter().filter(|other| *other != channel) {
            body["channel"] = json!(other.as_str());
            body["user"] = json!(update.actor.as_str());
            if self.slack.call(Method::PostEphemeral, &body).await.is_ok() {
                return;
            }
        }
        tracing::warn!(%operation, "cannot tell the requester how to invite the bot");
    }
}
