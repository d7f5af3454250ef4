//! The calls of functions that pass the sandbox, and how many there were.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;

/// How long after a call its metrics appear, in seconds.
const LATE: i64 = 60;
/// How long calls are kept, in seconds.
const KEPT: i64 = 6 * 3_600;

/// The calls of functions; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Invocations(Arc<Mutex<Vec<Invocation>>>);

#[derive(Debug, Clone)]
struct Invocation {
    function: String,
    /// The alias or version that was called.
    qualifier: Option<String>,
    /// When it ended, in seconds.
    at: i64,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed,
    Throttled,
}

impl Outcome {
    fn counts_as(self, metric: &str) -> bool {
        match metric {
            "Invocations" => self != Self::Throttled,
            "Errors" => self == Self::Failed,
            "Throttles" => self == Self::Throttled,
            _ => false,
        }
    }
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Invocations {
    /// Counts a call by its answer. A refusal, such as of a missing right, is no call of the function.
    pub fn record(&self, function: &str, qualifier: Option<&str>, status: StatusCode, headers: &HeaderMap) {
        let outcome = match status {
            StatusCode::TOO_MANY_REQUESTS => Outcome::Throttled,
            status if !status.is_success() => return,
            _ if headers.contains_key("x-amz-function-error") => Outcome::Failed,
            _ => Outcome::Succeeded,
        };
        let mut calls = self.0.lock();
        let at = now();
        calls.retain(|call| call.at + KEPT > at);
        calls.push(Invocation {
            function: function.into(),
            qualifier: qualifier.map(Into::into),
            at,
            outcome,
        });
    }

    /// How many calls of a metric there were in each minute of that time. `visible`: only those that CloudWatch shows.
    pub(super) fn sums(&self, of: &Wanted, (start, end): (i64, i64), visible: bool) -> BTreeMap<i64, f64> {
        let latest = if visible { now() - LATE } else { i64::MAX };
        let mut sums = BTreeMap::new();
        for call in self.0.lock().iter() {
            let minute = call.at.div_euclid(60) * 60;
            let is_named = of.qualifier.as_ref().is_none_or(|named| call.qualifier.as_ref() == Some(named));
            let is_in_time = minute >= start && minute < end && call.at <= latest;
            if call.function == of.function && is_named && is_in_time && call.outcome != Outcome::Throttled {
                // Each metric has a value, also if it is 0, in a minute with calls.
                sums.entry(minute).or_insert(0.0);
            }
            if call.function == of.function && is_named && is_in_time && call.outcome.counts_as(&of.metric) {
                *sums.entry(minute).or_insert(0.0) += 1.0;
            }
        }
        sums
    }
}

/// A metric of Lambda in a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) metric: String,
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
}

impl Wanted {
    /// `None` if it is a metric of something else.
    pub(super) fn of(query: &Value) -> Option<Self> {
        let metric = &query["MetricStat"]["Metric"];
        if metric["Namespace"] != "AWS/Lambda" {
            return None;
        }
        let dimensions = metric["Dimensions"].as_array()?;
        let value = |name: &str| {
            let named = dimensions.iter().find(|dimension| dimension["Name"] == name)?;
            named["Value"].as_str().map(str::to_owned)
        };
        let function = value("FunctionName")?;
        let qualifier = value("Resource").map(|resource| {
            resource.split_once(':').map(|(_, qualifier)| qualifier.to_owned()).unwrap_or(resource)
        });
        Some(Self { metric: metric["MetricName"].as_str()?.to_owned(), function, qualifier })
    }

    /// Whether calls of events are among it.
    pub(super) fn is_of_alias(&self) -> bool {
        self.qualifier.as_ref().is_some_and(|named| !named.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_alias_and_version_a_minute_later() {
        let calls = Invocations::default();
        let failed =
            HeaderMap::from_iter([("x-amz-function-error".parse().unwrap(), "Unhandled".parse().unwrap())]);
        let none = HeaderMap::new();
        calls.record("f", Some("7"), StatusCode::OK, &none);
        calls.record("f", Some("7"), StatusCode::OK, &failed);
        calls.record("f", Some("7"), StatusCode::TOO_MANY_REQUESTS, &none);
        calls.record("f", Some("prod"), StatusCode::ACCEPTED, &none);
        calls.record("f", Some("7"), StatusCode::FORBIDDEN, &none);
        let wanted = |metric: &str, qualifier: Option<&str>| Wanted {
            metric: metric.into(),
            function: "f".into(),
            qualifier: qualifier.map(Into::into),
        };
        let range = (now() - 3_600, now() + 60);
        let count = |of: &Wanted, visible| calls.sums(of, range, visible).values().sum::<f64>();
        let counts =
            |qualifier| ["Invocations", "Errors", "Throttles"].map(|of| count(&wanted(of, qualifier), false));
        assert_eq!(counts(Some("7")), [2.0, 1.0, 1.0]);
        assert_eq!(counts(Some("prod")), [1.0, 0.0, 0.0]);
        assert_eq!(counts(None), [3.0, 1.0, 1.0]);
        assert_eq!(count(&wanted("Invocations", None), true), 0.0, "not yet");
        calls.0.lock().iter_mut().for_each(|call| call.at -= LATE);
        assert_eq!(count(&wanted("Invocations", None), true), 3.0);
    }
}
