//! The access of people (DESIGN 11). Everyone may read. Until a role is configured, every mutation is refused.
//!
//! A privileged act takes a [`Granted`], which only these rules can make (`STYLE.md` 8). The rules work on people: group
//! members were resolved before. A group whose members are unknown grants no access and does not change anyone else's.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{Membership, refusals};
use sluice_model::{GroupId, Member, Permission, Refusal, Role, UserId};

/// The Slack users of each role, from all sources together ([`Roles`](crate::rules::Roles)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// May build, deploy, promote to open stages, and request promotions.
    pub operators: BTreeSet<UserId>,
    /// May change stages, and do everything that operators may.
    pub admins: BTreeSet<UserId>,
    /// May roll any stage back despite locks, windows and freezes, and override gates.
    pub oncall: BTreeSet<UserId>,
    /// May approve promotions. If there are none, the operators may.
    pub approvers: BTreeSet<UserId>,
    /// The groups that have a role. Their members, if known, are also in the sets above.
    pub groups: BTreeMap<Role, BTreeSet<GroupId>>,
    /// What Slack reported about groups and people.
    pub membership: Membership,
}

/// The parts of a request that decide who may approve it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The person who made the request.
    pub requester: &'a UserId,
    /// The stage's approvers. If empty, the approvers of the installation.
    pub approvers: &'a BTreeSet<Member>,
    /// Whether the requester may approve.
    pub self_approval: bool,
}

/// Proof that a rule allowed an act. The audit record names the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    rule: &'static str,
}

impl Granted {
    /// The name of the rule.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl Access {
    /// The people who have a role.
    pub fn of(&self, role: Role) -> &BTreeSet<UserId> {
        match role {
            Role::Operators => &self.operators,
            Role::Admins => &self.admins,
            Role::Oncall => &self.oncall,
            Role::Approvers => &self.approvers,
        }
    }

    /// Gives a role to a person, or to all known members of a group.
    pub fn give(&mut self, role: Role, member: &Member) {
        let people = self.membership.people([member]);
        if let Member::Group(group) = member {
            self.groups.entry(role).or_default().insert(group.clone());
        }
        match role {
            Role::Operators => self.operators.extend(people),
            Role::Admins => self.admins.extend(people),
            Role::Oncall => self.oncall.extend(people),
            Role::Approvers => self.approvers.extend(people),
        }
    }

    /// The groups that have a role.
    fn groups_of(&self, role: Role) -> impl Iterator<Item = &GroupId> {
        self.groups.get(&role).into_iter().flatten()
    }

    /// Whether an active person has a role.
    fn has(&self, role: Role, who: &UserId) -> bool {
        self.of(role).contains(who) && !self.membership.deactivated.contains(who)
    }

    /// The refusal if Slack reports that the person is deactivated, or if they might be in a group whose members are unknown.
    fn unresolved(&self, who: &UserId, roles: &[Role]) -> Option<Refusal> {
        let people = roles.iter().flat_map(|role| self.of(*role)).cloned().collect();
        let groups = roles.iter().flat_map(|role| self.groups_of(*role));
        self.membership.refuse_deactivated(who).or_else(|| self.membership.refuse_unknown(groups, &people))
    }

    /// May this person run a command that needs this permission?
    pub fn permit(&self, permission: Permission, who: &UserId) -> Result<Granted, Refusal> {
        match permission {
            Permission::Admins => self.administer(who),
            Permission::AdminsOrOncall => self.override_gates(who),
            Permission::OperatorsOrOncall => self.roll_back(who),
            Permission::Sluice => Ok(Granted { rule: "sluice" }),
            // Everyone may read. This check is only for changes.
            Permission::Everyone | Permission::Operators | Permission::Approvers => self.operate(who),
        }
    }

    /// Whether no person and no group has a role that can change anything.
    pub fn is_empty(&self) -> bool {
        let is_empty = |role| self.of(role).is_empty() && self.groups_of(role).next().is_none();
        [Role::Operators, Role::Admins, Role::Oncall].into_iter().all(is_empty)
    }

