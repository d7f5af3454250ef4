//! The pinned settings: roles, the names of commands, the permissions boundary.

use std::collections::BTreeSet;

use sluice_commands::rules::PinnedRoles;
use sluice_commands::setup::boundaries;
use sluice_grammar::Names;
use sluice_model::Member;
use toml::Value;

use super::reading::Reading;

pub(crate) const PREFIX_RULE: &str = "a prefix is up to 12 of a-z, 0-9, - and _, as in `acme-`";

/// Whether `prefix` can begin the name of a slash command.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    prefix.len() <= 12
        && prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

impl Reading {
    pub(super) fn access(&mut self) -> PinnedRoles {
        PinnedRoles {
            operators: self.people("access.operators"),
            admins: self.people("access.admins"),
            approvers: self.people("access.approvers"),
            oncall: self.people("access.oncall"),
        }
    }

    fn people(&mut self, path: &str) -> BTreeSet<Member> {
        let Some((name, value)) = self.file.take(path) else { return BTreeSet::new() };
        let Value::Array(members) = value else {
            self.problem(
                name,
                "expected a list of Slack user or group IDs, as in [\"U024BE7LH\", \"S0604QSJC\"]",
            );
            return BTreeSet::new();
        };
        let mut people = BTreeSet::new();
        for member in members {
            match member.as_str().map(|id| Member::try_from(id.to_owned())) {
                Some(Ok(member)) => {
                    people.insert(member);
                }
                _ => self.problem(
                    &name,
                    format!("{member} is not a Slack user or group ID, as in \"U024BE7LH\" or \"S0604QSJC\""),
                ),
            }
        }
        people
    }

    pub(super) fn names(&mut self) -> Option<Names> {
        let prefix = match self.file.take("commands.prefix") {
            None => Some(String::new()),
            Some((name, value)) => {
                let prefix = value.as_str().filter(|prefix| is_prefix(prefix)).map(str::to_owned);
                if prefix.is_none() {
                    self.problem(name, PREFIX_RULE);
                }
                prefix
            }
        };
        let only_umbrella = match self.file.take("commands.only_umbrella") {
            None => Some(false),
            Some((_, Value::Boolean(only))) => Some(only),
            Some((name, _)) => {
                self.problem(name, "expected true or false");
                None
            }
        };
        Some(Names { prefix: prefix?, only_umbrella: only_umbrella? })
    }

    /// The organisation's own permissions boundary. The inner `None` means Sluice's.
    pub(super) fn boundary(&mut self) -> Option<Option<Vec<serde_json::Value>>> {
        let flag = self.flags.boundary.clone();
        let Some((name, path)) = self.text(Some(("--boundary", flag)), "SLUICE_BOUNDARY", "boundary") else {
            return Some(None);
        };
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot be read: {}", error.kind()));
        match text.and_then(|text| boundaries::statements(&text)) {
            Ok(statements) => Some(Some(statements)),
            Err(what) => {
                self.problem(name, format!("`{path}` {what}"));
                None
            }
        }
    }
}
