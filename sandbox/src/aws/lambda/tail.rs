//! The tail of an invocation's log (`LogType=Tail`), with the lines that AWS always writes around a function's output.

use std::time::Duration;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::answer::uuid;
use super::super::upstream::Answer;

/// Lambda returns the last 4 KB.
const LONGEST: usize = 4096;

pub fn with_tail(mut answer: Answer, took: Duration) -> Answer {
    let header =
        |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let own = header("x-amz-log-result").and_then(|tail| STANDARD.decode(tail).ok()).unwrap_or_default();
    let version = header("x-amz-executed-version").unwrap_or_else(|| "$LATEST".into());
    let request = header("x-amzn-requestid").unwrap_or_else(uuid);
    let log = log(&String::from_utf8_lossy(&own), &request, &version, took);
    let last = log.as_bytes();
    let last = &last[last.len().saturating_sub(LONGEST)..];
    if let Ok(value) = HeaderValue::from_str(&STANDARD.encode(last)) {
        answer.headers.insert("x-amz-log-result", value);
    }
    answer
}

fn log(own: &str, request: &str, version: &str, took: Duration) -> String {
    if own.starts_with("START RequestId") {
        return own.to_owned();
    }
    let own = own.trim_end_matches('\n');
    let between = if own.is_empty() { "" } else { "\n" };
    let milliseconds = took.as_secs_f64() * 1000.0;
    format!(
        "START RequestId: {request} Version: {version}\n{own}{between}END RequestId: {request}\n\
         REPORT RequestId: {request}\tDuration: {milliseconds:.2} ms\tBilled Duration: {:.0} ms\t\
         Memory Size: 128 MB\tMax Memory Used: 40 MB\t\n",
        milliseconds.ceil()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_prints_nothing_has_a_log() {
        let took = Duration::from_micros(1_500);
        let quiet = log("", "r-1", "3", took);
        assert!(
            quiet.starts_with("START RequestId: r-1 Version: 3\nEND RequestId: r-1\nREPORT RequestId: r-1\t")
        );
        assert!(quiet.contains("Duration: 1.50 ms\tBilled Duration: 2 ms"), "{quiet}");
        assert!(log("hello\n", "r-1", "3", took).contains("Version: 3\nhello\nEND "));
        assert_eq!(log("START RequestId: x", "r-1", "3", took), "START RequestId: x", "AWS's own form stays");
    }
}
