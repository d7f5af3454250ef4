//! Who may do what (DESIGN 11). Reading is for everybody; without any role configured every mutation is refused.
//!
//! A privileged act takes a [`Granted`], which only these rules can make (`STYLE.md` 8). They go by people: who is in a group
//! was looked up before. A group of which that is not known opens nothing, and changes nobody else's rights either.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Membership;
use sluice_model::{GroupId, Member, Permission, Refusal, Role, UserId};

/// The roles by Slack user, as all that gives them comes to ([`Roles`](crate::domain::Roles)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Build, deploy, promote to open stages, ask for promotions.
    pub operators: BTreeSet<UserId>,
    /// Stages, and everything that operators may.
    pub admins: BTreeSet<UserId>,
    /// Roll any stage back through locks, windows and freezes; override.
    pub oncall: BTreeSet<UserId>,
    /// Approve promotions; if there are none, the operators do.
    pub approvers: BTreeSet<UserId>,
    /// The groups that have a role; their people, as far as they are known, are among those above.
    pub groups: BTreeMap<Role, BTreeSet<GroupId>>,
    /// What Slack said of groups and people.
    pub membership: Membership,
}

/// A request that somebody is to approve, as far as it decides who may.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who asked.
    pub requester: &'a UserId,
    /// The stage's approvers; if there are none, those of the installation.
    pub approvers: &'a BTreeSet<Member>,
    /// Whether an approval by who asked counts.
    pub self_approval: bool,
}

/// Proof that the rules were asked: which one allowed it. It goes into the audit record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    rule: &'static str,
}

impl Granted {
    /// The rule that allowed it.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl Access {
    /// Those who have a role.
    pub fn of(&self, role: Role) -> &BTreeSet<UserId> {
        match role {
            Role::Operators => &self.operators,
            Role::Admins => &self.admins,
            Role::Oncall => &self.oncall,
            Role::Approvers => &self.approvers,
        }
    }

    /// Gives a role to a person, or to everybody who is known to be in a group.
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

    /// Whether that person has that role.
    fn has(&self, role: Role, who: &UserId) -> bool {
        self.of(role).contains(who) && !self.membership.deactivated.contains(who)
    }

    /// Why somebody is turned away whom no one named has as such, if it is for what Slack said of them or did not say.
    fn unheard(&self, who: &UserId, roles: &[Role]) -> Option<Refusal> {
        let people = roles.iter().flat_map(|role| self.of(*role)).cloned().collect();
        let groups = roles.iter().flat_map(|role| self.groups_of(*role));
        self.membership.gone(who).or_else(|| self.membership.closed(groups, &people))
    }

    /// May this person ask for what needs that permission?
    pub fn permit(&self, permission: Permission, who: &UserId) -> Result<Granted, Refusal> {
        match permission {
            Permission::Admins => self.administer(who),
            Permission::AdminsOrOncall => self.override_gates(who),
            Permission::OperatorsOrOncall => self.roll_back(who),
            Permission::Sluice => Ok(Granted { rule: "sluice" }),
            // Reading is for everybody; this is asked about changes.
            Permission::Everyone | Permission::Operators | Permission::Approvers => self.operate(who),
        }
    }

