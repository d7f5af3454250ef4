//! The points of a command, from a recorded run, and the rounds of killing at each of them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use serde_json::{Value, json};
use sluice_e2e::Call;
use tokio::time::{Instant, interval};

use crate::scenario::{Kind, Truth, effects};
use crate::site::Site;

/// Where to kill: the n-th call of a kind, on one side of its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Point {
    service: String,
    method: Option<String>,
    nth: usize,
    when: &'static str,
}

impl Point {
    fn fault(&self) -> Value {
        let mut fault = json!({
            "service": self.service, "nth": self.nth, "action": "hold", "when": self.when, "mutating": true,
        });
        if let Some(method) = &self.method {
            fault["method"] = json!(method);
        }
        fault
    }

    fn words(&self) -> String {
        let method = self.method.as_deref().unwrap_or("write");
        format!("{} {} {} #{}", self.when, self.service, method, self.nth)
    }
}

/// Both sides of every mutation of a recorded run. Of the store's calls the writes are the points: between two of them
/// a read changes nothing that could be lost.
fn points(calls: &[Call]) -> Vec<Point> {
    let mut seen = BTreeMap::<(String, Option<String>), usize>::new();
    let mut points = vec![];
    for call in calls.iter().filter(|call| call.mutating) {
        let method = (call.service != "dynamodb").then(|| call.method.clone());
        let nth = seen.entry((call.service.clone(), method.clone())).or_default();
        *nth += 1;
        for when in ["before", "after"] {
            points.push(Point { service: call.service.clone(), method: method.clone(), nth: *nth, when });
        }
    }
    points
}

/// `SLUICE_E2E_CRASH`: all points (the default), every third of them (`sample`), or those whose words contain it.
fn chosen(all: &[Point]) -> Vec<&Point> {
    match std::env::var("SLUICE_E2E_CRASH").as_deref() {
        Err(_) | Ok("all") => all.iter().collect(),
        Ok("sample") => all.iter().step_by(3).collect(),
        Ok(words) => all.iter().filter(|point| point.words().contains(words)).collect(),
    }
}

/// Kills at every point of a command, and fails with all that went wrong.
pub(crate) async fn all(kind: Kind) {
    let began = Instant::now();
    let site = warm(kind).await;
    let (recorded, clean) = record(kind, &site).await;
    let all = points(&recorded);
    let points = chosen(&all);
    eprintln!("{kind:?}: {} of {} points, of {} calls", points.len(), all.len(), recorded.len());
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
            let begun = Instant::now();
            let struck = AssertUnwindSafe(strike(kind, &site, point, n, &clean)).catch_unwind().await;
            let struck = struck.unwrap_or_else(|panic| Err(words_of(&*panic)));
            eprintln!("{kind:?} {:>3} {} {:.1} s", n + 1, point.words(), begun.elapsed().as_secs_f64());
            match struck {
                Ok(true) => {}
                Ok(false) => missed.push(point.words()),
                Err(what) => {
                    keep_calls(kind, n, &site).await;
                    failures.push(format!("{}: {what}", point.words()));
                    // What is left half done would be blamed on the next point.
                    site = warm(kind).await;
                }
            }
        }
    };
    let ((mut failures, mut missed), (more, other)) = tokio::join!(round(Some(site)), round(None));
    failures.extend(more);
    missed.extend(other);
    eprintln!(
        "{kind:?}: {} points, {} failures, {} not met, {} s",
        points.len(),
        failures.len(),
        missed.len(),
        began.elapsed().as_secs()
    );
    assert!(failures.is_empty(), "{kind:?}:\n{}", failures.join("\n\n"));
    assert!(missed.is_empty(), "{kind:?}: never met: {}", missed.join(", "));
}

/// The calls that led to a failure, for whoever looks for its cause.
async fn keep_calls(kind: Kind, n: usize, site: &Site) {
    let calls = site.world.calls(0).await;
    let lines = calls.iter().rev().take(400).rev().map(|call| format!("{call:?}\n"));
    let folder = sluice_e2e::target().join("e2e");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("crash-{kind:?}-{}.txt", n + 1));
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    eprintln!("the calls that led to it: {}", file.display());
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().cloned();
    words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned())).unwrap_or_default()
}

type Effects = BTreeMap<(String, String), usize>;

/// A site where the command ran once: what is made only once, such as a stage's API, is there.
async fn warm(kind: Kind) -> Site {
    let site = Site::new().await;
    kind.prepare(&site, "The first").await;
    kind.drive(&site).await;
    site
}

/// A clean run: all its calls, and its effects.
async fn record(kind: Kind, site: &Site) -> (Vec<Call>, Effects) {
    kind.prepare(site, "The clean one").await;
    let before = Truth::of(site).await;
    let since = site.world.last_call().await;
    let ending = kind.drive(site).await;
    let calls = site.world.calls(since).await;
    let after = Truth::of(site).await;
    kind.judge(&before, &after, &ending).unwrap_or_else(|what| panic!("without any crash: {what}"));
    let effects = effects(&calls);
    (calls, effects)
}

/// One round: whether the point was met, or what was wrong after it.
async fn strike(kind: Kind, site: &Site, point: &Point, n: usize, clean: &Effects) -> Result<bool, String> {
    kind.prepare(site, &format!("Round {n}")).await;
    let before = Truth::of(site).await;
    let since = site.world.last_call().await;
    let fault = site.world.arm(&point.fault()).await;
    let over = Cell::new(false);
    let killer = async {
        let mut pulse = interval(Duration::from_millis(10));
        while !fault.holds().await {
            if over.get() {
                return false;
            }
            pulse.tick().await;
        }
        site.kill_and_restart().await;
        true
    };
    let drive = async {
        let ending = kind.drive(site).await;
        over.set(true);
        ending
    };
    let (met, ending) = tokio::join!(killer, drive);
    site.world.clear_faults().await;
    let calls = site.world.calls(since).await;
    let after = Truth::of(site).await;
    kind.judge(&before, &after, &ending)?;
    let effects = effects(&calls);
    if effects != *clean {
        return Err(format!("effects {effects:?}, in a clean run {clean:?}"));
    }
    Ok(met)
}
