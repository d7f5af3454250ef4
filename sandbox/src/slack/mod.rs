//! Slack on this machine: the Web API, response URLs, and deliveries to the bot, signed over HTTP or by Socket Mode.
//!
//! Guarantees: what Slack refuses is refused with Slack's errors (`blocks`, `chat`); every call of the bot goes through
//! the call log, where faults apply.

mod args;
mod blocks;
mod chat;
mod click;
mod clock;
mod command;
mod config;
mod deliver;
mod directory;
mod escape;
mod limits;
mod links;
mod manifest;
mod message;
mod response_url;
mod sockets;
mod state;
mod web;
mod workspace;

use axum::Router;

pub use click::click;
pub use command::command;
pub use config::{APP_TOKEN, SlackConfig};
pub use deliver::{DeliveryError, DeliveryResult, bot_url, redeliver};
pub use escape::escape;
pub use links::Trouble;
pub use message::{Content, Message, Source};
pub use state::Slack;
pub use workspace::{MessageEvent, Replicas, Workspace};

/// The routes of the Web API and of response URLs.
pub fn router() -> Router<Slack> {
    Router::new().merge(web::router()).merge(response_url::router()).merge(sockets::router())
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
