//! CloudWatch: the metrics of Lambda by alias and version, which the local AWS counts by function alone.
//!
//! Calls that pass the sandbox (`Invoke`, API Gateway) are counted here as Lambda counts them
//! (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>): a throttled call is no invocation. Calls that the
//! local AWS makes itself, for events, are known by their number alone, and count for the function's alias. A call is visible a minute
//! later. Other metrics and other calls are forwarded.

mod invocations;

pub use invocations::Invocations;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::request::AwsRequest;
use super::upstream::Upstream;
use crate::calls::Protocol;
use invocations::{Wanted, now};

/// The most metrics of a request: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>.
const MOST: usize = 500;
const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";

/// CloudWatch's metrics.
pub struct CloudWatch {
    upstream: Upstream,
    invocations: Invocations,
}

impl CloudWatch {
    pub fn new(upstream: Upstream, invocations: Invocations) -> Self {
        Self { upstream, invocations }
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, request: AwsRequest) -> Response {
        let body = request.json();
        let queries = body["MetricDataQueries"].as_array().cloned().unwrap_or_default();
        let wanted: Option<Vec<Wanted>> = queries.iter().map(Wanted::of).collect();
        let Some(wanted) = wanted.filter(|wanted| method == "GetMetricData" && !wanted.is_empty()) else {
            return self.upstream.forward(request).await;
        };
        let time = |name: &str| body[name].as_f64().map(|at| at as i64);
        let (Some(start), Some(end)) = (time("StartTime"), time("EndTime")) else {
            return refuse("MissingParameter", "The parameters StartTime and EndTime are required.");
        };
        if let Some((code, why)) = refusal(&queries, start, end) {
            return refuse(code, &why);
        }
        let range = (start.div_euclid(60) * 60, end);
        let functions: BTreeSet<&str> =
            wanted.iter().filter(|wanted| wanted.is_of_alias()).map(|wanted| &*wanted.function).collect();
        let counted = match self.counted(&functions, range).await {
            Ok(counted) => counted,
            Err(refusal) => return *refusal,
        };
        let results = queries.iter().zip(&wanted).map(|(query, wanted)| {
            let mut sums = self.invocations.sums(wanted, range, true);
            if wanted.is_of_alias() {
                let key = (wanted.function.clone(), wanted.metric.clone());
                let all = Wanted { qualifier: None, ..wanted.clone() };
                let ours: f64 = self.invocations.sums(&all, range, false).values().sum();
                let events = counted.get(&key).copied().unwrap_or_default() - ours;
                if events > 0.0 {
                    let last = (end.min(now()) - 1).div_euclid(60) * 60;
                    *sums.entry(last.max(range.0)).or_insert(0.0) += events;
                }
            }
            json!({
                "Id": query["Id"],
                "Label": wanted.metric,
                "Timestamps": sums.keys().collect::<Vec<_>>(),
                "Values": sums.values().collect::<Vec<_>>(),
                "StatusCode": "Complete",
            })
        });
        axum::Json(json!({ "MetricDataResults": results.collect::<Vec<_>>(), "Messages": [] }))
            .into_response()
    }

