//! Random schedules: people type any commands on one pipeline, replicas run, die and are suspended beside each other, the
//! store and AWS fail. For every seed every operation ends, nothing happens twice, nothing acknowledged is lost, and
//! afterwards a build, a deploy, a promotion and a rollback succeed.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use super::super::harness::{Death, Process, Shared};
use super::cases::{Hints, Tally};
use super::fixture::{Fixture, carry, disconnect, suspended};
use super::scenarios::Act;
use super::schedule_gen::{CANCEL, Schedule, WORLDS};
use super::users::People;
use super::variable;
use crate::ports::StoreError;
use crate::testing::fake_aws::{Climate, Faults};
use crate::testing::{Moment, StoreFault};
use futures::FutureExt;
use sluice_model::{Class, Tone};

/// How many schedules the short form tries, besides the recorded seeds.
const CASES: u64 = 10;

/// The commands of people, and how far they are, independent of the process that runs.
struct Desk<'a> {
    schedule: &'a Schedule,
    people: People,
    stopped: Cell<usize>,
    said: Cell<usize>,
    accepted: Cell<usize>,
    known: usize,
}

impl Desk<'_> {
    async fn talk(&self, shared: &Shared, process: &Process) {
        let typing = async {
            while let Some((delay, line)) = self.schedule.lines.get(self.said.get()) {
                tokio::time::sleep(Duration::from_secs(*delay)).await;
                let (who, line) = self.schedule.line(*line);
                if line == CANCEL {
                    process.cancels(shared, who, self.said.get()).await;
                    self.said.set(self.said.get() + 1);
                    continue;
                }
                let card = process.types(&format!("s{}", self.said.get()), who, line).await;
                self.said.set(self.said.get() + 1);
                self.accepted.set(self.accepted.get() + usize::from(card.tone == Tone::Running));
            }
        };
        futures::future::join3(typing, self.stop(shared, process), process.decide(shared, self.people)).await;
    }

    /// The requester of the newest operation cancels it, after so many changes.
    async fn stop(&self, shared: &Shared, process: &Process) {
        while let Some(changes) = self.schedule.harsh.stops.get(self.stopped.get()) {
            if shared.fake_aws.changes().len() < *changes {
                tokio::time::sleep(Duration::from_millis(30)).await;
                continue;
            }
            match shared.newest_asker() {
                Some(who) if process.cancels(shared, &who, 100 + self.stopped.get()).await => {
                    self.stopped.set(self.stopped.get() + 1);
                }
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    fn is_over(&self, shared: &Shared) -> bool {
        self.said.get() == self.schedule.lines.len() && shared.is_over(self.known + self.accepted.get())
    }
}

async fn run(
    shared: &Shared,
    process: &Process,
    company: Option<(&Process, Hints)>,
    nap: Option<(Duration, Duration)>,
    desk: &Desk<'_>,
) {
    let beside = async {
        match company {
            Some((other, hints)) => tokio::select! {
                biased;
                () = other.run() => {}
                () = carry(process, other, hints) => {}
            },
            None => std::future::pending().await,
        }
    };
    // Boxed, here and below: the thread of a test has a small stack.
    let own = Box::pin(async {
        tokio::select! {
            biased;
            _ = process.run_until(async || desk.is_over(shared)) => {}
            () = desk.talk(shared, process) => {}
        }
    });
    tokio::select! {
        biased;
        () = suspended(process, nap, own) => {}
        () = beside => {}
    }
}

fn misbehave(shared: &Shared, schedule: &Schedule) {
    for (at, kind) in &schedule.store {
        let unknown = || StoreError::Unknown("injected".into());
        let fault = match kind {
            0 => StoreFault::Before(StoreError::Again("injected".into())),
            1 => StoreFault::Before(unknown()),
            _ => StoreFault::After(unknown()),
        };
        shared.store.fault_at(*at, fault);
    }
    let faults = |kind: u8| match kind {
        0 => Faults::Fails(Class::Transient),
        1 => Faults::Fails(Class::Throttled),
        2 => Faults::Fails(Class::Ambiguous),
        3 | 4 => Faults::AnswerLost,
        5 => Faults::Slow(Duration::from_secs(9)),
        6 => Faults::MeetsItself,
        7 => Faults::Fails(Class::Denied),
        _ => Faults::Fails(Class::Conflict),
    };
    for (at, kind) in &schedule.faults {
        shared.fake_aws.fault_at(*at, faults(*kind));
    }
    for (nth, kind) in &schedule.harsh.losses {
        shared.fake_aws.fault_at_change(*nth, faults(*kind));
    }
    let lag = Duration::from_secs(schedule.lag);
    shared.fake_aws.climate(|now| {
        let build = now.build + secs(schedule.harsh.build);
        *now = Climate { lag, flicker: schedule.flicker, build, ..Climate::default() };
    });
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn hold(fixture: &Fixture, schedule: &Schedule) {
    let shared = fixture.open();
    misbehave(&shared, schedule);
    let people = [People::Prompt, People::Doubled, People::Contrary][usize::from(schedule.people)];
    let desk = Desk {
        schedule,
        people,
        stopped: Cell::new(0),
        said: Cell::new(0),
        accepted: Cell::new(0),
        known: shared.heads().len(),
    };
    for (number, process_run) in (1..).zip(&schedule.runs) {
        let moment = if process_run.before { Moment::Before } else { Moment::After };
        let at = Some((process_run.ends.0, moment));
        let harsh = &schedule.harsh;
        let strike = harsh.strikes.get(number - 1).copied().flatten();
        let death = match (strike, process_run.ends.1) {
            (Some((nth, true)), _) => Death { change: Some((nth, Moment::Before)), ..Death::default() },
            (Some((nth, false)), _) => Death { change: Some((nth, Moment::After)), ..Death::default() },
            (None, true) => Death { store: at, ..Death::default() },
            (None, false) => Death { fake_aws: at, ..Death::default() },
        };
        let mortal = shared.process_with(&format!("process {number}"), death, |_| {});
        let nap = harsh.naps.get(number - 1).copied().flatten();
        let nap = nap.map(|(after, lasts)| (secs(after), secs(lasts)));
        let company =
            (process_run.company || nap.is_some()).then(|| shared.process(&format!("company {number}")));
        let hints = [Hints::Carried, Hints::Lost, Hints::Doubled][usize::from(process_run.hints)];
        let beside = company.as_ref().map(|company| (company, hints));
        let when = schedule.disconnections.get(number - 1).map(|(after, lasts)| (secs(*after), secs(*lasts)));
        let process_run = async {
            tokio::select! {
                biased;
                () = Box::pin(run(&shared, &mortal, beside, nap, &desk)) => {}
                () = disconnect(&mortal, when) => {}
            }
        };
        let process_run = tokio::time::timeout(secs(7200), process_run).await;
        assert!(process_run.is_ok(), "process {number} never settled: {}", report(&shared, fixture).await);
        if schedule.forgetful {
            shared.store.forget_tokens();
        }
        tokio::time::sleep(secs(harsh.gaps.get(number - 1).copied().unwrap_or(0))).await;
    }
    let last = shared.process("last");
    let rest = tokio::time::timeout(secs(7200), Box::pin(run(&shared, &last, None, None, &desk))).await;
    assert!(rest.is_ok() && desk.is_over(&shared), "it never settled: {}", report(&shared, fixture).await);
    drop(last);

    let heads = shared.new_heads(fixture);
    assert_eq!(heads.len(), desk.accepted.get(), "acknowledged and stored operations");
    assert_eq!(shared.violations(&heads).await, Vec::<String>::new(), "{}", report(&shared, fixture).await);
    assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{}", report(&shared, fixture).await);
    assert_eq!(shared.leftovers(fixture).await, Vec::<String>::new(), "{}", report(&shared, fixture).await);
    Box::pin(epilogue(&shared, schedule.harsh.world != 0)).await;
    assert_eq!(
        shared.disagreements().await,
        Vec::<String>::new(),
        "after all: {}",
        report(&shared, fixture).await
    );
}

/// The pipeline still works.
async fn epilogue(shared: &Shared, is_first: bool) {
    shared.store.clear_faults();
    shared.fake_aws.clear_faults();
    shared.fake_aws.climate(|now| *now = Climate::default());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let process = shared.process("epilogue");
    let mut acts = vec![
        Act::Pushes(&["Hello", "World"], "last", 128),
        Act::Types("ann", "/build orders"),
        Act::Types("ann", "/deploy orders"),
        Act::Types("ann", "/promote orders prod from dev"),
    ];
    // A stage with one release has no rollback target.
    if !is_first {
        acts.push(Act::Types("ann", "/rollback orders prod"));
    }
    for (number, act) in acts.iter().enumerate() {
        shared.act(&process, act, &format!("epilogue-{number}")).await;
    }
}

/// The state of all operations, to understand a failure.
async fn report(shared: &Shared, fixture: &Fixture) -> String {
    let mut text = String::new();
    for head in shared.new_heads(fixture) {
        text.push_str(&format!(
            "\n{} {} {:?} owner `{}` awaits `{}`: {:#?}",
            head.id,
            head.spec.command,
            head.status,
            head.owner,
            head.awaits,
            shared.journal(&head.id)
        ));
    }
    text
}

/// Runs these schedules; the panic names the seed that failed.
fn play(schedules: impl IntoIterator<Item = (u64, Schedule)>, what: &str) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut scenes = vec![];
        for acts in WORLDS {
            scenes.push(Box::pin(Fixture::after(acts)).await);
        }
        let tally = Tally::of(format!("random schedules, {what}"));
        for (seed, schedule) in schedules {
            let fixture = &scenes[schedule.harsh.world];
            if let Err(panic) = AssertUnwindSafe(Box::pin(hold(fixture, &schedule))).catch_unwind().await {
                println!("matrix: SLUICE_MATRIX_SEED={seed} SLUICE_MATRIX_CASES=1 failed: {schedule:#?}");
                std::panic::resume_unwind(panic);
            }
            tally.count();
        }
    });
}

