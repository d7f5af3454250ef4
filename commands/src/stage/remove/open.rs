//! The open operations that a removal would take the stage from.

use serde::Deserialize;

use crate::operation::{DEPLOY, EngineError, PROMOTE, ROLLBACK, World, load};
use crate::records::PipelineState;
use sluice_model::StageName;

/// The stages of a deploy, promotion or rollback.
#[derive(Deserialize)]
struct Stages {
    #[serde(alias = "to")]
    stage: StageName,
    #[serde(default)]
    from: Option<StageName>,
}

/// An open operation, as its person typed it.
pub(super) struct OpenOperation {
    pub(super) command: String,
    pub(super) is_stuck: bool,
}

/// The first open operation that changes the stage or promotes what it runs. One whose journal cannot be read may be one.
pub(super) async fn open_operation(
    world: &World,
    state: &PipelineState,
    stage: &StageName,
) -> Result<Option<OpenOperation>, EngineError> {
    let moves = |kind: &str| [DEPLOY, PROMOTE, ROLLBACK].contains(&kind);
    for ticket in state.queue.tickets.iter().filter(|ticket| moves(&ticket.kind)) {
        let loaded = match load(&*world.store, &world.keys, &ticket.operation).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => continue,
            Err(error) if error.is_corrupt() => {
                return Ok(Some(OpenOperation { command: format!("/{}", ticket.kind), is_stuck: true }));
            }
            Err(error) => return Err(error),
        };
        let is_about = loaded
            .op
            .params::<Stages>()
            .map_or(true, |of| of.stage == *stage || of.from.as_ref() == Some(stage));
        if is_about {
            let command = loaded.head.spec.command;
            return Ok(Some(OpenOperation { command, is_stuck: ticket.stuck }));
        }
    }
    Ok(None)
}
