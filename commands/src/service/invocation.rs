//! Who did what and where, and what they are answered: the same for every way by which it comes.

use sluice_model::{Actor, ChannelId};

/// What somebody did in Slack, or typed at a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// They typed a slash command.
    Slash {
        /// `/build`, as it is called in this installation.
        command: String,
        /// What stood behind it.
        text: String,
    },
    /// They clicked a button of ours.
    Click {
        /// One of the fixed ids: `promotion.approve`.
        action_id: String,
        /// The button's value: operation and revision.
        value: String,
    },
}

/// One authenticated delivery, the same whichever transport it came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// What makes it this delivery and no other: team and `trigger_id`, or `event_id`.
    pub delivery: String,
    /// Who.
    pub actor: Actor,
    /// Where; nowhere for who is at a terminal, whose commands are told in the pipeline's home channel.
    pub channel: Option<ChannelId>,
    /// What.
    pub said: Input,
}