/// Half of the random seeds: two tests run concurrently.
fn random(half: u64) {
    let any = u64::try_from(ulid::Ulid::new().random() & u128::from(u32::MAX)).unwrap_or(0);
    let first = variable("SLUICE_MATRIX_SEED").unwrap_or(any);
    let cases = variable("SLUICE_MATRIX_CASES").unwrap_or(if super::is_whole() { 2000 } else { CASES });
    let seeds = (first..first + cases).filter(|seed| (seed - first) % 2 == half);
    let schedules = seeds.map(|seed| (seed, Schedule::of(seed)));
    play(schedules, &format!("every other seed of {first} to {}", first + cases - 1));
}

#[test]
fn random_schedules_end_every_operation_once_and_consistently() {
    random(0);
}

#[test]
fn random_schedules_with_faults_end_every_operation_once_and_consistently() {
    random(1);
}

#[test]
fn recorded_seeds_pass() {
    let lines = include_str!("seeds.txt").lines().filter(|line| !line.starts_with('#'));
    let schedules = lines.map(|line| {
        let mut words = line.split_whitespace();
        let seed = words.next().and_then(|seed| seed.parse().ok()).expect("a seed begins its line");
        let is_calm = words.next() == Some("calm");
        (seed, if is_calm { Schedule::calm(seed) } else { Schedule::of(seed) })
    });
    play(schedules, "recorded seeds");
}

#[test]
fn a_seed_is_one_schedule() {
    let again = |seed| (format!("{:?}", Schedule::of(seed)), format!("{:?}", Schedule::of(seed)));
    let (one, two) = again(7);
    assert_eq!(one, two);
    assert_ne!(one, format!("{:?}", Schedule::of(8)));
}
