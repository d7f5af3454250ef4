//! `/pipeline logs`: the newest log lines of a stage's functions, of which the oldest is shown first. Each function has a log group of
//! its own: they are read side by side, within bounds of groups, requests, time and bytes. What is not shown is said.

mod messages;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::installation::{Installation, Invocation, Reject};
use crate::names;
use crate::ports::LogEvents;
use crate::records::PipelineState;
use crate::rules::redact;
use sluice_grammar::Period;
use sluice_model::{Answer, PipelineName, PortResult, StageName};
use sluice_template::function_name;

/// The time that is shown by default, and the most.
const RECENT: SignedDuration = SignedDuration::from_mins(10);
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// How many functions are read. The adapter lets as many requests leave at once.
const FUNCTIONS: usize = 8;
/// How many events of a function are read. They may be more lines than are shown.
const EVENTS: u32 = 60;
/// How many lines are shown. As many fit into a message.
const LINES: usize = 40;
/// How long the answer waits for a function's log. Slack waits for 3 s in total, and the store needs some of that.
const PATIENCE: Duration = Duration::from_millis(1_200);

/// The time of an event, and its number.
type Place = (Timestamp, usize);

/// A line of a function's log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct LogLine {
    at: Timestamp,
    /// The function's logical id.
    function: String,
    /// Its place among the lines of its function: those of one event stay together.
    nth: usize,
    text: String,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    /// The oldest first.
    lines: Vec<LogLine>,
    /// Whether older lines of the time are not shown.
    has_older: bool,
    /// The functions that wrote nothing yet: they have no log group.
    silent: Vec<String>,
    /// The functions whose logs could not be read, with the reason.
    unread: BTreeMap<String, String>,
    /// How many functions were not read at all.
    more: usize,
}

impl Installation {
    pub(crate) async fn function_logs(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        stage: Option<&StageName>,
        since: Option<&Period>,
    ) -> Result<Answer, Reject> {
        let state = self.state(name).await?;
        self.may_read_logs(invocation, &state, name).await?;
        let (stage, release) = runs(&state, name, stage)?;
        let now = self.engine.world().clock.now();
        let since = begin(since, now).ok_or_else(|| messages::too_long_ago(name, stage))?;
        let release = self.release(name, release).await?;
        let functions = release.artifact.code.keys();
        let functions = functions.map(|logical| (logical.as_str(), function_name(name, stage, logical)));
        let found = self.lines(functions.collect(), since).await;
        let world = self.engine.world();
        let link = messages::all_logs(&world.target.region, name, stage);
        Ok(Answer::private(messages::logs((name, stage, release.number), &found, since, &link)))
    }

    /// The newest lines of these functions, by their logical ids and names.
    async fn lines(&self, functions: Vec<(&str, String)>, since: Timestamp) -> Found {
        let world = self.engine.world();
        let read = functions.iter().take(FUNCTIONS).map(async |(logical, function)| {
            let group = names::function_log_group(function);
            let events = world.ports.logs.newest_events(&world.target, &group, since, EVENTS);
            (*logical, tokio::time::timeout(PATIENCE, events).await.ok())
        });
        let mut found = Found { more: functions.len().saturating_sub(FUNCTIONS), ..Found::default() };
        for (logical, events) in join_all(read).await {
            found.add(logical, events);
        }
        found.lines.sort();
        let excess = found.lines.len().saturating_sub(LINES);
        found.has_older |= excess > 0;
        found.lines.drain(..excess);
        found
    }
}

/// The stage, and the release that it runs.
fn runs<'a>(
    state: &'a PipelineState,
    name: &PipelineName,
    stage: Option<&'a StageName>,
) -> Result<(&'a StageName, sluice_model::ReleaseNumber), Reject> {
    let first = state.pipeline(name)?.stages.first();
    let Some(stage) = stage.or(first) else { return Err(messages::nothing_runs(name, None).into()) };
    let record = state.stage(name, stage)?;
    let current = record.current.as_ref().ok_or_else(|| messages::nothing_runs(name, Some(stage)))?;
    Ok((&record.name, current.release))
}

/// The start of the time; `None` if it is too long ago, or not in the past.
fn begin(since: Option<&Period>, now: Timestamp) -> Option<Timestamp> {
    let begin = match since {
        None => now.checked_sub(RECENT).ok()?,
        Some(period) => period.begin(now)?,
    };
    // At 9:00, "since 17:00" is yesterday.
    let begin = match since {
        Some(Period::Time(_)) if begin > now => begin.checked_sub(SignedDuration::from_hours(24)).ok()?,
        _ => begin,
    };
    (begin < now && now.duration_since(begin) <= LONGEST).then_some(begin)
}

impl Found {
    /// Adds what was read of a function; `None` if there was no answer in time.
    fn add(&mut self, logical: &str, events: Option<PortResult<Option<LogEvents>>>) {
        let unread = match events {
            Some(Ok(Some(events))) => return self.add_events(logical, events),
            Some(Ok(None)) => return self.silent.push(logical.to_owned()),
            Some(Err(error)) => format!("{} failed ({})", error.call, error.code),
            None => messages::NO_ANSWER.to_owned(),
        };
        self.unread.insert(logical.to_owned(), unread);
    }

