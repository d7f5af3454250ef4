//! `/stage list`.

use crate::installation::{Installation, Reject};
use crate::stage::messages::{self, locked, runs};
use crate::steps::links;
use sluice_model::{Answer, Card, PipelineName, Text, Tone};

impl Installation {
    /// Lists the stages of a pipeline with their policies and locks.
    pub(crate) async fn list_stages(&self, name: &PipelineName) -> Result<Answer, Reject> {
        let state = self.state(name).await?;
        let pipeline = state.pipeline(name)?;
        let now = self.engine.world().clock.now();
        let rows = pipeline.stages.iter().map(|stage| {
            let record = state.stages.get(stage);
            let policy = state.policy(stage).words();
            let policy = match state.locks.get(stage).filter(|lock| lock.holds(now)) {
                Some(lock) => policy.then("; ").join(locked(lock)),
                None => policy,
            };
            let links = record.map(|record| links(&record.urls())).unwrap_or_default();
            let links = if links.is_empty() { Text::plain("–") } else { Text::joined(links, ", ") };
            vec![Text::default().code(stage.as_str()), policy, runs(record), links]
        });
        let card = Card::new(Tone::Neutral, messages::title_of_list(name));
        Ok(Answer::private(card.table(messages::COLUMNS, rows)))
    }
}
