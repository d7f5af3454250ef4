//! `/build list`.

use crate::build_op::change_text;
use crate::installation::{Installation, Reject, newest, table};
use crate::operation::marked;
use crate::records::{Build, BuildState, from_item};
use sluice_model::{Answer, Card, PipelineName, Text, Tone};

/// How many rows a list shows.
const ROWS: u32 = 15;

impl Installation {
    /// `/build list`.
    pub(crate) async fn list_builds(&self, name: &PipelineName) -> Result<Answer, Reject> {
        self.state(name).await?;
        let world = self.engine.world();
        let page = world.store.query(newest(world.keys.builds_partition(name), ROWS)).await?;
        let builds: Vec<Build> = page.items.iter().map(from_item).collect::<Result<_, _>>()?;
        if builds.is_empty() {
            let card =
                Card::new(Tone::Neutral, Text::default().code(name.as_str()).then(" has no builds yet."));
            return Ok(Answer::private(card.hint(marked(&format!("Build it: `/build {name}`.")))));
        }
        let rows = builds.iter().map(|build| {
            vec![
                Text::default().code(build.number.to_string()),
                Text::plain(state(build.state)),
                build.commit.as_ref().map_or(Text::plain(build.reference.clone()), change_text),
                Text::default().user(&build.actor.id).then(" ").time(build.asked),
            ]
        });
        let card = Card::new(Tone::Neutral, Text::plain("Builds of ").code(name.as_str()))
            .hint(marked(&format!("To see a log, run `/build log {name} #1`.")));
        Ok(Answer::private(table(card, ["Build", "State", "Commit", "Requested by"], rows.collect())))
    }
}

fn state(state: BuildState) -> &'static str {
    match state {
        BuildState::Running => "running",
        BuildState::Succeeded => "succeeded",
        BuildState::Failed => "failed",
        BuildState::Cancelled => "cancelled",
    }
}
