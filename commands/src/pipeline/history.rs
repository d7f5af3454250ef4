//! `/pipeline history`: who did what, newest first, one page at a time, also for a pipeline that was deleted.
//!
//! The times in the command bound the keys that are read. Filters by stage or person read page by page, until the rows are
//! full or the limit of requests for one answer is reached. The answer then shows how far it searched. The next page
//! continues after the last record of this one, so no record is missing or repeated.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::installation::{Installation, Invocation, Reject, newest, table};
use crate::operation::{CANCELLED, EXPIRED, Keys, LOCK, REJECTED, VOID};
use crate::ports::Query;
use crate::promote;
use crate::records::{Act, AuditRecord, from_item};
use crate::steps::change_text;
use sluice_grammar::{Command, Names, Period, PipelineCommand, parse_line};
use sluice_model::{
    Actor, Answer, Button, Card, Click, PipelineName, StageName, Text, Tone, UserId, invalid_button,
};

/// How many rows a page shows.
const ROWS: usize = 15;
/// How many records one request reads if the history is filtered, and the most requests for one answer.
const BATCH: u32 = 150;
const REQUESTS: usize = 10;

/// The parameters of the command.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The pipeline.
    pub(crate) name: PipelineName,
    /// Only records of this stage.
    pub(crate) stage: Option<StageName>,
    /// Only records of this person.
    pub(crate) person: Option<UserId>,
    /// Only records from this time on.
    pub(crate) since: Option<Period>,
    /// Only records before this time.
    pub(crate) until: Option<Period>,
}

impl Wanted {
    /// The same with absolute times: the next page must cover the same days.
    fn fixed(self, now: Timestamp) -> Self {
        let point = |period: Option<Period>| {
            let at = period?.begin(now)?;
            Some(Period::Moment(at.to_zoned(TimeZone::UTC).datetime()))
        };
        Self { since: point(self.since), until: point(self.until), ..self }
    }
    fn is_of_all(&self) -> bool {
        self.stage.is_none() && self.person.is_none()
    }
    fn wants(&self, record: &AuditRecord) -> bool {
        self.stage.as_ref().is_none_or(|stage| record.about.stage.as_ref() == Some(stage))
            && self.person.as_ref().is_none_or(|person| record.actor.id == *person)
    }
    fn line(&self) -> String {
        let Self { name, stage, person, since, until } = self.clone();
        Command::Pipeline(PipelineCommand::History { name, stage, person, since, until }).to_string()
    }
}

/// The records of a page.
#[derive(Default)]
struct Found {
    records: Vec<AuditRecord>,
    /// The key and time of the last record that was read, if there may be older matching ones.
    last: Option<(String, Timestamp)>,
}

impl Installation {
    /// A page of the history, from its newest record or after that key.
    pub(crate) async fn history(
        &self,
        wanted: Wanted,
        is_terminal: bool,
        behind: Option<String>,
    ) -> Result<Answer, Reject> {
        let now = self.engine.world().clock.now();
        let wanted = wanted.fixed(now);
        let bound = |period: &Option<Period>| period.as_ref().and_then(|period| period.begin(now));
        let (since, until) = (bound(&wanted.since), bound(&wanted.until));
        let is_first = behind.is_none();
        let found = self.find(&wanted, since, behind.or(until.map(Keys::audit_time))).await?;
        if found.records.is_empty() && is_first && !self.has_history(&wanted.name).await? {
            self.state(&wanted.name).await?;
        }
        let mut title = Text::plain("History of ").code(wanted.name.as_str());
        if let Some(stage) = &wanted.stage {
            title = title.then(" on ").code(stage.as_str());
        }
        if let Some(person) = &wanted.person {
            title = title.then(" by ").user(person);
        }
        title = since.iter().fold(title, |title, since| title.then(" since ").time(*since));
        title = until.iter().fold(title, |title, until| title.then(" until ").time(*until));
        let rows: Vec<_> = found.records.iter().map(line).collect();
        let is_full = rows.len() == ROWS;
        let mut card = match (rows.is_empty(), is_first) {
            (false, first) => {
                let order = if first { ", newest first" } else { ", older entries" };
                let card = Card::new(Tone::Neutral, title.then(order));
                table(card, ["When", "Who", "What", "Outcome"], rows)
            }
            (true, true) if found.last.is_none() => Card::new(Tone::Neutral, title.then(": nothing yet.")),
            (true, _) => Card::new(Tone::Neutral, title.then(": no more entries found.")),
        };
        if let Some((key, at)) = found.last {
            if !is_full {
                // Older matching records may exist, so the answer must not say that there are none.
                card = card.foot(Text::plain("Searched back to ").time(at).then(" only."));
            }
            card = match is_terminal {
                true => card.hint(Text::plain("Older: ").code(older_than(&wanted, at).line())),
                false => card.button(older(&key, &wanted)),
            };
        }
        Ok(Answer::private(card))
    }

