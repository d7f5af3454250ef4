//! *Ask for it*: role requests, each decided once by an admin.

use super::*;
use crate::records::{Act, AuditRecord, from_item};
use sluice_model::{AccessRequest, Audience, Button, Click, Role, UserId};

/// A button of a card by its fixed id.
fn button<'a>(card: &'a Card, action: &str) -> Option<&'a Button> {
    card.buttons.iter().find(|button| button.action_id == action)
}

impl Office {
    /// A click, with the whole answer: its audience and the replaced message.
    pub(super) async fn presses(&self, delivery: &str, who: &str, button: &Button) -> Answer {
        let input = Input::Click { action_id: button.action_id.clone(), value: button.value.clone() };
        let channel = Some("C0GENERAL1".parse().unwrap());
        let invocation = Invocation { delivery: delivery.into(), actor: user(who), channel, input };
        self.service.handle(invocation).await.unwrap()
    }
    /// The role request of eve after that command was refused.
    async fn request(&self, delivery: &str, line: &str) -> Card {
        let refused = self.types(&format!("{delivery}-typed"), "eve", line).await;
        let ask = button(&refused, "access.ask").unwrap_or_else(|| panic!("{refused:?}"));
        let asked = self.presses(delivery, "eve", ask).await;
        assert_eq!(asked.audience, Audience::Channel, "{asked:?}");
        asked.card
    }
    fn acts_of(&self, name: &str) -> Vec<(Act, String, String)> {
        let keys = &self.service.app.engine.world().keys;
        let partition = match name {
            "" => keys.installation_audit_partition(),
            name => keys.audit_partition(&name.parse().unwrap()),
        };
        let items = self.store.audit();
        let items = items.iter().filter(|item| item.key.partition == partition);
        let mut records: Vec<AuditRecord> = items.map(|item| from_item(item).unwrap()).collect();
        records.sort_by_key(|record| record.operation.to_string());
        records.into_iter().map(|record| (record.act, record.actor.name, record.kind)).collect()
    }
}

#[tokio::test]
async fn a_refused_person_requests_and_gets_the_role_for_that_pipeline() {
    let office = office(roles()).await;
    let request = office.request("a", "/build orders").await;
    assert!(words(&request).contains("U0ADA") && words(&request).contains("/build orders"), "{request:?}");
    let (grant, decline) =
        (button(&request, "access.grant").unwrap(), button(&request, "access.decline").unwrap());
    assert!(grant.confirm.is_some() && decline.confirm.is_some());
    for who in ["ann", "eve"] {
        let refused = office.presses(&format!("g-{who}"), who, grant).await;
        assert_eq!(refused.card.code.as_deref(), Some("not-an-admin"), "{who}");
        assert!(refused.replaces.is_none(), "the buttons stay");
    }
    let granted = office.presses("g", "ada", grant).await;
    let replaced = granted.replaces.clone().expect("the buttons are gone");
    assert!(replaced.buttons.is_empty() && words(&replaced).contains("Granted by "), "{replaced:?}");
    assert_eq!(office.presses("g", "ada", grant).await, granted, "the same delivery");
    assert_eq!(office.heads(), 1, "the same operation as `/pipeline grant`");
    for (delivery, button) in [("late-g", grant), ("late-d", decline)] {
        let late = office.presses(delivery, "ada", button).await;
        assert_eq!(late.card.code.as_deref(), Some("late"));
        assert!(late.replaces.is_none());
    }
    let acts = office.acts_of("orders");
    for wanted in [(Act::Asked, "eve", "access-request"), (Act::Approved, "ada", "access-request")] {
        let wanted = (wanted.0, wanted.1.to_owned(), wanted.2.to_owned());
        assert!(acts.contains(&wanted), "{acts:?}");
    }
}

#[tokio::test]
async fn without_a_pipeline_the_role_is_for_all_pipelines() {
    let office = office(roles()).await;
    let request = office.request("a", "/repo create invoices").await;
    let smaller = "/pipeline grant @eve operators invoices";
    assert!(words(&request).contains(smaller), "an admin may grant less: {request:?}");
    let granted = office.presses("g", "ada", button(&request, "access.grant").unwrap()).await;
    assert_eq!(granted.audience, Audience::Channel, "the requester is notified");
    assert!(words(&granted.card).contains("is now an operator for all pipelines"), "{granted:?}");
    assert!(granted.replaces.is_some());
    assert_ne!(office.types("r", "eve", "/repo create invoices").await.tone, Tone::Bad);
    let who = words(&office.types("w", "ben", "/pipeline who").await);
    assert!(who.contains("/pipeline grant") && !who.contains("operators for eve"), "only changes: {who}");
}

