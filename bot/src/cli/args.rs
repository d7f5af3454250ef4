//! The arguments of the command line. Other settings are read from the environment and from `sluice.toml` (see
//! [`crate::config`]).

use std::path::PathBuf;

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

/// The subcommands; the comments are their help.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    /// Serve Slack: accept commands, drive operations, post updates
    Serve {
        /// Accept and record commands, but leave operations to other replicas
        #[arg(long)]
        accept_only: bool,
    },
    /// Set up the state, the permissions boundaries, the artifact bucket and the queue, and name the first admins
    Init {
        /// Make this Slack user an admin of all pipelines, who can then grant roles in Slack (repeatable)
        #[arg(long = "admin", value_name = "USER")]
        admins: Vec<String>,
    },
    /// Check the token and its scopes, the state, the permissions boundaries, the artifact bucket and the queue
    Check {
        /// Also check the account: services in this region, quotas, and probes of the state, the audit records and the bucket
        #[arg(long)]
        account: bool,
    },
    /// Copy the state in SQLite, also while it is served, and verify the copy
    Backup {
        /// A folder, a new file, or `s3://bucket/prefix` [env: SLUICE_BACKUP]
        #[arg(value_name = "PLACE")]
        to: Option<String>,
    },
    /// Run one command without Slack: `sluice run '/rollback orders prod REASON' --as U024BE7LH`
    Run {
        /// The command as in Slack
        #[arg(required = true, value_name = "COMMAND")]
        line: Vec<String>,
        /// The actor, by Slack user ID. The audit record says that the command was typed at a terminal
        #[arg(long = "as", value_name = "USER")]
        who: String,
    },
    /// Set, list or delete the secrets of a stage: `SecureString`s of Systems Manager that its functions read by name
    Secret {
        #[command(subcommand)]
        what: Secret,
    },
    /// Read the audit records
    Audit {
        #[command(subcommand)]
        what: Audit,
    },
    /// List the IAM policies of the bot's role, for this configuration; print one, or write all
    Policy {
        /// Print this one: its name, or `state`, `builds`, `functions`, `apis`, `stacks`
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Write each policy to a file in this folder, `NAME.json`
        #[arg(long, value_name = "DIR", conflicts_with = "name")]
        out: Option<PathBuf>,
        /// The AWS account
        #[arg(long, value_name = "ID")]
        account: String,
        /// The region [env: AWS_REGION]
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
        /// The policy for the person who runs `sluice init` instead
        #[arg(long)]
        init: bool,
    },
    /// Check a packaged template on this machine
    Template {
        #[command(subcommand)]
        what: Template,
    },
    /// Print the manifest of the Slack app
    Manifest {
        /// The prefix of every command, as in `acme-`
        #[arg(long, default_value = "", value_name = "PREFIX")]
        prefix: String,
        /// Install only the umbrella command `/sluice`
        #[arg(long)]
        only_umbrella: bool,
        /// Use Socket Mode, which needs no public address. This is the default
        #[arg(long, conflicts_with = "url")]
        socket: bool,
        /// Deliver to this public https address of the bot, instead of Socket Mode
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
}

/// The subcommands of `secret`. None takes a value: other users of the machine can read arguments.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Secret {
    /// Set a secret. The value is read from standard input, or from a prompt that does not show it
    Set {
        /// The pipeline
        #[arg(value_name = "NAME")]
        pipeline: String,
        /// The stage
        #[arg(value_name = "STAGE")]
        stage: String,
        /// The name of the secret, as in `API_KEY`
        #[arg(value_name = "KEY")]
        key: String,
        /// An admin, by Slack user ID. The audit record says that the command was typed at a terminal
        #[arg(long = "as", value_name = "USER")]
        who: String,
    },
    /// List the names of a stage's secrets
    List {
        /// The pipeline
        #[arg(value_name = "NAME")]
        pipeline: String,
        /// The stage
        #[arg(value_name = "STAGE")]
        stage: String,
    },
    /// Delete a secret. Systems Manager keeps no copy
    Delete {
        /// The pipeline
        #[arg(value_name = "NAME")]
        pipeline: String,
        /// The stage
        #[arg(value_name = "STAGE")]
        stage: String,
        /// The name of the secret
        #[arg(value_name = "KEY")]
        key: String,
        /// An admin, by Slack user ID
        #[arg(long = "as", value_name = "USER")]
        who: String,
    },
}

/// The subcommands of `audit`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Audit {
    /// Write the audit records of all pipelines to standard output, one line of JSON each
    Export {
        /// Only records since then: `7d`, `2026-11-01`, `2026-11-01 09:00` (UTC) [default: all records]
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
    },
}

/// The subcommands of `template`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Template {
    /// Print where each resource of a packaged template belongs, and what is refused. It calls neither AWS nor Slack
    Check {
        /// A template, or a folder with `packaged.json` or `template.json`
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Evaluate the template for this stage
        #[arg(long, default_value = "dev")]
        stage: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}
