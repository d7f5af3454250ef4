//! The end: what was accepted comes to rest, and then the table, AWS and the channel are held against each other. Each
//! judgement is a pure function of the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::book::{Book, Death, Promise};
use super::chat::Chat;
use super::evidence::{Evidence, Head};
use crate::item::{body, text};
use crate::{Aws, Message, State, World};

/// How long what is open may take to end once the weather is fair.
const CLOSING: Duration = Duration::from_secs(300);
/// How long a wait may stand in the table without being told. An edit takes 1.5 s, a dead replica's work 20 s.
const UNTOLD: Duration = Duration::from_secs(30);
/// Within that time the work of a dead replica goes on elsewhere.
const TAKEOVER: Duration = Duration::from_secs(30);

/// What came out.
#[derive(Debug, Default)]
pub struct Verdict {
    figures: Vec<(&'static str, String)>,
    wrong: Vec<String>,
}

impl Verdict {
    /// Nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    /// The table, and what is wrong.
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

    /// A figure that has to be zero.
    fn none(&mut self, what: &'static str, found: Vec<String>) {
        self.figure(what, found.len());
        self.wrong.extend(found.into_iter().map(|found| format!("{what}: {found}")));
    }
}

/// Waits for the end of everything and judges it.
pub(crate) async fn judge(world: &World, chat: &Chat, book: &Book) -> Verdict {
    let begun = Instant::now();
    let mut untrue = close(world, chat).await;
    // What was told last is seen with the next looks.
    chat.glance().await;
    chat.glance().await;
    let seconds = begun.elapsed().as_secs();
    let evidence = Evidence::gather(world, chat.all()).await;
    let heads = &evidence.heads;
    let count = |status: &str| heads.iter().filter(|head| head.status == status).count();
    untrue.extend(messages_untrue(heads, &evidence.messages));
    untrue.extend(stages_untrue(&evidence));

    let mut verdict = Verdict::default();
    verdict.figure("operations accepted", heads.len());
    verdict.figure("ended: succeeded", count("succeeded"));
    verdict.figure("ended: failed, cancelled, rejected, void", count("failed"));
    let cancelled = evidence.audit("failed").filter(|record| record["outcome"] == "cancelled");
    verdict.figure("of these cancelled", cancelled.count());
    verdict.figure("stuck", count("stuck"));
    verdict.none("open still", heads.iter().filter(|head| head.is_open()).map(Head::words).collect());
    verdict.figure("commands acknowledged", book.promises.borrow().len());
    verdict.figure("commands refused or answered", book.refusals.get());
    verdict.figure("cancels sent", book.cancels.get());
    verdict.figure("clicks on Retry and Mark resolved", book.unstuck.get());
    verdict.none("acknowledged and lost", lost(&book.promises.borrow(), &evidence.items, heads));
    verdict.none("effects done twice", doubled(&evidence));
    verdict.none("untrue messages", untrue);
    verdict.none("builds that run on though their operation is over", running_on(&evidence));
    verdict.figure("faults armed, of which struck", format!("{}, {}", book.faults.get(), book.struck.get()));
    let deaths = book.deaths.borrow();
    let waits = takeovers(&evidence, &deaths);
    verdict.figure("replicas killed", deaths.len());
    verdict.figure("operations they carried", waits.len());
    let worst = waits.iter().filter_map(|(_, wait)| *wait).max().unwrap_or_default();
    verdict.figure("worst time to takeover", format!("{:.1} s", worst.as_secs_f64()));
    verdict.none("taken over late or never", too_late(&waits));
    verdict.figure("seconds from fair weather to rest", seconds);
    if heads.is_empty() || count("succeeded") + count("failed") + count("stuck") != heads.len() {
        verdict.wrong.push("accepted is not ended and stuck".into());
    }
    if !verdict.is_good() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/chaos"));
        evidence.keep(folder);
        drop(std::fs::copy(world.folder().join("bot.log"), folder.join("bot.log")));
        println!("\nTable, messages, calls and the bots' log of this run are in target/chaos.");
    }
    verdict
}

