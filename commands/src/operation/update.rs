//! From the recorded state to what people read: the one message of an operation and its thread replies.

mod buttons;
mod left_behind;
mod thread_replies;

use std::collections::BTreeMap;

use crate::operation::definition::{BoundOperation, Summary};
use crate::operation::head::{Head, Status};
use crate::operation::state::{OperationState, RecordedSignal, SignalKind};
use crate::operation::step::{Effect, EngineError, Node, StepId};
use crate::operation::world::World;
use crate::ports::Update;
use sluice_model::{
    Actor, Card, Member, Part, Refusal, Span, StageName, StepLine, StepState, Text, Tone, UserId,
};

/// The update for the current state. `notes` are the latest notes of running steps, `own_since` is the first
/// row that this process wrote.
pub(crate) fn of(
    definition: &dyn BoundOperation,
    op: &OperationState,
    world: &World,
    notes: &BTreeMap<StepId, Text>,
    own_since: u64,
) -> Result<Update, EngineError> {
    let nodes = definition.nodes(op, &world.target)?;
    Ok(of_nodes(definition, op, &nodes, notes, own_since))
}

/// The same if the steps are computed already.
pub(crate) fn of_nodes(
    definition: &dyn BoundOperation,
    op: &OperationState,
    nodes: &[Node],
    notes: &BTreeMap<StepId, Text>,
    own_since: u64,
) -> Update {
    let summary = definition.summary(op);
    let status = op.status();
    Update {
        operation: op.id.clone(),
        sequence: op.sequence,
        card: card(&summary, op, nodes, notes, definition.can_cancel()),
        own_since,
        first: false,
        status,
        is_urgent: definition.is_urgent(),
        actor: op.spec.actor.id.clone(),
        names: names([&op.spec.actor].into_iter().chain(op.signals.iter().map(|said| &said.actor))),
        channels: op.spec.channels(),
        asides: thread_replies::asides(&summary, op, nodes),
        wakes: summary.wakes.filter(|_| status == Status::Waiting),
    }
}

/// The names of the people who acted in Slack. At a terminal a person is named by id.
fn names<'a>(actors: impl IntoIterator<Item = &'a Actor>) -> BTreeMap<UserId, String> {
    let in_slack = actors.into_iter().filter(|actor| !actor.terminal);
    in_slack.map(|actor| (actor.id.clone(), actor.name.clone())).collect()
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Running | Status::Unwinding => Tone::Running,
        Status::Waiting => Tone::Waiting,
        Status::Succeeded => Tone::Good,
        Status::Failed | Status::Stuck => Tone::Bad,
    }
}

