//! The random schedule of a seed: the commands and their times, how long each process runs and how it ends, the faults of the
//! store and of AWS.
//!
//! Add new fields last in their row, or draw them separately: a recorded seed keeps its meaning.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::scenarios::{Act, FRESH, HIDDEN, PLENTY};

/// The commands that people type.
pub(super) const LINES: [(&str, &str); 10] = [
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

/// A button instead of a command.
pub(super) const CANCEL: &str = "(cancels what she asked last)";

/// How one process runs.
#[derive(Debug, Clone)]
pub(super) struct ProcessRun {
    /// The number of its last call, and whether that is of the store or of AWS.
    pub(super) ends: (usize, bool),
    pub(super) before: bool,
    pub(super) company: bool,
    pub(super) hints: u8,
}

/// A whole schedule.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) runs: Vec<ProcessRun>,
    pub(super) store: Vec<(usize, u8)>,
    pub(super) faults: Vec<(usize, u8)>,
    pub(super) lines: Vec<(u64, usize)>,
    pub(super) people: u8,
    pub(super) lag: u64,
    pub(super) flicker: bool,
    pub(super) forgetful: bool,
    /// For each process, how many seconds after its start it is disconnected from the store, and for how many.
    pub(super) disconnections: Vec<(u64, u64)>,
    pub(super) harsh: Harsh,
}

/// The harsher part of a schedule. It is drawn separately: older seeds keep their meaning for the rest.
#[derive(Debug, Clone, Default)]
pub(super) struct Harsh {
    /// The world in which it runs, an index into [`WORLDS`].
    pub(super) world: usize,
    /// How much longer than usual builds take, in seconds.
    pub(super) build: u64,
    /// For each process, its death at its n-th call that changes something in AWS, before or after it, instead of any other.
    pub(super) strikes: Vec<Option<(usize, bool)>>,
    /// For each process, how many seconds after its start it is suspended, for how many, while another process runs beside it.
    pub(super) naps: Vec<Option<(u64, u64)>>,
    /// For each process, how many seconds no process runs after it.
    pub(super) gaps: Vec<u64>,
    /// The fault of the n-th call that changes something.
    pub(super) losses: Vec<(usize, u8)>,
    /// After so many changes in AWS, the requester of the newest operation cancels it.
    pub(super) stops: Vec<usize>,
}

/// The worlds: everything exists, nothing does yet, or all but the API.
pub(super) const WORLDS: [&[&[Act]]; 3] = [PLENTY, FRESH, HIDDEN];

/// The commands in a new pipeline: the first deploy and promotion are first.
pub(super) const FIRST_LINES: [(&str, &str); 10] = [
    ("ann", "/deploy orders"),
    ("ann", "/build orders"),
    ("ben", "/deploy orders 1"),
    ("ann", "/promote orders prod"),
    ("ann", "/promote orders prod from dev"),
    ("ann", "/deploy orders 2"),
    ("ann", "/promote orders prod r1"),
    ("ada", "/stage add orders qa"),
    ("ann", "/promote orders qa from dev"),
    ("ann", CANCEL),
];

impl Schedule {
    /// Deterministic: equal seeds give equal schedules.
    pub(super) fn of(seed: u64) -> Self {
        Self { harsh: drawn(seed ^ HARSH, harsh()), ..Self::calm(seed) }
    }

    /// The same without the harsher part.
    pub(super) fn calm(seed: u64) -> Self {
        drawn(seed, strategy())
    }

    /// The command of that number.
    pub(super) fn line(&self, number: usize) -> (&'static str, &'static str) {
        if self.harsh.world == 0 { LINES[number] } else { FIRST_LINES[number] }
    }
}

/// Separates the random stream of the harsher part from the rest of the seed.
const HARSH: u64 = 0x68_6172_7368;

fn drawn<T>(seed: u64, strategy: impl Strategy<Value = T>) -> T {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    strategy.new_tree(&mut runner).expect("a schedule").current()
}

fn harsh() -> impl Strategy<Value = Harsh> {
    let some = |strategy| prop::option::of(strategy);
    let strikes = prop::collection::vec(some((0..16_usize, any::<bool>())), 0..4);
    let naps = prop::collection::vec(prop::option::of((0..40_u64, 10..60_u64)), 0..4);
    let gaps = prop::collection::vec(prop::sample::select(vec![0, 0, 20, 400]), 0..4);
    let losses = prop::collection::vec((0..40_usize, 0..9_u8), 0..6);
    let stops = prop::collection::vec(0..30_usize, 0..3);
    let build = prop::sample::select(vec![0, 0, 30, 120]);
    (0..WORLDS.len(), build, strikes, naps, gaps, losses, stops).prop_map(
        |(world, build, strikes, naps, gaps, losses, stops)| Harsh {
            world,
            build,
            strikes,
            naps,
            gaps,
            losses,
            stops,
        },
    )
}

fn strategy() -> impl Strategy<Value = Schedule> {
    let process_run = ((0..90_usize, any::<bool>()), any::<bool>(), any::<bool>(), 0..3_u8)
        .prop_map(|(ends, before, company, hints)| ProcessRun { ends, before, company, hints });
    let runs = prop::collection::vec(process_run, 0..4);
    let store = prop::collection::vec((0..250_usize, 0..3_u8), 0..6);
    let faults = prop::collection::vec((0..250_usize, 0..9_u8), 0..8);
    let lines = prop::collection::vec((0..12_u64, 0..LINES.len()), 1..6);
    let rest = (0..3_u8, 0..15_u64, any::<bool>(), any::<bool>());
    // The last in the row: older seeds keep their meaning for the others.
    let disconnections = prop::collection::vec((0..25_u64, 5..40_u64), 0..4);
    (runs, store, faults, lines, rest, disconnections).prop_map(
        |(runs, store, faults, lines, rest, disconnections)| {
            let (people, lag, flicker, forgetful) = rest;
            Schedule {
                runs,
                store,
                faults,
                lines,
                people,
                lag,
                flicker,
                forgetful,
                disconnections,
                harsh: Harsh::default(),
            }
        },
    )
}
