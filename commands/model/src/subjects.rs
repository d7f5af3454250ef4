//! The people and groups that a decision is about.

use std::collections::BTreeSet;

use crate::{GroupId, Member, UserId};

/// The groups and people to look up for a decision, in addition to those with roles: groups that are named elsewhere (the
/// approvers of a stage), and people who made a request earlier. A person who sends a request now is active, because Slack
/// signed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Groups.
    pub groups: BTreeSet<GroupId>,
    /// People.
    pub people: BTreeSet<UserId>,
}

impl Subjects {
    /// Only those people.
    pub fn people<'a>(people: impl IntoIterator<Item = &'a UserId>) -> Self {
        Self { people: people.into_iter().cloned().collect(), ..Self::default() }
    }
    /// Adds the groups among these.
    pub fn naming<'a>(mut self, members: impl IntoIterator<Item = &'a Member>) -> Self {
        self.groups.extend(members.into_iter().filter_map(Member::group).cloned());
        self
    }
}
