//! The longest chain of calls: each starts after the one before ended, so no parallelism could have hidden it.
//!
//! The reads of one wait count as one call, however often it looked. What lies between two looks tells waits apart: a
//! change of the resource that is looked at begins another wait.

use serde::Deserialize;

/// A line of `GET /control/calls`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Call {
    pub(crate) seq: u64,
    pub(crate) service: String,
    pub(crate) method: String,
    pub(crate) detail: Option<String>,
    pub(crate) mutating: bool,
    pub(crate) start_us: u64,
    pub(crate) end_us: Option<u64>,
    pub(crate) write_units: Option<f64>,
}

impl Call {
    /// Whether it is one of the store's.
    pub(crate) fn is_store(&self) -> bool {
        self.service == "dynamodb"
    }

    /// Whether it is one of AWS's, the store's apart.
    pub(crate) fn is_aws(&self) -> bool {
        !self.is_store() && self.service != "slack"
    }

    fn end(&self) -> u64 {
        self.end_us.unwrap_or(u64::MAX)
    }

    /// What it is about, without version, alias or path.
    fn resource(&self) -> &str {
        let detail = self.detail.as_deref().unwrap_or_default();
        detail.split([':', '/']).next().unwrap_or_default()
    }

    fn is_same_look(&self, other: &Self) -> bool {
        !self.mutating
            && (&self.service, &self.method, &self.detail) == (&other.service, &other.method, &other.detail)
    }
}

/// A call, or all looks of one wait.
struct Span<'a> {
    call: &'a Call,
    start: u64,
    end: u64,
}

/// The calls with the looks of each wait drawn together, by start.
fn spans<'a>(calls: &[&'a Call]) -> Vec<Span<'a>> {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| (call.start_us, call.seq));
    let mut spans: Vec<Span<'a>> = vec![];
    for call in &calls {
        let before = spans.iter_mut().rev().find(|span| span.call.is_same_look(call));
        let changed = |since: u64| {
            let mut between = calls.iter().filter(|c| c.start_us >= since && c.end() <= call.start_us);
            between.any(|c| c.mutating && c.service == call.service && c.resource() == call.resource())
        };
        match before {
            Some(span) if span.end <= call.start_us && !changed(span.end) => span.end = call.end(),
            _ => spans.push(Span { call, start: call.start_us, end: call.end() }),
        }
    }
    spans.sort_by_key(|span| span.start);
    spans
}

/// The longest chain, first call first.
pub(crate) fn longest<'a>(calls: &[&'a Call]) -> Vec<&'a Call> {
    let spans = spans(calls);
    let mut best: Vec<(usize, Option<usize>)> = vec![];
    for (index, span) in spans.iter().enumerate() {
        let ended = (0..index).filter(|earlier| spans[*earlier].end <= span.start);
        let before = ended.max_by_key(|earlier| best[*earlier].0);
        best.push((before.map_or(1, |earlier| best[earlier].0 + 1), before));
    }
    let mut at = (0..best.len()).max_by_key(|index| best[*index].0);
    let mut chain = vec![];
    while let Some(index) = at {
        chain.push(spans[index].call);
        at = best[index].1;
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, detail: &str, mutating: bool, start_us: u64, end_us: u64) -> Call {
        Call {
            seq: start_us,
            service: "lambda".into(),
            method: method.into(),
            detail: Some(detail.into()),
            mutating,
            start_us,
            end_us: Some(end_us),
            write_units: None,
        }
    }

    fn methods(calls: &[Call]) -> Vec<&str> {
        let calls: Vec<&Call> = calls.iter().collect();
        longest(&calls).iter().map(|call| call.method.as_str()).collect()
    }

    #[test]
    fn calls_side_by_side_are_one_in_the_chain() {
        let calls = [
            call("GetAlias", "f:dev", false, 0, 10),
            call("GetPolicy", "f:dev", false, 1, 12),
            call("UpdateFunctionCode", "f", true, 12, 20),
            call("UpdateFunctionCode", "g", true, 13, 21),
            call("UpdateAlias", "f:dev", true, 20, 30),
        ];
        assert_eq!(methods(&calls), ["GetPolicy", "UpdateFunctionCode", "UpdateAlias"]);
    }

    #[test]
    fn the_looks_of_one_wait_count_once() {
        let calls = [
            call("UpdateFunctionCode", "f", true, 0, 10),
            call("GetFunctionConfiguration", "f:2", false, 11, 12),
            call("GetFunctionConfiguration", "f:2", false, 20, 21),
            call("GetFunctionConfiguration", "g:2", false, 22, 23),
            call("GetFunctionConfiguration", "f:2", false, 30, 31),
            call("UpdateAlias", "f:dev", true, 32, 40),
        ];
        assert_eq!(methods(&calls), ["UpdateFunctionCode", "GetFunctionConfiguration", "UpdateAlias"]);
    }

    #[test]
    fn a_change_between_two_looks_makes_them_two_waits() {
        let calls = [
            call("GetFunctionConfiguration", "f:$LATEST", false, 0, 1),
            call("UpdateFunctionConfiguration", "f", true, 2, 3),
            call("GetFunctionConfiguration", "f:$LATEST", false, 4, 5),
        ];
        assert_eq!(methods(&calls).len(), 3);
    }

    #[test]
    fn a_call_that_never_ended_is_followed_by_nothing() {
        let mut calls = [call("GetAlias", "f:dev", false, 0, 1), call("UpdateAlias", "f:dev", true, 2, 3)];
        calls[0].end_us = None;
        assert_eq!(methods(&calls).len(), 1);
    }
}
