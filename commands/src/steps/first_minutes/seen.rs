//! What was seen of the first minutes, as the journal keeps it: within bounds, however many functions a stage has.

use serde::{Deserialize, Serialize};

use crate::operation::OperationState;

/// How many functions with errors are named.
const FAILING: usize = 5;
/// How many cold starts are shown.
const COLD: usize = 3;

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The minutes that were looked at.
    pub(super) minutes: u64,
    /// The calls of all functions. A throttled call is none.
    pub(super) calls: u64,
    /// How many of them failed.
    pub(super) errors: u64,
    /// How many more were throttled.
    pub(super) throttles: u64,
    /// The functions with errors or throttled calls, those with most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failing: Vec<Calls>,
    /// The longest cold starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) cold: Vec<ColdStart>,
    /// The memory of the function that came closest to its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<Memory>,
    /// The call that AWS denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) denied: Option<String>,
}

/// The calls of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calls {
    /// Its logical id.
    pub(super) function: String,
    pub(super) calls: u64,
    pub(super) errors: u64,
    pub(super) throttles: u64,
}

/// How long a function's initialisation took, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColdStart {
    /// Its logical id.
    pub(super) function: String,
    pub(super) took: u32,
    /// The same of the version before, if its log has a cold start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<u32>,
}

/// The most memory that a function used, in MB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Its logical id.
    pub(super) function: String,
    pub(super) used: u32,
    pub(super) size: u32,
}

impl Memory {
    /// The part that is used, in thousandths.
    fn part(&self) -> u64 {
        u64::from(self.used) * 1_000 / u64::from(self.size.max(1))
    }
    /// Whether little is left.
    pub(super) fn is_tight(&self) -> bool {
        self.part() >= 900
    }
}

impl Seen {
    /// What CloudWatch counted.
    pub(super) fn counted(minutes: u64, functions: &[Calls]) -> Self {
        let sum = |of: fn(&Calls) -> u64| functions.iter().map(of).fold(0, u64::saturating_add);
        let mut failing: Vec<Calls> =
            functions.iter().filter(|calls| calls.errors + calls.throttles > 0).cloned().collect();
        failing.sort_by_key(|calls| std::cmp::Reverse((calls.errors, calls.throttles)));
        failing.truncate(FAILING);
        Self {
            minutes,
            calls: sum(|calls| calls.calls),
            errors: sum(|calls| calls.errors),
            throttles: sum(|calls| calls.throttles),
            failing,
            ..Self::default()
        }
    }

    /// The same with what the logs report.
    pub(super) fn with_reports(mut self, mut cold: Vec<ColdStart>, memory: Vec<Memory>) -> Self {
        cold.sort_by_key(|cold| std::cmp::Reverse(cold.took));
        cold.truncate(COLD);
        self.cold = cold;
        self.memory = memory.into_iter().max_by_key(Memory::part);
        self
    }

    /// AWS denied this call.
    pub(super) fn denied(minutes: u64, call: &str) -> Self {
        Self { minutes, denied: Some(call.to_owned()), ..Self::default() }
    }

    /// Whether so many calls fail that somebody should look now: three or more, and one of twenty.
    pub(super) fn is_serious(&self) -> bool {
        let bad = self.errors.saturating_add(self.throttles);
        bad >= 3 && bad.saturating_mul(20) >= self.calls.saturating_add(self.throttles)
    }
}

/// What was seen of the first minutes after an operation, if it was looked at and the stage still ran that.
pub(super) fn seen(op: &OperationState) -> Option<Seen> {
    Option::<Seen>::deserialize(&*op.followed_up.as_ref()?.output).ok()?
}

/// The middle one of these numbers.
pub(super) fn median(mut numbers: Vec<u32>) -> Option<u32> {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(function: &str, calls: u64, errors: u64, throttles: u64) -> Calls {
        Calls { function: function.into(), calls, errors, throttles }
    }

    #[test]
    fn what_is_kept_of_many_functions_is_bounded() {
        let functions: Vec<Calls> = (0..300).map(|nth| calls(&format!("F{nth}"), 10, nth, 0)).collect();
        let cold =
            (0..300).map(|took| ColdStart { function: format!("F{took}"), took, before: None }).collect();
        let memory = (1..300).map(|used| Memory { function: format!("F{used}"), used, size: 128 }).collect();
        let seen = Seen::counted(5, &functions).with_reports(cold, memory);
        assert_eq!((seen.calls, seen.failing.len(), seen.cold.len()), (3_000, FAILING, COLD));
        assert_eq!((seen.failing[0].function.as_str(), seen.cold[0].took), ("F299", 299));
        assert!(serde_json::to_string(&seen).unwrap().len() < 1_000);
    }

    #[test]
    fn a_few_failures_of_many_calls_are_not_serious() {
        let is_serious =
            |all, errors, throttles| Seen::counted(5, &[calls("F", all, errors, throttles)]).is_serious();
        assert!(!is_serious(2, 2, 0), "two calls prove little");
        assert!(is_serious(3, 3, 0) && is_serious(60, 3, 0) && !is_serious(61, 3, 0));
        assert!(is_serious(0, 0, 3), "all calls were throttled");
    }
}
