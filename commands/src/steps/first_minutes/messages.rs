//! What people read about the first minutes of a release.

use crate::operation::{OperationState, Summary, took};
use crate::records::Release;
use crate::steps::first_minutes::seen::{Calls, Seen, seen};
use crate::steps::moved_urls;
use sluice_model::{PipelineName, StageName, Text};

/// What was looked at, and what to offer.
pub(crate) struct Looked<'a> {
    /// The pipeline.
    pub(crate) pipeline: &'a PipelineName,
    /// The stage.
    pub(crate) stage: &'a StageName,
    /// Whether the stage is protected: the person who moved it is mentioned if many calls fail.
    pub(crate) is_protected: bool,
    /// Whether a rollback leads away from what was looked at.
    pub(crate) can_roll_back: bool,
}

/// Adds what was seen after the operation.
pub(crate) fn with_first_minutes(summary: Summary, op: &OperationState, looked: &Looked<'_>) -> Summary {
    let follow_up = seen(op).map(|seen| text(&seen, op, looked));
    Summary { follow_up, ..summary }
}

fn text(seen: &Seen, op: &OperationState, looked: &Looked<'_>) -> Text {
    let Looked { pipeline, stage, is_protected, can_roll_back } = *looked;
    let time = match seen.minutes {
        1 => "the first minute".to_owned(),
        minutes => format!("the first {minutes} minutes"),
    };
    if let Some(call) = &seen.denied {
        let text = Text::plain(format!("Sluice cannot see how {time} went: its AWS role lacks the right "))
            .code(call);
        return text.then(". ").code("sluice policy").then(" prints the policy with it.");
    }
    let logs = format!("/pipeline logs {pipeline} {stage} since 10m");
    if seen.calls == 0 && seen.throttles == 0 {
        let text =
            Text::plain(format!("Nobody called it yet: CloudWatch counted no call in {time}. Later, "));
        return text.code(logs).then(" shows what it wrote.");
    }
    let is_urgent = is_protected && seen.is_serious();
    let mut text = Text::default();
    if is_urgent {
        text = text.user(&op.spec.actor.id).then(" ");
    }
    text = text.join(result(seen, &time)).join(reports(seen));
    if seen.errors > 0 || seen.throttles > 0 {
        text = text.then(" See ").code(logs).then(".");
    }
    if is_urgent && can_roll_back {
        text = text.then(" To roll back, run ").code(format!("/rollback {pipeline} {stage}")).then(".");
    }
    text
}

/// How the calls went.
fn result(seen: &Seen, time: &str) -> Text {
    let calls = |count: u64| if count == 1 { "1 call".to_owned() } else { format!("{count} calls") };
    let named = |text: Text, of: fn(&Calls) -> Option<String>| {
        let functions = seen.failing.iter().filter_map(|calls| Some((calls, of(calls)?)));
        let each = functions.map(|(calls, count)| Text::default().code(&*calls.function).then(count));
        text.join(Text::joined(each, ", ")).then(".")
    };
    let text = match (seen.errors, seen.calls) {
        (0, all) => Text::plain(format!("No errors in {time}: {}.", calls(all))),
        (errors, all) => {
            let text = Text::plain(format!("{errors} of {} failed in {time}: ", calls(all)));
            named(text, |one| (one.errors > 0).then(|| format!(" {} of {}", one.errors, one.calls)))
        }
    };
    match seen.throttles {
        0 => text,
        throttles => {
            let text = text.then(format!(
                " {} throttled, because no concurrency was left: ",
                match throttles {
                    1 => "1 more was".to_owned(),
                    more => format!("{more} more were"),
                }
            ));
            named(text, |one| (one.throttles > 0).then(|| format!(" {}", one.throttles)))
        }
    }
}

/// Cold starts and memory, as far as they are known.
fn reports(seen: &Seen) -> Text {
    let mut text = Text::default();
    if !seen.cold.is_empty() {
        let each = seen.cold.iter().map(|cold| {
            let text = Text::default().code(&*cold.function).then(" ").then(took(cold.took.into()));
            match cold.before {
                Some(before) => text.then(format!(" (before: {})", took(before.into()))),
                None => text,
            }
        });
        text = text.then(" Cold start: ").join(Text::joined(each, ", ")).then(".");
    }
    if let Some(memory) = &seen.memory {
        text = text.then(format!(" Memory: at most {} of {} MB (", memory.used, memory.size));
        text = text.code(&*memory.function).then(")");
        text = text.then(if memory.is_tight() { ", which is close to the limit." } else { "." });
    }
    text
}

/// How to set a smoke test, after the first release of a stage without one. It is said once: later releases have one before them.
pub(crate) fn smoke_hint(
    op: &OperationState,
    (pipeline, stage): (&PipelineName, &StageName),
    release: &Release,
) -> Option<Text> {
    let test = match (moved_urls(op).is_empty(), release.artifact.code.keys().next()) {
        (false, _) => "\"GET / 200\"".to_owned(),
        (true, Some(function)) => format!("\"invoke {function}\""),
        (true, None) => return None,
    };
    let text = Text::plain("To test ").code(stage.as_str()).then(" after every change, run ");
    Some(text.code(format!("/stage set {pipeline} {stage} smoke={test}")).then("."))
}

/// Results for the samples of messages.
#[cfg(any(test, feature = "testing"))]
pub(crate) mod samples {
    use serde_json::{Value, json};

    /// Nobody called it.
    pub(crate) fn silent() -> Value {
        json!({ "minutes": 5, "calls": 0, "errors": 0, "throttles": 0 })
    }
    /// All calls succeeded.
    pub(crate) fn good() -> Value {
        json!({
            "minutes": 5, "calls": 120, "errors": 0, "throttles": 0,
            "cold": [{ "function": "Hello", "took": 412, "before": 380 }, { "function": "World", "took": 204 }],
            "memory": { "function": "Hello", "used": 62, "size": 128 },
        })
    }
    /// Many calls failed.
    pub(crate) fn bad() -> Value {
        json!({
            "minutes": 5, "calls": 40, "errors": 3, "throttles": 2,
            "failing": [
                { "function": "Hello", "calls": 30, "errors": 3, "throttles": 0 },
                { "function": "World", "calls": 10, "errors": 0, "throttles": 2 },
            ],
            "cold": [{ "function": "Hello", "took": 1_900, "before": 380 }],
            "memory": { "function": "Hello", "used": 127, "size": 128 },
        })
    }
    /// AWS denied the look.
    pub(crate) fn denied() -> Value {
        json!({ "minutes": 5, "calls": 0, "errors": 0, "throttles": 0, "denied": "cloudwatch:GetMetricData" })
    }
}
