//! The line that Lambda writes after each call.
//!
//! As text (<https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html>): `REPORT RequestId: …`, then fields between tabs.
//! As JSON, if the function's log format is JSON
//! (<https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>): a `platform.report`. Code may write lines
//! that look the same: numbers that no function can have are ignored.

use serde_json::Value;

/// Finds these lines in a log group. The two patterns are alternatives.
pub(super) const PATTERN: &str = "?\"REPORT RequestId\" ?\"platform.report\"";
/// Finds those among them that report a cold start.
pub(super) const COLD_PATTERN: &str = "?\"Init Duration\" ?initDurationMs";

/// The longest that a call, and so an initialisation, takes, in milliseconds.
const LONGEST: f64 = 900_000.0;
/// The most memory that a function has, in MB. What a process used may be reported as a little more.
const MOST_MEMORY: u32 = 10_240;

/// What a line reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Report {
    /// How long the initialisation took, in milliseconds, if the call was a cold start.
    pub(super) init: Option<u32>,
    /// The most memory that the function used so far, in MB.
    pub(super) used: u32,
    /// The memory that it has, in MB.
    pub(super) size: u32,
}

/// The report in an event of a log; `None` if it is none.
pub(super) fn parse(message: &str) -> Option<Report> {
    let message = message.trim();
    let (init, used, size) = match message.strip_prefix("REPORT RequestId: ") {
        Some(fields) => {
            let number = |name: &str, unit: &str| {
                let of =
                    |field: &str| field.trim().strip_prefix(name)?.strip_suffix(unit)?.trim().parse().ok();
                fields.split('\t').find_map(of)
            };
            (
                number("Init Duration: ", "ms"),
                number("Max Memory Used: ", "MB"),
                number("Memory Size: ", "MB"),
            )
        }
        None if message.starts_with('{') => {
            let event: Value = serde_json::from_str(message).ok()?;
            if event["type"] != "platform.report" {
                return None;
            }
            let metrics = &event["record"]["metrics"];
            let number = |name: &str| metrics[name].as_f64();
            (number("initDurationMs"), number("maxMemoryUsedMB"), number("memorySizeMB"))
        }
        None => return None,
    };
    let size = whole(size?, f64::from(MOST_MEMORY)).filter(|size| *size > 0)?;
    Some(Report {
        init: init.and_then(|init| whole(init, LONGEST)),
        used: whole(used?, f64::from(2 * size))?,
        size,
    })
}

/// The nearest whole number, if it is in that range.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn whole(number: f64, most: f64) -> Option<u32> {
    (0.0..=most).contains(&number).then(|| number.round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_text_and_as_json() {
        let cold = "REPORT RequestId: 8f5e\tDuration: 102.25 ms\tBilled Duration: 274 ms\tMemory Size: 128 MB\t\
                    Max Memory Used: 36 MB\tInit Duration: 171.49 ms\t\n";
        assert_eq!(parse(cold), Some(Report { init: Some(171), used: 36, size: 128 }));
        let warm = "REPORT RequestId: 8f5e\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory \
                    Used: 129 MB\tStatus: timeout";
        assert_eq!(parse(warm), Some(Report { init: None, used: 129, size: 128 }));
        let json = r#"{"time":"2026-03-02T10:00:00Z","type":"platform.report","record":{"requestId":"8f5e","metrics":
            {"durationMs":1.5,"billedDurationMs":2,"memorySizeMB":512,"maxMemoryUsedMB":99,"initDurationMs":116.7},"status":"success"}}"#;
        assert_eq!(parse(json), Some(Report { init: Some(117), used: 99, size: 512 }));
    }

    #[test]
    fn lines_of_code_that_look_like_a_report_do_no_harm() {
        for line in [
            "",
            "REPORT",
            "REPORT RequestId: ",
            "REPORT RequestId: x\tMemory Size: 128 MB",
            "REPORT RequestId: x\tMemory Size: 128 MB\tMax Memory Used: -1 MB",
            "REPORT RequestId: x\tMemory Size: 128 MB\tMax Memory Used: 999999999999999999999 MB",
            "REPORT RequestId: x\tMemory Size: 0 MB\tMax Memory Used: 0 MB",
            "REPORT RequestId: x\tMemory Size: NaN MB\tMax Memory Used: inf MB",
            "said REPORT RequestId: x\tMemory Size: 128 MB\tMax Memory Used: 1 MB",
            "{\"type\":\"platform.report\"}",
            "{\"type\":\"platform.report\",\"record\":{\"metrics\":{\"memorySizeMB\":\"128\",\"maxMemoryUsedMB\":[]}}}",
            "{\"type\":\"platform.start\",\"record\":{\"metrics\":{\"memorySizeMB\":128,\"maxMemoryUsedMB\":1}}}",
            "{not json",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
        let deep = format!("{}{}", "{\"type\":".repeat(5_000), "}".repeat(5_000));
        assert_eq!(parse(&deep), None);
        let init = "REPORT RequestId: x\tMemory Size: 128 MB\tMax Memory Used: 1 MB\tInit Duration: 1e300 ms";
        assert_eq!(parse(init), Some(Report { init: None, used: 1, size: 128 }), "no init takes that long");
    }
}
