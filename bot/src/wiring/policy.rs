//! `sluice policy`: the IAM policies of the bot's role, generated from the list of all calls that Sluice can make.
//!
//! They are several documents, by subject: IAM takes 6,144 characters for each managed policy, and by default ten of them for a role
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>). A test checks that each call of
//! `aws-adapter/src/call.rs` is in exactly one statement, so a missing permission shows here and not in somebody's account. The calls
//! that only `sluice init` makes are in a document of their own, for the person who runs it. The bot can write and read audit records,
//! and neither change nor delete them.

mod apis;
mod builds;
mod functions;
mod init;
mod names;
mod stacks;
mod state;
mod statement;
mod tables;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use sluice_model::Target;

use self::names::Names;
use self::statement::Allowed;
pub(crate) use self::statement::PolicyFor;
use self::tables::of_table;
use crate::config::{Base, State};

/// What the documents of the bot are about, in the order in which they are listed.
const BOT: [Part; 5] = [Part::State, Part::Builds, Part::Functions, Part::Apis, Part::Stacks];

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    State,
    Builds,
    Functions,
    Apis,
    Stacks,
    Init,
}

impl Part {
    /// Its name without the region, and what it is about.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::State => ("sluice-bot-state", "the state: tables, queue, backups"),
            Self::Builds => ("sluice-bot-builds", "repositories, builds, artifacts"),
            Self::Functions => ("sluice-bot-functions", "functions, layers, roles, secrets"),
            Self::Apis => ("sluice-bot-apis", "HTTP and REST APIs"),
            Self::Stacks => ("sluice-bot-stacks", "stacks of CloudFormation"),
            Self::Init => ("sluice-init", "what `sluice init` sets up"),
        }
    }

    /// The statements by calls. One without resources is of something that the configuration does not use.
    fn allowed(self, of: &Names<'_>) -> Vec<Allowed> {
        match self {
            Self::State => state::allowed(of),
            Self::Builds => builds::allowed(of),
            Self::Functions => functions::allowed(of),
            Self::Apis => apis::allowed(of),
            Self::Stacks => stacks::allowed(of),
            Self::Init => init::allowed(of),
        }
    }
}

/// An IAM policy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PolicyDocument {
    /// A name for it, unique in the account: it ends with the region.
    pub(crate) name: String,
    /// What it allows, in words.
    pub(crate) about: &'static str,
    /// The document.
    pub(crate) body: Value,
}

impl PolicyDocument {
    /// How many characters it has for IAM, which counts no white space.
    pub(crate) fn size(&self) -> usize {
        self.body.to_string().chars().filter(|sign| !sign.is_whitespace()).count()
    }
}

/// The documents for this account and region, with the state, queue and backups of the configuration. All of them belong to one role.
pub(crate) fn policies(whose: PolicyFor, base: &Base, target: &Target) -> Vec<PolicyDocument> {
    let of = Names { base, target };
    let parts: &[Part] = match whose {
        PolicyFor::Bot => &BOT,
        PolicyFor::Init => &[Part::Init],
    };
    let document = |part: &Part| {
        let allowed = part.allowed(&of);
        let used = allowed.iter().filter(|allowed| !allowed.resources.is_empty());
        let mut statements: Vec<Value> = used.map(Allowed::statement).collect();
        if let (State::Table(table), Part::State | Part::Init) = (&base.state, part) {
            statements.extend(of_table(whose, table, target));
        }
        if *part == Part::Functions {
            statements.push(functions::secrets_stay(&of));
        }
        let (name, about) = part.words();
        let body = json!({ "Version": "2012-10-17", "Statement": statements });
        // A state in a file without backups needs nothing of AWS.
        (!statements.is_empty()).then(|| PolicyDocument {
            name: format!("{name}-{}", target.region),
            about,
            body,
        })
    };
    parts.iter().filter_map(document).collect()
}
