//! The time while a lock holds: its reminder, its end, and the message about both.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::operation::{
    Context, Effect, EngineError, Node, OperationState, Progress, RecordedSignal, SignalKind, Status, Step,
    StepId, Summary, World, release_lock,
};
use crate::records::PipelineState;
use crate::stage::params::Lock as Params;
use sluice_grammar::{Command, Period, StageCommand};
use sluice_model::{Actor, OperationId, PipelineName, StageName, Text};

/// The shortest lock with a reminder. The owner of a shorter one set it a moment ago.
const SHORT: SignedDuration = SignedDuration::from_mins(10);
/// The longest time before the end at which the reminder is sent.
const BEFORE: SignedDuration = SignedDuration::from_mins(15);
/// The extension, in seconds, that is offered for a lock that was set until a time of day.
const LONGER: u64 = 2 * 3600;

fn hold(stage: &StageName) -> StepId {
    StepId::of("hold", stage.as_str())
}

/// Stage names, formatted for messages.
pub(crate) fn listed<'a>(stages: impl IntoIterator<Item = &'a StageName>) -> Text {
    stages.into_iter().fold(Text::default(), |text, stage| {
        if text.is_empty() { text.code(stage.as_str()) } else { text.then(", ").code(stage.as_str()) }
    })
}

/// The steps after the locks in `set`: the owners of the former locks are notified, and each lock holds.
pub(super) fn nodes(op: &OperationState, params: &Params, set: &[StepId]) -> Result<Vec<Node>, EngineError> {
    let mut nodes = vec![];
    for stage in &params.stages {
        let lock = StepId::of("lock", stage.as_str());
        let replaced: Vec<OperationId> = op.output(&lock)?.unwrap_or_default();
        if !replaced.is_empty() {
            let step = Tell { replaced, stage: stage.clone(), by: op.spec.actor.clone() };
            nodes.push(Node::new(StepId::of("tell", stage.as_str()), "", step).after([lock]));
        }
    }
    nodes.extend(params.stages.iter().map(|stage| {
        let step = Hold { name: params.name.clone(), stage: stage.clone(), until: params.until };
        Node::new(hold(stage), "", step).after(set.iter().cloned())
    }));
    Ok(nodes)
}

/// Notifies the operation of a lock that the lock was removed or replaced on that stage.
pub(crate) async fn tell_of_end(
    world: &World,
    lock: &OperationId,
    stage: &StageName,
    how: SignalKind,
    by: &Actor,
) -> Result<(), EngineError> {
    release_lock(world, lock, &hold(stage), how, by).await
}

/// When the owner is reminded: when a quarter of the lock's time is left, at most 15 minutes before the end.
fn reminds(set: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let length = until.duration_since(set);
    let before = (length / 4).min(BEFORE);
    until.checked_sub(before).ok().filter(|_| length >= SHORT)
}

/// The text with the command that locks these stages for the same time again.
fn longer(op: &OperationState, params: &Params, held: &[&StageName]) -> Text {
    let length = params.until.duration_since(op.spec.accepted).as_secs() + 30;
    // The end was computed a moment before the acceptance.
    let minutes = u64::try_from(length / 60).unwrap_or_default();
    let seconds = if minutes > 0 && minutes % 5 == 0 { minutes * 60 } else { LONGER };
    let line = |stage: Option<&StageName>| {
        Command::Stage(StageCommand::Lock {
            name: params.name.clone(),
            stage: stage.cloned(),
            until: Some(Period::Seconds(seconds)),
            hard: params.hard,
            reason: params.reason.clone(),
        })
    };
    if held.len() > 1 && held.len() == params.stages.len() {
        return Text::default().code(line(None).to_string());
    }
    held.iter().fold(Text::default(), |text, stage| {
        let text = if text.is_empty() { text } else { text.then(", ") };
        text.code(line(Some(stage)).to_string())
    })
}

