//! The longest chain of calls, each of which starts after the end of the one before. Parallelism cannot shorten it.
//!
//! The repeated reads of one wait count as one call. A change of the resource between two reads makes them two waits.

use sluice_e2e::Call;

/// Whether a call goes to the bot's table.
pub(crate) fn is_store(call: &Call) -> bool {
    call.service == "dynamodb"
}

/// Whether a call goes to AWS, except the store.
pub(crate) fn is_aws(call: &Call) -> bool {
    !is_store(call) && call.service != "slack"
}

fn end(call: &Call) -> u64 {
    call.end_us.unwrap_or(u64::MAX)
}

/// The resource without version, alias or path.
fn resource(call: &Call) -> &str {
    let detail = call.detail.as_deref().unwrap_or_default();
    detail.split([':', '/']).next().unwrap_or_default()
}

fn is_same_read(call: &Call, other: &Call) -> bool {
    !call.mutating
        && (&call.service, &call.method, &call.detail) == (&other.service, &other.method, &other.detail)
}

/// A call, or all reads of one wait.
struct Span<'a> {
    call: &'a Call,
    start: u64,
    end: u64,
}

/// The calls by start, with the reads of each wait joined.
fn spans<'a>(calls: &[&'a Call]) -> Vec<Span<'a>> {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| (call.start_us, call.seq));
    let mut spans: Vec<Span<'a>> = vec![];
    for call in &calls {
        let before = spans.iter_mut().rev().find(|span| is_same_read(span.call, call));
        let changed = |since: u64| {
            let mut between = calls.iter().filter(|c| c.start_us >= since && end(c) <= call.start_us);
            between.any(|c| c.mutating && c.service == call.service && resource(c) == resource(call))
        };
        match before {
            Some(span) if span.end <= call.start_us && !changed(span.end) => span.end = end(call),
            _ => spans.push(Span { call, start: call.start_us, end: end(call) }),
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
            result: "ok".into(),
            effect: true,
            rule: None,
            write_units: None,
        }
    }

    fn methods(calls: &[Call]) -> Vec<&str> {
        let calls: Vec<&Call> = calls.iter().collect();
        longest(&calls).iter().map(|call| call.method.as_str()).collect()
    }

    #[test]
    fn parallel_calls_count_once() {
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
    fn the_reads_of_one_wait_count_once() {
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
    fn a_change_between_two_reads_makes_them_two_waits() {
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
