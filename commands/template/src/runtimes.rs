//! The runtimes that a template may use, and the end of their support by AWS.
//!
//! From <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>. After the end of
//! support there are no more patches; at the earliest 30 days later AWS refuses to create functions with the runtime, and 60
//! days later to update them. Functions keep running, and a rollback still works, because it updates no function.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::Value;

/// Each runtime with the last day of its support.
const RUNTIMES: [(&str, Date); 22] = [
    ("python3.9", date(2025, 12, 15)),
    ("python3.10", date(2026, 10, 31)),
    ("python3.11", date(2027, 6, 30)),
    ("python3.12", date(2028, 10, 31)),
    ("python3.13", date(2029, 6, 30)),
    ("python3.14", date(2029, 6, 30)),
    ("nodejs18.x", date(2025, 9, 1)),
    ("nodejs20.x", date(2026, 4, 30)),
    ("nodejs22.x", date(2027, 4, 30)),
    ("nodejs24.x", date(2028, 4, 30)),
    ("java8.al2", date(2027, 6, 30)),
    ("java11", date(2027, 6, 30)),
    ("java17", date(2027, 6, 30)),
    ("java21", date(2029, 6, 30)),
    ("java25", date(2029, 6, 30)),
    ("dotnet8", date(2026, 11, 10)),
    ("dotnet10", date(2028, 11, 14)),
    ("ruby3.2", date(2026, 3, 31)),
    ("ruby3.3", date(2027, 3, 31)),
    ("ruby3.4", date(2028, 3, 31)),
    ("provided.al2", date(2026, 7, 31)),
    ("provided.al2023", date(2029, 6, 30)),
];

/// AWS's list of them.
pub const RUNTIMES_PAGE: &str = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html";
/// The notice before the end, in days; AWS gives the same.
const NOTICE_DAYS: i64 = 180;
/// The days after the end from which AWS may refuse to update a function.
const UPDATE_DAYS: i64 = 60;

/// The names of all runtimes.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RUNTIMES.iter().map(|(name, _)| *name)
}

/// The end of a runtime's support, if it is past or near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndOfSupport {
    /// The last day of support.
    pub on: Date,
    /// Whether it is past.
    pub is_past: bool,
    /// The first day on which AWS may refuse to update functions.
    pub frozen: Date,
}

/// The end of a runtime's support, if it is past or near on that day.
pub fn end_of_support(runtime: &str, today: Date) -> Option<EndOfSupport> {
    let (_, on) = RUNTIMES.iter().find(|(name, _)| *name == runtime)?;
    let (on, is_past) = (*on, today > *on);
    let is_near = today >= on.saturating_sub(NOTICE_DAYS.days());
    is_near.then(|| EndOfSupport { on, is_past, frozen: on.saturating_add(UPDATE_DAYS.days()) })
}

/// The runtimes in a packaged template, each with its functions. A runtime that is not a plain string is left out.
pub fn runtimes_of(packaged: &str) -> BTreeMap<String, Vec<String>> {
    let template: Value = serde_json::from_str(packaged).unwrap_or_default();
    let general = template["Globals"]["Function"]["Runtime"].as_str();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (logical, resource) in template["Resources"].as_object().into_iter().flatten() {
        let own = resource["Properties"].get("Runtime");
        if let Some(runtime) = own.map_or(general, Value::as_str) {
            found.entry(runtime.to_owned()).or_default().push(logical.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_support_is_reported_from_half_a_year_before() {
        let seen = |runtime, today| end_of_support(runtime, today).map(|end| end.is_past);
        assert_eq!(seen("nodejs22.x", date(2026, 10, 1)), None);
        assert_eq!(seen("nodejs22.x", date(2026, 11, 28)), Some(false));
        assert_eq!(seen("nodejs22.x", date(2027, 4, 30)), Some(false));
        assert_eq!(seen("nodejs22.x", date(2027, 5, 1)), Some(true));
        assert_eq!(seen("java99", date(2027, 5, 1)), None);
        assert_eq!(seen("java25", date(2026, 11, 29)), None);
        assert_eq!(seen("dotnet8", date(2026, 11, 11)), Some(true));
        assert_eq!(end_of_support("python3.9", date(2026, 1, 1)).unwrap().frozen, date(2026, 2, 13));
    }

    #[test]
    fn runtimes_are_found_in_globals_and_in_functions() {
        let packaged = r#"{"Globals": {"Function": {"Runtime": "python3.9"}}, "Resources": {
            "Hello": {"Properties": {}}, "World": {"Properties": {"Runtime": "nodejs24.x"}},
            "Other": {"Properties": {"Runtime": {"Ref": "R"}}}}}"#;
        let found = runtimes_of(packaged);
        assert_eq!(found["python3.9"], ["Hello"]);
        assert_eq!(found["nodejs24.x"], ["World"]);
        assert!(runtimes_of("no json").is_empty());
    }
}