/// The headline: the result, or the operation and its state.
fn headline(summary: &Summary, op: &OperationState) -> Text {
    let status = op.status();
    let own = match status {
        Status::Running => &summary.doing,
        Status::Waiting => &summary.waiting,
        Status::Succeeded => &summary.done,
        _ => &None,
    };
    let own_state = summary.state.filter(|_| matches!(status, Status::Waiting | Status::Succeeded));
    if let Some(own) = own.as_ref().filter(|_| own_state.is_none()) {
        return own.clone();
    }
    let state = match status {
        Status::Running => "is running",
        Status::Waiting => "is waiting",
        Status::Succeeded => "succeeded",
        Status::Unwinding => "is being undone",
        Status::Failed => match op.failure() {
            _ if op.resolved.is_some() => "was marked as resolved",
            Some(refusal) if refusal.code == crate::operation::REJECTED => "was rejected",
            Some(refusal) if refusal.code == crate::operation::EXPIRED => "expired",
            Some(refusal) if refusal.code == crate::operation::VOID => "is void",
            Some(refusal) if refusal.code == crate::operation::CANCELLED => "was cancelled",
            _ => "failed",
        },
        Status::Stuck => "is stuck",
    };
    let title = summary.title.clone().then(" ").bold(own_state.unwrap_or(state));
    match summary.result.as_ref().filter(|_| own_state.is_some()) {
        Some(result) => title.then(": ").join(result.clone()),
        None => title,
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
        card = left_behind::told(card, op, nodes);
    }
    card.parts.extend(summary.parts.iter().cloned());
    card.hint = match &failure {
        _ if status == Status::Stuck => Some(left_behind::what_now()),
        // The next step follows when the unwinding is over.
        Some(_) if status == Status::Unwinding => None,
        Some(refusal) if !refusal.hint.is_empty() => Some(marked(&refusal.hint)),
        _ => summary.hint.clone(),
    };
    match status {
        Status::Waiting => card.buttons = summary.buttons.clone(),
        Status::Stuck => {
            card.buttons = buttons::of_stuck(&op.id, op.stuck.as_ref().map_or(0, |(since, _)| *since))
        }
        _ => {}
    }
    if can_cancel && matches!(status, Status::Running | Status::Waiting) {
        card.buttons.push(buttons::cancel(&op.id, &op.spec.command));
    }
    for signal in &op.signals {
        let said = match signal.kind {
            SignalKind::Approve => "Approved by ",
            SignalKind::Reject => "Rejected by ",
            SignalKind::Cancel => "Cancelled by ",
            SignalKind::Preempt => "Stopped for a rollback by ",
            SignalKind::StageMoved => "Made void: stage moved by ",
            SignalKind::Retry => "Retried by ",
            SignalKind::Resolve => "Marked as resolved by ",
            SignalKind::Unlock => "Unlocked by ",
            SignalKind::TakeOver => "Taken over by ",
        };
        let mut line = Text::plain(said).join(signal.actor.attribution()).then(" ").time(signal.at);
        if let (SignalKind::Unlock | SignalKind::TakeOver, Some((_, stage))) =
            (signal.kind, signal.step.0.split_once(':'))
        {
            line = line.then(": ").code(stage);
        }
        if let Some(reason) = &signal.reason {
            line = line.then(format!(": {reason}"));
        }
        card = card.foot(line);
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
        card = card.foot(Text::plain("code ").code(refusal.code).then(" · operation ").code(op.id.as_str()));
    }
    card
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

/// The update for an operation that was parked and whose steps cannot be computed.
pub(crate) fn of_parked(head: &Head, is_urgent: bool, why: &Refusal) -> Update {
    let title = Text::default().code(head.spec.command.clone()).then(" ").bold("is stuck");
    let mut card = Card::new(Tone::Bad, title).text(marked(&why.problem));
    let hint =
        marked(&why.hint).then(" Then an admin can click ").bold("Retry").then(". ").bold("Mark resolved");
    card.hint = Some(hint.then(
        " ends it; a stage that it was moving then counts as mixed. Rollbacks are possible in any case.",
    ));
    card.buttons = buttons::of_stuck(&head.id, head.sequence);
    let text = Text::default().user(&head.spec.actor.id).then(" ").code(head.spec.command.clone());
    let text = text.then(" ").bold("is stuck").then(": ").join(marked(&why.problem));
    let news = without_journal(head, card, &why.code);
    Update { is_urgent, asides: vec![thread_replies::stuck(text, head.sequence)], ..news }
}

/// The update for an operation that was ended without its journal. `by`: the signal that marked it as
/// resolved, if it is known.
pub(crate) fn of_forced(head: &Head, by: Option<&RecordedSignal>, stages: &[StageName]) -> Update {
    let title = Text::default().code(head.spec.command.clone()).then(" ").bold("was marked as resolved");
    let mut card = Card::new(Tone::Bad, title);
    card = card
        .text(Text::plain("Its record could not be continued, so it was ended without checking what runs."));
    if !stages.is_empty() {
        let names = stages.iter().fold(Text::default(), |text, stage| text.code(stage.as_str()).then(" "));
        let words = "It is unknown what runs on ";
        let text = Text::plain(words)
            .join(names)
            .then("now. Deploy, promote or roll back to bring each to one release.");
        card = card.text(text);
    }
    if let Some(by) = by {
        card = card
            .foot(Text::plain("Marked as resolved by ").join(by.actor.attribution()).then(" ").time(by.at));
    }
    without_journal(head, card, "resolved-by-force")
}

fn without_journal(head: &Head, card: Card, code: &str) -> Update {
    let Head { id, spec, sequence, status, .. } = head;
    let card = card.foot(Text::plain("code ").code(code).then(" · operation ").code(id.as_str()));
    Update {
        operation: id.clone(),
        sequence: *sequence,
        card,
        own_since: *sequence,
        first: false,
        status: *status,
        is_urgent: false,
        actor: spec.actor.id.clone(),
        names: names([&spec.actor]),
        channels: spec.channels(),
        asides: vec![],
        wakes: None,
    }
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

fn lines(op: &OperationState, nodes: &[Node], notes: &BTreeMap<StepId, Text>) -> Vec<StepLine> {
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

/// Converts our own marks to spans: code in backticks, people as `<@U…>`, groups as `<!subteam^S…>`. Text
/// that people typed must never be passed here unchecked.
pub fn marked(words: &str) -> Text {
    let mut text = Text::default();
    for (n, piece) in words.split('`').enumerate() {
        if n % 2 == 1 {
            text = text.code(piece);
            continue;
        }
        let mut rest = piece;
        while let Some((before, member, behind)) = mention(rest) {
            text = text.then(before).member(&member);
            rest = behind;
        }
        if !rest.is_empty() {
            text = text.then(rest);
        }
    }
    text.0.retain(|span| !matches!(span, Span::Plain(words) if words.is_empty()));
    text
}

/// The first person or group that is mentioned, with the text before and after.
fn mention(words: &str) -> Option<(&str, Member, &str)> {
    words.match_indices('<').find_map(|(at, _)| {
        let (before, after) = words.split_at(at);
        let (mark, behind) = after.strip_prefix('<')?.split_once('>')?;
        Some((before, Member::marked(mark)?, behind))
    })
}

/// The reason of a failure in one line, without mentions: only the one message mentions people.
fn cause(op: &OperationState) -> Option<Text> {
    let refusal = op.failure().filter(|_| !matches!(op.ended, Some((_, true))))?;
    let why = marked(refusal.problem.lines().next()?.trim_end_matches(':'));
    let mentions = why.0.iter().any(|span| matches!(span, Span::User(_) | Span::Group(_)));
    (!mentions && !why.is_empty()).then_some(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_becomes_a_span_and_a_stray_bracket_hides_none() {
        let group: sluice_model::GroupId = "S1".parse().unwrap();
        let text = marked("1 < 2: ask <!subteam^S1> or <!here>");
        assert_eq!(text, Text::plain("1 < 2: ask ").group(&group).then(" or <!here>"));
    }

    #[test]
    fn our_own_marks_become_spans_and_nothing_else_does() {
        let text = marked("Type `/repo list`, or ask <@U0ANN0001>.");
        assert_eq!(
            text,
            Text::plain("Type ")
                .code("/repo list")
                .then(", or ask ")
                .user(&"U0ANN0001".parse().unwrap())
                .then(".")
        );
        assert_eq!(marked("<@not a user> <@"), Text::plain("<@not a user> <@"));
    }

    #[test]
    fn durations_are_formatted_for_people() {
        let said = [0, 999, 1_234, 45_000, 150_000, 7_500_000].map(took);
        assert_eq!(said, ["0 ms", "999 ms", "1.2 s", "45 s", "2 min 30 s", "2 h 5 min"]);
    }
}
