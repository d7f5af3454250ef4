//! Going back: in reverse, once, through crashes; and being stuck, which holds back no rollback and ends by people.

use std::time::Duration;

use super::harness::{Process, Shared};
use super::sea::{How, Moment, Spec, Weather, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::operation::{CANCELLED, REJECTED};
use sluice_model::Class;

fn prod() -> Slot {
    Slot::Stage("prod".parse().unwrap())
}

/// Three made in a row, beside them one that stays, then one that fails.
fn falling() -> [Spec; 5] {
    [
        step("a", How::Name).holding(prod()),
        step("b", How::Once).after(&["a"]).holding(prod()),
        step("c", How::Name).after(&["b"]).holding(prod()),
        step("stays", How::Set).holding(prod()),
        step("bad", How::Name).after(&["c", "stays"]).holding(prod()),
    ]
}

async fn falls(weather: &[(&str, Vec<Weather>)]) -> (Shared, Process) {
    let shared = Shared::new().await;
    shared.sea.weather("bad", [Weather::Fails(Class::Denied)]);
    for (name, weather) in weather {
        shared.sea.weather(name, weather.iter().cloned());
    }
    let process = shared.process("one");
    process.ask(1, "d1", "toy", &falling()).await;
    (shared, process)
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_taken_back_in_reverse_and_what_stays_is_named() {
    let (shared, process) = falls(&[]).await;
    process.live_out(&shared).await;
    let id = operation_id(1);
    shared.assert_at_rest(&id, Status::Failed, "denied").await;
    assert_eq!(shared.sea.taken_back(), ["c", "b", "a"]);
    assert_eq!(["a", "b", "c", "stays", "bad"].map(|name| shared.sea.count(name)), [0, 0, 0, 1, 0]);
    let card = format!("{:?}", process.herald.last(&id).unwrap().card);
    assert!(card.contains("Taken back: ") && card.contains("Changed and left as it is: "), "{card}");
}

#[tokio::test(start_paused = true)]
async fn a_death_at_any_store_call_or_effect_on_the_way_back_is_survived() {
    let mut deaths = 0;
    for moment in [Moment::Before, Moment::After] {
        for (at, is_effect) in (0..40).flat_map(|at| [(at, false), (at, true)]) {
            let shared = Shared::new().await;
            shared.sea.weather("bad", std::iter::repeat_n(Weather::Fails(Class::Denied), 3));
            let death = (!is_effect).then_some((at, moment));
            let first = shared.mortal("one", death, |_| {});
            if is_effect {
                shared.sea.die_at(at, moment);
            }
            let asked = async {
                first.ask(1, "d1", "toy", &falling()).await;
                std::future::pending::<()>().await;
            };
            let died = tokio::select! {
                died = first.live_until(async || shared.heads().len() == 1 && shared.is_settled()) => died,
                () = asked => unreachable!(),
            };
            deaths += usize::from(died);
            let mut second = shared.process("two");
            second.ids_from = 10;
            second.ask(1, "d1", "toy", &falling()).await;
            second.live_out(&shared).await;
            let id = shared.heads()[0].id.clone();
            let context = format!("died {moment:?} at {at}, an effect: {is_effect}");
            shared.assert_at_rest(&id, Status::Failed, &context).await;
            let left = ["a", "b", "c", "stays", "bad"].map(|name| shared.sea.count(name));
            assert_eq!(left, [0, 0, 0, 1, 0], "{context}: {:?}", shared.journal(&id));
        }
    }
    assert!(deaths >= 30, "only {deaths} deaths: the matrix does not reach what it should");
}

#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_back_is_tried_again_and_a_lost_answer_is_looked_up() {
    let weather =
        vec![Weather::Fails(Class::Throttled), Weather::AnswerLost, Weather::Fails(Class::Transient)];
    let (shared, process) = falls(&[("undo b", weather)]).await;
    process.live_out(&shared).await;
    shared.assert_at_rest(&operation_id(1), Status::Failed, "back at last").await;
    assert_eq!(shared.sea.taken_back(), ["c", "b", "a"], "each once");
    assert_eq!(shared.sea.runs("undo b"), 4);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_changed_since_is_left_and_named() {
    let shared = Shared::new().await;
    shared.sea.weather("bad", [Weather::Slow(Duration::from_secs(5)), Weather::Fails(Class::Denied)]);
    let process = shared.process("one");
    let steps = [step("a", How::Name).holding(prod()), step("bad", How::Name).after(&["a"]).holding(prod())];
    process.ask(1, "d1", "toy", &steps).await;
    let meddle = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        shared.sea.foreign("a");
        // The next step fails because of them.
        shared.sea.foreign("bad");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = process.live_out(&shared) => {}
        () = meddle => {}
    }
    let id = operation_id(1);
    shared.assert_at_rest(&id, Status::Failed, "meddled").await;
    let card = format!("{:?}", process.herald.last(&id).unwrap().card);
    assert!(card.contains("Changed by somebody else since, and left: "), "{card}");
    assert_eq!(shared.sea.count("a"), 1);
}

async fn stuck() -> (Shared, Process) {
    let (shared, process) = falls(&[("undo b", vec![Weather::Fails(Class::Denied)])]).await;
    process.live_to(&shared, &operation_id(1), Status::Stuck).await;
    process.live_out(&shared).await;
    (shared, process)
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_back_is_stuck_says_so_and_goes_on_when_told_to() {
    let (shared, process) = stuck().await;
    let id = operation_id(1);
    assert_eq!(shared.head(&id).await.status, Status::Stuck);
    assert_eq!(shared.sea.taken_back(), ["c"], "nothing that others were built on is taken from under them");
    let news = process.herald.last(&id).unwrap();
    assert_eq!(
        news.card.buttons.iter().map(|b| b.label.as_str()).collect::<Vec<_>>(),
        ["Retry", "Mark resolved"]
    );
    let card = format!("{:?}", news.card);
    assert!(card.contains("is stuck") && card.contains("Not taken back: "), "{card}");
    assert!(matches!(process.say(&id, "ben", "d2", Verdict::Approve).await, Said::Late));
    assert!(matches!(process.say(&id, "ben", "d3", Verdict::Retry).await, Said::Heard(_)));
    shared.sea.weather("undo b", [Weather::Fails(Class::Transient)]);
    let moving = async || {
        let view = shared.view().await;
        !view.tickets[0].stuck && view.slots.values().any(|holder| *holder == id)
    };
    assert!(!process.live_until(moving).await, "it holds its slot again, and no rollback passes who moves");
    process.live_out(&shared).await;
    shared.assert_at_rest(&id, Status::Failed, "retried").await;
    assert_eq!(shared.sea.taken_back(), ["c", "b", "a"]);
    assert!(matches!(process.say(&id, "ben", "d4", Verdict::Retry).await, Said::Late), "it is over");
}

#[tokio::test(start_paused = true)]
async fn marked_as_resolved_it_ends_and_takes_back_nothing_more() {
    let (shared, process) = stuck().await;
    let id = operation_id(1);
    process.say(&id, "ben", "d2", Verdict::Resolve).await;
    process.live_out(&shared).await;
    shared.assert_at_rest(&id, Status::Failed, "resolved").await;
    assert_eq!(shared.sea.taken_back(), ["c"]);
    let title = format!("{:?}", process.herald.last(&id).unwrap().card.title);
    assert!(title.contains("was resolved by hand"), "{title}");
}

#[tokio::test(start_paused = true)]
async fn who_is_stuck_holds_back_others_but_never_a_rollback() {
    let (shared, process) = stuck().await;
    process.ask(2, "d2", "toy", &[step("later", How::Set).holding(prod())]).await;
    let patient = async {
        tokio::time::sleep(Duration::from_secs(600)).await;
        shared.sea.count("later")
    };
    tokio::select! {
        later = patient => assert_eq!(later, 0, "it waits for who is stuck"),
        () = process.live() => {}
    }
    process.ask(3, "d3", ROLLBACK, &[step("back", How::Set).holding(prod())]).await;
    process.live_to(&shared, &operation_id(3), Status::Succeeded).await;
    assert_eq!(shared.sea.count("back"), 1);
    process.say(&operation_id(1), "ben", "d4", Verdict::Retry).await;
    process.live_out(&shared).await;
    shared.assert_at_rest(&operation_id(1), Status::Failed, "retried").await;
    shared.assert_at_rest(&operation_id(2), Status::Succeeded, "after the rollback the stage is whole").await;
}

#[tokio::test(start_paused = true)]
async fn stuck_for_a_quarter_of_an_hour_of_trouble_and_not_before() {
    let trouble = std::iter::repeat_n(Weather::Fails(Class::Transient), 10_000).collect();
    let (shared, process) = falls(&[("undo b", trouble)]).await;
    let begun = tokio::time::Instant::now();
    process.live_to(&shared, &operation_id(1), Status::Stuck).await;
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(15 * 60) && took < Duration::from_secs(17 * 60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_heard_between_steps_by_whoever_carries_it() {
    for is_elsewhere in [false, true] {
        let shared = Shared::new().await;
        let (owner, other) = (shared.process("owner"), shared.process("other"));
        let steps = [
            step("a", How::Name).holding(prod()),
            step("poll", How::Poll(600)).after(&["a"]).holding(prod()),
            step("b", How::Name).after(&["poll"]).holding(prod()),
        ];
        owner.ask(1, "d1", "toy", &steps).await;
        let id = operation_id(1);
        let said = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            let speaker = if is_elsewhere { &other } else { &owner };
            assert!(matches!(speaker.say(&id, "cat", "d2", Verdict::Cancel).await, Said::Heard(_)));
            tokio::time::Instant::now()
        };
        let (at, _) = tokio::join!(said, owner.live_to(&shared, &id, Status::Failed));
        assert!(
            at.elapsed() < Duration::from_secs(7),
            "heard after {:?}, elsewhere: {is_elsewhere}",
            at.elapsed()
        );
        owner.live_out(&shared).await;
        shared.assert_at_rest(&id, Status::Failed, "cancelled").await;
        assert_eq!(shared.sea.taken_back(), ["a"]);
        assert_eq!(shared.facts(&id).await.failure().unwrap().code, CANCELLED);
        let title = format!("{:?}", owner.herald.last(&id).unwrap().card.title);
        assert!(title.contains("was cancelled"), "{title}");
        assert_eq!(shared.head(&id).await.fence, 1, "nobody took it over");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_people_can_be_cancelled_and_rejection_goes_back_too() {
    for (verdict, code) in [(Verdict::Cancel, CANCELLED), (Verdict::Reject, REJECTED)] {
        let shared = Shared::new().await;
        let process = shared.process("one");
        let steps = [step("a", How::Name), step("ask", How::Ask).after(&["a"])];
        process.ask(1, "d1", "toy", &steps).await;
        let id = operation_id(1);
        process.live_to(&shared, &id, Status::Waiting).await;
        assert!(matches!(process.say(&id, "ben", "d2", verdict).await, Said::Heard(_)));
        process.live_out(&shared).await;
        shared.assert_at_rest(&id, Status::Failed, "stopped").await;
        assert_eq!(shared.facts(&id).await.failure().unwrap().code, code);
        assert_eq!(shared.sea.taken_back(), ["a"]);
        assert!(matches!(process.say(&id, "cat", "d3", Verdict::Cancel).await, Said::Late), "it is over");
    }
}
