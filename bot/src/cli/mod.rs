//! The command line, with one file per subcommand.

mod args;
mod audit;
mod backup;
mod check;
mod console;
mod exit;
mod identity;
mod init;
mod logging;
mod manifest;
mod policy;
mod run;
mod secret;
mod serve;
mod setup;
mod signals;
mod template;

use std::time::Duration;

use clap::Parser as _;

use crate::config::{Problem, Sources};
use crate::wiring::PolicyFor;
use args::{Audit, Cli, Subcommand, Template};
use console::{bad_configuration, warn};
use exit::Exit;

/// How long the exit waits for busy worker threads when everything else has ended.
const BUSY_WORKERS: Duration = Duration::from_millis(200);

/// Parses the command line and runs its subcommand.
pub(crate) fn main() -> Exit {
    let Cli { command, flags } = Cli::parse();
    let sources = Sources::of_process(flags);
    let outcome = match command {
        Subcommand::Manifest { prefix, only_umbrella, socket: _, url } => {
            manifest::run(prefix, only_umbrella, url.as_deref())
        }
        Subcommand::Policy { name, out, account, region, init } => {
            let whose = if init { PolicyFor::Init } else { PolicyFor::Bot };
            policy::run(sources, policy::Request { whose, name, out, account, region })
        }
        Subcommand::Template { what: Template::Check { path, stage, json } } => {
            template::run(&path, &stage, json)
        }
        subcommand => match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => {
                let outcome = runtime.block_on(dispatch(subcommand, sources));
                // Busy workers are not waited for: the process ends when this function returns.
                runtime.shutdown_timeout(BUSY_WORKERS);
                outcome
            }
            Err(error) => {
                warn(&format!("sluice cannot start its runtime: {}\n", error.kind()));
                Ok(Exit::Failed)
            }
        },
    };
    outcome.unwrap_or_else(|problems| bad_configuration(&problems))
}

async fn dispatch(subcommand: Subcommand, sources: Sources) -> Result<Exit, Vec<Problem>> {
    // People at a terminal read what these print; only warnings are logged beside it.
    let default =
        matches!(subcommand, Subcommand::Run { .. } | Subcommand::Audit { .. } | Subcommand::Secret { .. })
            .then_some("warn");
    logging::start(sources.env.get("SLUICE_LOG").map(String::as_str).or(default))
        .map_err(|what| vec![Problem::new("SLUICE_LOG", what)])?;
    match subcommand {
        Subcommand::Serve { accept_only } => serve::run(sources, accept_only).await,
        Subcommand::Check { account } => check::run(sources, account).await,
        Subcommand::Init { admins } => init::run(sources, &admins).await,
        Subcommand::Backup { to } => backup::run(sources, to).await,
        Subcommand::Run { line, who } => run::run(sources, &line, &who).await,
        Subcommand::Secret { what } => secret::run(sources, what).await,
        Subcommand::Audit { what: Audit::Export { since } } => audit::export(sources, since.as_deref()).await,
        Subcommand::Manifest { .. } | Subcommand::Policy { .. } | Subcommand::Template { .. } => {
            Ok(Exit::Done)
        }
    }
}
