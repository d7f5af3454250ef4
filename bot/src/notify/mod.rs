//! Updates of operations, posted to Slack: one message per operation and channel, always with the latest recorded state.
//!
//! A task per operation and channel holds only the latest [`Update`](sluice_commands::ports::Update): an update replaces the one
//! before it that Slack was too slow for. The journal says that a message is due, and a [`MessageStore`] where it is. After a
//! crash between the two, the next process posts one more message, marked as continued, so no update is lost. The final
//! update is retried until it is posted, and the store records that. Nothing here delays an operation or makes it fail.

mod channel_worker;
mod cli_output;
mod invitation;
mod message_store;
mod posted_message;
mod rate_limiter;
mod rendered;
mod shared;
mod slack_notifier;
#[cfg(test)]
mod tests;

pub(crate) use cli_output::{CliEvent, CliOutput};
#[cfg(test)]
pub(crate) use invitation::invitation;
pub(crate) use message_store::MessageStore;
pub(crate) use slack_notifier::SlackNotifier;
