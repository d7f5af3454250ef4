//! The end of a run: open operations get time to end, and then the checks compare the table, AWS and the messages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::channel::Channel;
use super::checks;
use super::evidence::{Evidence, Head};
use super::run_log::RunLog;
use super::stack_checks;
use crate::{Aws, State, World};

/// How long open operations may take to end once there are no more faults.
const CLOSING: Duration = Duration::from_secs(300);
/// How long an operation may wait in the table before its message says so. An edit takes 1.5 s, a takeover 20 s.
const UNREPORTED: Duration = Duration::from_secs(30);

/// The result of a run.
#[derive(Debug, Default)]
pub struct Verdict {
    figures: Vec<(&'static str, String)>,
    wrong: Vec<String>,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Prints the figures, and what is wrong.
    pub fn print(&self) {
        println!("\n| what | figure |\n|---|---|");
        for (what, figure) in &self.figures {
            println!("| {what} | {figure} |");
        }
        for wrong in &self.wrong {
            println!("\nWRONG: {wrong}");
        }
    }

    fn figure(&mut self, what: &'static str, figure: impl ToString) {
        self.figures.push((what, figure.to_string()));
    }

    /// A figure that must be zero.
    fn zero(&mut self, what: &'static str, found: Vec<String>) {
        self.figure(what, found.len());
        self.wrong.extend(found.into_iter().map(|found| format!("{what}: {found}")));
    }
}

/// Waits until everything has ended, and checks it.
pub(crate) async fn judge(world: &World, channel: &Channel, log: &RunLog) -> Verdict {
    let began = Instant::now();
    let mut wrong = close(world, channel).await;
    // The last messages arrive with the next reads.
    channel.next_read().await;
    channel.next_read().await;
    let seconds = began.elapsed().as_secs();
    let evidence = Evidence::gather(world, channel.all()).await;
    let heads = &evidence.heads;
    let count = |status: &str| heads.iter().filter(|head| head.status == status).count();
    wrong.extend(checks::wrong_messages(heads, &evidence.messages));
    wrong.extend(checks::wrong_stages(&evidence));

    let mut verdict = Verdict::default();
    verdict.figure("operations accepted", heads.len());
    verdict.figure("ended: succeeded", count("succeeded"));
    verdict.figure("ended: failed, cancelled, rejected, void", count("failed"));
    let cancelled = evidence.audit("failed").filter(|record| record["outcome"] == "cancelled");
    verdict.figure("of these cancelled", cancelled.count());
    verdict.figure("stuck", count("stuck"));
    verdict.zero("still open", heads.iter().filter(|head| head.is_open()).map(Head::label).collect());
    verdict.figure("commands acknowledged", log.acknowledged.borrow().len());
    verdict.figure("commands refused or answered", log.refusals.get());
    verdict.figure("cancels sent", log.cancels.get());
    verdict.figure("clicks on Retry and Mark resolved", log.unstuck.get());
    verdict.zero("acknowledged and lost", checks::lost(&log.acknowledged.borrow(), &evidence.items, heads));
    verdict.zero("effects done twice", checks::doubled(&evidence));
    verdict.zero("wrong messages and stages", wrong);
    verdict.figure("stacks", evidence.stacks.statuses.len());
    verdict.zero("broken stacks", stack_checks::broken(&evidence));
    verdict.zero("builds that outlive their operation", checks::running_on(&evidence));
    verdict.figure("faults armed, fired", format!("{}, {}", log.faults.get(), log.struck.get()));
    let kills = log.kills.borrow();
    let waits = checks::takeovers(&evidence, &kills);
    verdict.figure("replicas killed", kills.len());
    verdict.figure("operations that they drove", waits.len());
    let worst = waits.iter().filter_map(|(_, wait)| *wait).max().unwrap_or_default();
    verdict.figure("worst time to takeover", format!("{:.1} s", worst.as_secs_f64()));
    verdict.zero("takeovers late or missing", checks::too_late(&waits));
    verdict.figure("seconds from the last fault to rest", seconds);
    if heads.is_empty() || count("succeeded") + count("failed") + count("stuck") != heads.len() {
        verdict.wrong.push("not every accepted operation has ended or is stuck".into());
    }
    if !verdict.is_good() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/chaos"));
        evidence.keep(folder);
        drop(std::fs::copy(world.folder().join("bot.log"), folder.join("bot.log")));
        println!("\nThe table, messages, calls and log of this run are in target/chaos.");
    }
    verdict
}

/// Approves and retries until nothing is open, for at most [`CLOSING`]. Returns the waits that no message showed in time.
async fn close(world: &World, channel: &Channel) -> Vec<String> {
    let began = Instant::now();
    let (mut waiting, mut unreported) = (BTreeMap::<String, Instant>::new(), BTreeSet::new());
    while began.elapsed() < CLOSING {
        channel.next_read().await;
        let items = Aws(world).table().await;
        let heads: Vec<Head> = items.iter().filter_map(Head::of).collect();
        let is_due = items.iter().any(|item| !item["du"].is_null());
        let stuck = heads.iter().filter(|head| head.status == "stuck");
        for message in stuck.filter_map(|head| checks::last_of(&channel.all(), &head.id)) {
            let action = if began.elapsed() < UNREPORTED { "operation.retry" } else { "operation.resolve" };
            world.try_click(world.bob(), &message, action).await;
        }
        let is_at_rest =
            |head: &Head| head.is_over() || head.status == "stuck" && began.elapsed() > UNREPORTED * 2;
        if !is_due && heads.iter().all(is_at_rest) {
            break;
        }
        for head in heads.iter().filter(|head| head.status == "waiting") {
            let since = *waiting.entry(head.id.clone()).or_insert_with(Instant::now);
            let shown = checks::last_of(&channel.all(), &head.id).and_then(|message| message.state());
            let is_shown = shown == Some(State::Waiting);
            if !is_shown && since.elapsed() < UNREPORTED {
                continue;
            }
            if !is_shown {
                unreported
                    .insert(format!("{} waits for approval, its message shows {shown:?}", head.label()));
            }
            let line = format!("/promote approve {} prod", head.pipeline);
            let answer = world.command(world.bob(), &line).await.text();
            // If several wait, the answer has a line for each.
            let named = answer.split(&format!("{line} ")).nth(1).and_then(|rest| {
                rest.split(|sign: char| !sign.is_alphanumeric())
                    .next()
                    .filter(|release| release.starts_with('r'))
            });
            if let Some(release) = named {
                world.command(world.bob(), &format!("{line} {release}")).await;
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
    unreported.into_iter().collect()
}
