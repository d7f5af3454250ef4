//! The one message of an operation.

use std::collections::BTreeMap;

use crate::application::Node;
use crate::operation::update::headline::headline;
use crate::operation::update::marks::marked;
use crate::operation::update::steps::{lines, took};
use crate::operation::update::{buttons, left_behind};
use sluice_engine::{OperationState, RecordedSignal, SignalKind, Status, StepId, Summary};
use sluice_model::{Card, Part, StepLine, StepState, Text, Tone};

fn tone(status: Status) -> Tone {
    match status {
        Status::Running | Status::Unwinding => Tone::Running,
        Status::Waiting => Tone::Waiting,
        Status::Succeeded => Tone::Good,
        Status::Failed | Status::Stuck => Tone::Bad,
    }
}

/// The message of an operation: a pure function of the recorded state.
pub fn card(
    summary: &Summary,
    op: &OperationState,
    nodes: &[Node],
    notes: &BTreeMap<StepId, Text>,
    can_cancel: bool,
) -> Card {
    let status = op.status();
    let mut card = Card::new(tone(status), headline(summary, op));
    // The failure is first: on a phone the steps fill a screen.
    let failure = op.failure().filter(|_| status != Status::Succeeded);
    if op.faults().next().is_none() {
        // The reason for parking is not the fault of a step.
        let stuck = op.stuck.as_ref().map(|(_, refusal)| refusal).filter(|_| failure.is_none());
        card = failure.iter().chain(stuck).fold(card, |card, refusal| card.text(marked(&refusal.problem)));
    }
    for (_, refusal) in op.faults() {
        card = card.text(marked(&refusal.problem));
    }
    if !summary.fields.is_empty() {
        card = card.part(Part::Fields(summary.fields.clone()));
    }
    card.parts.extend(summary.leads.iter().cloned());
    let steps = lines(op, nodes, notes);
    if let Some(progress) = progress(op, &steps) {
        card = card.text(progress);
    }
    if matches!(status, Status::Failed | Status::Stuck) {
        card = left_behind::add(card, op, nodes);
    }
    card.parts.extend(summary.parts.iter().cloned());
    card.hint = match &failure {
        _ if status == Status::Stuck => Some(left_behind::what_now(op)),
        // The next step follows when the unwinding is over.
        Some(_) if status == Status::Unwinding => None,
        Some(_) if op.resolved.is_some() => {
            let line = format!("/pipeline status {}", op.spec.pipeline);
            Some(Text::plain("To see what runs now, run ").code(line).then("."))
        }
        Some(refusal) if !refusal.hint.is_empty() => Some(marked(&refusal.hint)),
        _ => summary.hint.clone(),
    };
    match status {
        Status::Waiting => card.buttons = summary.buttons.clone(),
        Status::Succeeded | Status::Failed => card.buttons = summary.next.clone(),
        Status::Stuck => {
            card.buttons =
                buttons::of_stuck(&op.id, &op.spec.kind, op.stuck.as_ref().map_or(0, |(since, _)| *since))
        }
        Status::Running | Status::Unwinding => {}
    }
    if can_cancel && matches!(status, Status::Running | Status::Waiting) {
        card.buttons.push(buttons::cancel(&op.id, &op.spec.command));
    }
    for signal in &op.signals {
        card = card.foot(footer(signal));
    }
    let spec = &op.spec;
    let mut asked = Text::plain("Requested by ").join(spec.actor.attribution()).then(" ").time(spec.accepted);
    asked = asked.then(" · ").code(spec.command.clone());
    // The duration of a lock is not a duration of work.
    if let Some((at, _)) = op.ended.filter(|_| summary.state.is_none()) {
        let steps = if steps.len() > 1 { format!(" · {} steps", steps.len()) } else { String::new() };
        asked = asked.then(format!("{steps} · {}", took(at.duration_since(spec.accepted).as_millis())));
    }
    card = card.foot(asked);
    if let Some(refusal) = failure {
        card = card.code_of(&op.id, refusal.code);
    }
    card
}

/// What a person did to the operation, when and why.
fn footer(signal: &RecordedSignal) -> Text {
    let said = match signal.kind {
        SignalKind::Approve => "Approved by ",
        SignalKind::Reject => "Rejected by ",
        SignalKind::Cancel => "Cancelled by ",
        SignalKind::Preempt => "Stopped by ",
        SignalKind::Retry => "Retried by ",
        SignalKind::Resolve => "Marked as resolved by ",
        SignalKind::Release => "Unlocked by ",
        SignalKind::Replace => "Taken over by ",
    };
    let mut line = Text::plain(said).join(signal.actor.attribution()).then(" ").time(signal.at);
    if let (SignalKind::Release | SignalKind::Replace, Some((_, stage))) =
        (signal.kind, signal.step.0.split_once(':'))
    {
        line = line.then(": ").code(stage);
    }
    if let Some(reason) = &signal.reason {
        line = line.then(format!(": {reason}"));
    }
    line
}

/// One line of progress while it runs: "3 of 9 steps · create `Hello`", with the note of the running step.
/// After the end, the list of steps is a thread reply.
fn progress(op: &OperationState, steps: &[StepLine]) -> Option<Text> {
    if op.ended.is_some() || op.stuck.is_some() || steps.is_empty() {
        return None;
    }
    let done = steps.iter().filter(|step| matches!(step.state, StepState::Done | StepState::Undone)).count();
    let now = |states: &[StepState]| steps.iter().find(|step| states.contains(&step.state));
    let now = now(&[StepState::Failed]).or(now(&[StepState::Running])).or(now(&[StepState::Waiting]));
    let text = match steps.len() {
        1 => Text::default(),
        all => Text::plain(format!("{done} of {all} steps")),
    };
    // A waiting step with a note says why an approval does not count yet.
    let Some(now) = now.filter(|step| step.state != StepState::Waiting || step.note.is_some()) else {
        return (!text.is_empty()).then_some(text);
    };
    let text = if text.is_empty() { text } else { text.then(" · ") }.join(now.title.clone());
    let text = if now.state == StepState::Failed { text.then(" failed") } else { text };
    Some(match &now.note {
        Some(note) => text.then(" · ").join(note.clone()),
        None => text,
    })
}
