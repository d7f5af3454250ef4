//! Socket Mode: deliveries come over WebSockets that Sluice opens to Slack, so no address of its own has to be reachable
//! (<https://docs.slack.dev/apis/events-api/using-socket-mode>).
//!
//! slack-morphism has a listener for it, which runs callbacks one after another, acknowledges before a callback is done, and has no
//! connection while it opens the next one. Here each delivery has a task of its own, it is acknowledged after its record was written,
//! and a connection that Slack is about to close is replaced first. The WebSocket itself is tokio-tungstenite's.
//!
//! | file | contents |
//! |---|---|
//! | `dial.rs` | opens a connection |
//! | `frame.rs` | the messages of the protocol |
//! | `connection.rs` | one connection, from Slack's greeting to its end |
//! | `pool.rs` | keeps two connections open |

mod connection;
mod dial;
mod frame;
mod pool;
#[cfg(test)]
mod tests;

pub(crate) use dial::SlackDialer;
pub(crate) use pool::{SOCKET, serve};
