//! `/pipeline status`.

use jiff::Timestamp;

use crate::installation::{DriftReport, Installation, Reject, lines, moved, table};
use crate::operation::{Slot, marked};
use crate::promote;
use crate::records::PipelineState;
use crate::repo::{PIPELINES, no_pipelines, pipelines_title};
use crate::rules::{Attempt, Want, pass};
use crate::stage::{locked, runs};
use crate::steps::change_text;
use sluice_model::{Answer, Card, PipelineName, StageName, Text, Tone};

impl Installation {
    /// `/pipeline status`.
    pub(crate) async fn status_of_all(&self) -> Result<Answer, Reject> {
        let names = self.pipelines(PIPELINES).await?;
        if names.is_empty() {
            return Ok(Answer::private(no_pipelines()));
        }
        let mut card = Card::new(Tone::Neutral, pipelines_title("Status of ", names.len()));
        for (name, state) in self.views(&names).await? {
            let Some(pipeline) = &state.pipeline else { continue };
            let mut line = Text::default().code(name.as_str()).then(" · ");
            for (n, stage) in pipeline.stages.iter().enumerate() {
                line = if n > 0 { line.then(" → ") } else { line };
                line = line.code(stage.as_str()).then(" ").join(runs(state.stages.get(stage)));
                if state.outside.contains_key(stage) {
                    line = line.then(", but was moved outside Sluice");
                }
            }
            card = card.text(line);
        }
        Ok(Answer::private(card.hint(marked("For the details of a pipeline, run `/pipeline status NAME`."))))
    }

    /// `/pipeline status NAME`: one request to the store, and calls to AWS if the last comparison is older than a minute.
    pub(crate) async fn status(&self, name: &PipelineName) -> Result<Answer, Reject> {
        let state = self.state(name).await?;
        let pipeline = state.pipeline(name)?;
        let mut card = Card::new(Tone::Neutral, Text::plain("Status of ").code(name.as_str()));
        let rows = pipeline.stages.iter().map(|stage| {
            let record = state.stages.get(stage);
            let current = record.and_then(|record| record.current.as_ref());
            vec![
                Text::default().code(stage.as_str()),
                runs(record),
                current.map_or(Text::plain("–"), |current| change_text(&current.commit)),
                current.map_or(Text::plain("–"), |current| {
                    Text::default().user(&current.by.id).then(" ").time(current.since)
                }),
            ]
        });
        card = table(card, ["Stage", "Runs", "Commit", "Since"], rows.collect());
        let urls = pipeline.stages.iter().filter_map(|stage| {
            let url = state.stages.get(stage)?.url.clone()?;
            Some(Text::default().code(stage.as_str()).then(" ").link(url.clone(), url))
        });
        let void = promote::void_outdated(self.engine.world(), &state, None).await?;
        let open = state.tickets.iter().filter(|ticket| !void.contains(&ticket.operation)).map(|ticket| {
            let line = Text::plain("Open: ").code(ticket.fingerprint.clone());
            match &ticket.queued {
                Some(Slot::Pipeline) => line.then(", waiting for its turn to publish"),
                Some(Slot::Stage(stage)) => line.then(", waiting for its turn on ").code(stage.as_str()),
                None => line,
            }
        });
        let drift_report = self.drift_report(name, &state).await?;
        let outside = match &drift_report {
            DriftReport::Seen(_, stages) => {
                stages.iter().filter_map(|(stage, found)| Some((stage, found.as_ref()?))).collect()
            }
            // Drift that was seen before may still exist.
            DriftReport::Unknown(_) => state.outside.iter().collect::<Vec<_>>(),
        };
        let outside = lines(outside.into_iter().map(|(stage, outside)| moved(stage, outside)));
        let now = self.engine.world().clock.now();
        let locks = state.locks.values().filter(|lock| lock.holds(now));
        let locks =
            locks.map(|lock| Text::default().code(lock.stage.as_str()).then(" is ").join(locked(lock)));
        // One paragraph for each subject: with one block for each line, fifty stages would exceed the limit of a message.
        for lines in
            [outside, lines(urls), lines(locks), lines(open)].into_iter().filter(|lines| !lines.is_empty())
        {
            card = card.text(lines);
        }
        if let Some(next) = next_step(&state, name, now) {
            card = card.hint(Text::plain("Next: ").code(next));
        }
        let green = match state.counters.newest_green() {
            Some(number) => Text::plain("Newest green build ").code(number.to_string()),
            None => Text::plain("No green build yet"),
        };
        card = card.foot(green.then(" · clone ").code(pipeline.clone_url.clone()));
        card = card.foot(match drift_report {
            DriftReport::Seen(at, _) => Text::plain("Compared with AWS ").time(at),
            DriftReport::Unknown(why) => Text::plain(format!("Could not be compared with AWS: {why}")),
        });
        Ok(Answer::private(card))
    }
}

/// The next command for the first stage that runs nothing. If a gate of the stage is closed, the command is the check.
fn next_step(state: &PipelineState, name: &PipelineName, at: Timestamp) -> Option<String> {
    let pipeline = state.pipeline.as_ref()?;
    let runs = |stage: &StageName| state.stages.get(stage).is_some_and(|stage| stage.current.is_some());
    let empty = pipeline.stages.iter().position(|stage| !runs(stage))?;
    Some(match (empty, state.counters.newest_green()) {
        (0, None) => format!("/build {name}"),
        (0, Some(_)) => format!("/deploy {name}"),
        (nth, _) => {
            let stage = pipeline.stages.get(nth)?;
            let (from, source) =
                pipeline.before(stage).and_then(|from| Some((from, state.stages.get(from)?)))?;
            let release = source.current.as_ref()?.release;
            let want = Want::Promote { from, release, again: false, overrides: false };
            let is_open = pass(state, &Attempt { pipeline: name, stage, want, at }).is_ok();
            let word = if is_open && source.mixed.is_none() { "/promote" } else { "/pipeline check" };
            format!("{word} {name} {stage}")
        }
    })
}
