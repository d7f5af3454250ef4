//! One record of the call log, and how it reads a response.

use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::name::CallName;
use super::protocol::{Protocol, broken_connection};

/// One call, as `/control/calls` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct CallRecord {
    /// The order of arrival, from 1.
    pub seq: u64,
    /// `lambda`, `slack`…
    pub service: String,
    /// `UpdateAlias`, `chat.postMessage`…
    pub method: String,
    /// The resource, short.
    pub detail: Option<String>,
    /// Whether it changes anything.
    pub mutating: bool,
    /// When the call arrived: RFC 3339 with microseconds.
    pub start: String,
    /// When its effect ended or it was refused.
    pub end: Option<String>,
    /// Microseconds since the sandbox started.
    pub start_us: u64,
    /// Microseconds since the sandbox started.
    pub end_us: Option<u64>,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// `ok`, an error code, what a fault did (`dropped`, `refused`, `held`), or `in_flight`.
    pub result: String,
    /// Whether the call reached its service.
    pub effect: bool,
    /// The strict rule that refused it.
    pub rule: Option<&'static str>,
    /// DynamoDB's write units.
    pub write_units: Option<f64>,
    /// DynamoDB's read units.
    pub read_units: Option<f64>,
}

/// The part of a response that the log keeps.
pub struct Outcome {
    status: u16,
    result: String,
    write_units: Option<f64>,
    read_units: Option<f64>,
}

/// A time on both clocks of the log.
pub(super) struct Stamp {
    time: String,
    micros: u64,
}

/// The wall clock for people, the monotonic clock for differences.
pub(super) struct Clocks {
    began: Instant,
}

impl Clocks {
    pub(super) fn start() -> Self {
        Self { began: Instant::now() }
    }

    pub(super) fn stamp(&self) -> Stamp {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Stamp { time: format!("{:.6}", jiff::Timestamp::now()), micros }
    }

    pub(super) fn open(&self, seq: u64, name: &CallName) -> CallRecord {
        let start = self.stamp();
        CallRecord {
            seq,
            service: name.service.clone(),
            method: name.method.clone(),
            detail: name.detail.clone(),
            mutating: name.mutating,
            start: start.time,
            end: None,
            start_us: start.micros,
            end_us: None,
            status: None,
            result: "in_flight".into(),
            effect: false,
            rule: None,
            write_units: None,
            read_units: None,
        }
    }
}

impl CallRecord {
    pub(super) fn close(&mut self, end: Stamp, outcome: Outcome) {
        self.end = Some(end.time);
        self.end_us = Some(end.micros);
        self.status = Some(outcome.status);
        self.result = outcome.result;
        self.write_units = outcome.write_units;
        self.read_units = outcome.read_units;
    }

    pub(super) fn end_without_effect(&mut self, end: Stamp, result: &str, status: Option<u16>) {
        self.end = Some(end.time);
        self.end_us = Some(end.micros);
        self.status = status;
        self.result = result.into();
    }
}

/// Larger answers (downloads) are not read.
const MAX_READ: u64 = 4 * 1024 * 1024;

/// Reads a response for the log and returns it unchanged.
pub async fn outcome(name: &CallName, response: Response) -> (Response, Outcome) {
    let status = response.status();
    let mut outcome = Outcome {
        status: status.as_u16(),
        result: if status.is_client_error() || status.is_server_error() {
            format!("http {}", status.as_u16())
        } else {
            "ok".into()
        },
        write_units: None,
        read_units: None,
    };
    let telling = outcome.result != "ok" || matches!(name.protocol, Protocol::AwsJson | Protocol::Slack);
    let length = response.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if !telling || length.is_some_and(|length| length > MAX_READ) {
        return (response, outcome);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return (broken_connection(), Outcome { result: "dropped".into(), ..outcome });
    };
    if let Some(code) = name.protocol.error_code(&parts.headers, status, &body) {
        outcome.result = code;
    }
    if name.service == "dynamodb" {
        (outcome.read_units, outcome.write_units) = capacity(&body, name.mutating);
    }
    (Response::from_parts(parts, Body::from(body)), outcome)
}

/// Read and write units in a DynamoDB answer. `CapacityUnits` is the total, including indexes.
fn capacity(body: &Bytes, mutating: bool) -> (Option<f64>, Option<f64>) {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return (None, None) };
    let tables = match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.as_slice(),
        table @ Value::Object(_) => std::slice::from_ref(table),
        _ => return (None, None),
    };
    let figures: Vec<f64> = tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).collect();
    let units = (!figures.is_empty()).then(|| figures.iter().sum());
    if mutating { (None, units) } else { (units, None) }
}