    /// May this person work on pipelines?
    pub fn operate(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Admins, who) {
            return Ok(Granted { rule: "admins" });
        }
        if self.has(Role::Operators, who) {
            return Ok(Granted { rule: "operators" });
        }
        let unresolved = self.unresolved(who, &[Role::Admins, Role::Operators]);
        Err(unresolved.unwrap_or_else(|| {
            self.refuse("not-an-operator", "operators", &self.operators, Some(Role::Operators))
        }))
    }

    /// May this person change what protects a stage?
    pub fn administer(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Admins, who) {
            return Ok(Granted { rule: "admins" });
        }
        let unresolved = self.unresolved(who, &[Role::Admins]);
        Err(unresolved
            .unwrap_or_else(|| self.refuse("not-an-admin", "admins", &self.admins, Some(Role::Admins))))
    }

    /// May this person roll a stage back?
    pub fn roll_back(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Oncall, who) {
            return Ok(Granted { rule: "oncall" });
        }
        let all = [Role::Oncall, Role::Admins, Role::Operators];
        self.operate(who).map_err(|refusal| self.unresolved(who, &all).unwrap_or(refusal))
    }

    /// May this person override gates, with a reason?
    pub fn override_gates(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Admins, who) {
            return Ok(Granted { rule: "override by admins" });
        }
        if self.has(Role::Oncall, who) {
            return Ok(Granted { rule: "override by oncall" });
        }
        let may: BTreeSet<_> = self.admins.union(&self.oncall).cloned().collect();
        let unresolved = self.unresolved(who, &[Role::Admins, Role::Oncall]);
        // On call is the role with fewer rights.
        let lacks = Some(Role::Oncall);
        Err(unresolved
            .unwrap_or_else(|| self.refuse("not-for-override", "admins and people on call", &may, lacks)))
    }

    /// May this person remove the lock of `owner`?
    pub fn unlock(&self, who: &UserId, owner: &UserId) -> Result<Granted, Refusal> {
        if who == owner {
            self.roll_back(who).map(|_| Granted { rule: "owner" })
        } else {
            self.administer(who)
        }
    }

    /// May this person approve or reject that request?
    pub fn approve(&self, who: &UserId, asked: &Asked<'_>) -> Result<Granted, Refusal> {
        let (approvers, groups) = self.deciders(asked.approvers);
        if let Some(gone) = self.membership.refuse_deactivated(who) {
            return Err(gone);
        }
        if !approvers.contains(who) {
            // If a stage names its own approvers, no role helps. If the operators approve by default, adding a first
            // approver by role would take the right from all operators.
            let lacks = asked.approvers.is_empty().then(|| self.approving());
            let refuse = || self.refuse("not-an-approver", "approvers of this stage", &approvers, lacks);
            return Err(self.membership.refuse_unknown(&groups, &approvers).unwrap_or_else(refuse));
        }
        if who == asked.requester && !asked.self_approval {
            return Err(refusals::own_request());
        }
        Ok(Granted { rule: "approvers" })
    }

    /// May this person read logs of builds and functions outside the pipeline's home channel? `approvers` are those of all its stages.
    pub fn read_logs(&self, who: &UserId, approvers: &BTreeSet<Member>) -> Result<Granted, Refusal> {
        let is_gone = self.membership.deactivated.contains(who);
        if !is_gone && (self.has(Role::Oncall, who) || self.approvers().contains(who)) {
            return Ok(Granted { rule: "oncall or approvers" });
        }
        if !is_gone && self.membership.people(approvers).contains(who) {
            return Ok(Granted { rule: "approvers" });
        }
        self.operate(who)
    }

    /// May this person cancel an operation of `requester`? If anyone could, anyone could block a release.
    pub fn cancel(&self, who: &UserId, requester: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Admins, who) {
            return Ok(Granted { rule: "admins" });
        }
        if who == requester {
            return self.roll_back(who).map(|_| Granted { rule: "requester" });
        }
        Err(self.unresolved(who, &[Role::Admins]).unwrap_or_else(|| refusals::not_yours(requester)))
    }

    /// The role that approves by default: the approvers if there are any, else the operators. A group whose members are
    /// unknown counts as an approver.
    pub fn approving(&self) -> Role {
        let is_named = !self.approvers.is_empty() || self.groups_of(Role::Approvers).next().is_some();
        if is_named { Role::Approvers } else { Role::Operators }
    }

    /// The people who approve by default.
    pub fn approvers(&self) -> &BTreeSet<UserId> {
        self.of(self.approving())
    }

    /// The people who approve, and the groups among them: those named, or the default ones if none are named.
    pub fn deciders(&self, named: &BTreeSet<Member>) -> (BTreeSet<UserId>, BTreeSet<GroupId>) {
        match named.is_empty() {
            true => (self.approvers().clone(), self.groups_of(self.approving()).cloned().collect()),
            false => {
                (self.membership.people(named), named.iter().filter_map(Member::group).cloned().collect())
            }
        }
    }

    /// `lacks` is the role that the person can request, if one role would be enough.
    fn refuse(&self, code: &str, role: &str, who: &BTreeSet<UserId>, lacks: Option<Role>) -> Refusal {
        if self.is_empty() {
            return refusals::no_roles();
        }
        // Without an admin, nobody could decide on a request.
        let can_grant = !self.admins.is_empty() || self.groups_of(Role::Admins).next().is_some();
        let lacks = lacks.filter(|_| can_grant);
        refusals::not_in_role(code, role, who).lacking(lacks)
    }
}

