//! The arguments of the command line. Settings that they do not give come from the environment and from `sluice.toml` (see
//! [`crate::config`]).

use clap::Parser;

use crate::config::Flags;

/// The version and the commit it was built from.
pub(super) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("SLUICE_COMMIT"), ")");

/// Sluice: a Slack bot that delivers serverless applications on AWS.
#[derive(Debug, Parser)]
#[command(name = "sluice", version = VERSION, about, propagate_version = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Subcommand,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    /// Serve Slack: take commands, do the work, tell the channel
    Serve {
        /// Take commands and record them, but drive no operation: another replica does
        #[arg(long)]
        accept_only: bool,
    },
    /// Create the state's table or file, record the account and region, make or update the permissions boundaries and the
    /// artifact bucket, name admins
    Init {
        /// Make this Slack user an admin of all pipelines: who may then grant roles in Slack (repeatable)
        #[arg(long = "admin", value_name = "USER")]
        admins: Vec<String>,
    },
    /// Say what is missing: token, scopes, state, AWS account, permissions boundaries, artifact bucket
    Check {
        /// Ask the account, too, what its first hour would find: services in this region, quotas, probes of the state, the
        /// audit records and the bucket
        #[arg(long)]
        account: bool,
    },
    /// Copy state in SQLite, while it is served or not; the copy is verified
    Backup {
        /// A folder, a new file, or `s3://bucket/prefix` [env: SLUICE_BACKUP]
        #[arg(value_name = "PLACE")]
        to: Option<String>,
    },
    /// Say a command at this terminal, when Slack is down: `sluice run '/rollback orders prod REASON' --as U024BE7LH`
    Run {
        /// The command, as it is typed in Slack
        #[arg(required = true, value_name = "COMMAND")]
        line: Vec<String>,
        /// Who says it: a Slack user id. The record says that it came from a terminal
        #[arg(long = "as", value_name = "USER")]
        who: String,
    },
    /// What was recorded of who did what
    Audit {
        #[command(subcommand)]
        what: Audit,
    },
    /// Print the IAM policy of the role that the bot runs as, for this configuration
    Policy {
        /// The AWS account
        #[arg(long, value_name = "ID")]
        account: String,
        /// The region [env: AWS_REGION]
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
        /// What `sluice init` needs instead, for whoever sets it up
        #[arg(long)]
        init: bool,
    },
    /// Print the Slack app manifest
    Manifest {
        /// Put this before every command, as in `acme-`
        #[arg(long, default_value = "", value_name = "PREFIX")]
        prefix: String,
        /// Install just the umbrella command `/sluice`
        #[arg(long)]
        only_umbrella: bool,
        /// Where Slack reaches the bot
        #[arg(long, value_name = "URL", default_value = crate::slack::manifest::EXAMPLE_URL)]
        url: String,
    },
}

/// What to do with the audit records.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Audit {
    /// Write the audit records of all pipelines to standard output, a line of JSON each; it only reads
    Export {
        /// Only from then on: `7d`, `2026-11-01`, `2026-11-01 09:00` (UTC) [default: from the beginning]
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
    },
}
