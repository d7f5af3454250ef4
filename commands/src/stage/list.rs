//! `/stage list`, and how other answers show a stage.

use crate::installation::{Installation, Reject, table};
use crate::records::Stage;
use crate::rules::Lock;
use sluice_model::{Answer, Card, PipelineName, Text, Tone};

impl Installation {
    /// `/stage list`.
    pub(crate) async fn list_stages(&self, name: &PipelineName) -> Result<Answer, Reject> {
        let state = self.state(name).await?;
        let pipeline = state.pipeline(name)?;
        let rows = pipeline.stages.iter().map(|stage| {
            let record = state.stages.get(stage);
            let policy = state.policy(stage).words();
            let now = self.engine.world().clock.now();
            let policy = match state.locks.get(stage).filter(|lock| lock.holds(now)) {
                Some(lock) => policy.then("; ").join(locked(lock)),
                None => policy,
            };
            let url = record.and_then(|record| record.url.clone());
            vec![
                Text::default().code(stage.as_str()),
                policy,
                runs(record),
                url.map_or(Text::plain("–"), |url| Text::default().link(url.clone(), url)),
            ]
        });
        let card = Card::new(Tone::Neutral, Text::plain("Stages of ").code(name.as_str()));
        Ok(Answer::private(table(card, ["Stage", "Policy", "Runs", "URL"], rows.collect())))
    }
}

pub(crate) fn runs(stage: Option<&Stage>) -> Text {
    if let Some(mixed) = stage.and_then(|stage| stage.mixed.as_ref()) {
        let versions: Vec<_> = mixed.iter().map(|(name, version)| format!("{name}:{version}")).collect();
        return Text::plain(format!("mixed: {}", versions.join(", ")));
    }
    match stage.and_then(|stage| stage.current.as_ref()) {
        // No code spans: "runs r1" is read and searched for as one phrase.
        Some(current) => Text::plain(format!("runs {} (build {})", current.release, current.build)),
        None => Text::plain("runs nothing yet"),
    }
}

/// A lock, for use in a line.
pub(crate) fn locked(lock: &Lock) -> Text {
    let text = Text::plain(if lock.hard { "hard-locked by " } else { "locked by " }).user(&lock.owner.id);
    text.then(" until ").time(lock.until).then(format!(": {}", lock.reason))
}
