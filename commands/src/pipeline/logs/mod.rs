//! `/pipeline logs`: the newest log lines of a stage's functions, of which the oldest is shown first. Each function has a log group of
//! its own: they are read side by side, within bounds of groups, requests, time and bytes. What is not shown is said.

mod found;
mod messages;

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::installation::{Installation, Invocation, Reject};
use crate::names;
use crate::pipeline::logs::found::Found;
use crate::ports::LogSearch;
use crate::records::PipelineState;
use sluice_grammar::Period;
use sluice_model::{Answer, PipelineName, ReleaseNumber, StageName};
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
            let search = LogSearch { pattern: "", since, until: None, most: EVENTS, newest: true };
            let events = world.ports.logs.events(&world.target, &group, &search);
            let events = match tokio::time::timeout(PATIENCE, events).await {
                Ok(events) => events.map_err(|error| error.brief()),
                Err(_) => Err(messages::NO_ANSWER.to_owned()),
            };
            (*logical, events)
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
) -> Result<(&'a StageName, ReleaseNumber), Reject> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
