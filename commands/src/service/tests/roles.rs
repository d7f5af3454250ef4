//! Grants: their effect, their texts, and that they count once and immediately.

use super::*;
use crate::ports::Item;
use crate::records::{AuditRecord, from_item};
use crate::rules::{Grant, Grants};
use sluice_model::Role;

/// Records grants for `orders`, as its operation would.
async fn granted(office: &Office, roles: &[(&str, Role)]) {
    let world = office.service.app.engine.world();
    let key = world.keys.pipeline_grants(&"orders".parse().unwrap());
    let mut grants = Grants::of(office.store.item(&key).as_ref()).unwrap();
    let (by, at) = (user("ada"), world.clock.now());
    let grant =
        |(who, role): &(&str, Role)| Grant { person: user(who).id.into(), role: *role, by: by.clone(), at };
    grants.list = roles.iter().map(grant).collect();
    office.store.write(grants.put(key).unwrap()).await.unwrap();
}

fn audit(office: &Office) -> Vec<AuditRecord> {
    let partition = office.service.app.engine.world().keys.installation_audit_partition();
    let items = office.store.audit();
    items
        .iter()
        .filter(|item: &&Item| item.key.partition == partition)
        .map(|item| from_item(item).unwrap())
        .collect()
}

const GRANT: &str = "/pipeline grant <@U0EVE> operators";
const REVOKE: &str = "/pipeline revoke <@U0EVE> operators";

#[tokio::test]
async fn a_role_for_all_pipelines_counts_once_and_immediately() {
    let office = office(roles()).await;
    for who in ["ann", "eve"] {
        assert_eq!(office.types(who, who, GRANT).await.code.as_deref(), Some("not-an-admin"));
    }
    let card = office.types("d1", "ada", GRANT).await;
    assert!(words(&card).contains("is now an operator for all pipelines"), "{card:?}");
    assert_eq!(office.types("d1", "ada", GRANT).await, card, "the same delivery");
    assert_eq!(office.types("d2", "ada", GRANT).await.code.as_deref(), Some("already-granted"));
    assert_ne!(office.types("b1", "eve", "/build orders").await.tone, Tone::Bad);

    office.types("d3", "ada", REVOKE).await;
    assert_eq!(office.types("b2", "eve", "/build orders@x").await.code.as_deref(), Some("not-an-operator"));
    assert_ne!(office.types("b1", "eve", "/build orders").await.tone, Tone::Bad, "a repeated delivery");
    let kinds: Vec<_> = audit(&office).into_iter().map(|record| (record.kind, record.actor.name)).collect();
    let ada = |kind: &str| (kind.to_owned(), "ada".to_owned());
    assert_eq!(kinds, [ada("access-grant"), ada("access-revoke")]);
    let who = words(&office.types("w", "eve", "/pipeline who").await);
    assert!(who.contains("pinned in ") && who.contains("Last changes"), "{who}");
    assert!(who.contains("the operators approve"), "{who}");
}

#[tokio::test]
async fn two_admins_who_revoke_each_other_leave_one() {
    let office = office(Access { admins: [user("ada").id].into(), ..roles() }).await;
    for (nth, who) in ["eve", "oli"].into_iter().enumerate() {
        let line = format!("/pipeline grant <@{}> admins", user(who).id);
        assert_eq!(office.types(&format!("g{nth}"), "ada", &line).await.tone, Tone::Good);
    }
    let (one, two) = tokio::join!(
        office.types("d1", "eve", "/pipeline revoke <@U0OLI> admins"),
        office.types("d2", "oli", "/pipeline revoke <@U0EVE> admins"),
    );
    let tones = [one.tone, two.tone];
    assert!(tones.contains(&Tone::Good) && tones.contains(&Tone::Bad), "{one:?} {two:?}");
    assert_eq!(audit(&office).len(), 3, "the slower one was no longer an admin");
}

#[tokio::test]
async fn a_role_for_one_pipeline_applies_only_to_it() {
    let office = office(roles()).await;
    granted(&office, &[("eve", Role::Operators), ("oli", Role::Admins)]).await;
    assert_ne!(office.types("b", "eve", "/build orders").await.tone, Tone::Bad);
    assert_ne!(office.types("s", "oli", "/stage add orders prod").await.tone, Tone::Bad);
    assert_ne!(office.types("g", "oli", "/pipeline grant <@U0BEN> oncall orders").await.tone, Tone::Bad);
    for (who, line, wanted) in [
        ("eve", "/repo create invoices", "not-an-operator"),
        ("eve", "/pipeline grant <@U0EVE> admins orders", "not-an-admin"),
        ("oli", GRANT, "not-an-admin"),
        ("ada", "/pipeline grant <@U0EVE> operators nowhere", "no-such-pipeline"),
        ("ada", "/pipeline revoke <@U0EVE> admins orders", "not-granted"),
        ("ada", "/pipeline revoke <@U0ANN> operators orders", "pinned"),
        ("ada", "/pipeline grant <@U0ANN> operators", "pinned"),
        ("ada", "/pipeline revoke <@U0ADA> admins", "pinned"),
    ] {
        let card = office.types(line, who, line).await;
        assert_eq!(card.code.as_deref(), Some(wanted), "{who} {line}: {card:?}");
    }
    let who = words(&office.types("w", "ann", "/pipeline who orders").await);
    assert!(who.contains("granted by ") && who.contains("pinned in "), "{who}");
}

#[tokio::test]
async fn people_who_lost_their_role_cannot_decide_or_cancel() {
    let office = office(roles()).await;
    let value = office.promotion(Status::Waiting).await;
    granted(&office, &[("eve", Role::Approvers), ("oli", Role::Admins)]).await;
    granted(&office, &[]).await;
    let (cancel, id) = Click::Cancel(operation_id(1)).encode();
    for (who, action, value, wanted) in
        [("eve", "promotion.approve", &value, "not-an-approver"), ("oli", &*cancel, &id, "not-yours")]
    {
        assert_eq!(office.clicks(who, who, action, value).await.code.as_deref(), Some(wanted));
    }
    granted(&office, &[("eve", Role::Approvers)]).await;
    let card = office.clicks("ben", "ben", "promotion.approve", &value).await;
    assert_eq!(
        card.code.as_deref(),
        Some("not-an-approver"),
        "with a named approver, operators do not approve"
    );
    assert_eq!(office.clicks("c", "eve", "promotion.approve", &value).await.tone, Tone::Good);
}
