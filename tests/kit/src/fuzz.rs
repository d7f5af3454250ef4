//! Fuzzing with what every toolchain has: good inputs, damaged at random in the ways that hostile and broken inputs are.
//!
//! A target runs for `SHORT` with the other tests, and for as many seconds as `SLUICE_FUZZ_SECONDS` says where somebody
//! looks for more. It says how many inputs it ran. What it finds is made small, and printed with the input.

use std::cell::Cell;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// How long a target runs with the other tests.
const SHORT: Duration = Duration::from_secs(2);
/// Inputs between two looks at the clock.
const ROUND: u32 = 256;
/// No input grows beyond this by edits.
const LONGEST: usize = 1 << 18;

/// The start of a fuzzer: whole inputs, and their tokens.
#[derive(Debug, Clone)]
pub struct Seeds {
    /// Inputs that are right, or nearly.
    pub inputs: Vec<String>,
    /// The tokens to insert into them.
    pub words: Vec<String>,
}

impl Seeds {
    /// Of these.
    pub fn new(inputs: &[&str], words: &[&str]) -> Self {
        let owned = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        Self { inputs: owned(inputs), words: owned(words) }
    }
}

/// One damage to an input. Places are parts of its length, which lets it shrink.
#[derive(Debug, Clone)]
enum Edit {
    Insert(u16, String),
    Remove(u16, u16),
    Repeat(u16, u16, u8),
    Splice(u16, String, u16),
}

fn edit(seeds: &Seeds) -> impl Strategy<Value = Edit> + use<> {
    let words = prop::sample::select(seeds.words.clone());
    let text = prop_oneof![4 => words, 2 => "\\PC{1,8}", 1 => "(?s).{1,3}", 1 => "[0-9]{1,25}"];
    let others = prop::sample::select(seeds.inputs.clone());
    prop_oneof![
        4 => (any::<u16>(), text).prop_map(|(at, text)| Edit::Insert(at, text)),
        2 => (any::<u16>(), 1..64_u16).prop_map(|(at, length)| Edit::Remove(at, length)),
        1 => (any::<u16>(), any::<u16>()).prop_map(|(at, length)| Edit::Remove(at, length)),
        2 => (any::<u16>(), 1..128_u16, 1..64_u8).prop_map(|(at, length, times)| Edit::Repeat(at, length, times)),
        1 => (any::<u16>(), others, any::<u16>()).prop_map(|(at, other, from)| Edit::Splice(at, other, from)),
    ]
}

impl Edit {
    fn apply(self, text: &mut String) {
        match self {
            Edit::Insert(at, word) => text.insert_str(place(text, at), &word),
            Edit::Remove(at, length) => {
                let begin = place(text, at);
                let end = boundary(text, begin + usize::from(length));
                text.replace_range(begin..end, "");
            }
            Edit::Repeat(at, length, times) => {
                let begin = place(text, at);
                let end = boundary(text, begin + usize::from(length));
                let part = text.get(begin..end).unwrap_or_default().repeat(usize::from(times));
                if text.len() + part.len() < LONGEST {
                    text.insert_str(end, &part);
                }
            }
            Edit::Splice(at, other, from) => {
                text.truncate(place(text, at));
                text.push_str(other.get(place(&other, from)..).unwrap_or_default());
            }
        }
    }
}

/// That part of the text, as a place where a character begins.
fn place(text: &str, part: u16) -> usize {
    boundary(text, text.len() * usize::from(part) / usize::from(u16::MAX))
}

fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// A damaged input; now and then one that is nothing but random.
pub fn damaged(seeds: &Seeds) -> impl Strategy<Value = String> + use<> {
    let inputs = prop::sample::select(seeds.inputs.clone());
    let edited = (inputs, vec(edit(seeds), 0..6)).prop_map(|(mut text, edits)| {
        edits.into_iter().for_each(|edit| edit.apply(&mut text));
        text
    });
    prop_oneof![15 => edited, 1 => "(?s).{0,200}"]
}

/// Runs a target on inputs of that kind until its time is over. It panics with the smallest input that the target fails on.
pub fn run<S: Strategy>(name: &str, inputs: &S, target: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let asked = std::env::var("SLUICE_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let time = asked.map_or(SHORT, Duration::from_secs);
    let (began, mut rounds) = (Instant::now(), 0_u64);
    let slowest = Cell::new(Duration::ZERO);
    while began.elapsed() < time {
        let config =
            Config { cases: ROUND, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
        let ran = TestRunner::new(config).run(inputs, |input| {
            let began = Instant::now();
            let outcome = target(input);
            slowest.set(slowest.get().max(began.elapsed()));
            outcome
        });
        if let Err(failure) = ran {
            panic!("{name}: {failure}");
        }
        rounds += 1;
    }
    let count = rounds * u64::from(ROUND);
    #[expect(clippy::print_stdout, reason = "a test says what it ran")]
    {
        println!(
            "fuzz {name}: {count} inputs in {} s, the slowest took {} ms",
            began.elapsed().as_secs(),
            slowest.get().as_millis()
        );
    }
}
