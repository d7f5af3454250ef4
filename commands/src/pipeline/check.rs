//! `/pipeline check` explains whether a stage can be promoted to, and why: it lists every gate with its state for the person
//! who runs it. It uses the same rules as a promotion, and changes nothing.

use crate::installation::{DriftReport, Installation, Invocation, Reject, moved};
use crate::operation::{Snapshot, marked};
use crate::promote::Request;
use crate::rules::{Attempt, GateState, Want, gates};
use sluice_grammar::{Command, PipelineCommand};
use sluice_model::{Answer, Card, PipelineName, Refusal, StageName, Text, Tone, UserId};

/// The state of a gate for the person who runs the check.
#[derive(Clone, Copy)]
enum State {
    Open,
    Waits,
    Closed,
}

/// A gate as a line: its state, its name, and the reason.
fn line(state: State, name: &str, words: Text) -> Text {
    let sign = match state {
        State::Open => "✅",
        State::Waits => "✋",
        State::Closed => "❌",
    };
    Text::plain(format!("{sign} {name}: ")).join(words)
}

fn closed(name: &str, refusal: &Refusal) -> Text {
    line(State::Closed, name, marked(&format!("{} {}", refusal.problem, refusal.hint)))
}

/// Whether AWS says what the record says; a stage that moves right now has no such line.
fn real(drift_report: &DriftReport, name: &PipelineName, stage: &StageName) -> Option<Text> {
    Some(match drift_report {
        DriftReport::Seen(_, stages) => match stages.get(stage)? {
            None => line(State::Open, "AWS", Text::plain("runs what Sluice recorded")),
            Some(outside) => {
                let again = marked(&format!(" To promote anyway, run `/promote {name} {stage} anyway`."));
                line(State::Closed, "AWS", moved(stage, outside).join(again))
            }
        },
        DriftReport::Unknown(why) => {
            line(State::Waits, "AWS", Text::plain(format!("could not be compared with the record: {why}")))
        }
    })
}

impl Installation {
    /// Checks one stage, or all but the first.
    pub(crate) async fn check(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        stage: Option<&StageName>,
    ) -> Result<Answer, Reject> {
        let command = Command::Pipeline(PipelineCommand::Check { name: name.clone(), stage: stage.cloned() });
        let snapshot = self.snapshot(name, &command).await?;
        let state = &snapshot.state;
        let pipeline = state.pipeline(name)?;
        let stages: Vec<&StageName> = match stage {
            Some(stage) => vec![&state.stage(name, stage)?.name],
            None => pipeline.stages.iter().skip(1).collect(),
        };
        let mut title = Text::plain("Check of ").code(name.as_str());
        if let Some(stage) = stage {
            title = title.then(" ").code(stage.as_str());
        }
        let mut card = Card::new(Tone::Neutral, title);
        if stages.is_empty() {
            card = card.text("It has only one stage, so there is no stage to promote to.");
        }
        let (drift_report, runtimes) =
            futures::future::join(self.drift_report(name, state), self.runtimes(name, state)).await;
        let drift_report = drift_report?;
        for stage in stages {
            card =
                card.text(Text::default().code(stage.as_str()).then(": ").join(state.policy(stage).words()));
            let mut lines = self.stands(&snapshot, name, stage, &invocation.actor.id);
            let at = self.engine.world().clock.now();
            let waiting = self.requests(state, stage, &mut None).await?.into_iter().filter(Request::waits);
            lines.extend(waiting.map(|request| {
                let words = marked(&request.listed(at)).then(", waiting for approval");
                line(State::Waits, "request", words)
            }));
            lines.extend(real(&drift_report, name, stage));
            card = card
                .text(lines.into_iter().reduce(|all, line| all.then("\n").join(line)).unwrap_or_default());
        }
        if let Some(runtimes) = runtimes {
            card = card.text(runtimes);
        }
        Ok(Answer::private(card))
    }

    /// Every gate of a stage for that person, the first that is asked first.
    fn stands(&self, snapshot: &Snapshot, name: &PipelineName, stage: &StageName, who: &UserId) -> Vec<Text> {
        let world = self.engine.world();
        let Snapshot { state, access, .. } = snapshot;
        let is_first = state.is_protected(stage);
        let mut lines = vec![match access.operate(who) {
            Ok(granted) => {
                line(State::Open, "you", Text::plain(format!("your role allows this ({})", granted.rule())))
            }
            Err(refusal) => closed("you", &refusal),
        }];
        let source = state.pipeline.as_ref().and_then(|pipeline| pipeline.before(stage));
        let running = source.and_then(|from| Some((from, state.stages.get(from)?.current.as_ref()?)));
        let want = match running {
            Some((from, now)) => Want::Promote { from, release: now.release, again: false, overrides: false },
            None => Want::Deploy,
        };
        if let Some((from, now)) = running {
            let runs = state.stages.get(stage).and_then(|stage| stage.current.as_ref());
            let is_there = runs.is_some_and(|runs| runs.release == now.release);
            let words = Text::default().code(from.as_str()).then(" runs ").code(now.release.to_string());
            let words = if is_there { words.then(", which already runs here") } else { words };
            lines.push(line(State::Open, "release", words));
        } else if let Some(from) = source.filter(|_| is_first) {
            let words = Text::default().code(from.as_str()).then(" runs nothing yet");
            lines.push(line(State::Closed, "release", words));
        }
        let attempt = Attempt { pipeline: name, stage, want, at: world.clock.now() };
        for gate in gates(state, &attempt) {
            lines.push(match &gate.state {
                GateState::Open(words) => line(State::Open, gate.name, words.clone()),
                GateState::Passed(refusal) | GateState::Closed(refusal) => closed(gate.name, refusal),
            });
        }
        let policy = state.policy(stage);
        if policy.approvals > 0 {
            let (approvers, groups) = access.deciders(&policy.approvers);
            let others = approvers.iter().filter(|user| policy.self_approval || *user != who);
            let others: Vec<&UserId> = others.collect();
            let is_enough = others.len() >= usize::try_from(policy.approvals).unwrap_or(usize::MAX);
            let mut words = Text::plain(match (policy.approvals, others.is_empty()) {
                (1, true) => "one is asked".to_owned(),
                (1, false) => "1 needed from ".to_owned(),
                (count, true) => format!("{count} are asked"),
                (count, false) => format!("{count} needed from "),
            });
            for (nth, user) in others.iter().take(10).enumerate() {
                words = if nth > 0 { words.then(", ").user(user) } else { words.user(user) };
            }
            if !is_enough {
                words = words.then(format!("; {} can give one, so nobody passes", others.len()));
            }
            if let Some(closed) = access.membership.refuse_unknown(&groups, &approvers) {
                words = words.then("; ").join(marked(&closed.problem));
            }
            let state = if is_enough { State::Waits } else { State::Closed };
            lines.push(line(state, "approvals", words));
        }
        lines
    }
}
