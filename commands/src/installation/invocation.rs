//! Deliveries, independent of their transport.

use crate::operation::Delivery;
use sluice_model::{Actor, ChannelId};

/// What a person did in Slack or typed at a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// They typed a slash command.
    Slash {
        /// `/build`, under this installation's name.
        command: String,
        /// The text after the command.
        text: String,
    },
    /// They clicked a button.
    Click {
        /// One of the fixed ids: `promotion.approve`.
        action_id: String,
        /// The button's value: operation and revision.
        value: String,
    },
}

/// One authenticated delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Identifies the delivery: team and `trigger_id`, or `event_id`.
    pub delivery: String,
    /// The author.
    pub actor: Actor,
    /// The channel. `None` for a terminal: its commands notify the pipeline's home channel.
    pub channel: Option<ChannelId>,
    /// The command or click.
    pub input: Input,
}

/// The delivery of an invocation.
pub(crate) fn delivery_of(invocation: &Invocation) -> Delivery<'_> {
    Delivery { key: &invocation.delivery, actor: &invocation.actor, channel: invocation.channel.as_ref() }
}