    fn add_events(&mut self, logical: &str, LogEvents { events, is_complete }: LogEvents) {
        self.has_older |= !is_complete;
        // Of each stream apart: a secret may span lines, and streams are interleaved.
        let mut streams: BTreeMap<&str, Vec<(Place, &str)>> = BTreeMap::new();
        for (nth, event) in events.iter().enumerate() {
            let lines = event.message.lines().filter(|line| !is_noise(line));
            streams.entry(&event.stream).or_default().extend(lines.map(|line| ((event.at, nth), line)));
        }
        for ((at, nth), text) in streams.into_values().flat_map(redact::marked_lines) {
            self.lines.push(LogLine { at, function: logical.to_owned(), nth, text });
        }
        // Lines of one event have the same place until here, in their order.
        self.lines.sort_by(|one, other| {
            (one.at, &one.function, one.nth).cmp(&(other.at, &other.function, other.nth))
        });
        self.lines.iter_mut().enumerate().for_each(|(place, line)| line.nth = place);
    }
}

/// Empty lines, and the lines that Lambda writes around each call.
fn is_noise(line: &str) -> bool {
    ["START RequestId: ", "END RequestId: "].iter().any(|noise| line.starts_with(noise))
        || line.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::LogEvent;
    use sluice_model::{Class, PortError};

    fn event(second: i64, stream: &str, message: &str) -> LogEvent {
        let at = Timestamp::from_second(1_772_443_800 + second).unwrap();
        LogEvent { at, stream: stream.into(), message: message.into() }
    }

    fn read(events: Vec<LogEvent>) -> Option<PortResult<Option<LogEvents>>> {
        Some(Ok(Some(LogEvents { events, is_complete: true })))
    }

    fn shown(found: &mut Found) -> Vec<String> {
        found.lines.sort();
        found.lines.iter().map(|line| format!("{} {}", line.function, line.text)).collect()
    }

    #[test]
    fn lines_of_several_functions_are_in_the_order_of_their_times() {
        let mut found = Found::default();
        found.add("World", read(vec![event(1, "w", "one"), event(3, "w", "three")]));
        found.add(
            "Hello",
            read(vec![
                event(2, "h", "START RequestId: 1 Version: 7\n"),
                event(2, "h", "Traceback\n  File \"app.py\"\n\nKeyError\n"),
                event(2, "h", "END RequestId: 1"),
                event(4, "h", "REPORT RequestId: 1\tDuration: 3 ms"),
            ]),
        );
        let expected = [
            "World one",
            "Hello Traceback",
            "Hello   File \"app.py\"",
            "Hello KeyError",
            "World three",
            "Hello REPORT RequestId: 1\tDuration: 3 ms",
        ];
        assert_eq!(shown(&mut found), expected);
        assert!(!found.has_older);
    }

    #[test]
    fn secrets_are_redacted_also_those_that_span_lines_of_a_stream() {
        let mut found = Found::default();
        found.add(
            "Hello",
            read(vec![
                event(1, "a", "-----BEGIN PRIVATE KEY-----"),
                event(2, "b", "another call"),
                event(3, "a", "MIIEvQ"),
                event(4, "a", "-----END PRIVATE KEY-----"),
                event(5, "b", "password=hunter2 and AKIAIOSFODNN7EXAMPLE"),
            ]),
        );
        let lines = shown(&mut found).join("\n");
        assert_eq!(lines, "Hello [redacted]\nHello another call\nHello password=[redacted] and [redacted]");
    }

    #[test]
    fn what_was_not_read_is_named() {
        let mut found = Found::default();
        found.add("Silent", Some(Ok(None)));
        found.add("Slow", None);
        let denied =
            PortError::new("logs:FilterLogEvents", Class::Denied, "AccessDeniedException", "arn:secret");
        found.add("Denied", Some(Err(denied)));
        found.add("Busy", Some(Ok(Some(LogEvents { events: vec![], is_complete: false }))));
        assert_eq!(found.silent, ["Silent"]);
        assert_eq!(found.unread["Denied"], "logs:FilterLogEvents failed (AccessDeniedException)");
        assert!(found.unread.contains_key("Slow") && found.has_older);
    }

    #[test]
    fn a_time_is_at_most_a_day_ago() {
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let seconds = |of: &str| sluice_grammar::length_of(of).map(Period::Seconds);
        let ago =
            |since: Option<Period>| begin(since.as_ref(), now).map(|at| now.duration_since(at).as_mins());
        assert_eq!(ago(None), Some(10));
        assert_eq!(ago(seconds("1h")), Some(60));
        assert_eq!(ago(seconds("24h")), Some(24 * 60));
        assert_eq!(ago(seconds("25h")), None);
        let time = |hour| Some(Period::Time(jiff::civil::time(hour, 0, 0, 0)));
        assert_eq!(ago(time(9)), Some(60));
        assert_eq!(ago(time(17)), Some(17 * 60), "yesterday");
        assert_eq!(ago(Some(Period::Date("2026-03-02".parse().unwrap()))), Some(600));
        assert_eq!(ago(Some(Period::Date("2026-03-03".parse().unwrap()))), None, "in the future");
    }
}
