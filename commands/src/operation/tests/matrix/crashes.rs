//! Deaths: before and after every call of the store and of AWS that an undisturbed run makes. Another process finds the
//! work, and every effect happens once.

use std::time::Duration;

use super::cases::{Case, Tally, clean, sampled};
use super::fixture::Fixture;
use super::scenarios::{Act, HIDDEN};
use super::users::People;
use super::{judge, scenes};
use crate::operation::effects::CREATE_DEPLOYMENT;
use crate::ports::StoreError;
use crate::testing::fake_aws::{Climate, Faults};
use crate::testing::{Moment, StoreFault};
use sluice_model::Class;

/// How many deaths of a scenario the short form tries.
const SAMPLE: usize = 24;

/// A process dies before or after each call.
pub(super) async fn deaths(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        let clean = clean(scenario, &fixture).await;
        let tally = Tally::of(format!(
            "{}: deaths at {} store and {} AWS calls",
            scenario.name,
            clean.store,
            clean.fake_aws.len()
        ));
        let mut cases = vec![];
        for moment in [Moment::Before, Moment::After] {
            cases.extend((0..clean.store).map(|call| Case::death_at_store(call, moment)));
            cases.extend((0..clean.fake_aws.len()).map(|call| Case::death_at_cloud(call, moment)));
        }
        let whole = cases.len();
        let mut died = 0;
        let cases = sampled(cases, SAMPLE, scenario.name.len());
        let played = cases.len();
        for (number, mut case) in cases.into_iter().enumerate() {
            case.forgetful = number % 2 == 1;
            let shared = case.set(&fixture);
            died += usize::from(shared.play(scenario, &case).await);
            judge::same(&shared, scenario, &fixture, &clean, &format!("{:?}", case.death)).await;
            tally.count();
        }
        // A death after the last answer does not happen; all others do.
        assert!(died + 8 >= played, "{}: {died} deaths of {played} ({whole})", scenario.name);
    }
}

/// The same with lists that lag: they do not show at first what the dead process made, and it must not be made again.
pub(super) async fn stale(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        let clean = clean(scenario, &fixture).await;
        let tally = Tally::of(format!("{}: deaths and lost answers with stale reads", scenario.name));
        let mutations = clean.fake_aws.iter().enumerate().filter(|(_, called)| called.mutates);
        let mut cases = vec![];
        for (call, _) in mutations {
            cases.push(Case::death_at_cloud(call, Moment::After));
            cases.push(Case::faults(call, Faults::AnswerLost));
        }
        for (number, mut case) in sampled(cases, SAMPLE / 2, scenario.name.len()).into_iter().enumerate() {
            let lag = Duration::from_secs([4, 9, 14][number % 3]);
            case.climate = Some(Climate { lag, flicker: number % 2 == 1, ..Climate::default() });
            let shared = case.set(&fixture);
            shared.play(scenario, &case).await;
            let context = format!("{:?} {:?} lag {lag:?}", case.death, case.faults);
            judge::same(&shared, scenario, &fixture, &clean, &context).await;
            tally.count();
        }
    }
}

/// Each answer of the store is lost, or refused for a while.
pub(super) async fn store_faults(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        let clean = clean(scenario, &fixture).await;
        let tally = Tally::of(format!("{}: faults of the store", scenario.name));
        let unknown = || StoreError::Unknown("injected".into());
        let faults = [
            StoreFault::Before(StoreError::Again("injected".into())),
            StoreFault::Before(unknown()),
            StoreFault::After(unknown()),
        ];
        let all =
            faults.iter().flat_map(|fault| (0..clean.store).map(|call| Case::store(call, fault.clone())));
        for case in sampled(all.collect(), SAMPLE, scenario.name.len()) {
            let shared = case.set(&fixture);
            assert!(!shared.play(scenario, &case).await);
            judge::same(&shared, scenario, &fixture, &clean, &format!("{:?}", case.store)).await;
            tally.count();
        }
    }
}

/// A process is disconnected from the store for longer than its lease, and AWS still answers it: the other replica takes
/// over, and the first one appends and changes nothing after its return.
pub(super) async fn stalls(kind: &str) {
    for (scenario, fixture) in scenes(kind).await {
        let begun = tokio::time::Instant::now();
        let clean = clean(scenario, &fixture).await;
        let took = begun.elapsed();
        let tally = Tally::of(format!("{}: disconnected from the store at any time", scenario.name));
        let moments = 2 * u32::try_from(SAMPLE).unwrap();
        let cases = (0..moments).flat_map(|nth| [12, 16, 21, 60].map(|lasts| (took * nth / moments, lasts)));
        for (after, lasts) in sampled(cases.collect(), SAMPLE, scenario.name.len()) {
            let disconnected = Some((after, Duration::from_secs(lasts)));
            let case = Case { disconnected, company: true, ..Case::default() };
            let shared = case.set(&fixture);
            assert!(!shared.play(scenario, &case).await);
            judge::same(&shared, scenario, &fixture, &clean, &format!("{disconnected:?}")).await;
            tally.count();
        }
    }
}

/// Lists do not show yet what the previous operation made, whether it succeeded or failed.
#[tokio::test(start_paused = true)]
async fn a_resource_made_just_before_is_not_made_again() {
    let fixture = Fixture::after(HIDDEN).await;
    for (fails, flicker) in [(false, false), (false, true), (true, false), (true, true)] {
        let shared = fixture.open();
        shared.fake_aws.climate(|now| (now.lag, now.flicker) = (Duration::from_secs(14), flicker));
        let process = shared.process("one");
        if fails {
            shared.fake_aws.fault_on(CREATE_DEPLOYMENT.call, [Faults::Fails(Class::Denied)]);
            let known = shared.heads().len();
            process.types("fails", "ann", "/deploy orders").await;
            shared.run_until_over(&process, People::Prompt, known + 1).await;
        }
        shared.act(&process, &Act::Types("ann", "/deploy orders"), "deploy").await;
        shared.act(&process, &Act::Types("ann", "/promote orders prod from dev"), "promote").await;
        assert_eq!(shared.fake_aws.doubled(), Vec::<String>::new(), "fails: {fails}, flicker: {flicker}");
        assert_eq!(shared.disagreements().await, Vec::<String>::new());
    }
}
