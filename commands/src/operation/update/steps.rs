//! The steps of an operation as people see them.

use std::collections::BTreeMap;

use crate::application::Node;
use sluice_engine::{Effect, OperationState, StepId};
use sluice_model::{StepLine, StepState, Text};

/// A line for each step with a title; after the end only those that ran.
pub(super) fn lines(op: &OperationState, nodes: &[Node], notes: &BTreeMap<StepId, Text>) -> Vec<StepLine> {
    let over = op.ended.is_some();
    nodes
        .iter()
        .filter(|node| !node.title.is_empty())
        .filter_map(|node| {
            let fact = op.step(&node.id);
            let ready = node.needs.iter().all(|need| op.is_done(need));
            let begun = fact.and_then(|fact| fact.intent.or(fact.waiting.map(|(at, _)| at)));
            let ended =
                fact.and_then(|f| f.done.as_ref().map(|(at, _)| *at).or(f.fault.as_ref().map(|(at, _)| *at)));
            let state = match fact {
                Some(fact) if matches!(fact.undone, Some((_, None))) => StepState::Undone,
                Some(fact) if fact.undone.is_some() => StepState::Done,
                Some(fact) if fact.undo_fault.is_some() => StepState::Failed,
                Some(fact) if fact.undo.is_some() => StepState::Running,
                Some(fact) if fact.done.is_some() => StepState::Done,
                Some(fact) if fact.fault.is_some() => StepState::Failed,
                _ if over => return None,
                Some(fact) if fact.waiting.is_some() => StepState::Waiting,
                // An intent may be recorded ahead: the step runs once it is ready.
                Some(fact) if fact.intent.is_some() && ready => StepState::Running,
                _ if notes.contains_key(&node.id) => StepState::Running,
                _ if ready && !matches!(node.step.effect(), Effect::Mutate(_)) => StepState::Running,
                _ => StepState::Pending,
            };
            // A step that only looks has no intent. It began when the last of its needs was done.
            let began = begun.or_else(|| {
                let needs = node.needs.iter().filter_map(|id| op.step(id)?.done.as_ref().map(|(at, _)| *at));
                needs.max().or(Some(op.spec.accepted))
            });
            let awaits = node.step.effect() == Effect::Await;
            let took_ms = match (began, ended) {
                // The time that people took counts from the start of the wait.
                (Some(began), Some(ended)) if awaits => {
                    u64::try_from(ended.duration_since(began).as_millis()).ok()
                }
                _ if fact.is_some_and(|fact| fact.took.is_some()) => {
                    fact.and_then(|fact| u64::try_from(fact.took?.as_millis()).ok())
                }
                (Some(began), Some(ended)) => u64::try_from(ended.duration_since(began).as_millis()).ok(),
                _ => None,
            };
            Some(StepLine { state, title: node.title.clone(), took_ms, note: notes.get(&node.id).cloned() })
        })
        .collect()
}

/// A duration for people: `12 ms`, `1.2 s`, `45 s`, `2 min 30 s`, `2 h 5 min`. Takes milliseconds.
pub fn took(milliseconds: i128) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1_000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..10 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted_for_people() {
        let said = [0, 999, 1_234, 45_000, 150_000, 7_500_000].map(took);
        assert_eq!(said, ["0 ms", "999 ms", "1.2 s", "45 s", "2 min 30 s", "2 h 5 min"]);
    }
}
