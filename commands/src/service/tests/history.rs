//! The history: complete pages, bounded reads, and refusals.

use super::*;
use crate::operation::Keys;
use crate::records::{Act, AuditRecord, AuditSubject};
use crate::testing::target;
use jiff::Timestamp;
use sluice_model::{Actor, BuildNumber, Button, Click, OperationId, Part, ReleaseNumber};

const BEGIN: &str = "2026-02-20T08:00:00Z";

fn at(seconds: i64) -> Timestamp {
    BEGIN.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(seconds)
}

fn record(number: u64, at: Timestamp, who: &str) -> AuditRecord {
    AuditRecord {
        at,
        act: Act::Asked,
        actor: user(who),
        channel: Some("C0GENERAL1".parse().unwrap()),
        pipeline: Some("orders".parse().unwrap()),
        operation: OperationId::new(ulid::Ulid::from_parts(number, 3).to_string()).unwrap(),
        kind: "build".into(),
        command: format!("/build orders@{number}"),
        rule: "operators".into(),
        outcome: "accepted".into(),
        about: AuditSubject::default(),
    }
}

impl Office {
    async fn keep(&self, records: impl IntoIterator<Item = AuditRecord>) {
        for record in records {
            let write = crate::operation::audit(&record, &self.service.app.engine.world().keys).unwrap();
            self.store.write(write).await.unwrap();
        }
    }
    /// The commands on each page, following the button to older pages.
    async fn pages(&self, line: &str) -> Vec<Vec<String>> {
        let mut card = self.types("first", "eve", line).await;
        let mut pages = vec![commands(&card)];
        while let Some(button) = button(&card) {
            assert!(button.value.len() < 600 && pages.len() < 50, "{button:?}");
            card = self.clicks("next", "eve", "history.older", &button.value).await;
            pages.push(commands(&card));
        }
        pages
    }
    /// The recorded acts, oldest first. The keys do not order acts of the same millisecond.
    fn acts(&self) -> Vec<AuditRecord> {
        let partition = Keys::new(&target()).audit_partition(&"orders".parse().unwrap());
        let items = self.store.audit().into_iter().filter(|item| item.key.partition == partition);
        let mut acts: Vec<AuditRecord> =
            items.map(|item| crate::records::from_item(&item).unwrap()).collect();
        acts.sort_by_key(|act| act.at);
        acts
    }
}

fn button(card: &Card) -> Option<Button> {
    card.buttons.iter().find(|button| button.action_id == "history.older").cloned()
}

fn rows(card: &Card) -> Vec<Vec<String>> {
    let tables = card.parts.iter().filter_map(|part| match part {
        Part::Table { rows, .. } => Some(rows),
        _ => None,
    });
    tables.flatten().map(|row| row.iter().map(Text::flat).collect()).collect()
}

fn commands(card: &Card) -> Vec<String> {
    rows(card).into_iter().map(|row| row[2].clone()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let office = office(roles()).await;
    // Four of them in each millisecond.
    let all = (0..100_u64)
        .map(|n| record(n, at(i64::try_from(n / 4).unwrap()), if n % 7 == 0 { "ben" } else { "ann" }));
    office.keep(all).await;
    let pages = office.pages("/pipeline history orders").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [15, 15, 15, 15, 15, 15, 10]);
    let told: Vec<_> = pages.concat();
    assert_eq!(told.first().unwrap(), "requested: /build orders@99");
    assert_eq!(told.iter().collect::<std::collections::BTreeSet<_>>().len(), 100, "each once");
    let of_ben = office.pages(&format!("/pipeline history orders <@{}>", user("ben").id)).await;
    assert_eq!(of_ben.concat().len(), 15);
    let since =
        office.pages("/pipeline history orders since 2026-02-20T08:00:10 until 2026-02-20T08:00:20").await;
    assert_eq!(
        since.iter().map(Vec::len).collect::<Vec<_>>(),
        [15, 15, 10],
        "from the 10th second to the 19th"
    );
}

#[tokio::test]
async fn a_search_beyond_the_limit_of_one_answer_continues_with_the_next() {
    let office = office(roles()).await;
    office.keep([record(0, at(0), "ben")]).await;
    office.keep((1..=1600).map(|n| record(n, at(i64::try_from(n).unwrap()), "ann"))).await;
    let line = format!("/pipeline history orders <@{}>", user("ben").id);
    let before = office.store.count();
    let card = office.types("a", "eve", &line).await;
    assert!(office.store.count() - before <= 12, "{}", office.store.count() - before);
    assert!(words(&card).contains("Searched back to") && rows(&card).is_empty(), "{card:?}");
    let card = office.clicks("b", "eve", "history.older", &button(&card).unwrap().value).await;
    assert_eq!(commands(&card), ["requested: /build orders@0"]);
    assert_eq!(button(&card), None, "there are no older records");

    // The times of the command bound what is read.
    let before = office.store.count();
    let card = office.types("c", "eve", &format!("{line} until 2026-02-20T08:00:01")).await;
    assert_eq!((commands(&card).len(), office.store.count() - before), (1, 1));
    let before = office.store.count();
    let card = office.types("d", "eve", &format!("{line} since 2026-02-20T08:20:00")).await;
    assert!(office.store.count() - before <= 5, "it stops at the first older record");
    assert!(rows(&card).is_empty() && button(&card).is_none(), "{card:?}");
    for (after, line) in [("x", "/pipeline history orders"), ("000/1", "/build orders"), ("000/1", "")] {
        let (action, value) = Click::Older { after: after.into(), line: line.into() }.encode();
        let card = office.clicks(&value, "eve", &action, &value).await;
        assert_eq!(card.code.as_deref(), Some("bad-button"), "{value}");
    }
}

