//! Roles that people granted, in addition to those that `sluice.toml` pins. Grants for all pipelines are in one record, and
//! grants for one pipeline are in a record of its partition.
//!
//! A person has a role if any of the three sources gives it. Commands change only the records: pinned roles stay, and at
//! least one admin who can grant always remains.

use jiff::Timestamp;

use crate::records::{Grant, Grants};
use crate::rules::{Access, Membership, PinnedRoles, RoleChange, Source, Subjects, refusals};
use sluice_model::{Actor, GroupId, Member, Refusal, Role};

/// All roles, for one pipeline or for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// The roles that `sluice.toml` pins.
    pub pinned: PinnedRoles,
    /// The grants for all pipelines.
    pub everywhere: Grants,
    /// The grants for this pipeline; empty without one.
    pub here: Grants,
    /// The known members of the groups among them.
    pub membership: Membership,
}

impl Roles {
    /// The access of each person: any of the three sources gives a role.
    pub fn access(&self) -> Access {
        let mut access = Access { membership: self.membership.clone(), ..Access::default() };
        for role in Role::ALL {
            self.members(role).for_each(|member| access.give(role, member));
        }
        access
    }

    /// The people and groups of a role, once for each source.
    fn members(&self, role: Role) -> impl Iterator<Item = &Member> {
        let granted = self.everywhere.list.iter().chain(&self.here.list);
        let granted = granted.filter(move |grant| grant.role == role).map(|grant| &grant.person);
        self.pinned.of(role).iter().chain(granted)
    }

    /// Everyone who has a role, each once: people before groups.
    pub fn named(&self, role: Role) -> std::collections::BTreeSet<&Member> {
        self.members(role).collect()
    }

    /// The groups that have any role.
    pub fn subjects(&self) -> Subjects {
        Subjects::default().naming(Role::ALL.into_iter().flat_map(|role| self.members(role)))
    }

    /// The sources of a role of a person or group.
    pub fn sources(&self, person: &Member, role: Role) -> Vec<Source<'_>> {
        let pinned = self.pinned.of(role).contains(person).then_some(Source::Pinned);
        let everywhere = self.everywhere.get(person, role).map(Source::Everywhere);
        let here = self.here.get(person, role).map(Source::Here);
        [pinned, everywhere, here].into_iter().flatten().collect()
    }

    /// The groups that give a role to a person.
    pub fn within(&self, person: &Member, role: Role) -> Vec<Source<'_>> {
        let is_in = |group: &&GroupId| {
            let members = self.membership.of(group).ok();
            person.user().zip(members).is_some_and(|(user, members)| members.contains(user))
        };
        self.named(role).into_iter().filter_map(Member::group).filter(is_in).map(Source::Within).collect()
    }

    /// The roles after that change, or why it is not possible. The caller has checked that `by` may make it.
    pub fn changed(&self, change: &RoleChange, by: &Actor, at: Timestamp) -> Result<Self, Refusal> {
        let RoleChange { person, role, name, gives } = change;
        let mut after = self.clone();
        let is_pinned = self.pinned.of(*role).contains(person);
        let grants = if name.is_some() { &mut after.here } else { &mut after.everywhere };
        match (gives, grants.get(person, *role)) {
            (true, Some(grant)) => return Err(refusals::already_granted(change, grant)),
            (true, None) if is_pinned => return Err(refusals::already_pinned(change)),
            (false, None) if is_pinned => return Err(refusals::pinned(change)),
            (false, None) => {
                let is_everywhere = name.is_some() && self.everywhere.get(person, *role).is_some();
                let within = self.within(person, *role);
                return Err(refusals::not_granted(change, is_everywhere, within.first()));
            }
            (true, None) => {
                grants.list.push(Grant { person: person.clone(), role: *role, by: by.clone(), at });
            }
            (false, Some(_)) => grants.list.retain(|grant| grant.person != *person || grant.role != *role),
        }
        if after.access().admins.is_empty() {
            return Err(refusals::last_admin(person));
        }
        Ok(after)
    }
}

