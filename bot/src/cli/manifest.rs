//! `sluice manifest`: prints the manifest of the Slack app.

use sluice_grammar::Names;

use super::console::print;
use super::exit::Exit;
use crate::config::{PREFIX_RULE, Problem, is_prefix};
use crate::slack::manifest::{Transport, manifest, request_url};

/// With a URL, Slack delivers to it; without, the app uses Socket Mode.
pub(super) fn run(prefix: String, only_umbrella: bool, url: Option<&str>) -> Result<Exit, Vec<Problem>> {
    let mut problems = Vec::new();
    if !is_prefix(&prefix) {
        problems.push(Problem::new("--prefix", PREFIX_RULE));
    }
    let transport = match url {
        None => Some(Transport::Socket),
        Some(url) => request_url(url).map(Transport::Http),
    };
    match transport {
        Some(transport) if problems.is_empty() => {
            print(&manifest(&Names { prefix, only_umbrella }, &transport));
            return Ok(Exit::Done);
        }
        Some(_) => {}
        None => {
            problems.push(Problem::new("--url", "is not an https URL, as in `https://sluice.example.com`"))
        }
    }
    Err(problems)
}
