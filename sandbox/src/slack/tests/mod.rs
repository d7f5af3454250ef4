//! The imitated Slack over HTTP, as the bot and Slack's users use it.

mod clicks;
mod client;
mod deliveries;
mod web_api;

const BOB: &str = "U0BOB0002";
