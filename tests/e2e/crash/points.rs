//! The points of a command, from a recorded run, and the kills at each of them.
//!
//! A point is a gap in which the bot may die: before a call of the store, read or write, and on both sides of each mutation
//! of AWS and Slack. If one such call begins after the end of the previous one, the gap after the first and the gap before the
//! second are one point, unless a message was edited in between. Calls that depend on time (the sweep, beats, probes, edits) are
//! no points: their number differs in each run.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use serde_json::{Value, json};
use sluice_e2e::{Call, Fault, PATIENCE, eventually};
use tokio::time::{Instant, interval};

use super::scenario::{Kind, Observed, effects};
use super::site::Site;

/// Calls of the store that depend on time, not on work: the method, and a part of the detail.
const PERIODIC: [(&str, &str); 4] = [
    // The sweep of the due index, and the heads that it finds.
    ("Query", "/due"),
    ("BatchGetItem", " head"),
    // The beat of an owner.
    ("UpdateItem", "{g_beat}"),
    // The probe of readiness.
    ("GetItem", "installation"),
];
/// How many points of each command to take without `SLUICE_E2E_CRASH`.
const SHORT: usize = 4;
/// Parallel steps may share an append in one run and not in the next, so a late point may be missing. After this many rounds
/// without it, the point counts as never reached; the last append may be.
const ROUNDS: usize = 3;
/// The call that adds rows to a journal.
const APPEND: &str = "TransactWriteItems";

/// Where to kill: the n-th call of a kind, on one side of its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Point {
    service: String,
    method: String,
    nth: usize,
    when: &'static str,
    /// The resource of the recorded call, for people.
    detail: String,
}

impl Point {
    fn fault(&self) -> Value {
        let periodic =
            PERIODIC.iter().filter(|(method, _)| self.service == "dynamodb" && *method == self.method);
        json!({
            "service": self.service, "method": self.method, "nth": self.nth, "action": "hold", "when": self.when,
            "except_detail": periodic.map(|(_, part)| part).collect::<Vec<_>>(),
        })
    }

    /// Whether it is at the last append of the recorded run.
    fn is_last_append(&self, all: &[Self]) -> bool {
        self.method == APPEND && !all.iter().any(|other| other.method == APPEND && other.nth > self.nth)
    }

    fn label(&self) -> String {
        format!("{} {} {} #{}", self.when, self.service, self.method, self.nth)
    }
}

/// Whether a call delimits gaps.
fn delimits(call: &Call) -> bool {
    let detail = call.detail.as_deref().unwrap_or_default();
    match call.service.as_str() {
        // Only this harness scans.
        "dynamodb" if call.method == "Scan" => false,
        "dynamodb" => !PERIODIC.iter().any(|(method, part)| call.method == *method && detail.contains(part)),
        "slack" if call.method == "chat.update" => false,
        _ => call.mutating,
    }
}

/// The gaps of a recorded run, each once.
fn points(recorded: &[Call]) -> Vec<Point> {
    let calls: Vec<&Call> = recorded.iter().filter(|call| delimits(call)).collect();
    let mut seen = BTreeMap::<(&str, &str), usize>::new();
    let mut points = vec![];
    for (index, call) in calls.iter().enumerate() {
        let nth = seen.entry((&call.service, &call.method)).or_default();
        *nth += 1;
        let point = |when| Point {
            service: call.service.clone(),
            method: call.method.clone(),
            nth: *nth,
            when,
            detail: call.detail.clone().unwrap_or_default(),
        };
        points.push(point("before"));
        if call.mutating && !calls.get(index + 1).is_some_and(|next| is_one_gap(recorded, call, next)) {
            points.push(point("after"));
        }
    }
    points
}

/// Whether the gap after a call is the gap before the next one: the next began after its end, with no edit in between.
fn is_one_gap(recorded: &[Call], call: &Call, next: &Call) -> bool {
    let between = |edit: &&Call| edit.service == "slack" && edit.mutating;
    let mut between = recorded.iter().filter(between).filter(|c| call.seq < c.seq && c.seq < next.seq);
    call.end_us.is_some_and(|end| end <= next.start_us) && between.next().is_none()
}

