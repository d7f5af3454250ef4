//! The settings that every subcommand takes as flags.

use std::path::PathBuf;

use clap::Args;

/// A flag wins over the environment and over the file.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Flags {
    /// The policy file [env: SLUICE_CONFIG] [default: sluice.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The address to listen on [env: SLUICE_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// The durable state: `dynamodb:TABLE` or `sqlite:PATH` [env: SLUICE_STATE] [default: dynamodb:sluice]
    #[arg(long, global = true, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// Your own permissions boundary for functions, for `init` and `check`: a policy document, to which Sluice adds its
    /// denials [env: SLUICE_BOUNDARY]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) boundary: Option<String>,
}
