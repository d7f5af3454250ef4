//! Slack in and out: deliveries over HTTP or Socket Mode, the Web API, who people are, and the app manifest.

mod api;
mod client;
mod ingress;
pub(crate) mod manifest;
mod people;
mod response_urls;
pub(crate) mod socket;

pub(crate) use api::{Method, SlackError, WebApi, whoami};
pub(crate) use client::WebClient;
#[cfg(test)]
pub(crate) use ingress::messages;
pub(crate) use ingress::{CommandHandler, Deliveries, Ready, SlackServer, Unavailable, router};
pub(crate) use people::People;
pub(crate) use response_urls::ResponseUrls;
