//! The checks: pure functions of the evidence, which return what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::evidence::{Evidence, Head};
use super::run_log::{Acknowledged, Kill};
use crate::item::{body, text};
use crate::{Message, State};

/// The operations of a killed replica continue elsewhere within this time.
const TAKEOVER: Duration = Duration::from_secs(30);

/// The operation's own messages, the oldest first.
fn messages_of<'a>(messages: &'a [Message], id: &str) -> Vec<&'a Message> {
    messages.iter().filter(|m| m.operation() == Some(id) && m.state().is_some()).collect()
}

pub(crate) fn last_of(messages: &[Message], id: &str) -> Option<Message> {
    messages_of(messages, id).last().map(|message| (*message).clone())
}

/// Operations whose last message shows another state than the record.
pub(crate) fn wrong_messages(heads: &[Head], messages: &[Message]) -> Vec<String> {
    let mut wrong = vec![];
    for head in heads {
        let wanted = match head.status.as_str() {
            "succeeded" => State::Succeeded,
            "failed" => State::Failed,
            "stuck" => State::Stuck,
            _ => continue,
        };
        let shown = last_of(messages, &head.id).and_then(|message| message.state());
        if shown != Some(wanted) {
            wrong.push(format!("{}, its last message shows {shown:?}", head.label()));
        }
    }
    wrong
}

/// Stages whose record, aliases, API and last message differ.
pub(crate) fn wrong_stages(evidence: &Evidence) -> Vec<String> {
    let Evidence { items, heads, messages, .. } = evidence;
    let mut wrong = vec![];
    let last = last_moves(evidence);
    let resolved: BTreeSet<String> =
        evidence.audit("resolved").map(|record| name(&record, "operation")).collect();
    for item in items {
        let Some((_, pipeline)) = text(item, "pk").rsplit_once("/pipeline/") else { continue };
        let Some(stage) = text(item, "sk").strip_prefix("stage/") else { continue };
        // After *Mark resolved* a stage runs what was found there, which no message of a move names.
        let of_it = |head: &&Head| head.pipeline == pipeline;
        let is_by_hand = heads.iter().filter(of_it).any(|head| resolved.contains(&head.id));
        let record = body(item);
        let Some(release) = record["current"]["release"].as_u64() else { continue };
        if !record["mixed"].is_null() {
            continue;
        }
        let said = last.get(&(pipeline.to_owned(), stage.to_owned())).map(|last| {
            let headline =
                last_of(messages, &last.operation).map(|message| message.text()).unwrap_or_default();
            (last.release, headline.lines().next().unwrap_or_default().replace('`', ""))
        });
        let is_true = said.as_ref().is_some_and(|(moved, headline)| {
            let words = headline.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let words: BTreeSet<&str> = words.collect();
            let names = |wanted: &str| words.contains(wanted);
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
        let wanted = json!({ "deployment": set["api"]["deployment"], "variables": set["api"]["variables"] });
        let serves = evidence.served.get(api);
        if serves != Some(&wanted) {
            wrong.push(format!(
                "the API {api} of {stage} serves {serves:?}, r{release} of {pipeline} is {wanted}"
            ));
        }
    }
    wrong
}

/// Builds that still run in CodeBuild after their operation has ended.
pub(crate) fn running_on(evidence: &Evidence) -> Vec<String> {
    let over = |id: &str| evidence.heads.iter().find(|head| head.id == id && head.is_over());
    let running = evidence.builds.iter().filter(|(_, state)| state == "IN_PROGRESS");
    running.filter_map(|(id, _)| over(id)).map(Head::label).collect()
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

/// An RFC 3339 time in UTC, whose fraction has any number of digits, as seconds and fraction, which sort.
fn instant(time: &str) -> (String, String) {
    let time = time.trim_end_matches('Z');
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    (seconds.to_owned(), fraction.to_owned())
}

/// Acknowledged commands without an operation.
pub(crate) fn lost(acknowledged: &[Acknowledged], items: &[Value], heads: &[Head]) -> Vec<String> {
    let ids: BTreeSet<&str> = heads.iter().map(|head| head.id.as_str()).collect();
    let mut lost = vec![];
    for command in acknowledged {
        let end = format!(":{}", command.trigger);
        let row = items.iter().find(|i| text(i, "sk") == "inbox" && text(i, "pk").ends_with(&end)).map(body);
        let operation = row.as_ref().and_then(|row| row["operation"].as_str());
        if !operation.is_some_and(|id| ids.contains(id)) {
            lost.push(format!("`{}`, delivery {}, operation {operation:?}", command.line, command.trigger));
        }
    }
    lost
}

/// Effects and messages that exist more than once.
pub(crate) fn doubled(evidence: &Evidence) -> Vec<String> {
    let Evidence { heads, messages, once, .. } = evidence;
    let mut seen = BTreeSet::new();
    let again = once.iter().filter(|line| !seen.insert(*line));
    let mut doubled: Vec<String> = again.cloned().collect();
    for head in heads {
        let of_it = messages_of(messages, &head.id);
        let plain = of_it.iter().filter(|message| !message.is_continued()).count();
        if plain > 1 {
            doubled.push(format!("{plain} messages of {}", head.label()));
        }
    }
    doubled
}

/// For each operation of a killed replica: the time until another replica claimed it, if one did. A claim raises the fence even
/// if its answer was lost. If the fence is unchanged, there was no claim.
pub(crate) fn takeovers(evidence: &Evidence, kills: &[Kill]) -> Vec<(String, Option<Duration>)> {
    let mut waits = vec![];
    for kill in kills {
        for orphan in &kill.orphans {
            let head = format!("/operation/{} head {{", orphan.id);
            let claim = evidence.calls.iter().find(|call| {
                let detail = call.detail.as_deref().unwrap_or_default();
                call.start_us > kill.at_us
                    && call.method == "UpdateItem"
                    && call.effect
                    && ["ok", "dropped", "held"].contains(&call.result.as_str())
                    && detail.contains(&head)
                    && detail.contains("g_fence")
            });
            let now = evidence.heads.iter().find(|head| head.id == orphan.id);
            // The last write of the killed replica was on its way, and ended the operation.
            if now.is_some_and(|now| now.is_over() && now.fence == orphan.fence) {
                continue;
            }
            // A call whose answer was dropped has no end.
            let end = claim.map(|claim| claim.end_us.unwrap_or(claim.start_us));
            waits.push((orphan.id.clone(), end.map(|end| Duration::from_micros(end - kill.at_us))));
        }
    }
    waits
}

/// Takeovers that took too long or never happened.
pub(crate) fn too_late(waits: &[(String, Option<Duration>)]) -> Vec<String> {
    let late = waits.iter().filter(|(_, wait)| wait.is_none_or(|wait| wait > TAKEOVER));
    late.map(|(id, wait)| format!("{id} was taken over after {wait:?}")).collect()
}

#[cfg(test)]
mod tests;
