//! The HTTP server, and the connector of HTTP clients. The server speaks HTTP/1.1 and limits everything that a stranger could
//! use up.
//!
//! | resource | limit |
//! |---|---|
//! | open connections | [`Limits::connections`]; at the limit, a new one closes the one that has waited longest for its request |
//! | from the start of a connection, or the first byte of a request, to the end of its headers | [`Limits::head`] |
//! | a request, from its headers to its answer | [`Limits::request`] |
//! | a connection between two requests | [`Limits::idle`]: longer than a load balancer's, which has to close first |
//! | a connection in total | [`Limits::lifetime`]: the next answer closes it |
//! | headers | 64 KiB, 100 of them |
//!
//! A connection whose request has a valid signature ([`Connection::trust`]) is never closed for another one.

mod client;
mod connection;
mod health;
mod io;
mod limits;
mod pool;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use client::{HttpsConnector, https_connector};
pub(crate) use connection::Connection;
pub(crate) use health::{Readiness, health_router, metrics_router};
pub(crate) use limits::Limits;
pub(crate) use server::serve;
