//! Identities change while an operation waits: Slack does not answer for a group, or deactivates a person.

use std::time::Duration;

use super::super::harness::person;
use super::gates::{ASK, approve, ends, fails_with, reaches, refused, runs, world};
use crate::operation::Status;
use crate::rules::Unknown;

#[tokio::test(start_paused = true)]
async fn an_approval_by_a_deactivated_person_does_not_count() {
    let (shared, process) = world("approvals=2").await;
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    approve(&shared, &process, "b1", "ben").await;
    shared.people.deactivate(&person("ben").id);
    approve(&shared, &process, "c1", "cat").await;
    assert_eq!(shared.head(&head.id).await.status, Status::Waiting, "{:#?}", shared.journal(&head.id));
    assert_eq!(runs(&shared, "prod").await, 2);
    approve(&shared, &process, "d1", "dan").await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_by_a_deactivated_person_fails() {
    let (shared, process) = world("").await;
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    shared.people.deactivate(&person("ann").id);
    approve(&shared, &process, "b1", "ben").await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "deactivated"));
    let card = format!("{:?}", shared.last_update(&head.id).unwrap().card);
    assert!(card.contains("is deactivated in Slack"), "{card}");
    assert_eq!(runs(&shared, "prod").await, 2);
    let asked = shared.people.asked();
    assert!(asked.contains(&person("ben").id.to_string()), "the approver is checked too: {asked:?}");
    assert!(asked.iter().all(|who| who.starts_with('U')), "no group is named anywhere: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_group_grants_no_access() {
    let (shared, process) = world("approvers=<!subteam^S1|@leads>").await;
    shared.people.set("S1", Err(Unknown::Silent));
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    refused(&process, "zoe", "/promote approve orders prod", "group-unknown").await;
    refused(&process, "ben", "/promote approve orders prod", "group-unknown").await;
    shared.people.set("S1", Ok(&[person("zoe").id]));
    process.types("b2", "ben", "/promote approve orders prod").await;
    let card = process.types("z1", "zoe", "/promote approve orders prod").await;
    assert_eq!(card.tone, sluice_model::Tone::Good, "{card:?}");
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded, "{:#?}", shared.journal(&head.id));
    assert_eq!(runs(&shared, "prod").await, 1);
}

/// A signal is not lost if it cannot be judged at this moment.
#[tokio::test(start_paused = true)]
async fn an_approval_of_an_unknown_group_counts_once_the_group_is_known() {
    let (shared, process) = world("approvers=<!subteam^S1>").await;
    shared.people.set("S1", Ok(&[person("zoe").id]));
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    process.types("z1", "zoe", "/promote approve orders prod").await;
    shared.people.set("S1", Err(Unknown::Silent));
    let quiet = tokio::time::Instant::now() + Duration::from_secs(300);
    process.run_until(async || tokio::time::Instant::now() > quiet).await;
    assert!(!shared.head(&head.id).await.status.is_final(), "{:#?}", shared.journal(&head.id));
    assert_eq!(runs(&shared, "prod").await, 2);
    let card = format!("{:?}", shared.last_update(&head.id).unwrap().card);
    assert!(card.contains("did not return the members of"), "{card}");
    shared.people.set("S1", Ok(&[person("zoe").id]));
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_approval_by_a_person_who_left_the_group_does_not_count() {
    let (shared, process) = world("approvals=2 approvers=<!subteam^S1>").await;
    shared.people.set("S1", Ok(&[person("zoe").id, person("ben").id]));
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    approve(&shared, &process, "z1", "zoe").await;
    shared.people.set("S1", Ok(&[person("ben").id]));
    approve(&shared, &process, "b1", "ben").await;
    assert_eq!(shared.head(&head.id).await.status, Status::Waiting, "{:#?}", shared.journal(&head.id));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_under_a_deleted_group_fails() {
    let (shared, process) = world("").await;
    shared.people.set("S1", Ok(&[person("zoe").id]));
    let grant = "/pipeline grant <!subteam^S1> operators orders";
    ends(&shared, &process, "ada", grant, Status::Succeeded).await;
    let head = reaches(&shared, &process, "zoe", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    shared.people.set("S1", Err(Unknown::Silent));
    approve(&shared, &process, "b1", "ben").await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "group-unknown"));
    assert_eq!(runs(&shared, "prod").await, 2);
}
