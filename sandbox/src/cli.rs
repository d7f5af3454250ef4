//! What one can say to `cargo sandbox`.

use std::collections::BTreeSet;

use clap::Parser;

use crate::aws::{Rule, rules};

/// A world on this machine to try Sluice in: Slack in the browser, AWS, git, and the real bot. No account is needed,
/// no port is opened to the network, and nothing is left running at the end.
#[derive(Debug, Parser)]
#[command(name = "cargo sandbox", version)]
pub struct Cli {
    /// Print one line of JSON when everything is ready, for programs.
    #[arg(long)]
    pub headless: bool,
    /// The first of eight ports in a row; 0 picks free ones.
    #[arg(long, default_value_t = 8700, value_name = "N")]
    pub port: u16,
    /// Start the world without the bot: start your own with the `env` of the line that `--headless` prints.
    #[arg(long)]
    pub no_bot: bool,
    /// Rules of a strict AWS to turn off, by name and separated by commas, or `all`: see sandbox/README.md.
    #[arg(long, env = "SANDBOX_LENIENT", default_value = "none", value_name = "RULES", value_parser = lenient)]
    pub lenient: Lenient,
    /// Only install what the sandbox needs, and end.
    #[arg(long)]
    pub setup: bool,
}

/// The rules that are off.
pub type Lenient = std::sync::Arc<BTreeSet<Rule>>;

fn lenient(list: &str) -> Result<Lenient, String> {
    rules(list).map(std::sync::Arc::new)
}
