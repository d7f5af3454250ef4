//! The process stops.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_stopping_process_posts_the_latest_update_without_the_edit_gap() {
    let world = world();
    world.notifier.notify(news(1, false));
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.notifier.notify(news(2, false));
    assert!(world.tasks.shut_down().await);
    assert_eq!(world.slack.texts(), ["⏳ step 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_stopping_process_leaves_messages_that_the_rate_limit_delays() {
    let world = world();
    for number in 1..=64 {
        world.notifier.notify(Update { operation: operation(number), first: true, ..news(3, true) });
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let begun = Instant::now();
    assert!(world.tasks.shut_down().await);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let (told, left) = (*world.store.delivered.lock(), world.store.undelivered.lock().clone());
    assert_eq!((told + left.len(), world.slack.texts().len()), (64, told));
    assert!(told >= 10, "messages with a slot are posted");
    assert!(left.iter().all(|(_, since)| *since == 1), "nothing was begun: {left:?}");
    assert!(world.notifier.0.open.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stopping_process_does_not_wait_for_an_unreachable_slack() {
    let world = world();
    world.slack.fail((0..100).map(|_| Fault::Before(SlackError::Unreachable)));
    world.notifier.notify(Update { first: true, ..news(5, true) });
    tokio::time::sleep(Duration::from_secs(100)).await;
    let begun = Instant::now();
    assert!(world.tasks.shut_down().await);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(*world.store.undelivered.lock(), [(operation(1), 6)], "it may have been posted");
}

/// Running operations are released first, and their last updates are posted within the rate limit.
#[tokio::test(start_paused = true)]
async fn a_stopping_process_posts_until_no_operation_has_a_task() {
    let world = world();
    for number in 1..=9 {
        world.notifier.notify(Update { operation: operation(number), ..news(3, true) });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let told = world.slack.texts().len();
    world.tasks.spawn(Kind::Operation, tokio::time::sleep(Duration::from_secs(4)));
    assert!(world.tasks.shut_down().await);
    assert!(told < 9);
    assert_eq!((world.slack.texts().len(), world.store.undelivered.lock().len()), (9, 0));
}