#[tokio::test]
async fn a_rejection_notifies_the_requester_and_lasts_a_day() {
    let office = office(roles()).await;
    let refused = office.types("t", "eve", "/build orders").await;
    let ask = button(&refused, "access.ask").unwrap().clone();
    let request = office.presses("a", "eve", &ask).await.card;
    let twice = office.presses("again", "eve", &ask).await;
    assert!(words(&twice.card).contains("no admin has decided yet"), "{twice:?}");
    let declined = office.presses("d", "ada", button(&request, "access.decline").unwrap()).await;
    assert_eq!(declined.audience, Audience::Channel);
    assert!(words(&declined.card).contains("declined your request"), "{declined:?}");
    assert!(words(&declined.replaces.unwrap()).contains("Declined by "));
    assert_eq!(office.presses("soon", "eve", &ask).await.card.code.as_deref(), Some("late"));
    let granted = office.presses("g", "ada", button(&request, "access.grant").unwrap()).await;
    assert_eq!(granted.card.code.as_deref(), Some("late"), "a click on an old message grants nothing");
    assert_eq!(office.types("b", "eve", "/build orders").await.code.as_deref(), Some("not-an-operator"));
    assert!(office.acts_of("orders").iter().any(|(act, who, _)| *act == Act::Rejected && who == "ada"));
}

#[tokio::test]
async fn only_one_of_two_simultaneous_decisions_counts() {
    let office = office(Access { admins: [user("ada").id, user("ben").id].into(), ..roles() }).await;
    for line in ["/build orders", "/repo create invoices"] {
        let request = office.request(line, line).await;
        let (yes, no) =
            (button(&request, "access.grant").unwrap(), button(&request, "access.decline").unwrap());
        let (g, d) = (format!("{line} g"), format!("{line} d"));
        let (granted, declined) = tokio::join!(office.presses(&g, "ada", yes), office.presses(&d, "ben", no));
        let done = [granted, declined].map(|answer| answer.replaces.is_some());
        assert!(done[0] != done[1], "{line}: {done:?}");
    }
}

#[tokio::test]
async fn a_grant_by_command_fulfils_the_request() {
    let office = office(roles()).await;
    let request = office.request("a", "/repo create invoices").await;
    office.types("typed", "ada", "/pipeline grant <@U0EVE> operators").await;
    let met = office.presses("g", "ada", button(&request, "access.grant").unwrap()).await;
    assert!(met.card.title.flat().ends_with("is an operator for all pipelines."), "{met:?}");
    assert!(met.replaces.is_some());
    let ask = button(&request, "access.grant").unwrap();
    assert_eq!(office.presses("g2", "ada", ask).await.card.code.as_deref(), Some("late"));
}

#[tokio::test]
async fn only_a_role_that_would_help_can_be_requested() {
    let office = office(roles()).await;
    let value = office.promotion(Status::Waiting).await;
    let own = office.clicks("own", "ann", "promotion.approve", &value).await;
    assert!(own.buttons.is_empty(), "their own request: {own:?}");
    let other = office.clicks("other", "eve", "promotion.approve", &value).await;
    assert!(
        button(&other, "access.ask")
            .is_some_and(|ask| ask.value.contains(r#""role":"operators","pipeline":"orders""#))
    );
    let office = self::office(Access { approvers: [user("ben").id].into(), ..roles() }).await;
    let value = office.promotion(Status::Waiting).await;
    let other = office.clicks("other", "eve", "promotion.approve", &value).await;
    assert!(
        button(&other, "access.ask")
            .is_some_and(|ask| ask.value.contains(r#""role":"approvers","pipeline":"orders""#))
    );
    let office = self::office(Access { admins: [].into(), ..roles() }).await;
    let typo = self::office(roles()).await.types("t", "eve", "/build ordres").await;
    assert!(
        typo.buttons.is_empty(),
        "nobody becomes an operator for all pipelines by a typing error: {typo:?}"
    );
    let nobody = office.types("n", "eve", "/build orders").await;
    assert!(nobody.buttons.is_empty(), "nobody could grant it: {nobody:?}");
    for value in ["", "operators", r#"{"role":"kings","pipeline":"orders","wanted":"x"}"#] {
        let card = office.clicks(value, "eve", "access.ask", value).await;
        assert_eq!(card.code.as_deref(), Some("bad-button"), "{value}");
    }
    let office = self::office(roles()).await;
    for role in Role::ALL {
        let id = operation_id(9);
        let forged = AccessRequest { person: UserId::new("U0EVE").unwrap(), role, pipeline: None, id };
        let (action, value) = Click::GrantAccess(forged).encode();
        assert_eq!(
            office.clicks(&value, "ada", &action, &value).await.code.as_deref(),
            Some("late"),
            "{value}"
        );
    }
}