    /// Handles a click on *Older*.
    pub(crate) async fn older(
        &self,
        invocation: &Invocation,
        after: String,
        line: &str,
    ) -> Result<Answer, Reject> {
        let is_key = after.split_once('/').is_some_and(|(at, _)| at.bytes().all(|b| b.is_ascii_digit()));
        let command = parse_line(line, &Names::default()).ok().filter(|_| is_key);
        let Some(Command::Pipeline(PipelineCommand::History { name, stage, person, since, until })) = command
        else {
            return Err(invalid_button().into());
        };
        let wanted = Wanted { name, stage, person, since, until };
        self.history(wanted, invocation.actor.terminal, Some(after)).await
    }

    async fn find(
        &self,
        wanted: &Wanted,
        since: Option<Timestamp>,
        mut behind: Option<String>,
    ) -> Result<Found, Reject> {
        let world = self.engine.world();
        let limit = if wanted.is_of_all() { u32::try_from(ROWS).unwrap_or(BATCH) } else { BATCH };
        let mut found = Found::default();
        for _ in 0..REQUESTS {
            let query = newest(world.keys.audit_partition(&wanted.name), limit);
            let page = world.store.audit_records(Query { after: behind, ..query }).await?;
            let mut items = page.items.iter().peekable();
            while let Some(item) = items.next() {
                // A record of a newer version of Sluice is skipped.
                let Ok(record) = from_item::<AuditRecord>(item) else { continue };
                if since.is_some_and(|since| record.at < since) {
                    found.last = None;
                    return Ok(found);
                }
                found.last = Some((item.key.sort.clone(), record.at));
                if wanted.wants(&record) {
                    found.records.push(record);
                }
                if found.records.len() == ROWS {
                    let is_last = match items.peek() {
                        Some(next) => since.is_some_and(|since| next.key.sort < Keys::audit_time(since)),
                        None => page.more.is_none(),
                    };
                    found.last.take_if(|_| is_last);
                    return Ok(found);
                }
            }
            behind = page.more;
            if behind.is_none() {
                found.last = None;
                break;
            }
        }
        Ok(found)
    }

    async fn has_history(&self, name: &PipelineName) -> Result<bool, Reject> {
        let world = self.engine.world();
        let page = world.store.audit_records(newest(world.keys.audit_partition(name), 1)).await?;
        Ok(!page.items.is_empty())
    }
}

fn older(key: &str, wanted: &Wanted) -> Button {
    Button::new(&Click::Older { after: key.to_owned(), line: wanted.line() }, "Older")
}

/// The command for the next page. Records of the last millisecond are shown again, so none is missing.
fn older_than(wanted: &Wanted, at: Timestamp) -> Wanted {
    let behind = Timestamp::from_millisecond(at.as_millisecond() + 1).unwrap_or(at);
    let until = Some(Period::Moment(behind.to_zoned(TimeZone::UTC).datetime()));
    Wanted { until, ..wanted.clone() }
}

/// A line of the history.
fn line(record: &AuditRecord) -> Vec<Text> {
    let what = match record.act {
        Act::Asked => "requested: ",
        Act::Refused => "refused: ",
        Act::Approved => "approved: ",
        Act::Rejected => "rejected: ",
        Act::Cancelled => "cancelled: ",
        Act::Preempted => "preempted: ",
        Act::Stuck => "stuck: ",
        Act::Retried => "retried: ",
        Act::Resolved => "resolved: ",
        Act::Succeeded => "done: ",
        Act::Failed => "ended: ",
    };
    vec![
        Text::default().time(record.at),
        Text::plain(record.actor.listed()),
        Text::plain(what).code(record.command.clone()),
        outcome(record),
    ]
}

/// The outcome: the release that runs, its commit, the approvers and the rule.
fn outcome(record: &AuditRecord) -> Text {
    let about = &record.about;
    let is_failure =
        record.act == Act::Failed && ![REJECTED, EXPIRED, VOID, CANCELLED].contains(&record.outcome.as_str());
    let mut outcome = match (record.act, &about.stage, about.after) {
        (Act::Succeeded, Some(stage), Some(after)) => Text::plain(format!("{stage} runs {after}")),
        (Act::Succeeded, ..) if record.kind == LOCK => Text::plain("ended"),
        _ if is_failure => Text::plain(format!("failed ({})", record.outcome)),
        _ => Text::plain(record.outcome.clone()),
    };
    if record.act == Act::Succeeded && about.after.is_some() {
        if let Some(commit) = &about.commit {
            outcome = outcome.then(" (").join(change_text(commit)).then(")");
        }
        if let Some(before) = about.before {
            outcome = outcome.then(format!(", previously {before}"));
        }
        if !about.approvers.is_empty() {
            let names: Vec<_> = about.approvers.iter().map(Actor::listed).collect();
            outcome = outcome.then(format!(", approved by {}", names.join(", ")));
        }
    }
    if !record.rule.is_empty() {
        outcome = outcome.then(format!(" (rule: {})", record.rule));
    }
    match &about.reason {
        // A promotion has a reason only if it overrides gates.
        Some(reason) if record.kind == promote::KIND && matches!(record.act, Act::Asked | Act::Succeeded) => {
            outcome.then(format!(", override: {reason}"))
        }
        Some(reason) => outcome.then(format!(": {reason}")),
        None => outcome,
    }
}