/// Until nothing is open, or for [`CLOSING`]; whoever waits is approved. The waits of which the channel knows nothing.
async fn close(world: &World, chat: &Chat) -> Vec<String> {
    let begun = Instant::now();
    let (mut waiting, mut untold) = (BTreeMap::<String, Instant>::new(), BTreeSet::new());
    while begun.elapsed() < CLOSING {
        chat.glance().await;
        let items = Aws(world).table().await;
        let heads: Vec<Head> = items.iter().filter_map(Head::of).collect();
        let is_due = items.iter().any(|item| !item["du"].is_null());
        let stuck = heads.iter().filter(|head| head.status == "stuck");
        for message in stuck.filter_map(|head| last_of(&chat.all(), &head.id)) {
            let action = if begun.elapsed() < UNTOLD { "operation.retry" } else { "operation.resolve" };
            world.tries_click(world.bob(), &message, action).await;
        }
        let is_at_rest =
            |head: &Head| head.is_over() || head.status == "stuck" && begun.elapsed() > UNTOLD * 2;
        if !is_due && heads.iter().all(is_at_rest) {
            break;
        }
        for head in heads.iter().filter(|head| head.status == "waiting") {
            let since = *waiting.entry(head.id.clone()).or_insert_with(Instant::now);
            let told = last_of(&chat.all(), &head.id).and_then(|message| message.state());
            let is_told = told == Some(State::Waiting);
            if !is_told && since.elapsed() < UNTOLD {
                continue;
            }
            if !is_told {
                untold.insert(format!("{} waits for approval, its message says {told:?}", head.words()));
            }
            let line = format!("/promote approve {} prod", head.pipeline);
            let words = world.types(world.bob(), &line).await.words();
            // Where several wait, the answer has a line for each.
            let named = words.split(&format!("{line} ")).nth(1).and_then(|rest| {
                rest.split(|sign: char| !sign.is_alphanumeric())
                    .next()
                    .filter(|release| release.starts_with('r'))
            });
            if let Some(release) = named {
                world.types(world.bob(), &format!("{line} {release}")).await;
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
    untold.into_iter().collect()
}

/// The operation's own messages, the oldest first.
fn messages_of<'a>(messages: &'a [Message], id: &str) -> Vec<&'a Message> {
    messages.iter().filter(|m| m.operation() == Some(id) && m.state().is_some()).collect()
}

fn last_of(messages: &[Message], id: &str) -> Option<Message> {
    messages_of(messages, id).last().map(|message| (*message).clone())
}

/// Operations whose last message says something else than the record.
fn messages_untrue(heads: &[Head], messages: &[Message]) -> Vec<String> {
    let mut wrong = vec![];
    for head in heads {
        let wanted = match head.status.as_str() {
            "succeeded" => State::Succeeded,
            "failed" => State::Failed,
            "stuck" => State::Stuck,
            _ => continue,
        };
        let said = last_of(messages, &head.id).and_then(|message| message.state());
        if said != Some(wanted) {
            wrong.push(format!("{}, its last message says {said:?}", head.words()));
        }
    }
    wrong
}

/// Stages of which record, aliases, API stage and the message of the last move differ.
fn stages_untrue(evidence: &Evidence) -> Vec<String> {
    let Evidence { items, heads, messages, .. } = evidence;
    let mut wrong = vec![];
    let last = last_moves(evidence);
    let resolved: BTreeSet<String> =
        evidence.audit("resolved").map(|record| name(&record, "operation")).collect();
    for item in items {
        let Some((_, pipeline)) = text(item, "pk").rsplit_once("/pipeline/") else { continue };
        let Some(stage) = text(item, "sk").strip_prefix("stage/") else { continue };
        // A stage that was resolved by hand runs what was found, which no message of a move names.
        let of_it = |head: &&Head| head.pipeline == pipeline;
        let is_by_hand = heads.iter().filter(of_it).any(|head| resolved.contains(&head.id));
        let record = body(item);
        let Some(release) = record["current"]["release"].as_u64() else { continue };
        if !record["mixed"].is_null() {
            continue;
        }
        let said = last.get(&(pipeline.to_owned(), stage.to_owned())).map(|last| {
            let headline =
                last_of(messages, &last.operation).map(|message| message.words()).unwrap_or_default();
            (last.release, headline.lines().next().unwrap_or_default().replace('`', ""))
        });
        let is_true = said.as_ref().is_some_and(|(moved, headline)| {
            let mut words = headline.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let names = |wanted: &str| words.any(|word| word == wanted);
            *moved == release && [stage, &format!("r{release}")].into_iter().all(names)
        });
        if !is_by_hand && !is_true {
            wrong.push(format!("{stage} of {pipeline} runs r{release}, its last move was {said:?}"));
        }
        let (key, of) = (format!("{release:010}/{stage}"), format!("/releases/{pipeline}"));
        let set = items.iter().find(|item| text(item, "pk").ends_with(&of) && text(item, "sk") == key);
        let set = set.map(body).unwrap_or_default();
        let Some(versions) = set["versions"].as_object().filter(|versions| !versions.is_empty()) else {
            wrong.push(format!("{stage} of {pipeline} runs r{release}, which has no versions on record"));
            continue;
        };
        for (function, version) in versions {
            let points = evidence.aliases.get(function).and_then(|aliases| aliases.get(stage));
            if points.map(String::as_str) != version.as_str() {
                wrong.push(format!("{function}:{stage} points to {points:?}, r{release} is {version}"));
            }
        }
        let Some(api) = set["api"]["api"].as_str() else { continue };
        let (serves, wanted) =
            (evidence.served.get(&(api.to_owned(), stage.to_owned())), &set["api"]["deployment"]);
        if serves.map(String::as_str) != wanted.as_str() {
            wrong.push(format!(
                "{stage} of API {api} serves {serves:?}, r{release} of {pipeline} is {wanted}"
            ));
        }
    }
    wrong
}

/// Builds at CodeBuild that nobody waits for: their operation ended, by a cancel as a rule.
fn running_on(evidence: &Evidence) -> Vec<String> {
    let over = |id: &str| evidence.heads.iter().find(|head| head.id == id && head.is_over());
    let running = evidence.builds.iter().filter(|(_, state)| state == "IN_PROGRESS");
    running.filter_map(|(id, _)| over(id)).map(Head::words).collect()
}

/// The last move of a stage, from the audit records.
struct Move {
    at: (String, String),
    operation: String,
    release: u64,
}

/// By pipeline and stage: its last move.
fn last_moves(evidence: &Evidence) -> BTreeMap<(String, String), Move> {
    let mut moves = BTreeMap::<_, Move>::new();
    for record in evidence.audit("succeeded") {
        let Some(release) = record["after"].as_u64() else { continue };
        let at = instant(record["at"].as_str().unwrap_or_default());
        let this = Move { at, operation: name(&record, "operation"), release };
        let stage = (name(&record, "pipeline"), name(&record, "stage"));
        if moves.get(&stage).is_none_or(|known| known.at < this.at) {
            moves.insert(stage, this);
        }
    }
    moves
}

fn name(record: &Value, field: &str) -> String {
    record[field].as_str().unwrap_or_default().to_owned()
}

/// RFC 3339 in UTC, with as many digits as it takes, so that it sorts: the seconds, then the fraction.
fn instant(time: &str) -> (String, String) {
    let time = time.trim_end_matches('Z');
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    (seconds.to_owned(), fraction.to_owned())
}

/// Commands that were acknowledged and are nowhere.
fn lost(promises: &[Promise], items: &[Value], heads: &[Head]) -> Vec<String> {
    let ids: BTreeSet<&str> = heads.iter().map(|head| head.id.as_str()).collect();
    let mut lost = vec![];
    for promise in promises {
        let end = format!(":{}", promise.trigger);
        let row = items.iter().find(|i| text(i, "sk") == "inbox" && text(i, "pk").ends_with(&end)).map(body);
        let operation = row.as_ref().and_then(|row| row["operation"].as_str());
        if !operation.is_some_and(|id| ids.contains(id)) {
            lost.push(format!("`{}`, delivery {}, operation {operation:?}", promise.line, promise.trigger));
        }
    }
    lost
}

/// What is there more than once and should not be.
fn doubled(evidence: &Evidence) -> Vec<String> {
    let Evidence { heads, messages, made, .. } = evidence;
    let mut seen = BTreeSet::new();
    let again = made.iter().filter(|made| !seen.insert(*made));
    let mut doubled: Vec<String> = again.cloned().collect();
    for head in heads {
        let of_it = messages_of(messages, &head.id);
        let plain = of_it.iter().filter(|message| !message.is_continued()).count();
        if plain > 1 {
            doubled.push(format!("{plain} messages of {}", head.words()));
        }
    }
    doubled
}

/// For each operation that a dead replica carried: how long it lay until another one claimed it, if one did. A claim
/// raises the fence, whatever its answer came to; where the fence stands as the dead one left it, nobody claimed.
fn takeovers(evidence: &Evidence, deaths: &[Death]) -> Vec<(String, Option<Duration>)> {
    let mut waits = vec![];
    for death in deaths {
        for orphan in &death.orphans {
            let head = format!("/operation/{} head {{", orphan.id);
            let claim = evidence.calls.iter().find(|call| {
                let detail = call.detail.as_deref().unwrap_or_default();
                call.start_us > death.at_us
                    && call.method == "UpdateItem"
                    && call.effect
                    && ["ok", "dropped", "held"].contains(&call.result.as_str())
                    && detail.contains(&head)
                    && detail.contains("g_fence")
            });
            let now = evidence.heads.iter().find(|head| head.id == orphan.id);
            // The dead one's last write was on its way, and ended it.
            if now.is_some_and(|now| now.is_over() && now.fence == orphan.fence) {
                continue;
            }
            // A call whose answer was dropped has no end of its own.
            let end = claim.map(|claim| claim.end_us.unwrap_or(claim.start_us));
            waits.push((orphan.id.clone(), end.map(|end| Duration::from_micros(end - death.at_us))));
        }
    }
    waits
}

/// Takeovers that came late, or not at all.
fn too_late(waits: &[(String, Option<Duration>)]) -> Vec<String> {
    let late = waits.iter().filter(|(_, wait)| wait.is_none_or(|wait| wait > TAKEOVER));
    late.map(|(id, wait)| format!("{id} was taken over after {wait:?}")).collect()
}

#[cfg(test)]
mod tests;
