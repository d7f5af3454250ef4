//! Who people are may change while an operation waits: groups that Slack does not tell of, people whom it deactivated.

use std::time::Duration;

use super::super::harness::person;
use super::gates::{ASK, comes_to, ends, fails_with, refused, runs, world};
use crate::domain::Unknown;
use crate::operation::Status;

#[tokio::test(start_paused = true)]
async fn an_approval_of_who_was_deactivated_since_does_not_count() {
    let (shared, process) = world("approvals=2").await;
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.types("b1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    shared.people.deactivate(&person("ben").id);
    process.types("c1", "cat", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Waiting, "{:#?}", shared.journal(&head.id));
    assert_eq!(runs(&shared, "prod").await, 2);
    process.types("d1", "dan", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_asked_for_whom_slack_deactivated_moves_nothing() {
    let (shared, process) = world("").await;
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.live_until(async || shared.is_settled()).await;
    shared.people.deactivate(&person("ann").id);
    process.types("b1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "deactivated"));
    let card = format!("{:?}", shared.news(&head.id).unwrap().card);
    assert!(card.contains("is deactivated in Slack"), "{card}");
    assert_eq!(runs(&shared, "prod").await, 2);
    let asked = shared.people.asked();
    assert!(asked.contains(&person("ben").id.to_string()), "who approved is asked about too: {asked:?}");
    assert!(asked.iter().all(|who| who.starts_with('U')), "no group is named anywhere: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_by_a_group_until_it_is_known_who_is_in_it() {
    let (shared, process) = world("approvers=<!subteam^S1|@leads>").await;
    shared.people.set("S1", Err(Unknown::Silent));
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.live_until(async || shared.is_settled()).await;
    refused(&process, "zoe", "/promote approve orders prod", "group-unknown").await;
    refused(&process, "ben", "/promote approve orders prod", "group-unknown").await;
    shared.people.set("S1", Ok(&[person("zoe").id]));
    process.types("b2", "ben", "/promote approve orders prod").await;
    let card = process.types("z1", "zoe", "/promote approve orders prod").await;
    assert_eq!(card.tone, sluice_model::Tone::Good, "{card:?}");
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded, "{:#?}", shared.journal(&head.id));
    assert_eq!(runs(&shared, "prod").await, 1);
}

/// What was heard is not lost because it cannot be judged at this moment.
#[tokio::test(start_paused = true)]
async fn a_word_that_cannot_be_judged_counts_as_soon_as_it_can() {
    let (shared, process) = world("approvers=<!subteam^S1>").await;
    shared.people.set("S1", Ok(&[person("zoe").id]));
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.live_until(async || shared.is_settled()).await;
    process.types("z1", "zoe", "/promote approve orders prod").await;
    shared.people.set("S1", Err(Unknown::Silent));
    let quiet = tokio::time::Instant::now() + Duration::from_secs(300);
    process.live_until(async || tokio::time::Instant::now() > quiet).await;
    assert!(!shared.head(&head.id).await.status.is_final(), "{:#?}", shared.journal(&head.id));
    assert_eq!(runs(&shared, "prod").await, 2);
    let card = format!("{:?}", shared.news(&head.id).unwrap().card);
    assert!(card.contains("did not say who is in"), "{card}");
    shared.people.set("S1", Ok(&[person("zoe").id]));
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn who_left_the_group_after_they_approved_does_not_count() {
    let (shared, process) = world("approvals=2 approvers=<!subteam^S1>").await;
    shared.people.set("S1", Ok(&[person("zoe").id, person("ben").id]));
    let head = comes_to(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.types("z1", "zoe", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    shared.people.set("S1", Ok(&[person("ben").id]));
    process.types("b1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Waiting, "{:#?}", shared.journal(&head.id));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn who_works_by_a_group_that_is_not_known_any_more_moves_nothing() {
    let (shared, process) = world("").await;
    shared.people.set("S1", Ok(&[person("zoe").id]));
    let grant = "/pipeline grant <!subteam^S1> operators orders";
    ends(&shared, &process, "ada", grant, Status::Succeeded).await;
    let head = comes_to(&shared, &process, "zoe", ASK, Status::Waiting).await;
    process.live_until(async || shared.is_settled()).await;
    shared.people.set("S1", Err(Unknown::Silent));
    process.types("b1", "ben", "/promote approve orders prod").await;
    process.live_until(async || shared.is_settled()).await;
    let head = shared.head(&head.id).await;
    assert_eq!((head.status, fails_with(&shared, &head).await.as_str()), (Status::Failed, "group-unknown"));
    assert_eq!(runs(&shared, "prod").await, 2);
}