/// The points that `SLUICE_E2E_CRASH` selects: a number of them, evenly spread; `all`; or those whose label contains it.
fn chosen(all: &[Point]) -> Vec<&Point> {
    let selection = std::env::var("SLUICE_E2E_CRASH").unwrap_or_else(|_| SHORT.to_string());
    if selection == "all" {
        return all.iter().collect();
    }
    match selection.parse::<usize>() {
        Ok(count) => {
            let count = count.min(all.len());
            (0..count).map(|n| &all[(2 * n + 1) * all.len() / (2 * count)]).collect()
        }
        Err(_) => all.iter().filter(|point| point.label().contains(&selection)).collect(),
    }
}

/// Kills at each selected point of a command, and fails with all errors.
pub(crate) async fn all(kind: Kind) {
    let began = Instant::now();
    let site = warm(kind).await;
    let (recorded, clean) = record(kind, &site).await;
    let all = points(&recorded);
    let points = chosen(&all);
    let lines = all.iter().map(|point| format!("{}, {}\n", point.label(), point.detail));
    write(&format!("crash-{kind:?}-points.txt"), &lines.collect::<String>());
    assert!(!points.is_empty(), "{kind:?} has no such point, only {all:?}");
    eprintln!("{kind:?}: {} of {} points, after {} s", points.len(), all.len(), began.elapsed().as_secs());
    let next = AtomicUsize::new(0);
    let round = async |site: Option<Site>| {
        let mut site = match site {
            Some(site) => site,
            None => warm(kind).await,
        };
        let (mut failures, mut missed) = (vec![], vec![]);
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(point) = points.get(n) else { return (failures, missed) };
            let began = Instant::now();
            let struck = AssertUnwindSafe(reach(kind, &site, point, n, &clean)).catch_unwind().await;
            let struck = struck.unwrap_or_else(|panic| Err(message_of(&*panic)));
            let (label, took) = (point.label(), began.elapsed().as_secs_f64());
            eprintln!("{kind:?} {:>3} {label}: {took:.1} s, {}", n + 1, verdict(&struck));
            match struck {
                Ok(true) => {}
                // Its rows were part of an earlier append, whose gaps are points of their own.
                Ok(false) if point.is_last_append(&all) => {}
                Ok(false) => missed.push(label),
                Err(what) => {
                    keep(kind, n, &site).await;
                    failures.push(format!("{label}, {}: {what}", point.detail));
                    // Unfinished work would count against the next point.
                    site = warm(kind).await;
                }
            }
        }
    };
    let ((mut failures, mut missed), (more, other)) = tokio::join!(round(Some(site)), round(None));
    failures.extend(more);
    missed.extend(other);
    eprintln!(
        "{kind:?}: {} of {} points, {} failures, {} not reached, {} s",
        points.len(),
        all.len(),
        failures.len(),
        missed.len(),
        began.elapsed().as_secs()
    );
    assert!(failures.is_empty(), "{kind:?}:\n{}", failures.join("\n\n"));
    assert!(missed.is_empty(), "{kind:?}: never reached: {}", missed.join(", "));
}

fn verdict(struck: &Result<bool, String>) -> &'static str {
    match struck {
        Ok(true) => "survived",
        Ok(false) => "not reached",
        Err(_) => "FAILED",
    }
}

/// Writes the calls before a failure, and the bot's log.
async fn keep(kind: Kind, n: usize, site: &Site) {
    let calls = site.world.calls(0).await;
    let relevant =
        calls.iter().filter(|call| !["Scan", "Query"].contains(&call.method.as_str()) || delimits(call));
    let lines = relevant.map(|call| format!("{call:?}\n"));
    let file = write(&format!("crash-{kind:?}-{}.txt", n + 1), &lines.collect::<String>());
    let log = file.with_extension("log");
    std::fs::copy(site.world.folder().join("bot.log"), &log).unwrap();
    eprintln!("see {} and {}", file.display(), log.display());
}

/// Writes a file below the target folder.
fn write(name: &str, text: &str) -> PathBuf {
    let folder = sluice_e2e::target().join("e2e");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().cloned();
    words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned())).unwrap_or_default()
}

type Effects = BTreeMap<(String, String), usize>;

/// A site where the command ran once: everything that is created only once exists, such as a stage's API.
async fn warm(kind: Kind) -> Site {
    let site = Site::new().await;
    kind.set_up(&site).await;
    kind.prepare(&site, "The first").await;
    kind.drive(&site).await;
    site
}

