//! CloudWatch Logs: what the local AWS gets wrong about searches in a log group.
//!
//! It gives the oldest events instead of the newest, and knows no alternatives in patterns. The line that it writes after each call of
//! a function gets what Lambda writes: the time with two digits after the point and, for the first call of a version, `Init Duration`
//! (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>). A cold start is what that call took.

use std::collections::BTreeMap;

use axum::http::Method;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::request::AwsRequest;
use super::upstream::Upstream;

const REPORT: &str = "REPORT RequestId: ";

/// Answers `FilterLogEvents`. All events are on one page.
pub async fn filter(upstream: &Upstream, mut request: AwsRequest) -> Response {
    let mut wanted = request.json();
    let newest = wanted["startFromHead"] == Value::Bool(false);
    let limit = wanted["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(10_000);
    let pattern = Pattern::of(wanted["filterPattern"].as_str().unwrap_or_default());
    let group = wanted["logGroupName"].clone();
    if let Some(wanted) = wanted.as_object_mut() {
        for own in ["limit", "filterPattern", "startFromHead"] {
            wanted.remove(own);
        }
    }
    request.body = wanted.to_string().into();
    let answer = match upstream.exchange(&request).await {
        Ok(answer) if answer.status.is_success() => answer,
        Ok(answer) => return answer.into_response(),
        Err(refusal) => return *refusal,
    };
    let mut found = answer.json();
    let first = first_reports(upstream, &group).await;
    if let Some(events) = found["events"].as_array_mut() {
        for event in events.iter_mut() {
            as_lambda_writes_it(event, &first);
        }
        events.retain(|event| pattern.matches(event["message"].as_str().unwrap_or_default()));
        if newest {
            events.reverse();
        }
        events.truncate(limit);
    }
    answer.with_json(&found).into_response()
}

/// The id of the first call of each version, by the version.
async fn first_reports(upstream: &Upstream, group: &Value) -> BTreeMap<String, String> {
    let body = json!({ "logGroupName": group, "filterPattern": "REPORT" }).to_string();
    let headers =
        [("x-amz-target", "Logs_20140328.FilterLogEvents"), ("content-type", "application/x-amz-json-1.1")];
    let Ok(answer) = upstream.call("logs", Method::POST, "/", &headers, body).await else {
        return BTreeMap::new();
    };
    let mut first = BTreeMap::new();
    for event in answer.json()["events"].as_array().into_iter().flatten() {
        if let (Some(version), Some(id)) = (version(event), request_id(event)) {
            first.entry(version).or_insert(id);
        }
    }
    first
}

/// The version in the name of a log stream: `2026/03/02/[7]0f3a…`.
fn version(event: &Value) -> Option<String> {
    let (_, rest) = event["logStreamName"].as_str()?.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

fn request_id(event: &Value) -> Option<String> {
    event["message"].as_str()?.strip_prefix(REPORT)?.split('\t').next().map(str::to_owned)
}

fn as_lambda_writes_it(event: &mut Value, first: &BTreeMap<String, String>) {
    let Some(id) = request_id(event) else { return };
    let is_cold = version(event).is_some_and(|version| first.get(&version) == Some(&id));
    let line = event["message"].as_str().unwrap_or_default().trim_end();
    let mut took = None;
    let mut fields: Vec<String> = vec![];
    for field in line.split('\t') {
        let whole =
            field.strip_prefix("Duration: ").and_then(|rest| rest.strip_suffix(" ms")?.parse::<u64>().ok());
        took = took.or(whole);
        fields.push(whole.map_or_else(|| field.to_owned(), |whole| format!("Duration: {whole}.00 ms")));
    }
    if is_cold && !line.contains("Init Duration") {
        fields.push(format!("Init Duration: {}.00 ms", took.unwrap_or_default().max(1)));
    }
    event["message"] = json!(format!("{}\t", fields.join("\t")));
}

/// A filter pattern for text: terms that must occur, `?` before alternatives, `-` before terms that must not occur, quotes around several
/// words (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>). Case counts. Alternatives beside
/// other terms are ignored.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    fn of(pattern: &str) -> Self {
        let mut parsed = Self::default();
        let mut rest = pattern.trim();
        while let Some(first) = rest.chars().next() {
            let terms = match first {
                '?' => &mut parsed.any,
                '-' => &mut parsed.none,
                _ => &mut parsed.all,
            };
            let term = rest.trim_start_matches(['?', '-']);
            let (term, after) = match term.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => term.split_once(char::is_whitespace).unwrap_or((term, "")),
            };
            terms.push(term.to_owned());
            rest = after.trim_start();
        }
        parsed
    }

    fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        let is_alternative = self.all.is_empty() && !self.any.is_empty();
        self.all.iter().all(has)
            && !self.none.iter().any(has)
            && (!is_alternative || self.any.iter().any(has))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_terms_alternatives_and_quotes() {
        let matches = |pattern: &str, message: &str| Pattern::of(pattern).matches(message);
        assert!(matches("", "anything"));
        assert!(matches("ERROR Task", "Task timed out ERROR") && !matches("ERROR Task", "ERROR"));
        assert!(!matches("\"ERROR Task\"", "Task ERROR") && matches("\"ERROR Task\"", "an ERROR Task"));
        let reports = "?\"REPORT RequestId\" ?\"platform.report\"";
        assert!(
            matches(reports, "REPORT RequestId: 1") && matches(reports, "{\"type\":\"platform.report\"}")
        );
        assert!(!matches(reports, "report requestid") && !matches("ERROR -Exiting", "ERROR Exiting"));
    }

    #[test]
    fn the_first_call_of_a_version_is_a_cold_start() {
        let report = |id: &str, stream: &str| {
            let message = format!(
                "{REPORT}{id}\tDuration: 180 ms\tBilled Duration: 180 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB"
            );
            json!({ "message": message, "logStreamName": stream })
        };
        let first = BTreeMap::from([("7".to_owned(), "a".to_owned())]);
        let shown = |id: &str, stream: &str| {
            let mut event = report(id, stream);
            as_lambda_writes_it(&mut event, &first);
            event["message"].as_str().unwrap().to_owned()
        };
        let cold = "REPORT RequestId: a\tDuration: 180.00 ms\tBilled Duration: 180 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\t\
                    Init Duration: 180.00 ms\t";
        assert_eq!(shown("a", "2026/03/02/[7]x"), cold);
        assert!(!shown("b", "2026/03/02/[7]x").contains("Init"));
        assert!(!shown("a", "2026/03/02/[8]x").contains("Init"), "another version");
    }
}
