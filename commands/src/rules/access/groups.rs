//! Groups and deactivated people: unknown membership grants no access and does not change anyone else's.

use super::*;
use crate::rules::{DEACTIVATED, GROUP_UNKNOWN, Unknown};

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

fn leads(known: Option<&[&str]>) -> Membership {
    let members = known.map(|ids| ids.iter().map(|id| user(id)).collect()).ok_or(Unknown::Silent);
    Membership { groups: [(LEADS.parse().unwrap(), members)].into(), ..Membership::default() }
}

const LEADS: &str = "S1";

/// The same, and the group `S1` has that role too.
fn with_leads(role: Role, known: Option<&[&str]>) -> Access {
    let mut access = Access { membership: leads(known), ..access() };
    access.give(role, &Member::Group(LEADS.parse().unwrap()));
    access
}

#[test]
fn members_have_the_role_of_their_group_only_while_membership_is_known() {
    type Rule = fn(&Access, &UserId) -> Result<Granted, Refusal>;
    let rules: [(Role, Rule, &str); 6] = [
        (Role::Operators, Access::operate, "operators"),
        (Role::Admins, Access::operate, "admins"),
        (Role::Admins, Access::administer, "admins"),
        (Role::Oncall, Access::roll_back, "oncall"),
        (Role::Oncall, Access::override_gates, "override by oncall"),
        (Role::Admins, |access, who| access.cancel(who, &user("U1")), "admins"),
    ];
    for (role, rule, by) in rules {
        let known = with_leads(role, Some(&["U9"]));
        assert_eq!(rule(&known, &user("U9")).unwrap().rule(), by, "{role:?}");
        let code = rule(&known, &user("U8")).unwrap_err().code;
        assert_ne!(code, GROUP_UNKNOWN, "{role:?}: U8 is known not to be in it");
        let refusal = rule(&with_leads(role, None), &user("U9")).unwrap_err();
        assert_eq!(refusal.code, GROUP_UNKNOWN, "{role:?} {refusal:?}");
    }
    let unknown = with_leads(Role::Operators, None);
    assert!(unknown.operate(&user("U1")).is_ok(), "a person named by id is not affected");
    assert_eq!(
        unknown.administer(&user("U9")).unwrap_err().code,
        "not-an-admin",
        "the group has no admin role"
    );
}

#[test]
fn an_unknown_group_of_approvers_does_not_make_the_operators_approve() {
    let (nobody, group) = (BTreeSet::new(), [Member::Group(LEADS.parse().unwrap())].into());
    for known in [None, Some(&[][..])] {
        let mut access = Access { approvers: BTreeSet::new(), ..with_leads(Role::Approvers, known) };
        let code = |access: &Access, approvers| {
            let asked = Asked { requester: &user("U7"), approvers, self_approval: false };
            access.approve(&user("U1"), &asked).map_err(|refusal| refusal.code)
        };
        let wanted = if known.is_none() { GROUP_UNKNOWN } else { "not-an-approver" };
        assert_eq!(code(&access, &nobody), Err(wanted.into()));
        assert_eq!(code(&access, &group), Err(wanted.into()), "also if a stage names the group");
        access.membership = leads(Some(&["U1"]));
        assert!(code(&access, &group).is_ok());
    }
}

#[test]
fn a_deactivated_person_has_no_role() {
    for id in ["U1", "U2", "U3", "U4"] {
        let mut access = access();
        access.membership.deactivated.insert(user(id));
        let asked = Asked { requester: &user("U7"), approvers: &BTreeSet::new(), self_approval: false };
        for refused in [
            access.operate(&user(id)),
            access.administer(&user(id)),
            access.roll_back(&user(id)),
            access.override_gates(&user(id)),
            access.approve(&user(id), &asked),
            access.cancel(&user(id), &user(id)),
        ] {
            assert_eq!(refused.unwrap_err().code, DEACTIVATED, "{id}");
        }
    }
    let mut access = access();
    access.membership.deactivated.insert(user("U2"));
    assert!(access.operate(&user("U1")).is_ok(), "no one else is affected");
    assert_eq!(access.approvers(), &[user("U2")].into(), "the operators do not approve instead");
}
