//! `/build list`.

use crate::build_op::messages;
use crate::installation::{Installation, Reject, newest};
use crate::records::{Build, from_item};
use crate::steps::change_text;
use sluice_model::{Answer, PipelineName, Text};

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
            return Ok(Answer::private(messages::no_builds(name)));
        }
        let rows = builds.iter().map(|build| {
            vec![
                Text::default().code(build.number.to_string()),
                Text::plain(messages::state(build.state)),
                build.commit.as_ref().map_or(Text::plain(build.reference.clone()), change_text),
                Text::default().user(&build.actor.id).then(" ").time(build.asked),
            ]
        });
        Ok(Answer::private(messages::list(name).table(messages::LIST_COLUMNS, rows)))
    }
}
