//! CloudWatch Logs: the tail of streams, the newest events of groups, and their retention.

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use jiff::Timestamp;
use sluice_commands::ports::{LogEvent, LogEvents, LogSearch, LogStream, Logs, MAX_MESSAGE};
use sluice_model::{Class, PortResult, Target};

use crate::call;
use crate::client::Service;
use crate::error::{failed, found};

/// The service's limit for one request.
const LARGEST_PAGE: u32 = 10_000;
/// Pages may be empty or partly filled before the beginning is reached; a tail is not worth more requests.
const MOST_PAGES: usize = 8;

/// A scan ends after some time with what it found. Each costs one request of the account's rate.
const MOST_SCANS: usize = 3;

/// An event that has a time and a message.
fn event(event: &FilteredLogEvent) -> Option<LogEvent> {
    let at = Timestamp::from_millisecond(event.timestamp()?).ok()?;
    let message = event.message()?;
    let end = (0..=MAX_MESSAGE.min(message.len())).rev().find(|at| message.is_char_boundary(*at));
    let message = message.get(..end.unwrap_or(0)).unwrap_or_default().to_owned();
    Some(LogEvent { at, stream: event.log_stream_name().unwrap_or_default().to_owned(), message })
}

pub(crate) struct CloudWatchLogs(pub(crate) Service<Client>);

#[async_trait]
impl Logs for CloudWatchLogs {
    async fn tail(&self, target: &Target, log: &LogStream, lines: u32) -> PortResult<Vec<String>> {
        let call = call::GET_LOG_EVENTS;
        let client = self.0.client(target, call)?;
        let wanted = usize::try_from(lines).unwrap_or(usize::MAX);
        let limit = i32::try_from(lines.clamp(1, LARGEST_PAGE)).unwrap_or(1);
        let (mut tail, mut token): (Vec<String>, Option<String>) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let request = client.get_log_events().log_group_name(&log.group).log_stream_name(&log.stream);
            let page = request.limit(limit).start_from_head(false).set_next_token(token.clone()).send().await;
            let Some(page) = found(page.map_err(failed(call)))? else { break };
            let mut earlier: Vec<String> = page
                .events()
                .iter()
                .filter_map(|event| event.message())
                .flat_map(str::lines)
                .map(str::to_owned)
                .collect();
            earlier.append(&mut tail);
            tail = earlier;
            // The token stays the same once the beginning is reached.
            if tail.len() >= wanted || page.next_backward_token.is_none() || page.next_backward_token == token
            {
                break;
            }
            token = page.next_backward_token;
        }
        Ok(tail.split_off(tail.len().saturating_sub(wanted)))
    }

    async fn events(
        &self,
        target: &Target,
        group: &str,
        search: &LogSearch<'_>,
    ) -> PortResult<Option<LogEvents>> {
        let call = call::FILTER_LOG_EVENTS;
        let LogSearch { pattern, since, until, most, newest } = *search;
        let wanted = usize::try_from(most).unwrap_or(usize::MAX);
        let limit = i32::try_from(most.clamp(1, LARGEST_PAGE)).unwrap_or(1);
        let (mut found_so_far, mut token): (Vec<LogEvent>, Option<String>) = (Vec::new(), None);
        for _ in 0..MOST_SCANS {
            let request = self.0.rate_limited(target, call).await?.filter_log_events().log_group_name(group);
            let request = request.start_time(since.as_millisecond()).start_from_head(!newest).limit(limit);
            let request = request.set_end_time(until.map(|until| until.as_millisecond()));
            let request = request.set_filter_pattern((!pattern.is_empty()).then(|| pattern.to_owned()));
            let page = request.set_next_token(token).send().await;
            let Some(page) = found(page.map_err(failed(call)))? else { return Ok(None) };
            found_so_far.extend(page.events().iter().filter_map(event));
            // A page that is empty may be followed by others.
            token = page.next_token;
            if token.is_none() || found_so_far.len() >= wanted {
                break;
            }
        }
        // Stable: events of one time stay in the order in which the service has them, which may be the newest first.
        if newest {
            found_so_far.reverse();
        }
        found_so_far.sort_by_key(|event| event.at);
        let is_complete = token.is_none() && found_so_far.len() <= wanted;
        let skipped = if newest { found_so_far.len().saturating_sub(wanted) } else { 0 };
        let events = found_so_far.into_iter().skip(skipped).take(wanted).collect();
        Ok(Some(LogEvents { events, is_complete }))
    }

    async fn retention(&self, target: &Target, group: &str) -> PortResult<Option<u32>> {
        let call = call::DESCRIBE_LOG_GROUPS;
        let client = self.0.client(target, call)?;
        // Names with this prefix, in order: the group itself is the first, if it exists.
        let answer = client.describe_log_groups().log_group_name_prefix(group).limit(1).send().await;
        let answer = answer.map_err(failed(call))?;
        let found = answer.log_groups().iter().find(|found| found.log_group_name() == Some(group));
        Ok(found.map(|found| found.retention_in_days().and_then(|days| days.try_into().ok()).unwrap_or(0)))
    }

    async fn create_group(&self, target: &Target, group: &str) -> PortResult<()> {
        let call = call::CREATE_LOG_GROUP;
        let request = self.0.client(target, call)?.create_log_group().log_group_name(group);
        match request.send().await.map_err(failed(call)) {
            Err(error) if error.class == Class::Conflict => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn set_retention(&self, target: &Target, group: &str, days: u32) -> PortResult<()> {
        let call = call::PUT_RETENTION;
        let days = i32::try_from(days)
            .map_err(|error| call.error(Class::Invalid, "NotSendable", error.to_string()))?;
        let request = self.0.client(target, call)?.put_retention_policy().log_group_name(group);
        request.retention_in_days(days).send().await.map_err(failed(call))?;
        Ok(())
    }
}