#[cfg(test)]
mod groups;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        UserId::new(id).unwrap()
    }

    fn access() -> Access {
        Access {
            operators: [user("U1"), user("U2")].into(),
            admins: [user("U3")].into(),
            approvers: [user("U2")].into(),
            oncall: [user("U4")].into(),
            ..Access::default()
        }
    }

    #[test]
    fn operators_operate_and_admins_administer() {
        let access = access();
        assert_eq!(access.operate(&user("U1")).unwrap().rule(), "operators");
        assert_eq!(access.operate(&user("U3")).unwrap().rule(), "admins");
        assert_eq!(access.operate(&user("U9")).unwrap_err().code, "not-an-operator");
        assert_eq!(access.administer(&user("U1")).unwrap_err().code, "not-an-admin");
        assert!(access.administer(&user("U3")).is_ok());
    }

    #[test]
    fn only_approvers_approve_and_not_their_own_requests() {
        let access = access();
        let (nobody, third) = (BTreeSet::new(), [user("U3").into()].into());
        let approve = |access: &Access, who: &str, requester: &str, approvers, self_approval| {
            let asked = Asked { requester: &user(requester), approvers, self_approval };
            access.approve(&user(who), &asked).map(|granted| granted.rule()).map_err(|refusal| refusal.code)
        };
        assert_eq!(approve(&access, "U2", "U1", &nobody, false), Ok("approvers"));
        assert_eq!(approve(&access, "U2", "U2", &nobody, false), Err("own-request".into()));
        assert_eq!(approve(&access, "U2", "U2", &nobody, true), Ok("approvers"));
        assert_eq!(approve(&access, "U1", "U2", &nobody, false), Err("not-an-approver".into()));
        assert_eq!(approve(&access, "U2", "U1", &third, false), Err("not-an-approver".into()));
        assert_eq!(approve(&access, "U3", "U1", &third, false), Ok("approvers"));
        let default = Access { approvers: BTreeSet::new(), ..access };
        assert_eq!(approve(&default, "U2", "U1", &nobody, false), Ok("approvers"));
    }

    #[test]
    fn people_on_call_can_only_roll_back_and_override() {
        let access = access();
        let oncall = user("U4");
        assert_eq!(access.roll_back(&oncall).unwrap().rule(), "oncall");
        assert_eq!(access.roll_back(&user("U1")).unwrap().rule(), "operators");
        assert_eq!(access.override_gates(&oncall).unwrap().rule(), "override by oncall");
        assert_eq!(access.override_gates(&user("U3")).unwrap().rule(), "override by admins");
        assert_eq!(access.override_gates(&user("U1")).unwrap_err().code, "not-for-override");
        assert_eq!(access.operate(&oncall).unwrap_err().code, "not-an-operator");
        assert_eq!(access.administer(&oncall).unwrap_err().code, "not-an-admin");
    }

    #[test]
    fn only_the_owner_of_a_lock_or_an_admin_removes_it() {
        let access = access();
        assert_eq!(access.unlock(&user("U1"), &user("U1")).unwrap().rule(), "owner");
        assert_eq!(access.unlock(&user("U3"), &user("U1")).unwrap().rule(), "admins");
        assert_eq!(access.unlock(&user("U2"), &user("U1")).unwrap_err().code, "not-an-admin");
    }

    #[test]
    fn only_the_requester_or_an_admin_cancels() {
        let access = access();
        assert_eq!(access.cancel(&user("U1"), &user("U1")).unwrap().rule(), "requester");
        assert_eq!(access.cancel(&user("U3"), &user("U1")).unwrap().rule(), "admins");
        assert_eq!(access.cancel(&user("U2"), &user("U1")).unwrap_err().code, "not-yours");
        let gone = access.cancel(&user("U9"), &user("U9")).unwrap_err();
        assert_eq!(gone.code, "not-an-operator", "a person without the role cancels nothing");
    }

    #[test]
    fn without_roles_the_refusal_shows_the_configuration_to_write() {
        let refusal = Access::default().operate(&user("U1")).unwrap_err();
        assert_eq!(refusal.code, "no-roles");
        assert!(refusal.hint.contains("operators = "));
    }
}
