//! How to reach Slack, and how to recognise its deliveries.

use url::{Host, Url};

use super::Secret;
use super::reading::Reading;

/// Slack's Web API and its secrets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SlackAccess {
    /// The base of the Web API, without a slash at its end.
    pub(crate) api_url: Url,
    pub(crate) bot_token: Secret,
    pub(crate) signing_secret: Secret,
}

impl Reading {
    /// The URL, the token and the signing secret.
    pub(super) fn slack(&mut self) -> Option<SlackAccess> {
        let app_token =
            ["SLACK_APP_TOKEN", "SLACK_APP_TOKEN_FILE"].into_iter().find(|name| self.env.contains_key(*name));
        if let Some(name) = app_token {
            self.problem(name, "Socket Mode is not available yet; use HTTP with SLACK_SIGNING_SECRET");
        }
        let api_url = self.api_url();
        let bot_token = self.secret("SLACK_BOT_TOKEN");
        let signing_secret = match app_token {
            Some(_) if !self.is_given("SLACK_SIGNING_SECRET") => None,
            _ => self.secret("SLACK_SIGNING_SECRET"),
        };
        Some(SlackAccess { api_url: api_url?, bot_token: bot_token?, signing_secret: signing_secret? })
    }

    /// A problem does not repeat the value: a URL may contain a password.
    fn api_url(&mut self) -> Option<Url> {
        let default = || "https://slack.com/api".to_owned();
        let (name, text) = self
            .text(None, "SLACK_API_URL", "slack.api_url")
            .unwrap_or_else(|| ("SLACK_API_URL".to_owned(), default()));
        let url = match Url::parse(text.trim_end_matches('/')) {
            Ok(url) if url.host().is_some() && url.query().is_none() && url.fragment().is_none() => url,
            _ => {
                self.problem(name, "is not a URL, as in `https://slack.com/api`");
                return None;
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.problem(name, "must not contain a user or a password");
            return None;
        }
        match url.scheme() {
            "https" => Some(url),
            "http" if is_loopback_http(&url) => Some(url),
            _ => {
                self.problem(
                    name,
                    "must be https, because the bot's token is sent to it; http is allowed for this machine only",
                );
                None
            }
        }
    }
}

/// Whether a URL is plain HTTP that never leaves this machine.
pub(crate) fn is_loopback_http(url: &Url) -> bool {
    if url.scheme() != "http" {
        return false;
    }
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
