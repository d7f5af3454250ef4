//! CloudWatch Logs, read from the end.

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use sluice_commands::fault::PortResult;
use sluice_commands::ids::Target;
use sluice_commands::ports::{LogStream, Logs};

use crate::call::{self, Service};
use crate::error::{failed, found};

/// The service's limit for one request.
const LARGEST_PAGE: u32 = 10_000;
/// Pages may come partly filled or empty before the beginning is reached; a tail is not worth more requests than these.
const MOST_PAGES: usize = 8;

pub(crate) struct CloudWatchLogs(pub(crate) Service<Client>);

#[async_trait]
impl Logs for CloudWatchLogs {
    async fn tail(&self, target: &Target, log: &LogStream, lines: u32) -> PortResult<Vec<String>> {
        let call = call::GET_LOG_EVENTS;
        let client = self.0.at(target, call)?;
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
            // The beginning is reached when the token stays the same.
            if tail.len() >= wanted || page.next_backward_token.is_none() || page.next_backward_token == token
            {
                break;
            }
            token = page.next_backward_token;
        }
        Ok(tail.split_off(tail.len().saturating_sub(wanted)))
    }
}
