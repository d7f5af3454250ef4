//! Deliveries from Slack over HTTP. One handler takes commands, clicks and events, on each of the three URLs.
//!
//! The order of checks: size and headers before a body is read, the signature before it is parsed, the workspace before it is
//! acted on. The acknowledgement is sent after the accepting transaction and before the work. A delivery that the store has
//! not confirmed after [`server::TIMEOUT`] continues in a task of its own; its answer follows at its `response_url`.

mod handler;
pub(crate) mod messages;
mod payload;
mod respond;
mod server;
mod signature;
#[cfg(test)]
mod tests;
mod user_limits;

pub(crate) use handler::{CommandHandler, Unavailable};
pub(crate) use server::{Ready, SlackServer, router};
