//! The end: what was accepted comes to rest, and then the table, AWS and the channel are held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use sluice_e2e::{Aws, Message, State, World};
use tokio::time::{Instant, sleep};

use crate::book::Book;
use crate::chat::Chat;

/// How long what is open may take to end once the weather is fair.
pub(crate) const CLOSING: Duration = Duration::from_secs(300);
/// How long a wait may stand in the table without being told. An edit takes 1.5 s, a dead replica's work 20 s.
const UNTOLD: Duration = Duration::from_secs(30);
/// Within that time the work of a dead replica goes on elsewhere.
const TAKEOVER: Duration = Duration::from_secs(30);

/// An operation's head, as it stands in the table.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) owner: String,
    pipeline: String,
    command: String,
}

impl Head {
    /// `None` if the item is something else.
    pub(crate) fn of(item: &Value) -> Option<Self> {
        let (_, id) = text(item, "pk").rsplit_once("/operation/")?;
        let body = body(item);
        (text(item, "sk") == "head").then(|| Self {
            id: id.to_owned(),
            status: text(item, "g_status").to_owned(),
            owner: text(item, "g_owner").to_owned(),
            pipeline: body["pipeline"].as_str().unwrap_or_default().to_owned(),
            command: body["command"].as_str().unwrap_or_default().to_owned(),
        })
    }

    fn is_open(&self) -> bool {
        ["running", "waiting", "unwinding", "pending"].contains(&self.status.as_str())
    }

    fn words(&self) -> String {
        format!("{} `{}` ({})", self.id, self.command, self.status)
    }
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

fn body(item: &Value) -> Value {
    serde_json::from_str(text(item, "b")).unwrap_or_default()
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    figures: Vec<(&'static str, String)>,
    wrong: Vec<String>,
}

impl Verdict {
    /// Nothing is wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    /// The table, and what is wrong.
    pub(crate) fn print(&self) {
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
    let items = Aws(world).table().await;
    let heads: Vec<Head> = items.iter().filter_map(Head::of).collect();
    let count = |status: &str| heads.iter().filter(|head| head.status == status).count();
    let messages = chat.all();
    untrue.extend(messages_untrue(&heads, &messages));
    untrue.extend(stages_untrue(world, &items, &heads, &messages).await);

    let mut verdict = Verdict::default();
    verdict.figure("operations accepted", heads.len());
    verdict.figure("ended: succeeded", count("succeeded"));
    verdict.figure("ended: failed, rejected, void", count("failed"));
    verdict.figure("stuck", count("stuck"));
    let open = heads.iter().filter(|head| head.is_open()).map(Head::words).collect();
    verdict.none("open still", open);
    verdict.figure("commands acknowledged", book.promises.borrow().len());
    verdict.figure("commands refused or answered", book.refusals.get());
    verdict.none("acknowledged and lost", lost(book, &items, &heads));
    verdict.none("effects done twice", doubled(world, &heads, &messages).await);
    verdict.none("untrue messages", untrue);
    verdict.figure("faults armed, of which struck", format!("{}, {}", book.faults.get(), book.struck.get()));
    takeovers(world, book, &mut verdict).await;
    verdict.figure("seconds from fair weather to rest", begun.elapsed().as_secs());
    if heads.is_empty() || count("succeeded") + count("failed") + count("stuck") != heads.len() {
        verdict.wrong.push("accepted is not ended and stuck".into());
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
        if !is_due && heads.iter().all(|head| !head.is_open()) {
            break;
        }
        for head in heads.iter().filter(|head| head.status == "waiting") {
            let since = *waiting.entry(head.id.clone()).or_insert_with(Instant::now);
            let told = last_of(&chat.all(), &head.id).map(|message| message.state());
            let is_told = told == Some(State::Waiting);
            if !is_told && since.elapsed() < UNTOLD {
                continue;
            }
            if !is_told {
                untold.insert(format!("{} waits for approval, its message says {told:?}", head.words()));
            }
            world.types(world.bob(), &format!("/promote approve {} prod", head.pipeline)).await;
        }
        sleep(Duration::from_secs(1)).await;
    }
    untold.into_iter().collect()
}

/// The operation's own messages, the oldest first.
fn messages_of<'a>(messages: &'a [Message], id: &str) -> Vec<&'a Message> {
    let own = |message: &&Message| message.words().lines().any(|line| line.starts_with("Asked by"));
    messages.iter().filter(|message| message.operation() == Some(id)).filter(own).collect()
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
            _ => continue,
        };
        let said = last_of(messages, &head.id).map(|message| message.state());
        if said != Some(wanted) {
            wrong.push(format!("{}, its last message says {said:?}", head.words()));
        }
    }
    wrong
}

