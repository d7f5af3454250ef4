//! Roles of user groups: members have them while Slack returns the members.

use super::*;
use crate::rules::Unknown;
use sluice_model::{Actor, Member};

const LEADS: &str = "S1";

/// The usual roles, with a group as admins.
fn led() -> PinnedRoles {
    let mut pinned_roles = PinnedRoles::from(roles());
    pinned_roles.admins.insert(Member::Group(LEADS.parse().unwrap()));
    pinned_roles
}

#[tokio::test]
async fn a_group_grants_access_while_its_members_are_known() {
    let office = office(led()).await;
    let line = "/stage add orders staging";
    for (nth, (members, wanted)) in [
        (Err(Unknown::Silent), Some("group-unknown")),
        (Err(Unknown::Scope("usergroups:read")), Some("group-unknown")),
        (Ok(&[user("ann").id][..]), Some("not-an-admin")),
        (Ok(&[user("eve").id][..]), None),
    ]
    .into_iter()
    .enumerate()
    {
        office.people.set(LEADS, members);
        let card = office.types(&format!("s{nth}"), "eve", line).await;
        match wanted {
            Some(wanted) => assert_eq!(card.code.as_deref(), Some(wanted), "{card:?}"),
            None => assert_ne!(card.tone, Tone::Bad, "{card:?}"),
        }
        if wanted == Some("group-unknown") {
            let said = words(&card);
            assert!(said.contains("GroupId(\"S1\")") && said.contains("grants no access"), "{said}");
            assert!(said.contains("U0ADA"), "people with the role: {said}");
        }
    }
    office.people.set(LEADS, Err(Unknown::Silent));
    let card = office.types("a", "ada", "/stage add orders prod").await;
    assert_ne!(card.tone, Tone::Bad, "a person named by id is not affected: {card:?}");
    let card = office.types("b", "eve", "/build orders").await;
    assert_eq!(card.code.as_deref(), Some("group-unknown"), "admins may also build");
}

#[tokio::test]
async fn without_groups_slack_is_not_asked_and_authors_count_as_active() {
    let office = office(roles()).await;
    for (who, line) in [("ann", "/build orders"), ("eve", "/build orders@x"), ("ann", "/pipeline who orders")]
    {
        office.types(line, who, line).await;
        assert!(office.people.was_seen(&user(who).id));
    }
    let value = office.promotion(Status::Waiting).await;
    office.clicks("c", "ben", "promotion.approve", &value).await;
    assert_eq!(office.people.asked(), [""; 0]);
}

#[tokio::test]
async fn a_role_of_a_group_is_granted_listed_and_revoked() {
    let office = office(roles()).await;
    office.people.set(LEADS, Ok(&[user("eve").id, user("zoe").id]));
    let grant = "/pipeline grant <!subteam^S1|@leads> operators";
    let card = office.types("g", "ada", grant).await;
    assert!(words(&card).contains("is now an operator for all pipelines"), "{card:?}");
    assert_ne!(office.types("b", "eve", "/build orders").await.tone, Tone::Bad);
    assert_eq!(office.types("g2", "ada", grant).await.code.as_deref(), Some("already-granted"));
    assert!(words(&office.types("w", "eve", "/pipeline who").await).contains("2 people"));
    let card = office.types("r1", "ada", "/pipeline revoke <@U0EVE> operators").await;
    assert_eq!(card.code.as_deref(), Some("not-granted"));
    assert!(words(&card).contains("as a member of "), "{card:?}");
    office.people.set(LEADS, Err(Unknown::Gone));
    assert!(words(&office.types("w", "eve", "/pipeline who").await).contains("grants no access"));
    let card = office.types("b2", "eve", "/build orders@x").await;
    assert!(words(&card).contains("has no user group"), "{card:?}");
    office.types("r2", "ada", "/pipeline revoke <!subteam^S1> operators").await;
    let card = office.types("b3", "eve", "/build orders@y").await;
    assert_eq!(card.code.as_deref(), Some("not-an-operator"));
}

#[tokio::test]
async fn a_group_member_keeps_the_role_when_their_own_grant_is_revoked() {
    let office = office(led()).await;
    office.people.set(LEADS, Ok(&[user("eve").id]));
    office.types("g", "ada", "/pipeline grant <@U0EVE> admins").await;
    let card = office.types("r", "ada", "/pipeline revoke <@U0EVE> admins").await;
    assert!(words(&card).contains("is still an admin: as a member of "), "{card:?}");
    for line in ["/pipeline revoke <!subteam^S1> admins", "/pipeline grant <!subteam^S1> admins orders"] {
        assert_eq!(office.types(line, "ada", line).await.code.as_deref(), Some("pinned"));
    }
}

#[tokio::test]
async fn at_a_terminal_groups_grant_no_access() {
    let mut pinned_roles = PinnedRoles::from(roles());
    pinned_roles.operators = [Member::Group(LEADS.parse().unwrap())].into();
    let store = Arc::new(MemoryStore::new());
    crate::testing::samples::orders(&*store, "orders", &[("dev", 1)]).await;
    let clock = Arc::new(TestClock::at("2026-03-02T12:00:00Z".parse().unwrap()));
    let (notifier, runner) = (Arc::<RecordingNotifier>::default(), Arc::<RecordingRunner>::default());
    // This world has the directory of a terminal.
    let world = world(Settings::new("test"), pinned_roles, store, clock, notifier, runner);
    let service = Service::new(Arc::new(Engine::new(Arc::new(world), registry())), Names::default());
    let input = Input::Slash { command: "/build".into(), text: "orders".into() };
    let actor = Actor::at_terminal(user("eve").id, "root");
    let invocation = Invocation { delivery: "d".into(), actor, channel: None, input };
    let card = service.handle(invocation).await.unwrap().card;
    assert_eq!(card.code.as_deref(), Some("group-unknown"));
    assert!(words(&card).contains("A terminal cannot read"), "{card:?}");
}