/// A clean run: all its calls, and its effects.
async fn record(kind: Kind, site: &Site) -> (Vec<Call>, Effects) {
    kind.prepare(site, "The clean one").await;
    let before = Observed::of(site).await;
    site.new_calls().await;
    let ending = kind.drive(site).await;
    let calls = site.new_calls().await;
    let after = Observed::of(site).await;
    kind.judge(&before, &after, &ending).unwrap_or_else(|what| panic!("without a crash: {what}"));
    let effects = effects(&calls);
    // The preparation's messages may still be edited: those calls are not the command's.
    let is_ours = |call: &Call| {
        let detail = call.detail.as_deref().unwrap_or_default();
        !detail.contains("/operation/") || ending.operations.iter().any(|id| detail.contains(id.as_str()))
    };
    (calls.into_iter().filter(is_ours).collect(), effects)
}

/// Repeats until the point is reached: whether it was, or what was wrong.
async fn reach(kind: Kind, site: &Site, point: &Point, n: usize, clean: &Effects) -> Result<bool, String> {
    for round in 0..ROUNDS {
        if strike(kind, site, point, &format!("Point {n} round {round}"), clean).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One round: whether the point was reached, or what was wrong.
async fn strike(
    kind: Kind,
    site: &Site,
    point: &Point,
    words: &str,
    clean: &Effects,
) -> Result<bool, String> {
    kind.prepare(site, words).await;
    let before = Observed::of(site).await;
    site.new_calls().await;
    let fault = site.world.arm(&point.fault()).await;
    let over = Cell::new(false);
    let killer = async {
        if !is_caught(site, &fault, point, &over).await {
            return false;
        }
        site.kill_and_restart(&fault).await;
        true
    };
    let drive = async {
        let ending = kind.drive(site).await;
        over.set(true);
        ending
    };
    let (met, ending) = tokio::join!(killer, drive);
    site.world.clear_faults().await;
    let calls = site.new_calls().await;
    let after = Observed::of(site).await;
    kind.judge(&before, &after, &ending)?;
    let effects = effects(&calls);
    if effects != *clean {
        return Err(format!("effects {effects:?}, in a clean run {clean:?}"));
    }
    Ok(met)
}

/// Waits until the call is held on the point's side; `false` if the command ends first.
async fn is_caught(site: &Site, fault: &Fault, point: &Point, over: &Cell<bool>) -> bool {
    let mut ticks = interval(Duration::from_millis(10));
    while !fault.is_holding().await {
        if over.get() {
            return false;
        }
        ticks.tick().await;
    }
    if point.when == "after" {
        eventually("the call has its effect", PATIENCE, async || {
            let calls = site.calls_so_far().await;
            if calls.iter().any(|call| call.result == "held" && call.effect) {
                Ok(())
            } else {
                Err("not yet")
            }
        })
        .await;
    }
    true
}

#[test]
fn each_gap_is_one_point_and_periodic_calls_are_none() {
    let call = |seq: u64, service: &str, method: &str, detail: &str, mutating: bool| -> Call {
        let (start_us, end_us) = (seq * 10, seq * 10 + 5);
        let result = "ok";
        let call = json!({
            "seq": seq, "service": service, "method": method, "start_us": start_us, "end_us": end_us,
            "detail": detail, "mutating": mutating, "result": result, "effect": true,
        });
        serde_json::from_value(call).unwrap()
    };
    let mut recorded = vec![
        call(1, "dynamodb", "Query", "sluice p", false),
        call(2, "dynamodb", "Query", "sluice/due", false),
        call(3, "dynamodb", "TransactWriteItems", "Put p row", true),
        call(4, "dynamodb", "UpdateItem", "sluice p head {g_beat}", true),
        call(5, "lambda", "GetAlias", "f:prod", false),
        call(6, "lambda", "UpdateAlias", "f:prod", true),
        call(7, "slack", "chat.update", "C0", true),
        call(8, "dynamodb", "TransactWriteItems", "Put p row", true),
        call(9, "dynamodb", "UpdateItem", "sluice p head {g_owner, ds, du}", true),
    ];
    // The second append ends after the next call began.
    recorded[7].end_us = Some(95);
    let labels: Vec<String> = points(&recorded).iter().map(Point::label).collect();
    assert_eq!(
        labels,
        [
            "before dynamodb Query #1",
            "before dynamodb TransactWriteItems #1",
            "before lambda UpdateAlias #1",
            "after lambda UpdateAlias #1",
            "before dynamodb TransactWriteItems #2",
            "after dynamodb TransactWriteItems #2",
            "before dynamodb UpdateItem #1",
            "after dynamodb UpdateItem #1",
        ]
    );
}