/// Stages of which record, aliases and the message of the last move differ.
async fn stages_untrue(world: &World, items: &[Value], heads: &[Head], messages: &[Message]) -> Vec<String> {
    let mut wrong = vec![];
    let last = last_moves(items, heads, messages);
    let stages = items.iter().filter_map(|item| {
        let (_, pipeline) = text(item, "pk").rsplit_once("/pipeline/")?;
        let stage = text(item, "sk").strip_prefix("stage/")?;
        Some((pipeline, stage, body(item)["current"]["release"].as_u64()?))
    });
    for (pipeline, stage, release) in stages {
        let said = last.get(&(pipeline.to_owned(), stage.to_owned()));
        if said.is_none_or(|(_, said)| *said != format!("r{release}")) {
            wrong.push(format!("{stage} of {pipeline} runs r{release}, and the last message said {said:?}"));
        }
        let key = format!("{release:010}/{stage}");
        let of = format!("/releases/{pipeline}");
        let set = items.iter().find(|item| text(item, "pk").ends_with(&of) && text(item, "sk") == key);
        let versions = set.map(body).unwrap_or_default()["versions"].clone();
        let Some(versions) = versions.as_object().filter(|versions| !versions.is_empty()) else {
            wrong.push(format!("{stage} of {pipeline} runs r{release}, which has no versions on record"));
            continue;
        };
        for (function, version) in versions {
            let points = Aws(world).aliases(function).await.remove(stage);
            if points.as_deref() != version.as_str() {
                wrong.push(format!("{function}:{stage} points to {points:?}, r{release} is {version}"));
            }
        }
    }
    wrong
}

/// By pipeline and stage: when it was moved last, and the release that the message of that move names.
fn last_moves(
    items: &[Value],
    heads: &[Head],
    messages: &[Message],
) -> BTreeMap<(String, String), ((String, String), String)> {
    let mut moves = BTreeMap::new();
    for head in heads.iter().filter(|head| head.status == "succeeded") {
        let Some(message) = last_of(messages, &head.id) else { continue };
        let words = message.words().replace('`', "");
        let headline = words.lines().next().unwrap_or_default();
        let Some((before, after)) = headline.split_once(" runs ") else { continue };
        let stage = before.split_whitespace().last().unwrap_or_default().to_owned();
        let release = after.split_whitespace().next().unwrap_or_default().to_owned();
        let of = format!("/operation/{}", head.id);
        let rows = items.iter().filter(|i| text(i, "pk").ends_with(&of) && text(i, "sk").starts_with("row/"));
        let at = rows.map(|row| instant(body(row)["at"].as_str().unwrap_or_default())).max();
        let known = moves.entry((head.pipeline.clone(), stage)).or_default();
        let this = (at.unwrap_or_default(), release);
        if this > *known {
            *known = this;
        }
    }
    moves
}

/// RFC 3339 in UTC, with as many digits as it takes, so that it sorts: the seconds, then the fraction.
fn instant(time: &str) -> (String, String) {
    let time = time.trim_end_matches('Z');
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    (seconds.to_owned(), fraction.to_owned())
}

/// Commands that were acknowledged and are nowhere.
fn lost(book: &Book, items: &[Value], heads: &[Head]) -> Vec<String> {
    let ids: BTreeSet<&str> = heads.iter().map(|head| head.id.as_str()).collect();
    let mut lost = vec![];
    for promise in book.promises.borrow().iter() {
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
async fn doubled(world: &World, heads: &[Head], messages: &[Message]) -> Vec<String> {
    let aws = Aws(world);
    let mut made: Vec<String> = vec![];
    for project in aws.projects().await {
        let operations = aws.build_operations(&project).await;
        made.extend(operations.into_iter().map(|operation| format!("a build of {operation}")));
    }
    let pipelines: BTreeSet<&str> = heads.iter().map(|head| head.pipeline.as_str()).collect();
    for pipeline in pipelines {
        for function in aws.functions(pipeline).await {
            let contents = aws.version_contents(&function).await;
            made.extend(contents.into_iter().map(|content| format!("a version of {function}: {content}")));
        }
    }
    made.extend(aws.api_parts().await);
    let mut seen = BTreeSet::new();
    let mut doubled: Vec<String> = made.into_iter().filter(|made| !seen.insert(made.clone())).collect();
    for head in heads {
        let of_it = messages_of(messages, &head.id);
        let plain = of_it.iter().filter(|message| !message.words().contains("ontinued")).count();
        if plain > 1 {
            doubled.push(format!("{plain} messages of {}", head.words()));
        }
    }
    doubled
}

/// How long the work of dead replicas lay: from each death to the claim of each operation that it carried.
async fn takeovers(world: &World, book: &Book, verdict: &mut Verdict) {
    let calls = world.calls(0).await;
    let deaths = book.deaths.borrow().clone();
    let mut waits = vec![];
    for death in &deaths {
        for id in &death.orphans {
            let head = format!("/operation/{id} head {{");
            let claim = calls.iter().find(|call| {
                let detail = call.detail.as_deref().unwrap_or_default();
                call.start_us > death.at_us
                    && call.method == "UpdateItem"
                    && call.effect
                    && call.result == "ok"
                    && detail.contains(&head)
                    && detail.contains("g_fence")
            });
            if let Some(end) = claim.and_then(|claim| claim.end_us) {
                waits.push(Duration::from_micros(end - death.at_us));
            }
        }
    }
    let orphans: usize = deaths.iter().map(|death| death.orphans.len()).sum();
    verdict.figure("replicas killed", deaths.len());
    verdict.figure("operations they carried, taken over", format!("{orphans}, {}", waits.len()));
    let worst = waits.into_iter().max().unwrap_or_default();
    verdict.figure("worst time to takeover", format!("{:.1} s", worst.as_secs_f64()));
    if worst > TAKEOVER {
        verdict.wrong.push(format!("a takeover took {:.1} s", worst.as_secs_f64()));
    }
}
