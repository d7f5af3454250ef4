//! The log lines of several functions, in the order of their times.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ports::LogEvents;
use crate::rules::redact;

/// The time of an event, and its number.
type Place = (Timestamp, usize);

/// A line of a function's log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogLine {
    pub(super) at: Timestamp,
    /// The function's logical id.
    pub(super) function: String,
    /// Its place among the lines of its function: those of one event stay together.
    nth: usize,
    pub(super) text: String,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The oldest first.
    pub(super) lines: Vec<LogLine>,
    /// Whether older lines of the time are not shown.
    pub(super) has_older: bool,
    /// The functions that wrote nothing yet: they have no log group.
    pub(super) silent: Vec<String>,
    /// The functions whose logs could not be read, with the reason.
    pub(super) unread: BTreeMap<String, String>,
    /// How many functions were not read at all.
    pub(super) more: usize,
}

impl Found {
    /// Adds what was read of a function: its events, if it has a log group, or why they could not be read.
    pub(super) fn add(&mut self, logical: &str, events: Result<Option<LogEvents>, String>) {
        match events {
            Ok(Some(events)) => self.add_events(logical, events),
            Ok(None) => self.silent.push(logical.to_owned()),
            Err(why) => _ = self.unread.insert(logical.to_owned(), why),
        }
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

    fn event(second: i64, stream: &str, message: &str) -> LogEvent {
        let at = Timestamp::from_second(1_772_443_800 + second).unwrap();
        LogEvent { at, stream: stream.into(), message: message.into() }
    }

    fn read(events: Vec<LogEvent>) -> Result<Option<LogEvents>, String> {
        Ok(Some(LogEvents { events, is_complete: true }))
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
        found.add("Silent", Ok(None));
        found.add("Slow", Err("AWS did not answer in time".into()));
        found.add("Busy", Ok(Some(LogEvents { events: vec![], is_complete: false })));
        assert_eq!(found.silent, ["Silent"]);
        assert_eq!(found.unread["Slow"], "AWS did not answer in time");
        assert!(found.has_older && found.lines.is_empty());
    }
}
