use futures::future::join_all;
use proptest::prelude::*;

use super::*;

fn channel() -> Lane {
    Lane::Posts(ChannelId::new("C1").unwrap())
}

async fn call(pace: &Pace, lane: &Lane, priority: Priority) {
    pace.join(lane, priority).comes().await;
}

/// Seconds at which calls of these arrivals (milliseconds, priority) are made.
async fn made(pace: &Pace, lane: &Lane, arrivals: &[(u64, Priority)]) -> Vec<Duration> {
    let begun = Instant::now();
    join_all(arrivals.iter().map(|(at, priority)| async move {
        tokio::time::sleep(Duration::from_millis(*at)).await;
        call(pace, lane, *priority).await;
        begun.elapsed()
    }))
    .await
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_at_once_and_the_rest_once_a_second() {
    let (pace, lane) = (Pace::default(), channel());
    let burst = lane.burst_of(Priority::Progress);
    let begun = Instant::now();
    for _ in 0..burst {
        call(&pace, &lane, Priority::Progress).await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    for second in 1..=5 {
        call(&pace, &lane, Priority::Progress).await;
        assert_eq!(begun.elapsed().as_secs(), second);
    }
    tokio::time::sleep(INTERVAL * (POST_BURST + 5)).await;
    let rested = Instant::now();
    for _ in 0..POST_BURST {
        call(&pace, &lane, Priority::Urgent).await;
    }
    assert_eq!(rested.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_closed_lane_waits_and_its_neighbour_does_not() {
    let (pace, begun) = (Pace::default(), Instant::now());
    pace.close(&channel(), Duration::from_secs(30));
    call(&pace, &Lane::Edits, Priority::Progress).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    call(&pace, &channel(), Priority::Urgent).await;
    assert!(begun.elapsed() >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_does_not_wait_behind_sixty_four_builds() {
    let (pace, lane) = (Pace::default(), channel());
    let mut arrivals = vec![(0, Priority::Progress); 64];
    arrivals.extend([(2_100, Priority::Urgent); 3]);
    let made = made(&pace, &lane, &arrivals).await;
    let urgent = Duration::from_millis(2_100);
    assert_eq!(made[64..], [urgent; 3], "out of the reserve");
    let last = made[..64].iter().max().unwrap();
    assert!(*last <= INTERVAL * 64, "what was passed comes later by what passed it: {last:?}");
}

#[tokio::test(start_paused = true)]
async fn what_ended_or_waits_for_people_goes_before_what_is_still_running() {
    let (pace, lane) = (Pace::default(), channel());
    let mut arrivals = vec![(0, Priority::Progress); 20];
    arrivals.push((500, Priority::Outcome));
    let made = made(&pace, &lane, &arrivals).await;
    assert_eq!(made[20].as_secs(), 1, "the next slot, and nothing of the reserve");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_became_urgent_goes_first_and_one_that_is_given_up_holds_up_none() {
    let (pace, lane) = (Pace::default(), channel());
    let begun = Instant::now();
    for _ in 0..lane.burst_of(Priority::Progress) {
        call(&pace, &lane, Priority::Progress).await;
    }
    let given_up = pace.join(&lane, Priority::Urgent);
    let mut waiting = [pace.join(&lane, Priority::Progress), pace.join(&lane, Priority::Progress)];
    drop(given_up);
    waiting[1].raise(Priority::Urgent);
    waiting[1].comes().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    waiting[0].comes().await;
    assert!(begun.elapsed() > Duration::ZERO);
}

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::Progress), Just(Priority::Outcome), Just(Priority::Urgent)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// However calls arrive, each is made, within the rate, and passed no more often than its place in the queue allows.
    #[test]
    fn nothing_waits_for_ever(
        gaps in prop::collection::vec((0u64..900, priority()), 1..80),
        edits in any::<bool>(),
    ) {
        let lane = if edits { Lane::Edits } else { channel() };
        let mut at = 0;
        let arrivals: Vec<(u64, Priority)> = gaps.into_iter().map(|(gap, priority)| {
            at += gap + 1;
            (at, priority)
        }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let made = runtime.block_on(async {
            let pace = Pace::default();
            let all = made(&pace, &lane, &arrivals);
            tokio::time::timeout(Duration::from_secs(3_600), all).await.expect("a call was never made")
        });
        for (nth, (at, _)) in arrivals.iter().enumerate() {
            let arrived = Duration::from_millis(*at);
            let ahead = (0..nth).filter(|other| made[*other] >= arrived).count();
            let passed = (nth + 1..arrivals.len()).filter(|other| made[*other] < made[nth]).count();
            let most = PASSES as usize * (ahead + 1);
            prop_assert!(passed <= most, "call {nth} was passed {passed} times, with {ahead} ahead of it");
        }
        let mut sorted = made.clone();
        sorted.sort();
        let burst = lane.burst() as usize;
        for (nth, pair) in sorted.iter().zip(&sorted[burst.min(sorted.len())..]).enumerate() {
            let (first, later) = pair;
            prop_assert!(*later - *first >= INTERVAL, "more than a burst from call {nth} on");
        }
    }
}
