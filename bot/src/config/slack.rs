//! How to reach Slack, and how to recognise its deliveries.

use url::{Host, Url};

use super::Secret;
use super::reading::Reading;

/// Slack's Web API and its secrets. At least one of the signing secret and the app-level token is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SlackAccess {
    /// The base of the Web API, without a slash at its end.
    pub(crate) api_url: Url,
    pub(crate) bot_token: Secret,
    /// Proves that a delivery over HTTP is Slack's. Without it, none is accepted.
    pub(crate) signing_secret: Option<Secret>,
    /// Opens the connections of Socket Mode, if it is used.
    pub(crate) app_token: Option<Secret>,
}

impl Reading {
    /// The URL, the tokens and the signing secret.
    pub(super) fn slack(&mut self) -> Option<SlackAccess> {
        let api_url = self.api_url();
        let bot_token = self.token("SLACK_BOT_TOKEN", "xoxb-");
        let app_token = self.if_given("SLACK_APP_TOKEN", |reading, name| reading.token(name, "xapp-"));
        let signing_secret = self.if_given("SLACK_SIGNING_SECRET", Self::secret);
        if (&app_token, &signing_secret) == (&Some(None), &Some(None)) {
            self.problem(
                "SLACK_APP_TOKEN",
                "is required: make it under Basic Information → App-Level Tokens in the app's settings, with the scope \
                 connections:write (or SLACK_APP_TOKEN_FILE, the path of a file that holds it). Deliveries over HTTP need \
                 SLACK_SIGNING_SECRET instead",
            );
        }
        Some(SlackAccess {
            api_url: api_url?,
            bot_token: bot_token?,
            signing_secret: signing_secret?,
            app_token: app_token?,
        })
    }

    /// A secret that may be absent; `None` if it is given and has a problem.
    fn if_given(
        &mut self,
        variable: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<Secret>,
    ) -> Option<Option<Secret>> {
        if self.is_given(variable) { read(self, variable).map(Some) } else { Some(None) }
    }

    /// A token, which Slack begins with its kind: those of an app are easily mistaken for each other.
    fn token(&mut self, variable: &str, kind: &str) -> Option<Secret> {
        let token = self.secret(variable)?;
        let is_other = |other: &&str| *other != kind && token.expose().starts_with(*other);
        let Some(other) = ["xoxb-", "xoxp-", "xapp-"].into_iter().find(is_other) else { return Some(token) };
        self.problem(
            variable,
            format!("begins with `{other}`, but must be the token that begins with `{kind}`"),
        );
        None
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
    url.scheme() == "http" && is_loopback(url)
}

/// Whether a URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