#[cfg(test)]
mod groups;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Guard, Key, Precondition, Write};
    use crate::records::REVISION;
    use sluice_model::UserId;

    fn user(id: &str) -> UserId {
        UserId::new(id).unwrap()
    }

    fn member(id: &str) -> Member {
        id.to_owned().try_into().unwrap()
    }

    fn eve() -> Actor {
        Actor::in_slack(user("U5"), "eve")
    }

    /// `sluice.toml` pins `U1` as an operator and `U5` as an admin.
    fn roles() -> Roles {
        let pinned =
            Access { operators: [user("U1")].into(), admins: [user("U5")].into(), ..Access::default() };
        Roles { pinned: pinned.into(), ..Roles::default() }
    }

    fn change(gives: bool, person: &str, role: Role, name: Option<&str>) -> RoleChange {
        RoleChange { person: member(person), role, name: name.map(|name| name.parse().unwrap()), gives }
    }

    fn after(
        roles: &Roles,
        gives: bool,
        person: &str,
        role: Role,
        name: Option<&str>,
    ) -> Result<Roles, String> {
        let wanted = change(gives, person, role, name);
        roles.changed(&wanted, &eve(), Timestamp::UNIX_EPOCH).map_err(|refusal| refusal.code)
    }

    #[test]
    fn any_of_the_three_sources_gives_a_role() {
        let all = after(&roles(), true, "U2", Role::Operators, None).unwrap();
        let all = after(&all, true, "U3", Role::Approvers, Some("orders")).unwrap();
        let access = all.access();
        assert_eq!(access.operate(&user("U1")).unwrap().rule(), "operators");
        assert_eq!(access.operate(&user("U2")).unwrap().rule(), "operators");
        assert!(access.operate(&user("U3")).is_err());
        assert_eq!(
            access.approvers(),
            &[user("U3")].into(),
            "with an approver, the operators no longer approve"
        );
        let other = Roles { here: Grants::default(), ..all.clone() };
        assert_eq!(other.access().approvers().len(), 2, "the operators still approve for other pipelines");
        assert_eq!(all.sources(&member("U1"), Role::Operators), [Source::Pinned]);
        assert!(matches!(all.sources(&member("U3"), Role::Approvers)[..], [Source::Here(_)]));
        assert_eq!(after(&all, false, "U3", Role::Approvers, Some("orders")).unwrap().here.list, []);
    }

    #[test]
    fn pinned_roles_stay_and_changes_without_effect_are_refused() {
        let orders = Some("orders");
        assert_eq!(after(&roles(), true, "U1", Role::Operators, orders), Err("pinned".into()));
        assert_eq!(after(&roles(), false, "U1", Role::Operators, None), Err("pinned".into()));
        assert_eq!(after(&roles(), false, "U2", Role::Operators, None), Err("not-granted".into()));
        let all = after(&roles(), true, "U2", Role::Operators, None).unwrap();
        assert_eq!(after(&all, true, "U2", Role::Operators, None), Err("already-granted".into()));
        assert_eq!(after(&all, false, "U2", Role::Operators, orders), Err("not-granted".into()));
        assert!(
            after(&all, true, "U2", Role::Operators, orders).is_ok(),
            "the wider grant may be revoked later"
        );
        // A role that was pinned after it was granted: the grant can be revoked, and the role stays.
        let mut late = all;
        late.pinned.operators.insert(member("U2"));
        let late = after(&late, false, "U2", Role::Operators, None).unwrap();
        assert!(late.access().operate(&user("U2")).is_ok());
    }

    #[test]
    fn the_last_admin_cannot_be_removed() {
        let mut all = after(&roles(), true, "U2", Role::Admins, None).unwrap();
        assert!(after(&all, false, "U2", Role::Admins, None).is_ok(), "U5 is pinned");
        all.pinned.admins.clear();
        assert_eq!(after(&all, false, "U2", Role::Admins, None), Err("last-admin".into()));
        let two = after(&all, true, "U3", Role::Admins, Some("orders")).unwrap();
        assert!(after(&two, false, "U3", Role::Admins, Some("orders")).is_ok());
        let only = Roles { everywhere: Grants::default(), ..two };
        assert_eq!(after(&only, false, "U3", Role::Admins, Some("orders")), Err("last-admin".into()));
    }

    #[test]
    fn a_write_replaces_only_the_revision_that_was_read() {
        let key = || Key { partition: "p".into(), sort: "roles".into() };
        let first = after(&roles(), true, "U2", Role::Oncall, None).unwrap().everywhere;
        let Write::Put { item, when } = first.put(key()).unwrap() else { panic!("a put") };
        assert_eq!(when, Precondition::Absent);
        let read = Grants::of(Some(&item)).unwrap();
        assert_eq!((&read.list, read.revision), (&first.list, 1));
        let Write::Put { when, .. } = read.put(key()).unwrap() else { panic!("a put") };
        assert_eq!(when, Precondition::Equals([(REVISION.to_owned(), Guard::Number(1))].into()));
    }
}
