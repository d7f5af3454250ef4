//! `/pipeline history`: who did what, newest first, one page at a time, also for a pipeline that was deleted.
//!
//! The times in the command bound the keys that are read. A filter by stage or person reads page by page, until the answer
//! has enough rows or the limit of requests is reached. In that case the answer shows how far it searched. The next page
//! continues after the last record of this one, so no record is missing or repeated.

mod filter;
mod messages;

use jiff::Timestamp;

use crate::installation::{Installation, Invocation, Reject, newest};
use crate::ports::Query;
use crate::records::{AuditRecord, from_item};
use sluice_grammar::{Command, Names, Period, PipelineCommand, parse_line};
use sluice_model::{Answer, Button, Click, PipelineName, invalid_button};

pub(crate) use self::filter::HistoryFilter;

/// How many rows a page shows.
const ROWS: usize = 15;
/// How many records one request reads if the history is filtered, and the most requests for one answer.
const BATCH: u32 = 150;
const REQUESTS: usize = 10;

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
        filter: HistoryFilter,
        is_terminal: bool,
        after: Option<String>,
    ) -> Result<Answer, Reject> {
        let now = self.engine.world().clock.now();
        let filter = filter.fixed(now);
        let bound = |period: &Option<Period>| period.as_ref().and_then(|period| period.begin(now));
        let (since, until) = (bound(&filter.since), bound(&filter.until));
        let is_first = after.is_none();
        let found = self.find(&filter, since, after.or(until.map(sluice_engine::Keys::audit_time))).await?;
        if found.records.is_empty() && is_first && !self.has_history(&filter.name).await? {
            self.state(&filter.name).await?;
        }
        let mut card = messages::page(&filter, (since, until), &found.records, is_first);
        if let Some((key, at)) = found.last {
            if found.records.len() < ROWS {
                // Older matching records may exist, so the answer must not say that there are none.
                card = card.foot(messages::searched_back_to(at));
            }
            card = match is_terminal {
                true => card.hint(messages::see_older(filter.older_than(at).line())),
                false => card
                    .button(Button::new(&Click::Older { after: key, line: filter.line() }, messages::OLDER)),
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
        let filter = HistoryFilter { name, stage, person, since, until };
        self.history(filter, invocation.actor.terminal, Some(after)).await
    }

    async fn find(
        &self,
        filter: &HistoryFilter,
        since: Option<Timestamp>,
        mut after: Option<String>,
    ) -> Result<Found, Reject> {
        let world = self.engine.world();
        let limit = if filter.is_of_all() { u32::try_from(ROWS).unwrap_or(BATCH) } else { BATCH };
        let mut found = Found::default();
        for _ in 0..REQUESTS {
            let query = newest(world.keys.audit_partition(&filter.name), limit);
            let page = world.store.audit_records(Query { after, ..query }).await?;
            let mut items = page.items.iter().peekable();
            while let Some(item) = items.next() {
                // A record of a newer version of Sluice is skipped.
                let Ok(record) = from_item::<AuditRecord>(item) else { continue };
                if since.is_some_and(|since| record.at < since) {
                    found.last = None;
                    return Ok(found);
                }
                found.last = Some((item.key.sort.clone(), record.at));
                if filter.matches(&record) {
                    found.records.push(record);
                }
                if found.records.len() == ROWS {
                    let is_last = match items.peek() {
                        Some(next) => {
                            since.is_some_and(|since| next.key.sort < sluice_engine::Keys::audit_time(since))
                        }
                        None => page.more.is_none(),
                    };
                    found.last.take_if(|_| is_last);
                    return Ok(found);
                }
            }
            after = page.more;
            if after.is_none() {
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
