//! Random schedules: people type what they like on one pipeline, replicas live and die beside each other, the store and
//! AWS misbehave. Whatever the seed, everything ends, nothing is done twice, nothing that was acknowledged is lost, and
//! afterwards the pipeline can be built, deployed, promoted and rolled back as if nothing had been.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::super::harness::{Death, Process, Shared};
use super::cases::{Hints, Tally};
use super::scene::{Scene, carry, cut};
use super::speech::People;
use super::tale::{Act, PLENTY};
use super::variable;
use crate::card::Tone;
use crate::fault::Class;
use crate::ports::StoreError;
use crate::testing::cloud::{Climate, Weather};
use crate::testing::{Moment, StoreFault};

/// How many schedules the short form tries, besides those that failed once.
const CASES: u64 = 16;

/// What people type.
const LINES: [(&str, &str); 10] = [
    ("ann", "/build orders"),
    ("ann", "/deploy orders"),
    ("ben", "/deploy orders 1"),
    ("ann", "/promote orders prod"),
    ("ann", "/promote orders prod r1"),
    ("ann", "/rollback orders prod"),
    ("dan", "/rollback orders dev"),
    ("ada", "/stage add orders qa"),
    ("ann", "/promote orders qa from dev"),
    ("ann", CANCEL),
];

/// What is no line but a button.
const CANCEL: &str = "(cancels what she asked last)";

/// How one life goes.
#[derive(Debug, Clone)]
struct Life {
    /// The number of its last call, and whether that is of the store or of AWS.
    ends: (usize, bool),
    before: bool,
    company: bool,
    hints: u8,
}

/// What happens.
#[derive(Debug, Clone)]
struct Schedule {
    lives: Vec<Life>,
    store: Vec<(usize, u8)>,
    weather: Vec<(usize, u8)>,
    lines: Vec<(u64, usize)>,
    people: u8,
    lag: u64,
    flicker: bool,
    forgetful: bool,
    /// For each life, so many seconds after its begin it does not reach the store, for so many.
    cuts: Vec<(u64, u64)>,
}

impl Schedule {
    /// The same seed gives the same.
    fn of(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        strategy().new_tree(&mut runner).expect("a schedule").current()
    }
}

fn strategy() -> impl Strategy<Value = Schedule> {
    let life = ((0..90_usize, any::<bool>()), any::<bool>(), any::<bool>(), 0..3_u8)
        .prop_map(|(ends, before, company, hints)| Life { ends, before, company, hints });
    let lives = prop::collection::vec(life, 0..4);
    let store = prop::collection::vec((0..250_usize, 0..3_u8), 0..6);
    let weather = prop::collection::vec((0..250_usize, 0..9_u8), 0..8);
    let lines = prop::collection::vec((0..12_u64, 0..LINES.len()), 1..6);
    let rest = (0..3_u8, 0..15_u64, any::<bool>(), any::<bool>());
    // The last in the row, so that seeds of earlier days say the same of all others.
    let cuts = prop::collection::vec((0..25_u64, 5..40_u64), 0..4);
    (lives, store, weather, lines, rest, cuts).prop_map(|(lives, store, weather, lines, rest, cuts)| {
        let (people, lag, flicker, forgetful) = rest;
        Schedule { lives, store, weather, lines, people, lag, flicker, forgetful, cuts }
    })
}

/// What people have to say, and how far they are, whoever lives.
struct Desk {
    lines: Vec<(u64, usize)>,
    people: People,
    said: Cell<usize>,
    accepted: Cell<usize>,
    known: usize,
}