    /// What the local AWS counted of these functions in that time, by function and metric.
    async fn counted(
        &self,
        functions: &BTreeSet<&str>,
        (start, end): (i64, i64),
    ) -> Result<BTreeMap<(String, String), f64>, Box<Response>> {
        let each = functions.iter().flat_map(|function| {
            ["Invocations", "Errors", "Throttles"].map(|metric| ((*function).to_owned(), metric.to_owned()))
        });
        let each: Vec<(String, String)> = each.collect();
        let query = |(nth, (function, metric)): (usize, &(String, String))| {
            let dimensions = [json!({ "Name": "FunctionName", "Value": function })];
            let metric = json!({ "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions });
            json!({ "Id": format!("m{nth}"), "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" } })
        };
        let queries: Vec<Value> = each.iter().enumerate().map(query).collect();
        let body = json!({ "MetricDataQueries": queries, "StartTime": start, "EndTime": end });
        let headers = [("x-amz-target", TARGET), ("content-type", "application/x-amz-json-1.0")];
        let answer =
            self.upstream.call("monitoring", Method::POST, "/", &headers, body.to_string()).await?.json();
        let sum = |result: &Value| -> f64 {
            result["Values"].as_array().into_iter().flatten().filter_map(Value::as_f64).sum()
        };
        let mut counted = BTreeMap::new();
        for result in answer["MetricDataResults"].as_array().into_iter().flatten() {
            let nth: Option<usize> = result["Id"].as_str().and_then(|id| id.strip_prefix('m')?.parse().ok());
            if let Some((function, metric)) = nth.and_then(|nth| each.get(nth)) {
                let count = sum(result);
                // The local AWS counts a throttled call as an invocation, too.
                counted.insert((function.clone(), metric.clone()), count);
            }
        }
        for function in functions {
            let key = |metric: &str| ((*function).to_owned(), metric.to_owned());
            let throttled = counted.get(&key("Throttles")).copied().unwrap_or_default();
            if let Some(calls) = counted.get_mut(&key("Invocations")) {
                *calls -= throttled;
            }
        }
        Ok(counted)
    }
}

/// Why AWS refuses a request.
fn refusal(queries: &[Value], start: i64, end: i64) -> Option<(&'static str, String)> {
    if queries.len() > MOST {
        return Some((
            "ValidationError",
            format!("The collection MetricDataQueries must not have a size greater than {MOST}."),
        ));
    }
    if start >= end {
        return Some((
            "ValidationError",
            "The parameter StartTime must be less than the parameter EndTime.".into(),
        ));
    }
    let mut ids = BTreeSet::new();
    for query in queries {
        let id = query["Id"].as_str().unwrap_or_default();
        let is_valid = id.starts_with(|first: char| first.is_ascii_lowercase())
            && id.len() <= 255
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_valid {
            return Some((
                "ValidationError",
                format!(
                    "The value {id} for parameter MetricDataQueries.member.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
                ),
            ));
        }
        if !ids.insert(id) {
            return Some((
                "ValidationError",
                format!("The values for parameter id in MetricDataQueries are not unique: {id}."),
            ));
        }
        let period = query["MetricStat"]["Period"].as_i64().unwrap_or_default();
        if period <= 0 || period % 60 != 0 {
            return Some((
                "ValidationError",
                "The parameter MetricDataQueries.member.MetricStat.Period must be a multiple of 60.".into(),
            ));
        }
    }
    None
}

/// CloudWatch first spoke the query protocol: clients read the code from a header
/// (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>).
fn refuse(code: &str, message: &str) -> Response {
    let mut response = Protocol::AwsJson.error(StatusCode::BAD_REQUEST, code, message);
    if let Ok(value) = format!("{code};Sender").parse() {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(id: &str, period: i64) -> Value {
        json!({ "Id": id, "MetricStat": { "Period": period } })
    }

    #[test]
    fn requests_that_aws_refuses_are_refused() {
        let code = |queries: &[Value], start, end| refusal(queries, start, end).map(|(code, _)| code);
        assert_eq!(code(&[query("m1", 60), query("m2", 120)], 0, 60), None);
        assert!(code(&[query("M1", 60)], 0, 60).is_some(), "an upper-case letter first");
        assert!(code(&[query("m1", 60), query("m1", 60)], 0, 60).is_some(), "an id twice");
        assert!(code(&[query("m1", 30)], 0, 60).is_some(), "half a minute");
        assert!(code(&[query("m1", 60)], 60, 60).is_some(), "no time at all");
        let many: Vec<Value> = (0..=MOST).map(|nth| query(&format!("m{nth}"), 60)).collect();
        assert!(code(&many, 0, 60).is_some() && code(&many[1..], 0, 60).is_none());
    }
}