/// Adds the state of the locks: they hold, or how they ended.
pub(super) fn notify(mut summary: Summary, op: &OperationState, params: &Params) -> Summary {
    let (over, held): (Vec<_>, Vec<_>) = params.stages.iter().partition(|stage| op.is_done(&hold(stage)));
    match op.status() {
        Status::Waiting => {
            summary.state = Some("is active");
            if !over.is_empty() {
                let still = Text::plain("still active on ").join(listed(held.iter().copied()));
                summary.result = summary.result.map(|result| still.then(": ").join(result));
            }
            let reminds = reminds(op.spec.accepted, params.until);
            let seen = op.waits_still().map(|(at, _)| at);
            let is_reminded = reminds.zip(seen).is_some_and(|(reminds, seen)| seen >= reminds);
            summary.wakes = reminds.filter(|_| !is_reminded).or(Some(params.until));
            if is_reminded {
                let whose = Text::default().user(&op.spec.actor.id).then(" your lock of ");
                let whose = whose.join(listed(held.iter().copied())).then(" of ").code(params.name.as_str());
                let ends = whose.then(" ends ").time(params.until).then(". ");
                summary.reminder = Some(ends.join(longer(op, params, &held)).then(" extends it."));
            }
        }
        Status::Succeeded => {
            summary.state = Some("ended");
            summary.result = Some(Text::plain(how_it_ended(op, params)));
            let how = format!("/pipeline check {}", params.name);
            summary.hint = Some(Text::plain("See what is open: ").code(how));
            let by_owner = |stage| said(op, stage).is_some_and(|s| s.actor.id == op.spec.actor.id);
            summary.quiet = params.stages.iter().all(by_owner);
        }
        _ => {}
    }
    summary
}

/// The signal that ended the lock of a stage, if it did not expire.
fn said<'a>(op: &'a OperationState, stage: &StageName) -> Option<&'a RecordedSignal> {
    op.signals.iter().find(|signal| signal.step == hold(stage))
}

/// Why none of the locks holds any more. It mentions nobody, because the foot of the message does.
fn how_it_ended(op: &OperationState, params: &Params) -> String {
    let mut ways: Vec<String> = params
        .stages
        .iter()
        .map(|stage| match said(op, stage) {
            Some(RecordedSignal { kind: SignalKind::TakeOver, actor, .. }) => {
                format!("taken over by {}", actor.listed())
            }
            Some(signal) => format!("unlocked by {}", signal.actor.listed()),
            None => {
                let ended = op.step(&hold(stage)).and_then(|fact| fact.done.as_ref());
                let in_time = ended.is_some_and(|(at, _)| *at >= params.until);
                if in_time { "it expired" } else { "it was removed" }.to_owned()
            }
        })
        .collect();
    ways.dedup();
    ways.join(", ")
}

struct Tell {
    replaced: Vec<OperationId>,
    stage: StageName,
    by: Actor,
}

#[async_trait]
impl Step for Tell {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        for replaced in &self.replaced {
            tell_of_end(&cx.world, replaced, &self.stage, SignalKind::TakeOver, &self.by).await?;
        }
        Progress::done(())
    }
}

struct Hold {
    name: PipelineName,
    stage: StageName,
    until: Timestamp,
}

#[async_trait]
impl Step for Hold {
    fn effect(&self) -> Effect {
        Effect::Await
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        if !cx.signals.is_empty() || self.until <= cx.world.clock.now() {
            return Progress::done(());
        }
        let state = PipelineState::read(&*cx.world.store, &cx.world.keys, &self.name).await?;
        match state.locks.get(&self.stage) {
            // A lock that is kept in another one holds too.
            Some(lock) if lock.each().any(|lock| lock.operation == cx.operation) => {
                Ok(Progress::Await { until: Some(self.until) })
            }
            // The operation that ended the lock notifies this one with the person's name, but that may have
            // failed.
            _ => Progress::done(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reminder_is_sent_with_a_quarter_of_the_time_left_at_most_15_minutes() {
        let set: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let at = |minutes: i64| {
            let until = set + SignedDuration::from_mins(minutes);
            reminds(set, until).map(|at| until.duration_since(at).as_secs())
        };
        assert_eq!(
            [at(9), at(10), at(20), at(60), at(120)],
            [None, Some(150), Some(300), Some(900), Some(900)]
        );
    }
}