impl Desk {
    async fn talk(&self, shared: &Shared, process: &Process) {
        let typing = async {
            while let Some((delay, line)) = self.lines.get(self.said.get()) {
                tokio::time::sleep(Duration::from_secs(*delay)).await;
                let (who, line) = LINES[*line];
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
        futures::future::join(typing, process.decide(shared, self.people)).await;
    }

    fn is_over(&self, shared: &Shared) -> bool {
        self.said.get() == self.lines.len() && shared.is_over(self.known + self.accepted.get())
    }
}

async fn live(shared: &Shared, process: &Process, company: Option<(&Process, Hints)>, desk: &Desk) {
    let beside = async {
        match company {
            Some((other, hints)) => tokio::select! {
                biased;
                () = other.live() => {}
                () = carry(process, other, hints) => {}
            },
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        _ = process.live_until(async || desk.is_over(shared)) => {}
        () = desk.talk(shared, process) => {}
        () = beside => {}
    }
}

fn misbehave(shared: &Shared, schedule: &Schedule) {
    for (at, kind) in &schedule.store {
        let unknown = || StoreError::Unknown("told so".into());
        let fault = match kind {
            0 => StoreFault::Before(StoreError::Again("told so".into())),
            1 => StoreFault::Before(unknown()),
            _ => StoreFault::After(unknown()),
        };
        shared.store.fault_at(*at, fault);
    }
    for (at, kind) in &schedule.weather {
        let weather = match kind {
            0 => Weather::Fails(Class::Transient),
            1 => Weather::Fails(Class::Throttled),
            2 => Weather::Fails(Class::Ambiguous),
            3 | 4 => Weather::AnswerLost,
            5 => Weather::Slow(Duration::from_secs(9)),
            6 => Weather::MeetsItself,
            7 => Weather::Fails(Class::Denied),
            _ => Weather::Fails(Class::Conflict),
        };
        shared.cloud.weather_at(*at, weather);
    }
    let lag = Duration::from_secs(schedule.lag);
    shared.cloud.climate(|now| *now = Climate { lag, flicker: schedule.flicker, ..Climate::default() });
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn hold(scene: &Scene, schedule: &Schedule) {
    let shared = scene.open();
    misbehave(&shared, schedule);
    let people = [People::Prompt, People::Doubled, People::Contrary][usize::from(schedule.people)];
    let desk = Desk {
        lines: schedule.lines.clone(),
        people,
        said: Cell::new(0),
        accepted: Cell::new(0),
        known: shared.heads().len(),
    };
    for (number, life) in (1..).zip(&schedule.lives) {
        let moment = if life.before { Moment::Before } else { Moment::After };
        let at = Some((life.ends.0, moment));
        let death = match life.ends.1 {
            true => Death { store: at, ..Death::default() },
            false => Death { cloud: at, ..Death::default() },
        };
        let mortal = shared.life(&format!("life {number}"), death, |_| {});
        let company = life.company.then(|| shared.process(&format!("company {number}")));
        let hints = [Hints::Carried, Hints::Lost, Hints::Doubled][usize::from(life.hints)];
        let beside = company.as_ref().map(|company| (company, hints));
        let when = schedule.cuts.get(number - 1).map(|(after, lasts)| (secs(*after), secs(*lasts)));
        let life = async {
            tokio::select! {
                biased;
                () = live(&shared, &mortal, beside, &desk) => {}
                () = cut(&mortal, when) => {}
            }
        };
        let life = tokio::time::timeout(secs(7200), life).await;
        assert!(life.is_ok(), "life {number} never came to rest: {}", stand(&shared, scene).await);
        if schedule.forgetful {
            shared.store.forget_tokens();
        }
    }
    let last = shared.process("last");
    let rest = tokio::time::timeout(Duration::from_secs(7200), live(&shared, &last, None, &desk)).await;
    assert!(rest.is_ok() && desk.is_over(&shared), "it never came to rest: {}", stand(&shared, scene).await);
    drop(last);

    let heads = shared.new_heads(scene);
    assert_eq!(heads.len(), desk.accepted.get(), "what was acknowledged, and what there is");
    assert_eq!(shared.unrest(&heads).await, Vec::<String>::new(), "{}", stand(&shared, scene).await);
    assert_eq!(shared.disagreements().await, Vec::<String>::new(), "{}", stand(&shared, scene).await);
    epilogue(&shared).await;
    assert_eq!(
        shared.disagreements().await,
        Vec::<String>::new(),
        "after all: {}",
        stand(&shared, scene).await
    );
}

/// Whatever was: a pipeline can be used on.
async fn epilogue(shared: &Shared) {
    shared.store.clear_faults();
    shared.cloud.clear_weather();
    shared.cloud.climate(|now| *now = Climate::default());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let process = shared.process("epilogue");
    let acts = [
        Act::Pushes(&["Hello", "World"], "last", 128),
        Act::Types("ann", "/build orders"),
        Act::Types("ann", "/deploy orders"),
        Act::Types("ann", "/promote orders prod from dev"),
        Act::Types("ann", "/rollback orders prod"),
    ];
    for (number, act) in acts.iter().enumerate() {
        shared.act(&process, act, &format!("epilogue-{number}")).await;
    }
}

/// How everything stands, for who has to understand a failure.
async fn stand(shared: &Shared, scene: &Scene) -> String {
    let mut told = String::new();
    for head in shared.new_heads(scene) {
        told.push_str(&format!(
            "\n{} {} {:?} owner `{}` awaits `{}`: {:#?}",
            head.id,
            head.charter.command,
            head.status,
            head.owner,
            head.awaits,
            shared.journal(&head.id)
        ));
    }
    told
}

/// Plays these seeds; says which one failed.
fn play(seeds: impl IntoIterator<Item = u64>, what: &str) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let scene = Scene::after(PLENTY).await;
        let tally = Tally::of(format!("random schedules, {what}"));
        for seed in seeds {
            let schedule = Schedule::of(seed);
            if let Err(panic) = AssertUnwindSafe(hold(&scene, &schedule)).catch_unwind().await {
                println!("matrix: SLUICE_MATRIX_SEED={seed} SLUICE_MATRIX_CASES=1 failed: {schedule:#?}");
                std::panic::resume_unwind(panic);
            }
            tally.count();
        }
    });
}

/// Half of the random seeds: two tests run side by side.
fn random(half: u64) {
    let any = u64::try_from(ulid::Ulid::new().random() & u128::from(u32::MAX)).unwrap_or(0);
    let first = variable("SLUICE_MATRIX_SEED").unwrap_or(any);
    let cases = variable("SLUICE_MATRIX_CASES").unwrap_or(if super::is_whole() { 2000 } else { CASES });
    let seeds = (first..first + cases).filter(|seed| (seed - first) % 2 == half);
    play(seeds, &format!("every other seed of {first} to {}", first + cases - 1));
}

#[test]
fn whatever_happens_everything_ends_once_and_agrees() {
    random(0);
}

#[test]
fn whatever_else_happens_everything_ends_once_and_agrees() {
    random(1);
}

#[test]
fn what_failed_once_is_tried_again() {
    let lines = include_str!("seeds.txt").lines().filter(|line| !line.starts_with('#'));
    let seeds = lines.filter_map(|line| line.split_whitespace().next());
    play(seeds.map(|seed| seed.parse().expect("a seed begins its line")), "those that failed once");
}

#[test]
fn a_seed_is_one_schedule() {
    let again = |seed| (format!("{:?}", Schedule::of(seed)), format!("{:?}", Schedule::of(seed)));
    let (one, two) = again(7);
    assert_eq!(one, two);
    assert_ne!(one, format!("{:?}", Schedule::of(8)));
}
