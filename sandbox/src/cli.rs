//! The command line of `cargo sandbox`.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Parser;

use crate::aws::{Rule, rules};

/// Try Sluice on this machine: Slack in the browser, AWS, git, and the real bot. It needs no account, opens no port to
/// the network, and leaves nothing running.
#[derive(Debug, Parser)]
#[command(name = "cargo sandbox", version)]
pub struct Cli {
    /// Print one line of JSON when the sandbox is ready, for programs.
    #[arg(long)]
    pub headless: bool,
    /// The first of eight consecutive ports; 0 picks free ports.
    #[arg(long, default_value_t = 8700, value_name = "N")]
    pub port: u16,
    /// Do not start the bot. Start your own with the `env` that `--headless` prints.
    #[arg(long)]
    pub no_bot: bool,
    /// Deliver by Socket Mode: the bot connects to Slack, and Slack does not connect to the bot.
    #[arg(long)]
    pub socket: bool,
    /// Turn off these rules of strict AWS: names separated by commas, or `all`. See sandbox/README.md.
    #[arg(long, env = "SANDBOX_LENIENT", default_value = "none", value_name = "RULES", value_parser = lenient)]
    pub lenient: Lenient,
    /// How long after a deploy the bot looks at the first minutes of the release, in seconds; 0: not at all.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub look_after: u32,
    /// Install what the sandbox needs, and exit.
    #[arg(long)]
    pub setup: bool,
}

/// The rules that are off.
pub type Lenient = Arc<BTreeSet<Rule>>;

fn lenient(list: &str) -> Result<Lenient, String> {
    rules(list).map(Arc::new)
}
