//! The first steps of several subcommands.

use crate::config::{Config, Problem};
use crate::slack::WebClient;
use crate::slack::socket::SlackDialer;

/// Both values, or the problems of both.
pub(super) fn both<A, B>(
    a: Result<A, Vec<Problem>>,
    b: Result<B, Vec<Problem>>,
) -> Result<(A, B), Vec<Problem>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(a.err().into_iter().chain(b.err()).flatten().collect()),
    }
}

pub(super) fn slack_client(config: &Config) -> Result<WebClient, Vec<Problem>> {
    WebClient::new(&config.slack).map_err(no_certificates)
}

/// What opens the connections of Socket Mode, if it is used.
pub(super) fn slack_dialer(config: &Config) -> Result<Option<SlackDialer>, Vec<Problem>> {
    let token = config.slack.app_token.as_ref();
    token.map(|token| SlackDialer::new(&config.slack, token)).transpose().map_err(no_certificates)
}

fn no_certificates(error: std::io::Error) -> Vec<Problem> {
    let what = format!(
        "no root certificates can be read from this system ({}); install ca-certificates",
        error.kind()
    );
    vec![Problem::new("TLS", what)]
}
