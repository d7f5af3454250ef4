//! CloudWatch: what functions were called, and how that went.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{FakeAws, FaultProxy, State, refuse};
use crate::ports::{LambdaMetric, MOST_METRICS, MetricQuery, Metrics, Minutes};
use sluice_model::{Class, PortResult, Target};

/// The call.
pub const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";

fn minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

impl FakeAws {
    /// A function was called so often, by that version or alias, now: so many of these calls failed, and more were throttled.
    pub fn was_called(&self, function: &str, qualifier: &str, (calls, errors, throttles): (u64, u64, u64)) {
        let at = minute(self.clock.now());
        let mut state = self.lock();
        let counts = [
            (LambdaMetric::Invocations, calls),
            (LambdaMetric::Errors, errors),
            (LambdaMetric::Throttles, throttles),
        ];
        for (metric, count) in counts {
            let query =
                MetricQuery { metric, function: function.to_owned(), qualifier: qualifier.to_owned() };
            *state.counted.entry(query).or_default().entry(at).or_default() += count;
        }
    }

    /// From now on, a function is called so often in each minute, by that version or alias.
    pub fn answers_calls(&self, function: &str, qualifier: &str, counts: (u64, u64, u64)) {
        self.lock().called_often.push((function.to_owned(), qualifier.to_owned(), counts));
    }
}

impl State {
    /// What happens in each minute.
    fn often(&self, query: &MetricQuery) -> u64 {
        let these = self.called_often.iter();
        let these = these.filter(|(function, by, _)| *function == query.function && *by == query.qualifier);
        let count = these.map(|(_, _, (calls, errors, throttles))| match query.metric {
            LambdaMetric::Invocations => calls,
            LambdaMetric::Errors => errors,
            LambdaMetric::Throttles => throttles,
        });
        count.sum()
    }
}

#[async_trait]
impl Metrics for FaultProxy {
    async fn lambda_sums(
        &self,
        _: &Target,
        queries: &[MetricQuery],
        since: Timestamp,
        until: Timestamp,
    ) -> PortResult<Vec<Minutes>> {
        let subject = format!("{} metrics", queries.len());
        self.look(GET_METRIC_DATA, &subject, |state| {
            if queries.len() > MOST_METRICS || since >= until {
                return refuse(GET_METRIC_DATA, Class::Invalid, "ValidationError");
            }
            let sums = |query: &MetricQuery| {
                let minutes = state.counted.get(query).into_iter().flatten();
                let minutes = minutes.filter(|(at, _)| **at >= minute(since) && **at < until);
                let mut sums: Minutes = minutes.map(|(at, count)| (*at, *count)).collect();
                let often = state.often(query);
                let whole = (since.as_second().div_euclid(60) + 1..).map(|minute| minute * 60);
                let whole = whole.take_while(|at| often > 0 && *at < until.as_second());
                sums.extend(whole.filter_map(|at| Some((Timestamp::from_second(at).ok()?, often))));
                sums
            };
            Ok(queries.iter().map(sums).collect())
        })
        .await
    }
}