    /// Whether nobody has any role.
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
        let unheard = self.unheard(who, &[Role::Admins, Role::Operators]);
        Err(unheard.unwrap_or_else(|| {
            self.refuse("not-an-operator", "operators", &self.operators, Some(Role::Operators))
        }))
    }

    /// May this person change what protects a stage?
    pub fn administer(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Admins, who) {
            return Ok(Granted { rule: "admins" });
        }
        let unheard = self.unheard(who, &[Role::Admins]);
        Err(unheard
            .unwrap_or_else(|| self.refuse("not-an-admin", "admins", &self.admins, Some(Role::Admins))))
    }

    /// May this person take a stage back?
    pub fn roll_back(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Oncall, who) {
            return Ok(Granted { rule: "oncall" });
        }
        let all = [Role::Oncall, Role::Admins, Role::Operators];
        self.operate(who).map_err(|refusal| self.unheard(who, &all).unwrap_or(refusal))
    }

    /// May this person pass gates, with a reason?
    pub fn override_gates(&self, who: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Admins, who) {
            return Ok(Granted { rule: "override by admins" });
        }
        if self.has(Role::Oncall, who) {
            return Ok(Granted { rule: "override by oncall" });
        }
        let may: BTreeSet<_> = self.admins.union(&self.oncall).cloned().collect();
        let unheard = self.unheard(who, &[Role::Admins, Role::Oncall]);
        // Of the two roles the smaller one.
        let lacks = Some(Role::Oncall);
        Err(unheard
            .unwrap_or_else(|| self.refuse("not-for-override", "admins and people on call", &may, lacks)))
    }

    /// May this person take that person's lock away?
    pub fn unlock(&self, who: &UserId, owner: &UserId) -> Result<Granted, Refusal> {
        if who == owner {
            self.roll_back(who).map(|_| Granted { rule: "owner" })
        } else {
            self.administer(who)
        }
    }

    /// May this person approve what that person asked for, where these approve?
    pub fn approve(&self, who: &UserId, asked: &Asked<'_>) -> Result<Granted, Refusal> {
        let (approvers, groups) = self.deciders(asked.approvers);
        if let Some(gone) = self.membership.gone(who) {
            return Err(gone);
        }
        if !approvers.contains(who) {
            // Where a stage names its own approvers, no role helps. Where the operators approve, a first approver by role
            // would take that from them.
            let lacks = asked.approvers.is_empty().then(|| self.approving());
            let refuse = || self.refuse("not-an-approver", "approvers of this stage", &approvers, lacks);
            return Err(self.membership.closed(&groups, &approvers).unwrap_or_else(refuse));
        }
        if who == asked.requester && !asked.self_approval {
            return Err(Refusal::new(
                "own-request",
                "This is your own request: somebody else has to decide.",
                "Ask another approver to look at it.",
            ));
        }
        Ok(Granted { rule: "approvers" })
    }

    /// May this person read the logs of builds outside of the pipeline's home channel, where these approve on some stage?
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

    /// May this person stop what that person asked for? A button that anybody can press is a way to stop a release.
    pub fn cancel(&self, who: &UserId, requester: &UserId) -> Result<Granted, Refusal> {
        if self.has(Role::Admins, who) {
            return Ok(Granted { rule: "admins" });
        }
        if who == requester {
            return self.roll_back(who).map(|_| Granted { rule: "requester" });
        }
        let not_yours = Refusal::new(
            "not-yours",
            format!("Only <@{requester}>, who asked for it, or an admin may stop it."),
            "Ask one of them.",
        );
        Err(self.unheard(who, &[Role::Admins]).unwrap_or(not_yours))
    }

    /// Who approves by default: the operators, unless somebody is named. A group that nobody knows is somebody, too.
    pub fn approving(&self) -> Role {
        let is_named = !self.approvers.is_empty() || self.groups_of(Role::Approvers).next().is_some();
        if is_named { Role::Approvers } else { Role::Operators }
    }

    /// Who approves by default.
    pub fn approvers(&self) -> &BTreeSet<UserId> {
        self.of(self.approving())
    }

    /// Who approves where these are named, or by default: the people, and the groups among them.
    pub fn deciders(&self, named: &BTreeSet<Member>) -> (BTreeSet<UserId>, BTreeSet<GroupId>) {
        match named.is_empty() {
            true => (self.approvers().clone(), self.groups_of(self.approving()).cloned().collect()),
            false => {
                (self.membership.people(named), named.iter().filter_map(Member::group).cloned().collect())
            }
        }
    }

    /// `lacks` is the role to ask for, if there is one that would do.
    fn refuse(&self, code: &str, role: &str, who: &BTreeSet<UserId>, lacks: Option<Role>) -> Refusal {
        if self.is_empty() {
            return Refusal::new(
                "no-roles",
                "Nobody may change anything yet: no roles are configured.",
                "Whoever runs Sluice names the first admin with `sluice init --admin U…`, or writes into sluice.toml: `[access]`, \
                 `operators = [\"U…\"]`, `admins = [\"U…\"]`, and sends Sluice a SIGHUP.",
            );
        }
        let mut names: Vec<_> = who.iter().take(5).map(|user| format!("<@{user}>")).collect();
        if who.len() > names.len() {
            names.push(format!("{} more", who.len() - names.len()));
        }
        let hint = match names.as_slice() {
            [] => {
                "Nobody has that role yet: an admin gives it with `/pipeline grant`, or `sluice.toml` does."
                    .to_owned()
            }
            names => format!("Ask somebody who may: {}.", names.join(", ")),
        };
        // Without an admin there is nobody to ask.
        let can_grant = !self.admins.is_empty() || self.groups_of(Role::Admins).next().is_some();
        let lacks = lacks.filter(|_| can_grant);
        Refusal::new(code, format!("Only {role} may do that, and you are not one of them."), hint)
            .lacking(lacks)
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
    fn roles_are_what_the_file_says() {
        let access = access();
        assert_eq!(access.operate(&user("U1")).unwrap().rule(), "operators");
        assert_eq!(access.operate(&user("U3")).unwrap().rule(), "admins");
        assert_eq!(access.operate(&user("U9")).unwrap_err().code, "not-an-operator");
        assert_eq!(access.administer(&user("U1")).unwrap_err().code, "not-an-admin");
        assert!(access.administer(&user("U3")).is_ok());
    }

    #[test]
    fn nobody_approves_himself_and_only_approvers_approve() {
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
    fn those_on_call_go_back_and_override_and_nothing_else() {
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
    fn a_lock_is_taken_away_by_its_owner_or_an_admin() {
        let access = access();
        assert_eq!(access.unlock(&user("U1"), &user("U1")).unwrap().rule(), "owner");
        assert_eq!(access.unlock(&user("U3"), &user("U1")).unwrap().rule(), "admins");
        assert_eq!(access.unlock(&user("U2"), &user("U1")).unwrap_err().code, "not-an-admin");
    }

    #[test]
    fn only_who_asked_or_an_admin_stops_it() {
        let access = access();
        assert_eq!(access.cancel(&user("U1"), &user("U1")).unwrap().rule(), "requester");
        assert_eq!(access.cancel(&user("U3"), &user("U1")).unwrap().rule(), "admins");
        assert_eq!(access.cancel(&user("U2"), &user("U1")).unwrap_err().code, "not-yours");
        let gone = access.cancel(&user("U9"), &user("U9")).unwrap_err();
        assert_eq!(gone.code, "not-an-operator", "who lost the role stops nothing any more");
    }

    #[test]
    fn without_roles_everything_is_refused_with_the_lines_to_write() {
        let refusal = Access::default().operate(&user("U1")).unwrap_err();
        assert_eq!(refusal.code, "no-roles");
        assert!(refusal.hint.contains("operators = "));
    }
}
