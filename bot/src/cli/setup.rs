//! The first steps of several subcommands.

use crate::config::{Config, Problem};
use crate::slack::WebClient;

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
    WebClient::new(&config.slack).map_err(|error| {
        let what = format!(
            "no root certificates can be read from this system ({}); install ca-certificates",
            error.kind()
        );
        vec![Problem::new("TLS", what)]
    })
}
