use futures::future::join_all;
use proptest::prelude::*;

use super::*;

fn channel() -> RateClass {
    RateClass::Posts(ChannelId::new("C1").unwrap())
}

async fn call(limiter: &RateLimiter, class: &RateClass, priority: Priority) {
    limiter.join(class, priority).admitted().await;
}

/// When calls of these arrivals (milliseconds, priority) are admitted.
async fn made(limiter: &RateLimiter, class: &RateClass, arrivals: &[(u64, Priority)]) -> Vec<Duration> {
    let begun = Instant::now();
    join_all(arrivals.iter().map(|(at, priority)| async move {
        tokio::time::sleep(Duration::from_millis(*at)).await;
        call(limiter, class, *priority).await;
        begun.elapsed()
    }))
    .await
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_admitted_at_once_and_then_one_call_a_second() {
    let (limiter, class) = (RateLimiter::default(), channel());
    let burst = class.burst_of(Priority::Progress);
    let begun = Instant::now();
    for _ in 0..burst {
        call(&limiter, &class, Priority::Progress).await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    for second in 1..=5 {
        call(&limiter, &class, Priority::Progress).await;
        assert_eq!(begun.elapsed().as_secs(), second);
    }
    tokio::time::sleep(INTERVAL * (POST_BURST + 5)).await;
    let rested = Instant::now();
    for _ in 0..POST_BURST {
        call(&limiter, &class, Priority::Urgent).await;
    }
    assert_eq!(rested.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_closed_class_waits_and_others_do_not() {
    let (limiter, begun) = (RateLimiter::default(), Instant::now());
    limiter.close(&channel(), Duration::from_secs(30));
    call(&limiter, &RateClass::Edits, Priority::Progress).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    call(&limiter, &channel(), Priority::Urgent).await;
    assert!(begun.elapsed() >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn an_urgent_call_does_not_wait_for_64_others() {
    let (limiter, class) = (RateLimiter::default(), channel());
    let mut arrivals = vec![(0, Priority::Progress); 64];
    arrivals.extend([(2_100, Priority::Urgent); 3]);
    let made = made(&limiter, &class, &arrivals).await;
    let urgent = Duration::from_millis(2_100);
    assert_eq!(made[64..], [urgent; 3], "by the reserve");
    let last = made[..64].iter().max().unwrap();
    assert!(*last <= INTERVAL * 64, "each overtaken call waits one interval more: {last:?}");
}

#[tokio::test(start_paused = true)]
async fn outcomes_are_admitted_before_progress() {
    let (limiter, class) = (RateLimiter::default(), channel());
    let mut arrivals = vec![(0, Priority::Progress); 20];
    arrivals.push((500, Priority::Outcome));
    let made = made(&limiter, &class, &arrivals).await;
    assert_eq!(made[20].as_secs(), 1, "in the next slot, without the reserve");
}

#[tokio::test(start_paused = true)]
async fn a_raised_call_is_admitted_first_and_a_dropped_one_delays_none() {
    let (limiter, class) = (RateLimiter::default(), channel());
    let begun = Instant::now();
    for _ in 0..class.burst_of(Priority::Progress) {
        call(&limiter, &class, Priority::Progress).await;
    }
    let given_up = limiter.join(&class, Priority::Urgent);
    let mut waiting = [limiter.join(&class, Priority::Progress), limiter.join(&class, Priority::Progress)];
    drop(given_up);
    waiting[1].raise(Priority::Urgent);
    waiting[1].admitted().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    waiting[0].admitted().await;
    assert!(begun.elapsed() > Duration::ZERO);
}

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::Progress), Just(Priority::Outcome), Just(Priority::Urgent)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Every call is admitted, within the rate, and overtaken no more often than its place in the queue allows.
    #[test]
    fn every_call_is_admitted(
        gaps in prop::collection::vec((0u64..900, priority()), 1..80),
        edits in any::<bool>(),
    ) {
        let class = if edits { RateClass::Edits } else { channel() };
        let mut at = 0;
        let arrivals: Vec<(u64, Priority)> = gaps.into_iter().map(|(gap, priority)| {
            at += gap + 1;
            (at, priority)
        }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let made = runtime.block_on(async {
            let limiter = RateLimiter::default();
            let all = made(&limiter, &class, &arrivals);
            tokio::time::timeout(Duration::from_secs(3_600), all).await.expect("a call was never admitted")
        });
        for (nth, (at, _)) in arrivals.iter().enumerate() {
            let arrived = Duration::from_millis(*at);
            let ahead = (0..nth).filter(|other| made[*other] >= arrived).count();
            let passed = (nth + 1..arrivals.len()).filter(|other| made[*other] < made[nth]).count();
            let most = OVERTAKES as usize * (ahead + 1);
            prop_assert!(passed <= most, "call {nth} was overtaken {passed} times, with {ahead} ahead of it");
        }
        let mut sorted = made.clone();
        sorted.sort();
        let burst = class.burst() as usize;
        for (nth, pair) in sorted.iter().zip(&sorted[burst.min(sorted.len())..]).enumerate() {
            let (first, later) = pair;
            prop_assert!(*later - *first >= INTERVAL, "more than a burst from call {nth} on");
        }
    }
}