#[tokio::test]
async fn at_a_terminal_the_next_page_is_a_command() {
    let office = office(roles()).await;
    office
        .keep(
            (0..20).map(|n| {
                record(n, at(0) + jiff::SignedDuration::from_millis(i64::try_from(n).unwrap()), "ann")
            }),
        )
        .await;
    let actor = Actor::at_terminal(user("eve").id, "root");
    let asks = async |text: &str| {
        let input = Input::Slash { command: "/pipeline".into(), text: text.into() };
        let invocation = Invocation { delivery: text.into(), actor: actor.clone(), channel: None, input };
        office.service.handle(invocation).await.unwrap().card
    };
    let card = asks("history orders since 2026-02-20").await;
    assert_eq!(button(&card), None);
    let line = card.hint.unwrap().flat();
    let line = line.strip_prefix("To see older entries, run /pipeline ").unwrap().trim_end_matches('.');
    assert_eq!(line, "history orders since 2026-02-20 00:00 until 2026-02-20 08:00:00.006");
    let next = asks(line).await;
    // The last record of the previous page is repeated, so no record of its millisecond is missing.
    assert_eq!(commands(&next).len(), 6);
    assert_eq!(next.hint, None);
}

#[tokio::test]
async fn the_history_of_a_deleted_pipeline_shows_releases_and_approvers() {
    let office = office(roles()).await;
    let promoted = |day: &str, release, over: Option<&str>| AuditRecord {
        act: Act::Succeeded,
        kind: "promote".into(),
        command: "/promote orders prod".into(),
        rule: String::new(),
        outcome: "succeeded".into(),
        about: AuditSubject {
            stage: Some("prod".parse().unwrap()),
            build: Some(BuildNumber(release)),
            commit: Some(change(release)),
            before: Some(ReleaseNumber(release - 1)),
            after: Some(ReleaseNumber(release)),
            approvers: if over.is_some() { vec![] } else { vec![user("ben")] },
            reason: over.map(str::to_owned),
            ..AuditSubject::default()
        },
        ..record(u64::from(release), format!("{day}T12:00:00Z").parse().unwrap(), "ann")
    };
    office.keep([promoted("2026-02-28", 2, None), promoted("2026-03-01", 3, None)]).await;
    office.keep([promoted("2026-03-31", 4, Some("checkout is down")), promoted("2026-04-01", 5, None)]).await;
    for item in office.store.items() {
        office.store.write(Write::Delete { key: item.key, when: Precondition::Any }).await.unwrap();
    }
    let line = "/pipeline history orders prod since 2026-03-01 until 2026-04-01";
    let rows = rows(&office.types("a", "eve", line).await);
    let commit = |release| {
        let change = change(release);
        format!("{} {} · {}", change.id.short(), change.subject, change.author)
    };
    let told: Vec<_> = rows.iter().map(|row| (row[1].as_str(), row[3].clone())).collect();
    assert_eq!(
        told,
        [
            ("ann", format!("prod runs r4 ({}), previously r3, override: checkout is down", commit(4))),
            ("ann", format!("prod runs r3 ({}), previously r2, approved by ben", commit(3))),
        ]
    );
    let none = office.types("b", "eve", "/pipeline history orders dev").await;
    assert!(words(&none).contains("no entries found"), "{none:?}");
    let unknown = office.types("c", "eve", "/pipeline history odrers").await;
    assert_eq!(unknown.code.as_deref(), Some("no-such-pipeline"));
}

#[tokio::test]
async fn refusals_by_gates_and_roles_are_recorded_once() {
    let office = office(roles()).await;
    let value = office.promotion(Status::Waiting).await;
    for delivery in ["d1", "d1", "d2"] {
        let card = office.types(delivery, "zoe", "/build orders").await;
        assert_eq!(card.code.as_deref(), Some("not-an-operator"));
    }
    office.clicks("c1", "ann", "promotion.approve", &value).await;
    office.clicks("c1", "ann", "promotion.approve", &value).await;
    for line in ["/build odrers", "/build", "/promote orders prod", "/stage set orders dev approvals=many"] {
        office.types(line, "ada", line).await;
    }
    office.types("z", "eve", "/build books").await;
    let acts = office.acts();
    let told: Vec<_> = acts.iter().map(|act| (act.act, act.outcome.as_str(), act.command.as_str())).collect();
    assert_eq!(
        told,
        [
            (Act::Refused, "not-an-operator", "/build orders"),
            (Act::Refused, "not-an-operator", "/build orders"),
            (Act::Refused, "own-request", "/promote"),
        ]
    );
    let own = &acts[2];
    assert_eq!((own.actor.name.as_str(), own.about.stage.as_ref().unwrap().as_str()), ("ann", "prod"));
    let shown = rows(&office.types("h", "eve", "/pipeline history orders").await);
    let shown = shown.iter().find(|row| row[2] == "refused: /promote").unwrap();
    assert_eq!(shown[3], "own-request, reason: You cannot decide on your own request.");
    for nth in 0..40 {
        office.types(&format!("more {nth}"), "zoe", "/build orders").await;
    }
    assert_eq!(office.acts().len(), 21, "twenty per person and hour: zoe's, and one of ann");
}

#[tokio::test]
async fn a_refusal_is_answered_even_if_it_cannot_be_recorded() {
    let office = office(roles()).await;
    let calls = office.store.count();
    // Three reads (pipeline, roles, inbox), then the write.
    office.store.fault_at(calls + 3, crate::testing::StoreFault::Before(StoreError::Again("full".into())));
    let card = office.types("a", "zoe", "/build orders").await;
    assert_eq!(card.code.as_deref(), Some("not-an-operator"));
    assert_eq!(office.acts(), []);
}
