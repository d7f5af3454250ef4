//! The account: CloudWatch Logs and quotas.

use async_trait::async_trait;

use super::functions::FunctionState;
use super::{FakeAws, FaultProxy, Made, refuse};
use crate::operation::effects::{CREATE_LOG_GROUP, LOG_RETENTION};
use crate::ports::{FunctionQuotas, LogEvent, LogEvents, LogSearch, LogStream, Logs, QuotaUse, Quotas};
use sluice_model::{Class, PortResult, Target};

/// The quotas of a new account.
const FUNCTION_BYTES: u64 = 75 << 30;
const CONCURRENCY: u64 = 1_000;
const ROLES: u64 = 1_000;

impl FakeAws {
    /// A function wrote that into its log, now.
    pub fn writes_log(&self, function: &str, stream: &str, message: &str) {
        let mut state = self.lock();
        let event = LogEvent { at: self.clock.now(), stream: stream.to_owned(), message: message.to_owned() };
        state.logged.entry(format!("/aws/lambda/{function}")).or_default().push(event);
    }
}

#[async_trait]
impl Logs for FaultProxy {
    async fn tail(&self, _: &Target, log: &LogStream, lines: u32) -> PortResult<Vec<String>> {
        self.look("logs:GetLogEvents", &log.stream, |state| Ok(state.log_of(&log.stream, lines as usize)))
            .await
    }

    async fn events(&self, _: &Target, group: &str, search: &LogSearch<'_>) -> PortResult<Option<LogEvents>> {
        let LogSearch { pattern, since, until, most, newest } = *search;
        self.look("logs:FilterLogEvents", group, |state| {
            let logged = state.logged.get(group);
            if logged.is_none() && !state.retentions.contains_key(group) {
                return Ok(None);
            }
            // Alternatives: `?"one of these" ?other`.
            let terms: Vec<&str> = pattern.split('?').map(|term| term.trim().trim_matches('"')).collect();
            let is_wanted = |event: &&LogEvent| {
                let is_in_time = event.at >= since && until.is_none_or(|until| event.at < until);
                let has = |term: &&str| !term.is_empty() && event.message.contains(*term);
                is_in_time && (pattern.is_empty() || terms.iter().any(has))
            };
            let events: Vec<_> = logged.into_iter().flatten().filter(is_wanted).cloned().collect();
            let excess = events.len().saturating_sub(most as usize);
            let skipped = if newest { excess } else { 0 };
            let events = events.into_iter().skip(skipped).take(most as usize).collect();
            Ok(Some(LogEvents { events, is_complete: excess == 0 }))
        })
        .await
    }

    async fn retention(&self, _: &Target, group: &str) -> PortResult<Option<u32>> {
        self.look("logs:DescribeLogGroups", group, |state| Ok(state.retentions.get(group).copied())).await
    }

    async fn create_group(&self, _: &Target, group: &str) -> PortResult<()> {
        self.change(CREATE_LOG_GROUP.call, group, |state| match state.retentions.contains_key(group) {
            true => Ok(Made::Same(())),
            false => {
                state.retentions.insert(group.to_owned(), 0);
                Ok(Made::New(()))
            }
        })
        .await
    }

    async fn set_retention(&self, _: &Target, group: &str, days: u32) -> PortResult<()> {
        let call = LOG_RETENTION.call;
        self.change(call, &format!("{group} {days}"), |state| match state.retentions.get_mut(group) {
            None => refuse(call, Class::Absent, "ResourceNotFoundException"),
            Some(now) if *now == days => Ok(Made::Same(())),
            Some(now) => {
                *now = days;
                Ok(Made::New(()))
            }
        })
        .await
    }
}

#[async_trait]
impl Quotas for FaultProxy {
    async fn functions(&self, _: &Target) -> PortResult<FunctionQuotas> {
        self.look("lambda:GetAccountSettings", "", |state| {
            let used = state.functions.values().map(FunctionState::bytes).sum();
            Ok(FunctionQuotas { code: QuotaUse { used, of: FUNCTION_BYTES }, concurrency: CONCURRENCY })
        })
        .await
    }

    async fn roles(&self, _: &Target) -> PortResult<QuotaUse> {
        self.look("iam:GetAccountSummary", "", |state| {
            Ok(QuotaUse { used: state.roles.len() as u64, of: ROLES })
        })
        .await
    }
}
