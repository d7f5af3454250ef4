//! The members of user groups and the deactivated people, as Slack reported them for one decision.
//!
//! Unknown membership grants no access: a group without an answer from Slack counts as empty, and the refusal says so to
//! people who might be members. A person named by id keeps a role unless Slack reports the person as deactivated: work must
//! not depend on Slack's availability.

use std::collections::{BTreeMap, BTreeSet};

use crate::ports::Unknown;
use crate::rules::refusals;
use sluice_model::{GroupId, Member, Refusal, UserId};

/// What Slack reported for one decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The groups that were looked up.
    pub groups: BTreeMap<GroupId, Result<BTreeSet<UserId>, Unknown>>,
    /// The deactivated ones among the people who were looked up.
    pub deactivated: BTreeSet<UserId>,
}

impl Membership {
    /// The members of a group, or why they are unknown. A group that was not looked up is unknown.
    pub fn of(&self, group: &GroupId) -> Result<&BTreeSet<UserId>, &Unknown> {
        self.groups.get(group).map_or(Err(&Unknown::Silent), |known| known.as_ref())
    }

    /// All people among these, and the known members of the groups among these.
    pub fn people<'a>(&self, members: impl IntoIterator<Item = &'a Member>) -> BTreeSet<UserId> {
        let mut people = BTreeSet::new();
        for member in members {
            match member {
                Member::User(user) => drop(people.insert(user.clone())),
                Member::Group(group) => people.extend(self.of(group).into_iter().flatten().cloned()),
            }
        }
        people
    }

    /// The refusal for a person who is not among `instead` but might be in one of these groups. `None` if all groups are
    /// known.
    pub fn refuse_unknown<'a>(
        &self,
        groups: impl IntoIterator<Item = &'a GroupId>,
        instead: &BTreeSet<UserId>,
    ) -> Option<Refusal> {
        let unknown: BTreeMap<_, _> =
            groups.into_iter().filter_map(|group| Some((group, self.of(group).err()?))).collect();
        let first = unknown.values().next()?;
        let others = instead.iter().filter(|user| !self.deactivated.contains(*user));
        Some(refusals::group_unknown(&unknown, first, others))
    }

    /// The refusal for a deactivated person.
    pub fn refuse_deactivated(&self, who: &UserId) -> Option<Refusal> {
        self.deactivated.contains(who).then(|| refusals::deactivated(who))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::GROUP_UNKNOWN;

    fn group(id: &str) -> GroupId {
        id.parse().unwrap()
    }

    #[test]
    fn every_refusal_has_a_next_step_and_names_people_with_the_role() {
        let users: BTreeSet<UserId> = ["U1", "U2"].map(|id| id.parse().unwrap()).into();
        for (why, words, hint) in [
            (Unknown::Silent, "did not return", "Try again"),
            (Unknown::Scope("usergroups:read"), "`usergroups:read`", "sluice manifest"),
            (Unknown::Gone, "has no user group", "another group"),
            (Unknown::Refused("plan_upgrade_required".into()), "`plan_upgrade_required`", "log"),
            (Unknown::Apart, "A terminal cannot", "in Slack"),
        ] {
            let membership = Membership {
                groups: [(group("S1"), Err(why)), (group("S2"), Ok(BTreeSet::new()))].into(),
                deactivated: ["U2".parse().unwrap()].into(),
            };
            let refusal = membership.refuse_unknown(&[group("S1"), group("S2")], &users).unwrap();
            assert_eq!(refusal.code, GROUP_UNKNOWN);
            assert!(
                refusal.problem.contains("<!subteam^S1>") && refusal.problem.contains("grants no access")
            );
            assert!(refusal.problem.contains(words) && !refusal.problem.contains("S2"), "{refusal:?}");
            assert!(refusal.hint.contains(hint) && refusal.hint.contains("<@U1>."), "{refusal:?}");
            assert_eq!(membership.refuse_unknown(&[group("S2")], &users), None);
            let alone = membership.refuse_unknown(&[group("S1")], &BTreeSet::new()).unwrap();
            assert!(alone.hint.contains("Nobody else"), "{alone:?}");
        }
    }

    #[test]
    fn a_group_that_was_not_looked_up_is_empty() {
        let membership = Membership::default();
        assert_eq!(membership.of(&group("S1")), Err(&Unknown::Silent));
        assert_eq!(membership.people(&[Member::Group(group("S1"))]), BTreeSet::new());
    }
}
