//! Groups have roles like people, and records of people keep their format.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ports::Key;
use crate::rules::Asked;
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
    let pinned = Access { operators: [user("U1")].into(), admins: [user("U5")].into(), ..Access::default() };
    Roles { pinned: pinned.into(), ..Roles::default() }
}

fn change(gives: bool, person: &str, role: Role, name: Option<&str>) -> RoleChange {
    RoleChange { person: member(person), role, name: name.map(|name| name.parse().unwrap()), gives }
}

fn after(roles: &Roles, gives: bool, person: &str, role: Role, name: Option<&str>) -> Result<Roles, String> {
    let wanted = change(gives, person, role, name);
    roles.changed(&wanted, &eve(), Timestamp::UNIX_EPOCH).map_err(|refusal| refusal.code)
}

#[test]
fn a_group_gets_a_role_like_a_person() {
    let orders = Some("orders");
    let mut all = after(&roles(), true, "S1", Role::Operators, orders).unwrap();
    assert_eq!(after(&all, true, "S1", Role::Operators, orders), Err("already-granted".into()));
    assert!(all.access().operate(&user("U9")).is_err(), "its members are unknown");
    all.membership.groups.insert("S1".parse().unwrap(), Ok([user("U9")].into()));
    assert!(all.access().operate(&user("U9")).is_ok());
    assert_eq!(all.within(&member("U9"), Role::Operators).len(), 1);
    let refusal = all.changed(&change(false, "U9", Role::Operators, orders), &eve(), Timestamp::UNIX_EPOCH);
    let refusal = refusal.unwrap_err();
    assert!(refusal.code == "not-granted" && refusal.hint.contains("<!subteam^S1>"), "{refusal:?}");
    all.pinned.admins.insert(member("S1"));
    assert_eq!(after(&all, false, "S1", Role::Admins, None), Err("pinned".into()));
    assert_eq!(after(&all, true, "S1", Role::Admins, orders), Err("pinned".into()));
    assert_eq!(after(&all, false, "S1", Role::Operators, orders).unwrap().here.list, []);
    assert_eq!(all.subjects().groups.len(), 1);
}

#[test]
fn an_unknown_group_does_not_count_as_the_last_admin() {
    let mut all = after(&roles(), true, "U2", Role::Admins, None).unwrap();
    all.pinned.admins = [member("S1")].into();
    assert_eq!(after(&all, false, "U2", Role::Admins, None), Err("last-admin".into()));
    all.membership.groups.insert("S1".parse().unwrap(), Ok([user("U9")].into()));
    assert!(after(&all, false, "U2", Role::Admins, None).is_ok());
}

#[test]
fn a_grant_of_a_person_names_only_their_id() {
    let body = serde_json::json!([{
        "person": "U2", "role": "oncall", "by": {"id": "U5", "name": "eve"}, "at": "1970-01-01T00:00:00Z",
    }]);
    let item = crate::records::to_item(
        Key { partition: "p".into(), sort: "roles".into() },
        Default::default(),
        &body,
    );
    let read = Grants::of(Some(&item.unwrap())).unwrap();
    let now = after(&roles(), true, "U2", Role::Oncall, None).unwrap().everywhere;
    assert_eq!(read.list, now.list);
    assert_eq!(serde_json::to_value(&now.list).unwrap(), body, "the format for people is unchanged");
}

proptest! {
    /// For any roles: unknown group members never allow an act that is refused when the members are known.
    #[test]
    fn an_unknown_group_never_grants_access(
        given in vec((0..4usize, 0..6usize), 0..8),
        members in vec(vec(1..=4usize, 0..4), 2),
        known in vec(any::<bool>(), 2),
        named in vec(0..6usize, 0..3),
    ) {
        let all = ["U1", "U2", "U3", "U4", "S1", "S2"];
        let mut pinned = PinnedRoles::default();
        for (role, who) in given {
            pinned.of_mut(Role::ALL[role]).insert(member(all[who]));
        }
        let roles = |known: &[bool]| {
            let group = |nth: usize| {
                let people = members[nth].iter().map(|who| user(all[who - 1])).collect();
                let id: GroupId = all[4 + nth].parse().unwrap();
                (id, if known[nth] { Ok(people) } else { Err(crate::rules::Unknown::Silent) })
            };
            let membership = Membership { groups: [group(0), group(1)].into(), ..Membership::default() };
            Roles { pinned: pinned.clone(), membership, ..Roles::default() }.access()
        };
        let (less, more) = (roles(&known), roles(&[true, true]));
        let approvers = named.iter().map(|who| member(all[*who])).collect();
        for who in ["U1", "U2", "U3", "U4", "U9"].map(user) {
            let asked = Asked { requester: &user("U8"), approvers: &approvers, self_approval: false };
            let verdicts = |access: &Access| [
                access.operate(&who).is_ok(),
                access.administer(&who).is_ok(),
                access.roll_back(&who).is_ok(),
                access.override_gates(&who).is_ok(),
                access.approve(&who, &asked).is_ok(),
                access.cancel(&who, &user("U8")).is_ok(),
            ];
            for (less, more) in verdicts(&less).into_iter().zip(verdicts(&more)) {
                prop_assert!(more || !less, "{who}");
            }
        }
    }
}
