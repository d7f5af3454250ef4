//! Deliveries from Slack. Over HTTP, one handler takes commands, clicks and events, on each of the three URLs; over Socket Mode, they
//! come as messages of a WebSocket. [`Deliveries`] does not know which of the two it was.
//!
//! The order of checks: size and headers before a body is read, the signature before it is parsed, the workspace before it is
//! acted on. The acknowledgement is sent after the accepting transaction and before the work. A delivery that the store has
//! not confirmed after [`deliveries::TIMEOUT`] continues in a task of its own; its answer follows at its `response_url`.

mod deliveries;
mod handler;
pub(crate) mod messages;
mod payload;
mod respond;
mod server;
mod signature;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod user_limits;

pub(crate) use deliveries::{Acknowledgement, Deliveries, Ready};
pub(crate) use handler::{CommandHandler, Unavailable};
pub(crate) use payload::{BODY_LIMIT, of_envelope};
pub(crate) use server::{SlackServer, router};
